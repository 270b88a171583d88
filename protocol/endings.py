"""What each Error means for the connection and for the client: one literal table.

The close code is the WebSocket's (RFC 6455, section 7.4.1): 1002 for a peer that broke the
protocol, 1008 for what policy refuses, 1009 for size, 1012 and 1013 for what passes.
"""

from enum import Enum

from msgspec import Struct

from protocol.errors import ErrorCode


class Then(Enum):
    """What a client does after an Error."""

    AGAIN = "again"
    """Open a new session after a pause, with the same outbox."""
    FRESH_TOKEN = "fresh token"
    """The same, with a fresh token; without a way to get one, give up."""
    GIVE_UP = "give up"
    """Tell the caller: another session would end the same way."""


class Ending(Struct, frozen=True):
    """The WebSocket close code behind an Error, and what the client does then."""

    close_code: int
    then: Then


PROTOCOL, POLICY, TOO_LARGE, RESTART, LATER = 1002, 1008, 1009, 1012, 1013

ENDINGS: dict[ErrorCode, Ending] = {
    ErrorCode.MALFORMED: Ending(PROTOCOL, Then.GIVE_UP),
    ErrorCode.UNEXPECTED_MESSAGE: Ending(PROTOCOL, Then.GIVE_UP),
    ErrorCode.TOO_LARGE: Ending(TOO_LARGE, Then.GIVE_UP),
    ErrorCode.TOKEN_MISSING: Ending(POLICY, Then.GIVE_UP),
    ErrorCode.TOKEN_INVALID: Ending(POLICY, Then.GIVE_UP),
    ErrorCode.TOKEN_EXPIRED: Ending(POLICY, Then.FRESH_TOKEN),
    ErrorCode.TOKEN_AUDIENCE: Ending(POLICY, Then.GIVE_UP),
    ErrorCode.TOKEN_ALGORITHM: Ending(POLICY, Then.GIVE_UP),
    ErrorCode.TOKEN_SCOPE: Ending(POLICY, Then.GIVE_UP),
    ErrorCode.TOKEN_REVOKED: Ending(POLICY, Then.FRESH_TOKEN),
    ErrorCode.PRODUCER_INVALID: Ending(POLICY, Then.GIVE_UP),
    ErrorCode.PRODUCER_FOREIGN: Ending(POLICY, Then.GIVE_UP),
    ErrorCode.PARTITION_UNKNOWN: Ending(POLICY, Then.GIVE_UP),
    ErrorCode.SEQ_INVALID: Ending(POLICY, Then.GIVE_UP),
    ErrorCode.WINDOW_EXCEEDED: Ending(POLICY, Then.AGAIN),
    ErrorCode.TIMEOUT: Ending(POLICY, Then.AGAIN),
    ErrorCode.UNAVAILABLE: Ending(LATER, Then.AGAIN),
    ErrorCode.RESTORED: Ending(RESTART, Then.AGAIN),
    ErrorCode.UNKNOWN: Ending(POLICY, Then.GIVE_UP),
}
"""Every code; what is read as ``unknown`` is of a later version and ends the session, too."""

assert set(ENDINGS) == set(ErrorCode)  # noqa: S101 - the table is whole
