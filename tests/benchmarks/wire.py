"""The load on a broker or on the bare loop: as little of our own work as can be.

Frames are made before they are sent: a Publish differs from the next of its lane by its first seq
alone, which stands in a field of fixed width, and the masking key is zero, which costs the server
the same. So one process loads a server that does much more a message than it does itself.
"""

import os
from collections import deque
from collections.abc import Sequence

import msgspec
import trio
from msgspec import Struct

from protocol.events import MoneyEarned
from protocol.identity import uuid7
from protocol.messages import (
    SUBPROTOCOL_MSGPACK,
    Ack,
    BrokerMessage,
    Hello,
    Publish,
    Welcome,
    decode_broker_message,
    encode,
)
from protocol.partition import partition_of

PARTITIONS = 4
UPGRADE = (
    "GET / HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
    f"Sec-WebSocket-Protocol: {SUBPROTOCOL_MSGPACK}\r\n\r\n"
).encode()
RECEIVE_BYTES = 256 * 1024
SEQ_WIDTH = 8
"""Bytes of a uint64 in msgpack; the template holds the number 2^63 there."""
SHORT, MEDIUM = 125, 65_535
"""Longest payloads with a 7-bit and a 16-bit length (RFC 6455, section 5.2)."""


class Measured(Struct, frozen=True):
    """What one load saw.

    Attributes:
        events: acked.
        seconds: from the first send to the last ack.
        latencies: seconds from a message's send to the ack that covers it.
    """

    events: int
    seconds: float
    latencies: list[float]


def frame(payload: bytes) -> bytes:
    """Make one binary frame of a client, masked with zeros."""
    if len(payload) <= SHORT:
        head = bytes((0x82, 0x80 | len(payload)))
    elif len(payload) <= MEDIUM:
        head = b"\x82\xfe" + len(payload).to_bytes(2, "big")
    else:
        head = b"\x82\xff" + len(payload).to_bytes(8, "big")
    return head + bytes(4) + payload


class Publisher:
    """Frames of one lane with the same events again and again."""

    def __init__(self, players: Sequence[str], partition: int, events: int, time_ms: int) -> None:
        mine = [player for player in players if partition_of(player, PARTITIONS) == partition]
        batch = tuple(
            MoneyEarned(mine[i % len(mine)], 1 + i, time_ms, f"match-{i}") for i in range(events)
        )
        template = frame(msgspec.msgpack.encode(Publish(partition, 2**63, batch)))
        at = template.index((2**63).to_bytes(SEQ_WIDTH, "big"))
        self._before, self._after = template[:at], template[at + SEQ_WIDTH :]
        self.events = events
        self.next = 1

    def take(self) -> bytes:
        """Return the next frame."""
        first = self.next
        self.next += self.events
        return self._before + first.to_bytes(SEQ_WIDTH, "big") + self._after


class Wire:
    """One raw connection: an open session whose answers are read as messages."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self._stream = stream
        self._buffer = bytearray()

    async def open(self, token: str, producer: str) -> Welcome:
        """Upgrade, and exchange Hello and Welcome."""
        hello = encode(Hello(token, producer), SUBPROTOCOL_MSGPACK)
        assert isinstance(hello, bytes)
        await self._stream.send_all(UPGRADE)
        while b"\r\n\r\n" not in self._buffer:
            self._buffer += await self._stream.receive_some(RECEIVE_BYTES)
        assert self._buffer.startswith(b"HTTP/1.1 101"), bytes(self._buffer[:200])
        del self._buffer[: self._buffer.index(b"\r\n\r\n") + 4]
        await self._stream.send_all(frame(hello))
        (welcome,) = await self.receive()
        assert isinstance(welcome, Welcome), welcome
        return welcome

    async def send(self, data: bytes) -> None:
        """Send frames."""
        await self._stream.send_all(data)

    async def receive(self) -> list[BrokerMessage]:
        """Wait for messages and return those that have come."""
        while True:
            found = [
                decode_broker_message(payload, SUBPROTOCOL_MSGPACK) for payload in self._frames()
            ]
            if found:
                return found
            data = await self._stream.receive_some(RECEIVE_BYTES)
            assert data, "the server has closed"
            self._buffer += data

    def _frames(self) -> list[bytes]:
        """Cut the whole frames off the buffer; servers send short ones, unmasked."""
        found, at, buffer = [], 0, self._buffer
        while len(buffer) - at >= 2:
            length, head = buffer[at + 1], 2
            if length > SHORT:
                length, head = int.from_bytes(buffer[at + 2 : at + 4], "big"), 4
            if len(buffer) - at < head + length:
                break
            found.append(bytes(buffer[at + head : at + head + length]))
            at += head + length
        del buffer[:at]
        return found


async def load(
    port: int,
    tokens: Sequence[str],
    publishers: Sequence[Publisher],
    *,
    seconds: float,
    outstanding: int,
    rate: float | None = None,
) -> Measured:
    """Publish on one connection a publisher for some seconds, then wait for all acks.

    Args:
        port: the server's.
        tokens: one for each connection.
        publishers: one for each connection.
        seconds: how long to send.
        outstanding: messages of a connection sent and not yet acked, at most.
        rate: messages a second of each connection, whose moments are spread evenly; as fast as
            they are acked by default.
    """
    latencies: list[float] = []
    ready, go = 0, trio.Event()
    begun = ended = 0.0

    async def one(token: str, publisher: Publisher, phase: float) -> None:
        nonlocal ready, ended
        stream = await trio.open_tcp_stream("127.0.0.1", port)
        try:
            wire = Wire(stream)
            await wire.open(token, uuid7(0, os.urandom(10)))
            ready += 1
            await go.wait()
            if rate is not None:
                await trio.sleep(phase / rate)
            latencies.extend(await _drive(wire, publisher, begun + seconds, outstanding, rate))
            ended = max(ended, trio.current_time())
        finally:
            with trio.CancelScope(shield=True):
                await trio.aclose_forcefully(stream)

    async with trio.open_nursery() as nursery:
        for number, (token, publisher) in enumerate(zip(tokens, publishers, strict=True)):
            nursery.start_soon(one, token, publisher, number / len(publishers))
        while ready < len(publishers):
            await trio.sleep(0.01)
        begun = trio.current_time()
        go.set()
    events = sum(publisher.next - 1 for publisher in publishers)
    return Measured(events, ended - begun, latencies)


async def _drive(
    wire: Wire, publisher: Publisher, until: float, outstanding: int, rate: float | None
) -> list[float]:
    """Send on one connection until a time, read all acks; return the latencies."""
    sent: deque[tuple[int, float]] = deque()
    latencies: list[float] = []
    room = trio.Event()

    async def send() -> None:
        nonlocal room
        due = trio.current_time()
        while trio.current_time() < until:
            if rate is not None:
                due += 1 / rate
                await trio.sleep_until(due)
            count = 1 if rate is not None else outstanding - len(sent)
            if count <= 0:
                room = trio.Event()
                await room.wait()
                continue
            frames = []
            now = trio.current_time() if rate is None else due
            for _ in range(count):
                frames.append(publisher.take())
                sent.append((publisher.next - 1, now))
            await wire.send(b"".join(frames))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(send)
        while sent or trio.current_time() < until:
            with trio.move_on_at(until + (30 if sent else 0)):
                for message in await wire.receive():
                    assert isinstance(message, Ack), message
                    now = trio.current_time()
                    while sent and sent[0][0] <= message.through:
                        latencies.append(now - sent.popleft()[1])
                room.set()
        nursery.cancel_scope.cancel()
    return latencies
