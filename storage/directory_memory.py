"""The player directory in memory: the same laws, for tests."""

from collections.abc import Iterable
from threading import Lock

from storage.directory import Player


class MemoryDirectory:
    """A ``storage.directory.Directory`` that lives as long as the object."""

    def __init__(self) -> None:
        self._players: dict[str, Player] = {}
        self._usernames: dict[str, str] = {}
        self._producers: dict[str, str] = {}
        self._lock = Lock()

    def put(self, players: Iterable[Player]) -> tuple[str, ...]:
        """Insert or replace players; return the ids refused as their username is taken."""
        refused = []
        with self._lock:
            for player in players:
                folded = player.username.casefold()
                if self._usernames.get(folded, player.id) != player.id:
                    refused.append(player.id)
                    continue
                before = self._players.get(player.id)
                if before is not None:
                    del self._usernames[before.username.casefold()]
                self._players[player.id] = player
                self._usernames[folded] = player.id
        return tuple(refused)

    def get(self, ids: Iterable[str]) -> dict[str, Player]:
        """Return the players that exist, by id."""
        with self._lock:
            return {id_: self._players[id_] for id_ in ids if id_ in self._players}

    def by_username(self, username: str) -> Player | None:
        """Return the player with this username, without regard to case."""
        with self._lock:
            return self._players.get(self._usernames.get(username.casefold(), ""))

    def search(self, prefix: str, limit: int) -> list[Player]:
        """Return players whose username starts with the prefix, by username ascending."""
        with self._lock:
            found = sorted(name for name in self._usernames if name.startswith(prefix.casefold()))
            return [self._players[self._usernames[name]] for name in found[:limit]]

    def bind_producer(self, producer: str, subject: str) -> str:
        """Bind a producer to a subject if it has none; return the subject that it has."""
        with self._lock:
            return self._producers.setdefault(producer, subject)

    def close(self) -> None:
        """Nothing to release."""
