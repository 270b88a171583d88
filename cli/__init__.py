"""The composition root: the moneyboard commands and the process supervisor.

May import: everything but tests.
"""
