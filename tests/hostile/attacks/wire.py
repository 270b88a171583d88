"""A client that may send anything: TCP, the upgrade, frames; no library of its would object."""

import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio

from protocol.messages import (
    SUBPROTOCOL_MSGPACK,
    BrokerMessage,
    Hello,
    Message,
    Welcome,
    decode_broker_message,
    encode,
)
from tests.hostile.attacks.target import Target

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
FIN, MASKED = 0x80, 0x80
SHORT, MEDIUM = 125, 65_535
"""Longest payloads with a 7-bit and a 16-bit length (RFC 6455, section 5.2)."""
MASK = bytes(4)
"""A masking key of zeros leaves the payload as it is."""
NO_STATUS, ABNORMAL = 1005, 1006
HEAD_END = b"\r\n\r\n"
RECEIVE_BYTES = 64 * 1024
RESET = struct.pack("ii", 1, 0)
"""SO_LINGER of no time: closing sends RST in place of FIN."""


class EndedError(Exception):
    """The broker ended the connection; ``code`` is the close frame's, ABNORMAL without one."""

    def __init__(self, code: int) -> None:
        super().__init__(f"ended with {code}")
        self.code = code


ENDS = (EndedError, OSError, trio.BrokenResourceError, trio.ClosedResourceError)
"""How a broker may end a try."""


def upgrade(subprotocol: str = SUBPROTOCOL_MSGPACK, *headers: str) -> bytes:
    """Make a request for a WebSocket."""
    lines = [
        "GET / HTTP/1.1",
        "Host: x",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
        f"Sec-WebSocket-Protocol: {subprotocol}",
        *headers,
    ]
    return "\r\n".join(lines).encode() + HEAD_END


def frame(
    opcode: int,
    payload: bytes = b"",
    *,
    fin: bool = True,
    rsv: int = 0,
    masked: bool = True,
    declared: int | None = None,
) -> bytes:
    """Make one frame, right or wrong; ``declared`` is the length that it claims."""
    first = (FIN if fin else 0) | rsv << 4 | opcode
    length, mask = (len(payload) if declared is None else declared), (MASKED if masked else 0)
    if length <= SHORT:
        head = bytes((first, mask | length))
    elif length <= MEDIUM:
        head = bytes((first, mask | 126)) + length.to_bytes(2, "big")
    else:
        head = bytes((first, mask | 127)) + length.to_bytes(8, "big")
    return head + (MASK if masked else b"") + payload


def message(content: Message) -> bytes:
    """Make the frame of a good message, in MessagePack."""
    data = encode(content, SUBPROTOCOL_MSGPACK)
    assert isinstance(data, bytes)
    return frame(BINARY, data)


class Peer:
    """One connection."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self._stream = stream
        self._buffer = bytearray()

    async def send(self, data: bytes) -> None:
        """Send bytes, whatever they are."""
        await self._stream.send_all(data)

    def reset_at_close(self) -> None:
        """Make the close a reset."""
        self._stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)

    async def half_close(self) -> None:
        """Send nothing more, but stay."""
        await self._stream.send_eof()

    async def head(self) -> bytes:
        """Return the answer to an HTTP request, up to the end of its headers."""
        while HEAD_END not in self._buffer:
            await self._more()
        at = self._buffer.index(HEAD_END) + len(HEAD_END)
        found = bytes(self._buffer[:at])
        del self._buffer[:at]
        return found

    async def frame(self) -> tuple[int, bytes]:
        """Return the next frame's opcode and payload."""
        head = await self._need(2)
        length, at = head[1], 2
        if length == 126:
            length, at = int.from_bytes((await self._need(4))[2:4], "big"), 4
        elif length == 127:
            length, at = int.from_bytes((await self._need(10))[2:10], "big"), 10
        whole = await self._need(at + length)
        del self._buffer[: at + length]
        return whole[0] & 0x0F, whole[at : at + length]

    async def message(self) -> BrokerMessage:
        """Return the next message; a close frame raises EndedError."""
        while True:
            opcode, payload = await self.frame()
            if opcode == CLOSE:
                raise EndedError(int.from_bytes(payload[:2], "big") or NO_STATUS)
            if opcode == BINARY:
                return decode_broker_message(payload, SUBPROTOCOL_MSGPACK)

    async def upgraded(self, *offer: str) -> bytes:
        """Upgrade; return the answer's head."""
        await self.send(upgrade(*offer))
        found = await self.head()
        if not found.startswith(b"HTTP/1.1 101"):
            raise EndedError(ABNORMAL)
        return found

    async def greet(self, token: str, producer: str) -> BrokerMessage:
        """Say Hello; return what the broker says to that."""
        await self.send(message(Hello(token, producer)))
        return await self.message()

    async def open(self, target: Target, token: str = "") -> None:
        """Upgrade and open a session of an own producer."""
        await self.upgraded()
        answer = await self.greet(token or target.game_token(), target.fresh_producer())
        assert isinstance(answer, Welcome), answer

    async def end(self) -> int:
        """Read until the broker ends the connection; return the close code."""
        try:
            while True:
                opcode, payload = await self.frame()
                if opcode == CLOSE:
                    return int.from_bytes(payload[:2], "big") or NO_STATUS
        except ENDS:
            return ABNORMAL

    async def gone(self) -> None:
        """Read until the broker has closed the TCP connection."""
        try:
            while True:
                await self._more()
        except ENDS:
            return

    async def _need(self, count: int) -> bytes:
        while len(self._buffer) < count:
            await self._more()
        return bytes(self._buffer[:count])

    async def _more(self) -> None:
        data = await self._stream.receive_some(RECEIVE_BYTES)
        if not data:
            raise EndedError(ABNORMAL)
        self._buffer += data


@asynccontextmanager
async def peer(target: Target) -> AsyncIterator[Peer]:
    """Hold a TCP connection; closed by force at the end."""
    stream = await trio.open_tcp_stream(target.host, target.port)
    try:
        yield Peer(stream)
    finally:
        with trio.CancelScope(shield=True):  # closing by force does not wait
            await trio.aclose_forcefully(stream)
