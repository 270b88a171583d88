"""The leaderboard: every player's money in a season, and the order of ranks.

Laws: MoneyEarned adds, EarningReversed takes away, nothing else changes money. Players with equal
money share a rank (competition ranking: 1, 2, 2, 4) and are shown by player id ascending.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from heapq import merge

from protocol.events import EarningReversed, Event, MoneyEarned


def add_money(money: dict[str, int], events: Iterable[Event]) -> int:
    """Add what the events change to ``money`` in place; return the sum of the changes."""
    earned = 0
    for event in events:
        if isinstance(event, MoneyEarned):
            delta = event.amount
        elif isinstance(event, EarningReversed):
            delta = -event.amount
        else:
            continue
        money[event.player] = money.get(event.player, 0) + delta
        earned += delta
    return earned


def rank_order(boards: Sequence[Mapping[str, int]]) -> list[tuple[str, int]]:
    """Merge partitions' boards into (player, money), money descending, then id ascending."""
    ordered = [sorted(board.items(), key=_order) for board in boards]
    return list(merge(*ordered, key=_order))


def ranks(ordered: Iterable[tuple[str, int]]) -> Iterator[int]:
    """Yield each player's competition rank, from 1, of a list in rank order."""
    rank, before = 0, None
    for place, (_, money) in enumerate(ordered, 1):
        if money != before:
            rank, before = place, money
        yield rank


def standings_digest(ordered: Iterable[tuple[str, int]]) -> str:
    r"""Return SHA-256 over ``"{player} {money}\n"`` of all players in rank order."""
    digest = sha256()
    for player, money in ordered:
        digest.update(f"{player} {money}\n".encode())
    return digest.hexdigest()


def _order(item: tuple[str, int]) -> tuple[int, str]:
    return (-item[1], item[0])
