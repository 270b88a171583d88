"""The leaderboard's fold, its order and its ranks."""

from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st

from projector.folds.leaderboard import add_money, rank_order, ranks, standings_digest
from protocol.errors import RefusalCode
from protocol.events import (
    EarningReversed,
    MoneyEarned,
    PrizeAwarded,
    Restored,
    SeasonClosed,
    Void,
)
from protocol.partition import partition_of

boards = st.dictionaries(st.text("abcXYZ019._:-", min_size=1, max_size=4), st.integers(-3, 9))


class TestAddMoney:
    """An earning adds, a reversal takes away, nothing else changes money."""

    def test_earnings_and_reversals(self) -> None:
        money = {"p": 10}
        events = [MoneyEarned("p", 5, 0), EarningReversed("q", 3, 0), MoneyEarned("q", 1, 0)]
        assert add_money(money, events) == 3
        assert money == {"p": 15, "q": -2}

    def test_nothing_else(self) -> None:
        money: dict[str, int] = {}
        others = [
            PrizeAwarded("p", 1, 1, 5),
            SeasonClosed(1),
            Void(RefusalCode.PLAYER_UNKNOWN),
            Restored(1),
        ]
        assert add_money(money, others) == 0
        assert money == {}


class TestRanks:
    """Competition ranking: equals share a rank, the next one counts them all."""

    def test_one_two_two_four(self) -> None:
        ordered = rank_order([{"d": 1, "b": 5}, {"a": 9, "c": 5}])
        assert ordered == [("a", 9), ("b", 5), ("c", 5), ("d", 1)]
        assert list(ranks(ordered)) == [1, 2, 2, 4]

    def test_equals_are_shown_by_id_as_bytes(self) -> None:
        assert [player for player, _ in rank_order([dict.fromkeys(["a", "Z", "9"], 1)])] == [
            "9",
            "Z",
            "a",
        ]

    @given(boards, st.integers(1, 7))
    def test_partitions_merge_to_the_whole(self, board: dict[str, int], partitions: int) -> None:
        parts: list[dict[str, int]] = [{} for _ in range(partitions)]
        for player, money in board.items():
            parts[partition_of(player, partitions)][player] = money
        ordered = rank_order(parts)
        assert ordered == sorted(board.items(), key=lambda item: (-item[1], item[0]))
        for rank, (_, money) in zip(ranks(ordered), ordered, strict=True):
            assert rank == 1 + sum(other > money for other in board.values())


class TestDigest:
    """Covers every player and its money, in rank order."""

    def test_golden(self) -> None:
        assert standings_digest([("a", 9), ("b", -5)]) == sha256(b"a 9\nb -5\n").hexdigest()

    def test_nobody(self) -> None:
        assert standings_digest([]) == sha256(b"").hexdigest()
