"""WebSocket frames (RFC 6455, section 5.2), right and wrong ones. Pure.

Laws:

- ``encode`` writes whatever it is told: any bits, opcode, mask and announced length.
- ``Decoder`` keeps what is not a whole frame yet, whatever the pieces that bytes come in.
- Nothing is judged here but the length, which is bounded: what a frame means is its reader's.
"""

from enum import IntEnum

from msgspec import Struct

FRAME_BYTES_MAX = 4 * 1024 * 1024
"""No peer of this protocol sends a larger frame: a Welcome with 1,024 lanes is below 64 KiB."""

LENGTH_16, LENGTH_64 = 126, 127
"""In place of a length: it follows in 2 or 8 bytes."""

LENGTH_SHORT_MAX, LENGTH_16_MAX = 125, 0xFFFF


class Opcode(IntEnum):
    """What a frame is."""

    CONTINUATION = 0
    TEXT = 1
    BINARY = 2
    CLOSE = 8
    PING = 9
    PONG = 10


class Frame(Struct, frozen=True):
    """A frame as it came.

    Attributes:
        opcode: 0 to 15.
        payload: unmasked.
        fin: whether the message ends here.
        rsv: the three reserved bits, 0 to 7.
        masked: whether it came masked.
    """

    opcode: int
    payload: bytes = b""
    fin: bool = True
    rsv: int = 0
    masked: bool = False


class FrameError(Exception):
    """Bytes that cannot be a frame of this protocol."""


def encode(frame: Frame, mask: bytes | None = None, announced: int | None = None) -> bytes:
    """Write a frame.

    Args:
        frame: its ``masked`` is not looked at.
        mask: 4 bytes, None for an unmasked frame.
        announced: the length that the header tells, in place of the payload's own.
    """
    length = len(frame.payload) if announced is None else announced
    first = frame.fin << 7 | frame.rsv << 4 | frame.opcode
    bit = 0 if mask is None else 0x80
    if length <= LENGTH_SHORT_MAX:
        head = bytes((first, bit | length))
    elif length <= LENGTH_16_MAX:
        head = bytes((first, bit | LENGTH_16)) + length.to_bytes(2, "big")
    else:
        head = bytes((first, bit | LENGTH_64)) + length.to_bytes(8, "big")
    if mask is None:
        return head + frame.payload
    return head + mask + masked(frame.payload, mask)


def masked(payload: bytes, mask: bytes) -> bytes:
    """Return the payload with the mask put on, or taken off."""
    if not payload:
        return b""
    repeated = (mask * (len(payload) // 4 + 1))[: len(payload)]
    mixed = int.from_bytes(payload, "big") ^ int.from_bytes(repeated, "big")
    return mixed.to_bytes(len(payload), "big")


def close_payload(code: int, reason: bytes = b"") -> bytes:
    """Return the payload of a Close."""
    return code.to_bytes(2, "big") + reason


def fragments(opcode: int, payload: bytes, *cuts: int) -> list[Frame]:
    """Return a message cut into frames at the given offsets."""
    edges = [0, *cuts, len(payload)]
    return [
        Frame(
            opcode if number == 0 else Opcode.CONTINUATION,
            payload[start:end],
            fin=number == len(cuts),
        )
        for number, (start, end) in enumerate(zip(edges, edges[1:], strict=False))
    ]


class Decoder:
    """Reads frames from bytes."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> None:
        """Take bytes."""
        self._buffer += data

    def next(self) -> Frame | None:
        """Return the next whole frame, None when there is none yet.

        Raises:
            FrameError: it is longer than any peer may send.
        """
        header = self._header()
        if header is None:
            return None
        start, length, mask = header
        if length > FRAME_BYTES_MAX:
            raise FrameError(f"a frame of {length} bytes")
        if len(self._buffer) < start + length:
            return None
        first = self._buffer[0]
        payload = bytes(self._buffer[start : start + length])
        del self._buffer[: start + length]
        return Frame(
            first & 0x0F,
            payload if mask is None else masked(payload, mask),
            fin=bool(first & 0x80),
            rsv=first >> 4 & 7,
            masked=mask is not None,
        )

    def _header(self) -> tuple[int, int, bytes | None] | None:
        """Return (where the payload starts, its length, its mask) when the header is whole."""
        if len(self._buffer) < 2:  # noqa: PLR2004 - the header's fixed part
            return None
        length, at = self._buffer[1] & 0x7F, 2
        if length in {LENGTH_16, LENGTH_64}:
            at += 2 if length == LENGTH_16 else 8
            length = int.from_bytes(self._buffer[2:at], "big")
        mask = bool(self._buffer[1] & 0x80)
        start = at + 4 * mask
        if len(self._buffer) < start:
            return None
        return start, length, bytes(self._buffer[at:start]) if mask else None
