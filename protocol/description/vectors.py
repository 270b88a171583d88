"""Golden vectors: what an implementation in any language must encode, decode and refuse."""

from typing import Any

import msgspec

from protocol.description.catalogue import SENDERS, event_version, tag_of
from protocol.description.examples import (
    BAD,
    EVENT_EXAMPLES,
    MESSAGES,
    PARTITION_COUNTS,
    PLAYERS,
)
from protocol.messages import SUBPROTOCOL_JSON, SUBPROTOCOL_MSGPACK, SUBPROTOCOLS
from protocol.partition import HASH_NAME, partition_of

NAME = SUBPROTOCOLS[0].rpartition(".")[0]
"""The protocol's name without its encoding."""


def vectors() -> dict[str, Any]:
    """Return all vectors, as docs/protocol/vectors.json holds them."""
    return {
        "protocol": NAME,
        "subprotocols": {"msgpack": SUBPROTOCOL_MSGPACK, "json": SUBPROTOCOL_JSON},
        "hash": HASH_NAME,
        "messages": [
            {
                "name": name,
                "version": 1,
                "type": tag_of(type(message)),
                "sender": SENDERS[type(message)].value,
                **_encodings(message),
            }
            for name, message in MESSAGES.items()
        ],
        "events": [
            {
                "name": name,
                "event": type(event).__name__,
                "version": event_version(type(event)),
                "tag": tag_of(type(event)),
                **_encodings(event),
            }
            for name, event in EVENT_EXAMPLES.items()
        ],
        "bad": [
            {key: value for key, value in msgspec.to_builtins(bad).items() if value is not None}
            for bad in BAD
        ],
        "partitions": [
            {"player": player, "partitions": count, "partition": partition_of(player, count)}
            for player in PLAYERS
            for count in PARTITION_COUNTS
        ],
    }


def _encodings(value: msgspec.Struct) -> dict[str, Any]:
    return {
        "json": msgspec.to_builtins(value),
        "json_text": msgspec.json.encode(value).decode(),
        "msgpack_hex": msgspec.msgpack.encode(value).hex(),
    }
