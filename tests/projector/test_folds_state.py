"""One log folded two ways, as changes and as a state: they always say the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projector.folds.state import advance, changes, checkpoint_after
from protocol.errors import LogMismatchError, MoneyboardError, RefusalCode, UnreadableRecordError
from protocol.events import (
    EarningReversed,
    Event,
    MoneyEarned,
    PrizeAwarded,
    Restored,
    SeasonClosed,
    Void,
)
from protocol.log import GENESIS, Entry, Position, link
from protocol.money import SUM_LIMIT
from storage.archived import PartitionState
from storage.readmodels import Checkpoint
from tests.builders import entry_after, piece

players = st.sampled_from(["p", "q", "r"])
amounts = st.integers(1, 1_000)
events = st.one_of(
    st.builds(MoneyEarned, players, amounts, st.just(0)),
    st.builds(EarningReversed, players, amounts, st.just(0)),
    st.builds(PrizeAwarded, players, st.just(1), st.integers(1, 100), amounts),
    st.builds(Void, st.sampled_from(RefusalCode)),
    st.just(SeasonClosed(0)),
)


def log_of(wanted: list[Event]) -> list[Entry]:
    """A log with an entry for each event; a close is given its season."""
    entries: list[Entry] = []
    season, seq, at = 1, 0, GENESIS
    for event in wanted:
        if isinstance(event, SeasonClosed):
            found = piece("season", season, SeasonClosed(season))
        else:
            seq += 1
            found = piece("a", seq, event)
        entries.append(entry_after(at, found, season=season, time_ms=len(entries)))
        season += isinstance(event, SeasonClosed)
        at = entries[-1].position
    return entries


class TestBothFolds:
    """The changes of a log, added up, are its state."""

    @given(st.lists(events, min_size=1, max_size=40))
    def test_changes_and_state_agree(self, wanted: list[Event]) -> None:
        entries = log_of(wanted)
        state = advance(PartitionState(), entries)
        found = changes(entries)
        season = found.seasons[state.season]
        assert (season.money, season.earned, season.earnings) == (
            state.money,
            state.earned,
            state.earnings,
        )
        assert found.prizes == state.prizes
        assert sum(state.money.values()) == state.earned

    @given(st.lists(events, min_size=1, max_size=40), st.integers(0, 40))
    def test_where_a_batch_ends_does_not_matter(self, wanted: list[Event], cut: int) -> None:
        entries = log_of(wanted)
        in_two = advance(advance(PartitionState(), entries[:cut]), entries[cut:])
        assert in_two == advance(PartitionState(), entries)

    @given(st.lists(events, min_size=1, max_size=40))
    def test_the_checkpoint_is_where_the_state_is(self, wanted: list[Event]) -> None:
        entries = log_of(wanted)
        state = advance(PartitionState(), entries)
        checkpoint = checkpoint_after(Checkpoint(incarnation=3), entries)
        assert (checkpoint.position, checkpoint.time_ms) == (state.position, state.time_ms)
        assert checkpoint.season == state.season + state.closed
        assert checkpoint.incarnation == 3


class TestSeasons:
    """A closed season stays whole until the next record."""

    def test_the_state_at_the_close_is_the_final_board(self) -> None:
        entries = log_of([MoneyEarned("p", 5, 0), SeasonClosed(0), MoneyEarned("q", 6, 0)])
        state = advance(PartitionState(), entries[:2])
        assert (state.season, state.closed, state.money) == (1, True, {"p": 5})
        advance(state, entries[2:])
        assert (state.season, state.closed, state.money) == (2, False, {"q": 6})
        assert (state.earned, state.earnings) == (6, 1)

    def test_a_season_nobody_earned_in(self) -> None:
        state = advance(PartitionState(), log_of([SeasonClosed(0), SeasonClosed(0)]))
        assert (state.season, state.closed, state.money) == (2, True, {})

    def test_prizes_outlive_the_season(self) -> None:
        entries = log_of([PrizeAwarded("p", 1, 1, 5), SeasonClosed(0), MoneyEarned("p", 1, 0)])
        assert advance(PartitionState(), entries).prizes == {"p": 5}


class TestFence:
    """The fence is a fold of the log: each lane's last seq."""

    def test_lanes(self) -> None:
        first = entry_after(
            GENESIS,
            piece("a", 1, MoneyEarned("p", 1, 0), Void(RefusalCode.PLAYER_UNKNOWN)),
            piece("b", 1, MoneyEarned("q", 1, 0)),
        )
        second = entry_after(first.position, piece("a", 3, MoneyEarned("p", 1, 0)))
        assert advance(PartitionState(), [first, second]).fence == {"a": 3, "b": 1}

    def test_a_restore_begins_an_incarnation(self) -> None:
        state = advance(PartitionState(), [entry_after(GENESIS, piece("restore", 1, Restored(1)))])
        assert state.incarnation == 1


class TestRefusals:
    """Another log, a damaged record or a sum too large is loud."""

    def test_a_gap(self) -> None:
        entries = log_of([MoneyEarned("p", 1, 0)] * 3)
        with pytest.raises(LogMismatchError):
            advance(PartitionState(), [entries[0], entries[2]])

    def test_another_chain(self) -> None:
        entry = entry_after(Position(0, "f" * 40), piece("a", 1, MoneyEarned("p", 1, 0)))
        with pytest.raises(LogMismatchError):
            advance(PartitionState(), [entry])

    def test_a_record_that_cannot_be_read(self) -> None:
        body = b"\xc1"
        entry = Entry(1, 1, 1, 0, body, link(GENESIS.chain, 1, 1, 1, 0, body))
        with pytest.raises(UnreadableRecordError):
            advance(PartitionState(), [entry])
        with pytest.raises(UnreadableRecordError):
            changes([entry])

    @pytest.mark.parametrize(
        "wanted",
        [
            [MoneyEarned("p", SUM_LIMIT - 1, 0), MoneyEarned("p", 1, 0)],
            [EarningReversed("p", SUM_LIMIT, 0), MoneyEarned("q", 5, 0)],
            [MoneyEarned("p", SUM_LIMIT - 1, 0), MoneyEarned("q", 1, 0)],
            [PrizeAwarded("p", 1, 1, SUM_LIMIT)],
        ],
        ids=["money", "reversed", "earned", "prizes"],
    )
    def test_a_sum_that_reaches_the_limit(self, wanted: list[Event]) -> None:
        with pytest.raises(MoneyboardError, match="2\\^53"):
            advance(PartitionState(), log_of(wanted))

    def test_the_last_sum_below_the_limit(self) -> None:
        entries = log_of([MoneyEarned("p", SUM_LIMIT - 2, 0), MoneyEarned("p", 1, 0)])
        assert advance(PartitionState(), entries).money == {"p": SUM_LIMIT - 1}
