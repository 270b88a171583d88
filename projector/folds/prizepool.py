"""The prize pool: what a season earned, what each place pays, exactly.

Laws (DESIGN: seasons and prizes):

- pool = floor(earned * 2 / 100) + carried in; never below what was carried in.
- Weights of the 100 places over 475,300: place 1: 95,060; 2: 71,295; 3: 47,530; place r of 4 to
  100: 55 * (101 - r). Each place gets floor(pool * weight / 475,300); what is left goes unit by
  unit to the largest remainders, lower place first. So the places sum to the pool exactly.
- Players who tie share the sum of the places that they occupy, up to place 100, equally; odd units
  go to the lowest player ids.
- Places that nobody occupies carry over to the next season's pool. A player whose money is not
  above zero occupies none.
"""

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

from protocol.events import Event, MoneyEarned

PLACES = 100
POOL_PERCENT = 2
WEIGHTS = (95_060, 71_295, 47_530, *(55 * (101 - place) for place in range(4, PLACES + 1)))
WEIGHT_SUM = 475_300


class Prize(NamedTuple):
    """What one player is paid: the place held or shared, and minor units."""

    player: str
    place: int
    amount: int


def earnings_in(events: Sequence[Event]) -> int:
    """Return how many of the events are MoneyEarned."""
    return sum(isinstance(event, MoneyEarned) for event in events)


def pool(earned: int, carried_in: int) -> int:
    """Return a season's pool, minor units: 2 % of what was earned, and the carry-over."""
    return max(earned, 0) * POOL_PERCENT // 100 + carried_in


def place_amounts(pool: int) -> list[int]:
    """Return what each of the 100 places pays, minor units; the sum is the pool."""
    amounts = [pool * weight // WEIGHT_SUM for weight in WEIGHTS]
    by_remainder = sorted(range(PLACES), key=lambda at: (-(pool * WEIGHTS[at] % WEIGHT_SUM), at))
    for at in by_remainder[: pool - sum(amounts)]:
        amounts[at] += 1
    return amounts


def awards(pool: int, ranked: Sequence[tuple[str, int]]) -> list[Prize]:
    """Return the prizes of a season, by place and player id.

    Args:
        pool: minor units.
        ranked: (player, money) by money descending, then player id ascending; at least all that
            rank 100 or better.
    """
    amounts = place_amounts(pool)
    paid: list[Prize] = []
    place = 1
    for money, tied in groupby(ranked, key=lambda item: item[1]):
        players = sorted(player for player, _ in tied)
        if place > PLACES or money <= 0:
            break
        shared = sum(amounts[place - 1 : place - 1 + len(players)])
        each, odd = divmod(shared, len(players))
        paid += [Prize(player, place, each + (at < odd)) for at, player in enumerate(players)]
        place += len(players)
    return paid
