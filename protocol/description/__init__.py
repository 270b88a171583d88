"""The protocol described for those who do not read this code: tables, schemas, golden vectors.

All of it is computed from the types, tables and examples that the runtime itself uses, so that it
cannot say something else. Pure: texts in, texts out; ``cli.describe`` writes the files of ``docs/``
and a test fails when they differ.
"""
