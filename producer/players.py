"""Which players are registered: a bounded cache of hits before the directory.

Only hits are remembered, so a player that was just registered is known at once.
"""

from collections import OrderedDict
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
        self._size = size
        self._limiter = limiter
        self._seen: OrderedDict[str, None] = OrderedDict()

    async def among(self, players: Iterable[str]) -> set[str]:
        """Return those of the ids that are registered.

        Raises:
            ArchiveUnavailableError: the directory does not answer.
        """
        wanted = set(players)
        known = {player for player in wanted if player in self._seen}
        missing = wanted - known
        if missing:
            found = await trio.to_thread.run_sync(
                self._directory.get, missing, limiter=self._limiter
            )
            for player in found:
                self._seen[player] = None
            while len(self._seen) > self._size:
                self._seen.popitem(last=False)
            known.update(found)
        return known
