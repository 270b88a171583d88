"""The profile: what a player has made of all seasons.

Laws: prizes are the sum of PrizeAwarded; the career is the money of all seasons, the open one
included, prizes apart; the best rank is over the closed seasons.
"""

from collections.abc import Iterable, Sequence

from msgspec import Struct

from protocol.events import Event, PrizeAwarded
from storage.archived import Standing


class Career(Struct, frozen=True):
    """What a player has made of all seasons.

    Attributes:
        money: minor units earned, the open season included.
        best_rank: in a closed season, None before the first.
        seasons: how many closed seasons the player earned in.
    """

    money: int
    best_rank: int | None
    seasons: int


def add_prizes(prizes: dict[str, int], events: Iterable[Event]) -> None:
    """Add the prizes among the events to ``prizes`` (player to minor units), in place."""
    for event in events:
        if isinstance(event, PrizeAwarded):
            prizes[event.player] = prizes.get(event.player, 0) + event.amount


def career(standings: Sequence[Standing], money: int) -> Career:
    """Sum up a player's standings in closed seasons and its money in the open one."""
    return Career(
        money + sum(standing.money for standing in standings),
        min((standing.rank for standing in standings), default=None),
        len(standings),
    )
