"""One partition's log, folded: as changes for the read models, and as a state for snapshots.

Both folds are the same per-model folds (leaderboard, prizepool, profile) over the same events;
they differ in what they keep.
"""

from collections.abc import Iterable, Sequence

from projector.folds.leaderboard import add_money
from projector.folds.prizepool import earnings_in
from projector.folds.profile import add_prizes
from protocol.errors import LogMismatchError, MoneyboardError
from protocol.events import (
    EarningReversed,
    Event,
    MoneyEarned,
    Piece,
    PrizeAwarded,
    Restored,
    SeasonClosed,
    decode_body,
)
from protocol.log import Entry, follows
from protocol.money import SUM_LIMIT
from storage.archived import PartitionState
from storage.readmodels import Changes, Checkpoint, SeasonChanges


def closes_season(pieces: Sequence[Piece]) -> bool:
    """Tell whether an entry's pieces are the close of its season; it comes alone."""
    return isinstance(pieces[-1].events[-1], SeasonClosed)


def changes(entries: Iterable[Entry]) -> Changes:
    """Fold a batch of entries into what it changes in the read models.

    Raises:
        UnreadableRecordError: an entry that this version cannot decode.
    """
    found = Changes({}, {})
    for entry in entries:
        season = found.seasons.get(entry.season)
        if season is None:
            season = found.seasons[entry.season] = SeasonChanges({})
        for piece in decode_body(entry.body):
            season.earned += add_money(season.money, piece.events)
            season.earnings += earnings_in(piece.events)
            add_prizes(found.prizes, piece.events)
    return found


def checkpoint_after(checkpoint: Checkpoint, entries: Sequence[Entry]) -> Checkpoint:
    """Return the checkpoint after entries that follow ``checkpoint``; entries not empty."""
    last = entries[-1]
    season = last.season + closes_season(decode_body(last.body))
    return Checkpoint(last.position, season, last.time_ms, checkpoint.incarnation)


def advance(state: PartitionState, entries: Iterable[Entry]) -> PartitionState:
    """Fold entries into a state, in place, and return it.

    Raises:
        LogMismatchError: an entry does not follow the one before.
        UnreadableRecordError: an entry that this version cannot decode.
        MoneyboardError: a sum reaches 2^53. The state is then half folded: drop it.
    """
    for entry in entries:
        if not follows(state.position, entry):
            raise LogMismatchError(
                f"the entry at {entry.n} does not follow the state at {state.position.n}"
            )
        if entry.season != state.season:
            state.season = entry.season
            state.money = {}
            state.earned = state.earnings = 0
        pieces = decode_body(entry.body)
        for piece in pieces:
            state.earned += add_money(state.money, piece.events)
            state.earnings += earnings_in(piece.events)
            add_prizes(state.prizes, piece.events)
            state.fence[piece.producer] = piece.last
            _require_exact(state, piece.events)
        state.closed = closes_season(pieces)
        last = pieces[-1].events[-1]
        if isinstance(last, Restored):
            state.incarnation = last.incarnation
        state.position = entry.position
        state.time_ms = entry.time_ms
    return state


def _require_exact(state: PartitionState, events: Sequence[Event]) -> None:
    if abs(state.earned) >= SUM_LIMIT:
        raise MoneyboardError(f"what season {state.season} earned reaches 2^53")
    for event in events:
        if isinstance(event, PrizeAwarded):
            found = state.prizes[event.player]
        elif isinstance(event, MoneyEarned | EarningReversed):
            found = state.money[event.player]
        else:
            continue
        if abs(found) >= SUM_LIMIT:
            raise MoneyboardError(f"the money or prizes of {event.player} reach 2^53")
