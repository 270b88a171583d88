"""The mark that rank changes are measured against: ranks in the newest snapshot of the season."""

import asyncio
from collections.abc import Callable

from projector.folds.leaderboard import rank_order, ranks
from query.limits import MARK_TTL_S
from storage.archive import Archive
from storage.archived import Snapshot

MISSING = "missing"
"""A partition has records of the season, but no snapshot of it yet."""


class Marks:
    """Keeps the ranks of the newest snapshot, loaded in a worker thread when there is a newer one.

    Args:
        archive: where snapshots are.
        partitions: P.
        now_s: a monotonic clock, seconds.
    """

    def __init__(self, archive: Archive, partitions: int, now_s: Callable[[], float]) -> None:
        self._archive = archive
        self._partitions = partitions
        self._now_s = now_s
        self._lock = asyncio.Lock()
        self._expires_s = 0.0
        self._key: tuple[int, ...] = ()
        self._ranks: dict[str, int] = {}

    async def ranks(self, season: int) -> dict[str, int]:
        """Return player to rank at the season's mark; empty while it has none."""
        async with self._lock:
            if self._now_s() >= self._expires_s or self._key[:1] != (season,):
                await asyncio.to_thread(self._load, season)
                self._expires_s = self._now_s() + MARK_TTL_S
            return self._ranks

    def _load(self, season: int) -> None:
        """Load the newest snapshots; no mark while a partition with records has none."""
        found = [self._snapshot(partition, season) for partition in range(self._partitions)]
        snapshots = [snapshot for snapshot in found if isinstance(snapshot, Snapshot)]
        key = (season, *(snapshot.n for snapshot in snapshots))
        if MISSING in found:
            key, snapshots = (season,), []
        if key == self._key:
            return
        ordered = rank_order([self._archive.load_snapshot(item).money for item in snapshots])
        self._ranks = {
            player: rank for rank, (player, _) in zip(ranks(ordered), ordered, strict=True)
        }
        self._key = key

    def _snapshot(self, partition: int, season: int) -> Snapshot | str | None:
        """Return the season's newest snapshot, None for a partition that has no records of it."""
        snapshot = self._archive.newest_snapshot(partition)
        if snapshot is not None and snapshot.season == season and not snapshot.closed:
            return snapshot
        n = 0 if snapshot is None else snapshot.n
        return None if self._archive.tip(partition).position.n == n else MISSING


def change(mark: dict[str, int], player: str, rank: int) -> int | None:
    """Return how many places a player has won since the mark; None when it was not there."""
    before = mark.get(player)
    return None if before is None else before - rank
