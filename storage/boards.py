"""The read models' reading side, for the query service: asynchronous, one round trip a question.

Boards are ordered by money descending, then player id ascending, in every partition.
"""

from typing import NamedTuple, Protocol

from storage.readmodels import Checkpoint


class Window(NamedTuple):
    """A stretch of one partition's board around a place in its order.

    Attributes:
        more: how many players have strictly more money than the place.
        place: how many players are before the place.
        before: up to the wanted number of (player, money) before it, in order.
        after: the same from the place on, which the player asked about is the first of.
    """

    more: int
    place: int
    before: list[tuple[str, int]]
    after: list[tuple[str, int]]


class SeasonTotals(NamedTuple):
    """A season over all partitions: how many players earned, minor units, earnings."""

    players: int
    earned: int
    earnings: int


class Boards(Protocol):
    """Reads boards. An outage raises ``LogUnavailableError``."""

    async def checkpoints(self) -> list[Checkpoint | None]:
        """Return what each partition's read models reflect."""
        ...

    async def windows(
        self, season: int, money: int, player: str, *, before: int, after: int
    ) -> list[Window]:
        """Return each partition's window around (money, player), which need not exist."""
        ...

    async def money(self, season: int, player: str) -> int | None:
        """Return a player's money in the season, None when it is not on the board."""
        ...

    async def totals(self, season: int) -> SeasonTotals:
        """Return the season's totals."""
        ...

    async def prizes(self, player: str) -> int:
        """Return the sum of all prizes ever paid to the player."""
        ...

    async def lags(self) -> list[int]:
        """Return how many records of each partition are not projected yet."""
        ...

    async def close(self) -> None:
        """Release connections."""
        ...
