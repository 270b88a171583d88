"""The mark that rank changes are measured against: ranks in the newest snapshot of the season.

Laws:

- A mark holds every partition that has records of the season, or there is none: ranks over some of
  them would be wrong.
- Rankings never wait long for a mark, nor fail without the archive: until a newer mark is loaded
  the one before it counts.
"""

import asyncio
from collections.abc import Callable
from typing import NamedTuple

from projector.folds.leaderboard import rank_order, ranks
from query.limits import MARK_TTL_S, MARK_WAIT_S
from runtime.logging import logger
from storage.archive import Archive
from storage.archived import Snapshot
from storage.documents import ArchiveUnavailableError

MISSING = "missing"
"""A partition has records of the season, but no snapshot of it yet."""


class Mark(NamedTuple):
    """Ranks at the newest snapshots.

    Attributes:
        season: that the ranks are of.
        places: the snapshots' last records by partition, None where it has no records of the
            season; empty while there is no mark.
        ranks: player to rank.
    """

    season: int
    places: tuple[int | None, ...]
    ranks: dict[str, int]


class Marks:
    """Keeps the newest mark, loaded in a worker thread when there is a newer one.

    Args:
        archive: where snapshots are.
        partitions: P.
        now_s: a monotonic clock, seconds.
    """

    def __init__(self, archive: Archive, partitions: int, now_s: Callable[[], float]) -> None:
        self._archive = archive
        self._partitions = partitions
        self._now_s = now_s
        self._mark = Mark(0, (), {})
        self._expires_s = 0.0
        self._loading: asyncio.Task[Mark] | None = None

    async def ranks(self, season: int) -> dict[str, int]:
        """Return player to rank at the season's mark; empty while it has none.

        Waits for a load MARK_WAIT_S at most; the load goes on and its mark counts from then.
        """
        loading = self._loading
        if loading is None and (self._now_s() >= self._expires_s or self._mark.season != season):
            loading = asyncio.create_task(asyncio.to_thread(self._load, self._mark, season))
            self._loading = loading
        if loading is not None:
            await asyncio.wait({loading}, timeout=MARK_WAIT_S)
            if loading.done() and loading is self._loading:
                self._loading = None
                self._expires_s = self._now_s() + MARK_TTL_S
                self._mark = loading.result()
        return self._mark.ranks if self._mark.season == season else {}

    def _load(self, known: Mark, season: int) -> Mark:
        """Return the season's newest mark, ``known`` where that is it or the archive is away."""
        try:
            found = [self._snapshot(partition, season) for partition in range(self._partitions)]
            if MISSING in found:
                return Mark(season, (), {})
            snapshots = [item if isinstance(item, Snapshot) else None for item in found]
            places = tuple(None if item is None else item.n for item in snapshots)
            if (season, places) == (known.season, known.places):
                return known
            states = [self._archive.load_snapshot(item) for item in snapshots if item is not None]
        except ArchiveUnavailableError as error:
            logger(part="marks").warning("archive-away", error=str(error))
            return known if known.season == season else Mark(season, (), {})
        ordered = rank_order([state.money for state in states])
        by_player = {
            player: rank for rank, (player, _) in zip(ranks(ordered), ordered, strict=True)
        }
        return Mark(season, places, by_player)

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
