"""The messages of ``moneyboard.v1`` and their two encodings.

A message is a map whose ``type`` names it; events inside are arrays, see ``protocol.events``.
The subprotocol decides the encoding: ``moneyboard.v1.msgpack`` sends binary WebSocket messages,
``moneyboard.v1.json`` sends text ones. Unknown map keys are ignored, so that later versions may
add some.
"""

from enum import StrEnum
from typing import Final, TypeAlias

import msgspec
from msgspec import Struct

from protocol.errors import ErrorCode, RefusalCode, RemoteProtocolError
from protocol.events import Earning

SUBPROTOCOL_MSGPACK = "moneyboard.v1.msgpack"
SUBPROTOCOL_JSON = "moneyboard.v1.json"
SUBPROTOCOLS = (SUBPROTOCOL_MSGPACK, SUBPROTOCOL_JSON)


MESSAGE_BYTES = 65_536
"""What a Welcome that does not tell ``max_message`` means."""


class Durability(StrEnum):
    """What an Ack promises about the events that it covers."""

    MEMORY = "memory"
    """In the primary's memory."""
    REPLICATED = "replicated"
    """Acknowledged by replicas (WAIT)."""
    FSYNCED = "fsynced"
    """On the primary's disk (WAITAOF)."""


class Lane(Struct, frozen=True):
    """What a broker knows of one of the producer's lanes.

    Attributes:
        partition: the lane's partition.
        last: the last seq in the log, 0 when none.
        archived: the last seq in the archive, 0 when none.
    """

    partition: int
    last: int
    archived: int


class Hello(Struct, frozen=True, tag="hello"):
    """Client: opens the session. ``producer`` names the outbox, a UUID (version 7 advised)."""

    token: str
    producer: str
    client: str = ""
    version: str = ""


class Welcome(Struct, frozen=True, tag="welcome"):
    """Broker: the session is open.

    Attributes:
        session: the session's id, for logs.
        partitions: P; the client computes each player's partition.
        hash: the partition hash's name, ``crc32``.
        lanes: all lanes of this producer that have events, by partition.
        window: most events that may be sent and not yet acked.
        max_batch: most events in one Publish.
        durability: what each Ack promises.
        token_expires_at_ms: Unix time when the session ends unless renewed.
        time_ms: the broker's Unix time.
        max_message: most bytes of one message from the client.
    """

    session: str
    partitions: int
    hash: str
    lanes: tuple[Lane, ...]
    window: int
    max_batch: int
    durability: Durability
    token_expires_at_ms: int
    time_ms: int
    max_message: int = MESSAGE_BYTES


class Publish(Struct, frozen=True, tag="publish"):
    """Client: consecutive events of one lane, the first with seq ``first``."""

    partition: int
    first: int
    events: tuple[Earning, ...]


class Ack(Struct, frozen=True, tag="ack"):
    """Broker: every event of the lane up to ``through`` is in the log, void ones included.

    ``archived`` is the last seq that the archive holds: what an outbox may forget.
    """

    partition: int
    through: int
    durability: Durability
    archived: int = 0


class Refused(Struct, frozen=True, tag="refused"):
    """Broker: this event is void; the ones around it go on."""

    partition: int
    seq: int
    code: RefusalCode
    text: str = ""


class Gap(Struct, frozen=True, tag="gap"):
    """Broker: the lane's next seq is last + 1; resend from the first unarchived event."""

    partition: int
    last: int


class Renew(Struct, frozen=True, tag="renew"):
    """Client: a fresh token of the same subject, before the old one expires."""

    token: str


class Goaway(Struct, frozen=True, tag="goaway"):
    """Broker: will close soon; what was taken is still acked. Come back after the delay."""

    reason: str
    retry_after_ms: int = 0


class Bye(Struct, frozen=True, tag="bye"):
    """Client: sends nothing more. The broker acks what it took, then closes."""


class Error(Struct, frozen=True, tag="error"):
    """Broker: the session ends because of this."""

    code: ErrorCode
    text: str = ""


ClientMessage: TypeAlias = Hello | Publish | Renew | Bye
BrokerMessage: TypeAlias = Welcome | Ack | Refused | Gap | Goaway | Error
Message: TypeAlias = ClientMessage | BrokerMessage

_encode_msgpack = msgspec.msgpack.Encoder().encode
_encode_json = msgspec.json.Encoder().encode
_client_msgpack: Final[msgspec.msgpack.Decoder[ClientMessage]] = msgspec.msgpack.Decoder(
    ClientMessage
)
_client_json: Final[msgspec.json.Decoder[ClientMessage]] = msgspec.json.Decoder(ClientMessage)
_broker_msgpack: Final[msgspec.msgpack.Decoder[BrokerMessage]] = msgspec.msgpack.Decoder(
    BrokerMessage
)
_broker_json: Final[msgspec.json.Decoder[BrokerMessage]] = msgspec.json.Decoder(BrokerMessage)


def encode(message: Message, subprotocol: str) -> bytes | str:
    """Encode a message for a WebSocket: bytes for msgpack, str for JSON."""
    if subprotocol == SUBPROTOCOL_MSGPACK:
        return _encode_msgpack(message)
    return _encode_json(message).decode()


def decode_client_message(data: bytes | str, subprotocol: str) -> ClientMessage:
    """Decode what a client sent.

    Raises:
        RemoteProtocolError: MALFORMED, for anything that is not a client's message.
    """
    _require_kind(data, subprotocol)
    try:
        if isinstance(data, bytes):
            return _client_msgpack.decode(data)
        return _client_json.decode(data)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise RemoteProtocolError(ErrorCode.MALFORMED, str(error)) from error


def decode_broker_message(data: bytes | str, subprotocol: str) -> BrokerMessage:
    """Decode what a broker sent.

    Raises:
        RemoteProtocolError: MALFORMED, for anything that is not a broker's message.
    """
    _require_kind(data, subprotocol)
    try:
        if isinstance(data, bytes):
            return _broker_msgpack.decode(data)
        return _broker_json.decode(data)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise RemoteProtocolError(ErrorCode.MALFORMED, str(error)) from error


def _require_kind(data: bytes | str, subprotocol: str) -> None:
    if isinstance(data, bytes) != (subprotocol == SUBPROTOCOL_MSGPACK):
        kind = "binary" if isinstance(data, bytes) else "text"
        raise RemoteProtocolError(
            ErrorCode.MALFORMED, f"a {kind} message does not belong to {subprotocol}"
        )
