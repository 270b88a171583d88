"""The events of the log and their versions.

Laws:

- An event is a frozen msgspec struct, encoded as an array that starts with its tag.
- A tag is ``kind * 16 + version``; a tag, once released, means the same bytes for ever.
- A version only ever appends fields with defaults; anything else is a new version, read
  through an upcaster from the one before.
- No personal detail is ever in an event: only opaque ids, amounts, times and references.
"""

from typing import TypeAlias

import msgspec
from msgspec import Struct

from protocol.errors import RefusalCode, UnreadableRecordError


class MoneyEarned(Struct, frozen=True, array_like=True, tag=0x11):
    """A player earned money in a game.

    Attributes:
        player: the player's id.
        amount: minor units, 1 to AMOUNT_MAX.
        earned_at_ms: Unix time in milliseconds, by the game's clock; informative.
        reference: the game's own name for what was earned.
    """

    player: str
    amount: int
    earned_at_ms: int
    reference: str = ""


class EarningReversed(Struct, frozen=True, array_like=True, tag=0x21):
    """An earning was taken back. Lowers the player's money in the season that is open."""

    player: str
    amount: int
    reversed_at_ms: int
    reference: str = ""
    reason: str = ""


class SeasonClosed(Struct, frozen=True, array_like=True, tag=0x31):
    """The partition's season ended here; the next record belongs to season + 1."""

    season: int


class PrizeAwarded(Struct, frozen=True, array_like=True, tag=0x41):
    """A player was paid a prize for a closed season.

    Attributes:
        player: the player's id.
        season: the season that the prize is for.
        place: the place shared or held, 1 to 100.
        amount: minor units.
    """

    player: str
    season: int
    place: int
    amount: int


class Void(Struct, frozen=True, array_like=True, tag=0x51):
    """Stands for an event that was refused, so that its lane stays contiguous."""

    code: RefusalCode


class Restored(Struct, frozen=True, array_like=True, tag=0x61):
    """The partition's log was restored from the archive; begins a new incarnation."""

    incarnation: int


Earning: TypeAlias = MoneyEarned | EarningReversed
"""What a client may publish."""

Event: TypeAlias = MoneyEarned | EarningReversed | SeasonClosed | PrizeAwarded | Void | Restored
"""What a record may be."""


class Piece(Struct, frozen=True, array_like=True):
    """What one producer sent in one go: consecutive events of one lane.

    Attributes:
        producer: the producer's id.
        first: the seq of the first event, from 1.
        last: the seq of the last event; ``last - first + 1 == len(events)``.
    """

    producer: str
    first: int
    last: int
    events: tuple[Event, ...]


_encode = msgspec.msgpack.Encoder().encode
_body_decoder = msgspec.msgpack.Decoder(tuple[Piece, ...])
_events_decoder = msgspec.msgpack.Decoder(tuple[Event, ...])

_FIXARRAY, _ARRAY16 = 16, 65_536
"""Below these counts an array's header has 1 and 3 bytes, else 5 (MessagePack, array family)."""


def encode_piece(piece: Piece) -> bytes:
    """Encode a piece as it is kept in the log."""
    return frame_piece(piece.producer, piece.first, piece.last, encode_events(piece.events))


def encode_events(events: tuple[Event, ...]) -> bytes:
    """Encode events one after the other, without a header, so that runs of them can be joined."""
    return _encode(events)[len(_array_header(len(events))) :]


def decode_events(encoded: bytes, count: int) -> tuple[Event, ...]:
    """Decode what ``encode_events`` made of so many events."""
    return _events_decoder.decode(_array_header(count) + encoded)


def frame_piece(producer: str, first: int, last: int, encoded: bytes) -> bytes:
    """Make a piece, as it is kept in the log, of events that are encoded already."""
    return b"".join(
        (
            b"\x94",
            _encode(producer),
            _encode(first),
            _encode(last),
            _array_header(last - first + 1),
            encoded,
        )
    )


def _array_header(count: int) -> bytes:
    if count < _FIXARRAY:
        return bytes((0x90 | count,))
    if count < _ARRAY16:
        return b"\xdc" + count.to_bytes(2, "big")
    return b"\xdd" + count.to_bytes(4, "big")


def join_pieces(encoded: list[bytes]) -> bytes:
    """Make an entry's body of encoded pieces: a msgpack array32 header, then the pieces."""
    return b"\xdd" + len(encoded).to_bytes(4, "big") + b"".join(encoded)


def decode_body(body: bytes) -> tuple[Piece, ...]:
    """Decode the body of an entry.

    Raises:
        UnreadableRecordError: the body is damaged, or holds what this version does not know.
    """
    try:
        pieces = _body_decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UnreadableRecordError(str(error)) from error
    for piece in pieces:
        if piece.last - piece.first + 1 != len(piece.events) or piece.first < 1:
            raise UnreadableRecordError(f"piece {piece.producer} counts its events wrongly")
    return pieces
