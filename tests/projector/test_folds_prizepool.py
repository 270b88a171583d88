"""The prize pool's arithmetic: exact to the last unit, whatever the pool and the ties."""

import csv
from collections import Counter
from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projector.folds.leaderboard import rank_order
from projector.folds.prizepool import (
    PLACES,
    WEIGHT_SUM,
    WEIGHTS,
    awards,
    earnings_in,
    place_amounts,
    pool,
)
from protocol.errors import RefusalCode
from protocol.events import EarningReversed, MoneyEarned, Void
from protocol.money import SUM_LIMIT
from tests.builders import WORLDS, worlds_files

pools = st.integers(0, SUM_LIMIT)
boards = st.dictionaries(
    st.integers(0, 999).map(lambda number: f"player-{number:03}"),
    st.one_of(st.integers(-3, 5), st.integers(1, SUM_LIMIT - 1)),
    max_size=300,
)


class TestWeights:
    """20 %, 15 %, 10 %, then 55 % shared by places 4 to 100, as whole numbers over 475,300."""

    def test_they_are_what_the_design_says(self) -> None:
        assert WEIGHTS[:4] == (95_060, 71_295, 47_530, 55 * 97)
        assert (WEIGHTS[99], len(WEIGHTS)) == (55, PLACES)
        assert sum(WEIGHTS) == WEIGHT_SUM


class TestPool:
    """Two per cent of what was earned, rounded down, and what was carried in."""

    @pytest.mark.parametrize(
        ("earned", "carried_in", "wanted"),
        [(0, 0, 0), (49, 0, 0), (50, 0, 1), (149, 7, 9), (-1, 7, 7), (-(10**9), 0, 0)],
    )
    def test_pool(self, earned: int, carried_in: int, wanted: int) -> None:
        assert pool(earned, carried_in) == wanted


class TestPlaceAmounts:
    """The hundred places sum to the pool; each is its exact share, rounded down or up."""

    def test_a_pool_that_divides_exactly(self) -> None:
        assert place_amounts(WEIGHT_SUM) == list(WEIGHTS)

    def test_what_is_left_goes_to_the_largest_remainders(self) -> None:
        assert place_amounts(1) == [1] + [0] * 99
        # Shares of 7: 1.4, 1.05, 0.7, then 0.078 each and falling: one unit at 3, one at 1,
        # and three that remain at places 4, 5 and 6.
        assert place_amounts(7) == [2, 1, 1, 1, 1, 1] + [0] * 94

    def test_of_equal_remainders_the_lower_place_comes_first(self) -> None:
        # Of 970, places 2 and 52 have shares of 145.5 and 5.5, and one unit is left for the two.
        amounts = place_amounts(970)
        assert (amounts[1], amounts[51]) == (146, 5)

    @given(pools)
    def test_they_sum_to_the_pool(self, money: int) -> None:
        amounts = place_amounts(money)
        assert (sum(amounts), len(amounts)) == (money, PLACES)
        for amount, weight in zip(amounts, WEIGHTS, strict=True):
            assert 0 <= amount - money * weight // WEIGHT_SUM <= 1


class TestAwards:
    """Ties share what they occupy; nothing is lost, nothing is paid to who has no money."""

    @given(pools, boards)
    def test_every_unit_is_paid_or_belongs_to_a_free_place(
        self, money: int, board: dict[str, int]
    ) -> None:
        paid = awards(money, rank_order([board]))
        winners = sum(amount > 0 for amount in board.values())
        free = sum(place_amounts(money)[min(winners, PLACES) :])
        assert sum(prize.amount for prize in paid) == money - free

    @given(pools, boards)
    def test_who_ties_differs_by_one_unit_at_most_and_the_odd_ones_go_to_the_lowest_ids(
        self, money: int, board: dict[str, int]
    ) -> None:
        for place, tied in groupby(awards(money, rank_order([board])), key=lambda won: won.place):
            shared = list(tied)
            amounts = [prize.amount for prize in shared]
            assert [prize.player for prize in shared] == sorted(prize.player for prize in shared)
            assert amounts == sorted(amounts, reverse=True)
            assert amounts[0] - amounts[-1] <= 1
            assert len({board[prize.player] for prize in shared}) == 1
            better = sum(other > board[shared[0].player] for other in board.values())
            assert place == 1 + better <= PLACES

    @given(pools, boards)
    def test_nobody_without_money_is_paid_and_nobody_twice(
        self, money: int, board: dict[str, int]
    ) -> None:
        paid = Counter(prize.player for prize in awards(money, rank_order([board])))
        assert set(paid.values()) <= {1}
        assert all(board[player] > 0 for player in paid)

    def test_a_tie_over_the_last_place_shares_what_is_left_of_the_hundred(self) -> None:
        board = {f"player-{at:03}": 1_000 - at for at in range(98)}
        board |= {"tied-a": 5, "tied-b": 5, "tied-c": 5}
        money = 10**9
        amounts = place_amounts(money)
        last = awards(money, rank_order([board]))[-3:]
        each, odd = divmod(amounts[98] + amounts[99], 3)
        assert [tuple(prize) for prize in last] == [
            (player, 99, each + (at < odd))
            for at, player in enumerate(("tied-a", "tied-b", "tied-c"))
        ]

    def test_no_players_leave_the_pool_whole(self) -> None:
        assert awards(1_000, []) == []


class TestEarnings:
    """Counts what was earned; a reversal or a void event is no earning."""

    def test_only_money_earned_counts(self) -> None:
        events = [
            MoneyEarned("p", 5, 0),
            EarningReversed("p", 5, 0),
            Void(RefusalCode.PLAYER_INVALID),
        ]
        assert earnings_in(events) == 1


class TestWorlds:
    """Six real seasons, from the rows alone, without log or archive."""

    def test_the_table(self) -> None:
        carried = 0
        for season, file in enumerate(worlds_files(), 1):
            board: Counter[str] = Counter()
            with file.open(encoding="utf-8", newline="") as text:
                for row in csv.DictReader(text):
                    board[row["player_id"]] += int(row["earned"])
            ordered = rank_order([board])
            money = pool(board.total(), carried)
            paid = sum(prize.amount for prize in awards(money, ordered))
            carried = money - paid
            found = (len(board), board.total(), money, paid, carried, tuple(ordered[:3]))
            assert found == WORLDS[season]
