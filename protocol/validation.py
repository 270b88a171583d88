"""What a broker accepts: pure rules over one message or one event."""

from collections.abc import Container
from collections.abc import Set as AbstractSet
from typing import cast

from msgspec import Struct

from protocol.errors import ErrorCode, RefusalCode, RemoteProtocolError
from protocol.events import Earning, EarningReversed, MoneyEarned
from protocol.identity import REFERENCE_MAX, is_player_id, is_reference
from protocol.limits import Limits
from protocol.messages import Publish
from protocol.money import SUM_LIMIT
from protocol.partition import partition_of

SCOPE_OWN = "earn"
"""May earn for the token's own subject."""
SCOPE_ANY = "earn:any"
"""May earn for any player: a game server's."""
SCOPE_REVERSE = "reverse"
"""May take earnings back."""


class Sender(Struct, frozen=True):
    """Who publishes: the token's subject and scopes."""

    subject: str
    scopes: frozenset[str]


def check_publish(publish: Publish, partitions: int, limits: Limits) -> None:
    """Check what a Publish says of itself.

    Raises:
        RemoteProtocolError: PARTITION_UNKNOWN, SEQ_INVALID or TOO_LARGE.
    """
    if not 0 <= publish.partition < partitions:
        raise RemoteProtocolError(
            ErrorCode.PARTITION_UNKNOWN, f"partition is 0 to {partitions - 1}"
        )
    if not publish.events or len(publish.events) > limits.batch_events:
        raise RemoteProtocolError(
            ErrorCode.TOO_LARGE, f"a batch has 1 to {limits.batch_events} events"
        )
    if not 1 <= publish.first <= SUM_LIMIT - len(publish.events):
        raise RemoteProtocolError(ErrorCode.SEQ_INVALID, "seqs run from 1 to below 2^53")


def refusal(
    event: Earning,
    sender: Sender,
    partition: int,
    partitions: int,
    now_ms: int,
    limits: Limits,
) -> RefusalCode | None:
    """Return why an event is void, None when it is accepted (if its player is registered)."""
    time_ms = event.reversed_at_ms if isinstance(event, EarningReversed) else event.earned_at_ms
    reason = event.reason if isinstance(event, EarningReversed) else ""
    rules = (
        (
            not isinstance(event, EarningReversed) or SCOPE_REVERSE in sender.scopes,
            RefusalCode.SCOPE,
        ),
        (is_player_id(event.player), RefusalCode.PLAYER_INVALID),
        (
            SCOPE_ANY in sender.scopes or event.player == sender.subject,
            RefusalCode.PLAYER_FOREIGN,
        ),
        (event.amount > 0, RefusalCode.AMOUNT_NOT_POSITIVE),
        (event.amount <= limits.amount_max, RefusalCode.AMOUNT_TOO_LARGE),
        (0 <= time_ms <= now_ms + limits.clock_ahead_ms, RefusalCode.TIME_INVALID),
        (is_reference(event.reference) and is_reference(reason), RefusalCode.REFERENCE_INVALID),
    )
    broken = next((code for holds, code in rules if not holds), None)
    if broken is None and partition_of(event.player, partitions) != partition:
        return RefusalCode.PARTITION_WRONG
    return broken


def all_accepted(
    events: tuple[Earning, ...],
    sender: Sender,
    known: AbstractSet[str],
    now_ms: int,
    limits: Limits,
) -> bool:
    """Tell quickly that nothing in a batch is void; False where ``refusals`` must look closer.

    One pass a column instead of one call an event: a fifth of the time for a batch of 100.

    Args:
        events: at least one.
        sender: who publishes.
        known: registered players of the batch's partition; their ids are therefore valid.
        now_ms: the broker's Unix time.
        limits: the broker's.
    """
    if set(map(type, events)) != {MoneyEarned}:
        return False
    earned = cast("tuple[MoneyEarned, ...]", events)
    players = {event.player for event in earned}
    amounts = [event.amount for event in earned]
    times = [event.earned_at_ms for event in earned]
    references = [event.reference for event in earned]
    return (
        players <= known
        and (SCOPE_ANY in sender.scopes or players == {sender.subject})
        and min(amounts) > 0
        and max(amounts) <= limits.amount_max
        and min(times) >= 0
        and max(times) <= now_ms + limits.clock_ahead_ms
        and max(map(len, references)) <= REFERENCE_MAX
        and "".join(references).isprintable()
    )


def refusals(
    publish: Publish, sender: Sender, partitions: int, now_ms: int, limits: Limits
) -> dict[int, RefusalCode]:
    """Return the void events of a Publish by seq, before players are looked up."""
    found = {}
    for seq, event in enumerate(publish.events, publish.first):
        code = refusal(event, sender, publish.partition, partitions, now_ms, limits)
        if code is not None:
            found[seq] = code
    return found


def unknown_players(
    publish: Publish, refused: Container[int], known: Container[str]
) -> dict[int, RefusalCode]:
    """Return the events, not refused already, whose players are not registered, by seq."""
    return {
        seq: RefusalCode.PLAYER_UNKNOWN
        for seq, event in enumerate(publish.events, publish.first)
        if seq not in refused and event.player not in known
    }
