"""Names from the directory, through a bounded cache whose entries grow old soon."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping

from query.limits import NAMES_CACHED, NAMES_TTL_S
from runtime.logging import logger
from storage.directory import Directory, Player
from storage.documents import ArchiveUnavailableError

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
        self._away_until_s = 0.0

    async def of(self, ids: Iterable[str]) -> dict[str, Player]:
        """Return the players that the directory has, by id.

        Raises:
            ArchiveUnavailableError: the directory does not answer.
        """
        wanted = set(ids)
        now_s = self._now_s()
        known = self._remembered(wanted)  # before the wait, in which others may forget it
        stale = [player for player in wanted if self._cache.get(player, (0.0, None))[0] <= now_s]
        if stale:
            found = await asyncio.to_thread(self._directory.get, stale)
            for player in stale:
                self._cache[player] = (now_s + NAMES_TTL_S, found.get(player))
                self._cache.move_to_end(player)
                known.pop(player, None)
            known |= found
            while len(self._cache) > NAMES_CACHED:
                self._cache.popitem(last=False)
        return known

    async def shown(self, ids: Iterable[str]) -> dict[str, Player]:
        """As ``of``, but while the directory is away with the names that are remembered.

        So boards, whose money needs no directory, stay live.
        """
        wanted = set(ids)
        if self._now_s() >= self._away_until_s:
            try:
                return await self.of(wanted)
            except ArchiveUnavailableError as error:
                self._away_until_s = self._now_s() + NAMES_TTL_S
                logger(part="names").warning("directory-away", error=str(error))
        return self._remembered(wanted)

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

    def _remembered(self, wanted: Iterable[str]) -> dict[str, Player]:
        known = ((id_, self._cache.get(id_, (0.0, None))[1]) for id_ in wanted)
        return {id_: player for id_, player in known if player is not None}
