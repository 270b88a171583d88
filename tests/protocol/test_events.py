"""Events: golden bytes that must decode for ever, and what a body refuses."""

import msgspec
import pytest

from protocol.errors import RefusalCode, UnreadableRecordError
from protocol.events import (
    EarningReversed,
    Event,
    MoneyEarned,
    Piece,
    PrizeAwarded,
    Restored,
    SeasonClosed,
    Void,
    decode_body,
    decode_events,
    encode_events,
    encode_piece,
    join_pieces,
)

GOLDEN: list[tuple[Event, str]] = [
    (MoneyEarned("p", 5, 7, "m"), "9511a17005" + "07a16d"),
    (EarningReversed("p", 5, 7, "m", "why"), "9621a1700507a16da3776879"),
    (SeasonClosed(3), "923103"),
    (PrizeAwarded("p", 3, 1, 500), "9541a1700301cd01f4"),
    (Void(RefusalCode.SCOPE), "9251a573636f7065"),
    (Restored(2), "926102"),
]
"""Version 1 of every event, in hexadecimal."""


class TestGolden:
    """The bytes of every released version decode to the same event, and encode to the same."""

    @pytest.mark.parametrize(("event", "golden"), GOLDEN, ids=lambda item: type(item).__name__)
    def test_bytes(self, event: Event, golden: str) -> None:
        assert msgspec.msgpack.encode(event).hex() == golden
        whole = join_pieces([b"\x94\xa1x\x01\x01\x91" + bytes.fromhex(golden)])
        assert decode_body(whole) == (Piece("x", 1, 1, (event,)),)

    def test_a_body(self) -> None:
        piece = Piece("x", 1, 2, (MoneyEarned("p", 5, 7), SeasonClosed(1)))
        body = join_pieces([encode_piece(piece)])
        assert body.hex() == "dd00000001" + "94a178010292" + "9511a1700507a0" + "923101"

    @pytest.mark.parametrize("count", [1, 15, 16, 65_535, 65_536])
    def test_a_piece_of_parts_is_the_piece(self, count: int) -> None:
        events = tuple(MoneyEarned("p", i + 1, 0) for i in range(count))
        piece = Piece("x", 1, count, events)
        assert encode_piece(piece) == msgspec.msgpack.encode(piece)
        assert decode_events(encode_events(events), count) == events

    def test_every_tag_is_kind_and_version(self) -> None:
        tags = [msgspec.msgpack.encode(event)[1] for event, _ in GOLDEN]
        assert tags == [0x11, 0x21, 0x31, 0x41, 0x51, 0x61]


class TestUnreadable:
    """What this version cannot read is an error, never skipped."""

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"\x00",
            b"\xdd\x00\x00\x00\x01",
            join_pieces([b"\x94\xa1x\x01\x01\x91\x92\x1f\x01"]),  # an event of a later version
            join_pieces([b"\x94\xa1x\x01\x02\x91\x92\x31\x01"]),  # counts two, holds one
            join_pieces([b"\x94\xa1x\x00\x00\x91\x92\x31\x01"]),  # seq 0
            join_pieces([b"\x94\xa1\xff\x01\x01\x91\x92\x31\x01"]),  # not UTF-8
        ],
    )
    def test_body(self, body: bytes) -> None:
        with pytest.raises(UnreadableRecordError):
            decode_body(body)
