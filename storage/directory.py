"""The player directory: the only place where personal detail is kept.

The log knows opaque ids alone. Erasing a player here leaves nothing else to erase. The directory
also binds each producer id to the subject that used it first.
"""

from collections.abc import Iterable
from typing import Protocol

from msgspec import Struct


class Player(Struct, frozen=True):
    """A player's public details.

    Attributes:
        id: opaque player id, see ``protocol.identity``.
        username: unique without regard to case, 1 to 32 characters.
        name: shown on boards, 0 to 64 characters.
        country: ISO 3166-1 alpha-2 in upper case, or empty when unknown.
        team: 0 to 64 characters.
    """

    id: str
    username: str
    name: str = ""
    country: str = ""
    team: str = ""


class Directory(Protocol):
    """Players by id and by username. An outage raises ``ArchiveUnavailableError``."""

    def put(self, players: Iterable[Player]) -> tuple[str, ...]:
        """Insert or replace players; return the ids refused as their username is taken."""
        ...

    def get(self, ids: Iterable[str]) -> dict[str, Player]:
        """Return the players that exist, by id."""
        ...

    def by_username(self, username: str) -> Player | None:
        """Return the player with this username, without regard to case."""
        ...

    def search(self, prefix: str, limit: int) -> list[Player]:
        """Return players whose username starts with the prefix, by username ascending."""
        ...

    def bind_producer(self, producer: str, subject: str) -> str:
        """Bind a producer to a subject if it has none; return the subject that it has."""
        ...

    def close(self) -> None:
        """Release files and connections."""
        ...
