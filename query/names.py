"""Names from the directory, through a bounded cache whose entries grow old soon."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping

from query.limits import NAMES_CACHED, NAMES_TTL_S
from storage.directory import Directory, Player

NOBODY = Player("", "")


def labels(player: str, names: Mapping[str, Player]) -> dict[str, str]:
    """Return what an answer says of who a player is; empty where the directory knows nothing."""
    known = names.get(player, NOBODY)
    return {
        "player": player,
        "username": known.username,
        "name": known.name,
        "country": known.country,
        "team": known.team,
    }


class Names:
    """Looks players up for answers. Unknown ids get an empty entry, so that no row is lost.

    Args:
        directory: called in worker threads.
        now_s: a monotonic clock, seconds.
    """

    def __init__(self, directory: Directory, now_s: Callable[[], float]) -> None:
        self._directory = directory
        self._now_s = now_s
        self._cache: OrderedDict[str, tuple[float, Player | None]] = OrderedDict()

    async def of(self, ids: Iterable[str]) -> dict[str, Player]:
        """Return the players that the directory has, by id.

        Raises:
            ArchiveUnavailableError: the directory does not answer.
        """
        wanted = set(ids)
        now_s = self._now_s()
        stale = [player for player in wanted if self._cache.get(player, (0.0, None))[0] <= now_s]
        if stale:
            found = await asyncio.to_thread(self._directory.get, stale)
            for player in stale:
                self._cache[player] = (now_s + NAMES_TTL_S, found.get(player))
                self._cache.move_to_end(player)
            while len(self._cache) > max(NAMES_CACHED, len(wanted)):
                self._cache.popitem(last=False)
        known = ((player, self._cache[player][1]) for player in wanted)
        return {id_: player for id_, player in known if player is not None}

    def forget(self, ids: Iterable[str]) -> None:
        """Look these up anew: they were changed here."""
        for player in ids:
            self._cache.pop(player, None)

    async def by_username(self, username: str) -> Player | None:
        """Return the player with this username, without regard to case; raises as ``of``."""
        return await asyncio.to_thread(self._directory.by_username, username)

    async def search(self, prefix: str, limit: int) -> list[Player]:
        """Return players whose username starts with the prefix; raises as ``of``."""
        return await asyncio.to_thread(self._directory.search, prefix, limit)
