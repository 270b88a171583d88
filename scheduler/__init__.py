"""Seasons, settlement, snapshots and archiving.

May import: protocol, storage, projector.folds, runtime.
"""
