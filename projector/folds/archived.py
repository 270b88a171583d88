"""The newest state that the archive gives: its newest snapshot and the entries after it."""

from copy import copy

from msgspec import Struct

from projector.folds.state import advance
from storage.archive import Archive
from storage.archived import PartitionState


class ArchivedState(Struct, frozen=True):
    """A partition as it is archived.

    Attributes:
        state: at the archive's tip.
        closed: the state where the season before the open one closed, if there is one.
    """

    state: PartitionState
    closed: PartitionState | None


def archived_state(archive: Archive, partition: int) -> ArchivedState:
    """Fold what is archived of a partition. Blocks; holds two boards in memory.

    Raises:
        ArchiveUnavailableError: an outage; try again.
        ArchiveError, LogMismatchError, UnreadableRecordError: the archive is damaged.
    """
    snapshot = archive.newest_snapshot(partition)
    state = PartitionState() if snapshot is None else archive.load_snapshot(snapshot)
    closed = None
    for entry in archive.entries(partition, state.position):
        advance(state, [entry])
        if state.closed:
            closed = copy(state)  # advance gives the season after it a new board
    before = archive.closing_snapshot(partition, state.season - 1)
    if state.closed:
        closed = copy(state)
    elif closed is None and before is not None:
        closed = archive.load_snapshot(before)
    return ArchivedState(state, closed)
