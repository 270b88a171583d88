"""Snapshots: a partition's state, folded from the snapshot before and the archive's segments.

Laws:

- A snapshot is folded from archived entries alone; it never touches the log or the live boards.
- Where a season closed there is always a snapshot: the season's final board.
- The newest state is kept in memory, so that a snapshot costs only what came since.
"""

from collections.abc import Iterator

from projector.folds.state import advance
from protocol.log import Entry
from storage.archive import Archive
from storage.archived import PartitionState, Snapshot

KEEP_SNAPSHOTS = 8
"""Newest snapshots kept a partition, besides those at the seasons' ends."""


class Snapshotter:
    """Takes one partition's snapshots. All methods block.

    Args:
        archive: from and to.
        partition: which.
    """

    def __init__(self, archive: Archive, partition: int) -> None:
        self._archive = archive
        self._partition = partition
        self._state: PartitionState | None = None

    def step(self, now_ms: int, mark_ms: int) -> list[Snapshot]:
        """Fold what was archived since; take the snapshots that are due.

        Due are: one where a season closed, and one when something is new and the newest is older
        than ``mark_ms``.

        Args:
            now_ms: Unix time.
            mark_ms: how old the newest snapshot may get.

        Raises:
            ArchiveUnavailableError: an outage; try again.
            ArchiveError, LogMismatchError, UnreadableRecordError: the archive is damaged.
        """
        state = self._state or self._newest()
        self._state = None  # what is half folded when something is raised must not be used again
        taken = []
        if state.closed and not self._archive.closing_snapshot(self._partition, state.season):
            taken.append(self._archive.put_snapshot(self._partition, state))  # was cut off
        for entry in self._entries_after(state):
            advance(state, [entry])
            if state.closed:
                taken.append(self._archive.put_snapshot(self._partition, state))
        newest = self._archive.newest_snapshot(self._partition)
        is_new = state.position.n > (newest.n if newest else 0)
        if is_new and now_ms - (newest.time_ms if newest else 0) >= mark_ms:
            taken.append(self._archive.put_snapshot(self._partition, state))
            self._archive.prune_snapshots(self._partition, KEEP_SNAPSHOTS)
        self._state = state
        return taken

    def _newest(self) -> PartitionState:
        snapshot = self._archive.newest_snapshot(self._partition)
        return PartitionState() if snapshot is None else self._archive.load_snapshot(snapshot)

    def _entries_after(self, state: PartitionState) -> Iterator[Entry]:
        return self._archive.entries(self._partition, state.position)
