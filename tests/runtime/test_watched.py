"""The watched stream: frames are counted however their bytes arrive, and an end is told."""

import random

import pytest
import trio
import trio.testing

from runtime.watched import FrameCount, WatchedStream

UPGRADE = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
CONTINUATION, TEXT, BINARY, PING, PONG = 0, 1, 2, 9, 10


def frame(opcode: int, payload: bytes, *, fin: bool = True, masked: bool = True) -> bytes:
    """One WebSocket frame, masked with zeros."""
    mask = 0x80 if masked else 0
    head = bytes(((0x80 if fin else 0) | opcode,))
    if len(payload) < 126:
        head += bytes((mask | len(payload),))
    elif len(payload) < 65_536:
        head += bytes((mask | 126,)) + len(payload).to_bytes(2, "big")
    else:
        head += bytes((mask | 127,)) + len(payload).to_bytes(8, "big")
    return head + (bytes(4) if masked else b"") + payload


class TestFrameCount:
    """Frames since the last whole message."""

    @pytest.mark.parametrize("seed", range(50))
    def test_however_the_bytes_are_cut(self, seed: int) -> None:
        chance = random.Random(seed)
        data, idle = UPGRADE, 0
        for _ in range(chance.randrange(60)):
            opcode = chance.choice([CONTINUATION, TEXT, BINARY, PING, PONG])
            fin = opcode >= PING or chance.random() < 0.5
            size = chance.choice([0, 1, 5, 125, 126, 300, 70_000 if chance.random() < 0.05 else 2])
            data += frame(opcode, bytes(size), fin=fin, masked=chance.random() < 0.9)
            idle = 0 if fin and opcode < PING else idle + 1
        count = FrameCount(10**9)
        while data:
            size = chance.choice([1, 2, 3, 7, 50, 1_000, 65_536])
            count.feed(data[:size])
            data = data[size:]
        assert count.idle == idle

    def test_it_stops_counting_beyond_the_bound(self) -> None:
        count = FrameCount(5)
        count.feed(UPGRADE + frame(PING, b"") * 1_000)
        assert count.idle == 6


class Ended:
    """Counts how often it is told."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> None:
        self.times += 1


def watched(frames_max: int = 5) -> tuple[WatchedStream, trio.testing.MemorySendStream, Ended]:
    peer, ours = trio.testing.memory_stream_pair()
    ended = Ended()
    stream = WatchedStream(ours, ended, frames_max, trio.CapacityLimiter(1))  # type: ignore[arg-type]
    return stream, peer, ended


class TestWatchedStream:
    """What it passes on, and when it says that nothing more comes."""

    async def test_bytes_pass_through_both_ways(self) -> None:
        stream, peer, ended = watched()
        await peer.send_all(UPGRADE + frame(BINARY, b"hello"))
        assert await stream.receive_some() == UPGRADE + frame(BINARY, b"hello")
        await stream.send_all(b"answer")
        assert await peer.receive_some() == b"answer"
        assert ended.times == 0

    async def test_the_end_is_told(self) -> None:
        stream, peer, ended = watched()
        await peer.send_eof()
        assert await stream.receive_some() == b""
        assert ended.times == 1

    async def test_too_many_frames_are_an_end(self) -> None:
        stream, peer, ended = watched(frames_max=5)
        await peer.send_all(UPGRADE + frame(PONG, b"") * 5)
        await stream.receive_some()
        await peer.send_all(frame(PONG, b""))
        with pytest.raises(trio.BrokenResourceError):
            await stream.receive_some()
        assert ended.times == 1

    async def test_a_message_starts_the_count_anew(self) -> None:
        stream, peer, ended = watched(frames_max=5)
        await peer.send_all(UPGRADE)
        for _ in range(10):
            await peer.send_all(frame(PONG, b"") * 5 + frame(BINARY, b"x"))
        await stream.receive_some()
        assert ended.times == 0
