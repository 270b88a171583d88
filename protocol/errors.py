"""The one exception tree, and the codes that peers are told.

    MoneyboardError
    ├── ConfigurationError        a setting is missing or wrong; the text names its key
    ├── ProtocolError
    │   ├── LocalProtocolError    our own code misused a session
    │   └── RemoteProtocolError   the peer broke the protocol; carries the code to send
    ├── UnreadableRecordError     a record in the log that this version cannot decode
    ├── LogMismatchError          the log is not the one that was read before
    └── ArchiveError              the archive refused or contradicts what is asked of it

An expected refusal (a void event, a duplicate, a gap) is a value, never an exception.
"""

from enum import StrEnum


class ErrorCode(StrEnum):
    """Why a session ends. Sent in ``Error.code``."""

    MALFORMED = "malformed"
    """Not decodable as a message of this protocol."""
    UNEXPECTED_MESSAGE = "unexpected-message"
    """A known message in a state that does not allow it."""
    TOO_LARGE = "too-large"
    """A message or batch over a limit that Welcome or the specification states."""
    TOKEN_MISSING = "token-missing"
    """Hello has an empty token."""
    TOKEN_INVALID = "token-invalid"
    """Bad signature, bad form, unknown key, or a required claim is missing."""
    TOKEN_EXPIRED = "token-expired"
    """The token has expired, at Hello or since."""
    TOKEN_AUDIENCE = "token-audience"
    """The token is for somebody else."""
    TOKEN_ALGORITHM = "token-algorithm"
    """Not EdDSA or RS256, or not the key's own algorithm."""
    TOKEN_SCOPE = "token-scope"
    """The token's scope does not allow to send earnings."""
    TOKEN_REVOKED = "token-revoked"
    """The token was taken back before it expired."""
    PRODUCER_INVALID = "producer-invalid"
    """The producer id is not a lower-case UUID."""
    PRODUCER_FOREIGN = "producer-foreign"
    """The producer id belongs to another subject."""
    PARTITION_UNKNOWN = "partition-unknown"
    """A partition that is not 0 to P - 1."""
    SEQ_INVALID = "seq-invalid"
    """A seq below 1 or past 2^53 - 1."""
    WINDOW_EXCEEDED = "window-exceeded"
    """More than twice the window was sent and not yet answered."""
    TIMEOUT = "timeout"
    """Hello came too late, or the peer was silent or did not read for too long."""
    UNAVAILABLE = "unavailable"
    """The broker cannot append now; try again later."""
    RESTORED = "restored"
    """The log was restored from the archive: start a new session and resend."""
    UNKNOWN = "unknown"
    """Never sent: how a code of a later version is read, which ends the session all the same."""

    @classmethod
    def _missing_(cls, value: object) -> "ErrorCode":
        del value
        return cls.UNKNOWN


class RefusalCode(StrEnum):
    """Why one event is void. Sent in ``Refused.code`` and kept in the log's void record."""

    AMOUNT_NOT_POSITIVE = "amount-not-positive"
    """The amount is 0 or negative."""
    AMOUNT_TOO_LARGE = "amount-too-large"
    """The amount is above ``amount_max``."""
    PLAYER_INVALID = "player-invalid"
    """The player id breaks the alphabet or the length."""
    PLAYER_UNKNOWN = "player-unknown"
    """No such player in the directory."""
    PLAYER_FOREIGN = "player-foreign"
    """The token may not earn for this player."""
    PARTITION_WRONG = "partition-wrong"
    """The player belongs to another partition than the lane's."""
    TIME_INVALID = "time-invalid"
    """earned_at is negative or further ahead than clocks may differ."""
    REFERENCE_INVALID = "reference-invalid"
    """The reference is too long or not printable."""
    SCOPE = "scope"
    """The token's scope does not allow this kind of event."""
    UNKNOWN = "unknown"
    """Never written: how a reason of a later version is read; the event is void all the same."""

    @classmethod
    def _missing_(cls, value: object) -> "RefusalCode":
        del value
        return cls.UNKNOWN


class MoneyboardError(Exception):
    """The root of all errors that moneyboard raises on purpose."""


class ConfigurationError(MoneyboardError):
    """A setting is missing or wrong. The text names the key and what to do."""


class ProtocolError(MoneyboardError):
    """The session protocol was broken."""


class LocalProtocolError(ProtocolError):
    """This side tried what the protocol forbids: a bug here, nothing was sent."""


class RemoteProtocolError(ProtocolError):
    """The peer did what the protocol forbids.

    Args:
        code: what to tell the peer before the session ends.
        text: one line for a person.
    """

    def __init__(self, code: ErrorCode, text: str) -> None:
        super().__init__(f"{code}: {text}")
        self.code = code
        self.text = text


class UnreadableRecordError(MoneyboardError):
    """A record in the log cannot be decoded by this version; its partition must stop."""


class LogMismatchError(MoneyboardError):
    """A log lacks or contradicts a position that was read from it before."""


class ArchiveError(MoneyboardError):
    """The archive refused a write that would fork it, or holds something contradictory."""
