"""Which players of a partition are registered: a bounded cache of hits before the directory.

Only hits are remembered, so a player that was just registered is known at once. There are two
generations: when the young one is full it becomes the old one, and what is asked for again moves
back; so an idle player is forgotten and a busy one stays, without bookkeeping a look-up.
"""

from collections.abc import Iterable

import trio

from storage.directory import Directory


class KnownPlayers:
    """Asks the directory for players that were not seen before.

    Args:
        directory: called in worker threads.
        size: most ids remembered.
        limiter: for the threads.
    """

    def __init__(self, directory: Directory, size: int, limiter: trio.CapacityLimiter) -> None:
        self._directory = directory
        self._half = max(1, size // 2)
        self._limiter = limiter
        self._young: set[str] = set()
        self._old: set[str] = set()

    @property
    def recent(self) -> set[str]:
        """Players that are known to be registered, not all of them; to be read only."""
        return self._young

    async def among(self, players: Iterable[str]) -> set[str]:
        """Return those of the ids that are registered.

        Raises:
            ArchiveUnavailableError: the directory does not answer.
        """
        wanted = set(players)
        known = wanted & self._young
        again = (wanted - known) & self._old
        missing = wanted - known - again
        found: set[str] = set()
        if missing:
            found = set(
                await trio.to_thread.run_sync(self._directory.get, missing, limiter=self._limiter)
            )
        if len(self._young) + len(again) + len(found) > self._half:
            self._young, self._old = set(), self._young
        self._young |= again | found
        return known | again | found
