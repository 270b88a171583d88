"""Folds of the log into read models, applied with a checkpoint.

May import: protocol, storage, runtime.
"""
