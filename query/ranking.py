"""Merging partitions' windows into one ranking. Pure."""

from collections.abc import Sequence

from projector.folds.leaderboard import ranks
from storage.boards import Window

TOP_MONEY = 2**53
"""More than anyone can have: the place before the first."""


def merged_after(windows: Sequence[Window], limit: int) -> list[tuple[str, int]]:
    """Merge what comes from the place on, the first ``limit`` of (player, money)."""
    return sorted(
        (item for window in windows for item in window.after), key=lambda item: (-item[1], item[0])
    )[:limit]


def merged_before(windows: Sequence[Window], limit: int) -> list[tuple[str, int]]:
    """Merge what comes before the place, the last ``limit`` of (player, money), in order."""
    ordered = sorted(
        (item for window in windows for item in window.before),
        key=lambda item: (-item[1], item[0]),
    )
    return ordered[max(0, len(ordered) - limit) :]


def page_ranks(items: Sequence[tuple[str, int]], first_rank: int, skipped: int) -> list[int]:
    """Return the ranks of consecutive players.

    Args:
        items: (player, money) in order.
        first_rank: of the first, by its money.
        skipped: how many players are before the first in the whole order.
    """
    if not items:
        return []
    first_money = items[0][1]
    return [
        first_rank if items[at][1] == first_money else skipped + rank
        for at, rank in enumerate(ranks(items))
    ]
