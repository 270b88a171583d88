"""The third computation: it agrees with the folds, and finds what is broken."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from cli.recount import Recount, payments, place_payments, ranking
from projector.folds.prizepool import awards, place_amounts
from protocol.events import MoneyEarned, PrizeAwarded, SeasonClosed
from protocol.log import GENESIS, Entry
from tests.builders import entry_after, piece

A = "018f0000-0000-7000-8000-00000000000a"


def log() -> list[Entry]:
    first = entry_after(GENESIS, piece(A, 1, MoneyEarned("p", 5, 0), MoneyEarned("q", 7, 0)))
    close = entry_after(first.position, piece("season", 1, SeasonClosed(1)))
    paid = piece("prize-1", 1, PrizeAwarded("q", 1, 1, 3))
    last = entry_after(close.position, piece(A, 3, MoneyEarned("p", 1, 0)), paid, season=2)
    return [first, close, last]


def faults(entries: list[Entry]) -> str:
    count = Recount(0)
    for entry in entries:
        count.add(entry)
    return "; ".join(count.faults)


class TestCounting:
    """Money by season, prizes, closes."""

    def test_figures(self) -> None:
        count = Recount(0)
        for entry in log():
            count.add(entry)
        assert count.faults == []
        assert dict(count.money) == {1: {"p": 5, "q": 7}, 2: {"p": 1}}
        assert (count.prizes, dict(count.awards)) == ({"q": 3}, {1: {"q": 3}})
        assert count.n == 5

    @pytest.mark.parametrize("field", ["n", "count", "season", "time_ms"])
    def test_a_changed_header_is_found(self, field: str) -> None:
        entries = log()
        entries[1] = replace(entries[1], **{field: getattr(entries[1], field) + 1})
        assert "the chain is broken" in faults(entries)

    def test_a_missing_and_a_double_entry_are_found(self) -> None:
        entries = log()
        assert "missing or double" in faults([entries[0], entries[2]])
        assert "not contiguous" in faults([entries[0], entries[0]])

    def test_a_prize_that_is_paid_twice_is_found(self) -> None:
        entries = log()
        again = piece("prize-1", 2, PrizeAwarded("q", 1, 1, 3))
        entries.append(entry_after(entries[-1].position, again, season=2))
        assert "pays q twice" in faults(entries)


class TestPayments:
    """Two implementations that share nothing pay the same."""

    @given(st.integers(0, 2**53))
    def test_places(self, pool: int) -> None:
        assert place_payments(pool) == place_amounts(pool)

    @given(
        st.integers(0, 10**9),
        st.dictionaries(
            st.text("abcdef", min_size=1, max_size=5), st.integers(-5, 40), max_size=130
        ),
    )
    def test_players(self, pool: int, money: dict[str, int]) -> None:
        ordered = [(player, amount) for _, player, amount in ranking(money)]
        folded = {prize.player: prize.amount for prize in awards(pool, ordered) if prize.amount}
        assert payments(pool, money) == folded

    def test_ranks(self) -> None:
        money = {f"p{n}": random.Random(n).randrange(5) for n in range(20)}
        for rank, player, amount in ranking(money):
            assert rank == 1 + sum(other > amount for other in money.values())
            assert money[player] == amount
