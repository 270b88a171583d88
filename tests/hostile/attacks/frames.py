"""Attacks with frames: inside an open session, below the messages of the protocol."""

import zlib

import trio

from protocol.limits import DEFAULT_LIMITS
from protocol.messages import SUBPROTOCOL_JSON, SUBPROTOCOL_MSGPACK
from tests.hostile.attacks.swarm import PEERS, swarm
from tests.hostile.attacks.target import Budget, Target
from tests.hostile.attacks.wire import (
    ABNORMAL,
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    TEXT,
    Peer,
    frame,
    peer,
)

DRIP_S = 0.05
LORISES = 50
FRAGMENTS = 20_000
"""Fragments that are handed to the kernel at once."""
RSV1 = 4
"""The bit that says "compressed" where permessage-deflate was agreed."""
BOMB = zlib.compress(bytes(10 * 1024 * 1024), 9)[2:-4]
"""10 MiB of zeros in some 10 KiB."""
DEFLATE = (
    "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits; server_max_window_bits"
)
PROTOCOL_ERROR, TOO_BIG, BAD_TEXT = 1002, 1009, 1007


async def slow_frames(target: Target, budget: Budget) -> None:
    """A slow loris in a session: frames that come byte by byte and never end."""

    async def attempt() -> None:
        async with peer(target) as found:
            await found.open(target)
            await found.send(frame(BINARY, declared=DEFAULT_LIMITS.message_bytes - 1))
            while True:
                await found.send(b"\x91")
                budget.saw("dripped")
                await trio.sleep(DRIP_S)

    await swarm(budget, LORISES, attempt)


async def one_byte_fragments(target: Target, budget: Budget) -> None:
    """Messages in fragments of one byte, as fast as they are taken; cut with 1009 at 64 KiB."""
    many = frame(CONTINUATION, b"x", fin=False) * FRAGMENTS

    async def attempt() -> None:
        async with peer(target) as found:
            await found.open(target)
            await found.send(frame(BINARY, b"x", fin=False))
            for _ in range(DEFAULT_LIMITS.message_bytes // FRAGMENTS):
                await found.send(many)
                budget.saw("fragments", FRAGMENTS)
            await found.send(many)
            await _cut_with(found, budget, TOO_BIG)

    await swarm(budget, 1, attempt)


async def empty_fragments(target: Target, budget: Budget) -> None:
    """Fragments without a byte, which no limit on a message's size ever counts."""
    many = frame(CONTINUATION, fin=False) * FRAGMENTS

    async def attempt() -> None:
        async with peer(target) as found:
            await found.open(target)
            await found.send(frame(BINARY, fin=False))
            while True:
                await found.send(many)
                budget.saw("fragments", FRAGMENTS)

    await swarm(budget, 1, attempt)


async def oversize_messages(target: Target, budget: Budget) -> None:
    """Messages over the limit, in one frame or in many, and lengths of 2^62; closed with 1009."""
    over = DEFAULT_LIMITS.message_bytes + 1
    half = b"x" * (over // 2 + 1)
    messages = (
        frame(BINARY, b"x" * over),
        frame(TEXT, b"x" * over),
        frame(BINARY, half, fin=False) + frame(CONTINUATION, half),
        frame(BINARY, b"x" * over, declared=2**62),
        frame(BINARY, b"x" * over * 16),
    )

    async def attempt() -> None:
        async with peer(target) as found:
            await found.open(target)
            await found.send(messages[budget.attempts % len(messages)])
            await _cut_with(found, budget, TOO_BIG)

    await swarm(budget, PEERS, attempt)


async def compression(target: Target, budget: Budget) -> None:
    """Offers of permessage-deflate, and compressed frames and bombs though none was agreed."""
    frames = (
        frame(BINARY, BOMB, rsv=RSV1),
        frame(TEXT, BOMB, rsv=RSV1),
        frame(BINARY, BOMB[:100], rsv=RSV1, fin=False) + frame(CONTINUATION, BOMB[100:]),
        frame(PING, b"x", rsv=RSV1),
    )

    async def attempt() -> None:
        async with peer(target) as found:
            head = await found.upgraded(SUBPROTOCOL_MSGPACK, DEFLATE)
            if b"sec-websocket-extensions" in head.lower():
                budget.breach("permessage-deflate was agreed to")
            await found.greet(target.game_token(), target.fresh_producer())
            await found.send(frames[budget.attempts % len(frames)])
            await _cut_with(found, budget, PROTOCOL_ERROR)

    await swarm(budget, PEERS, attempt)


async def wrong_frames(target: Target, budget: Budget) -> None:
    """What RFC 6455 forbids: reserved opcodes and bits, no mask, control frames that are long."""
    frames = (
        frame(0x3, b"x"),
        frame(0xB, b"x"),
        frame(BINARY, b"x", rsv=1),
        frame(BINARY, b"x", masked=False),
        frame(PING, b"x" * 126),
        frame(PING, b"x", fin=False),
        frame(CONTINUATION, b"x"),
        frame(BINARY, b"x", fin=False) + frame(BINARY, b"x"),
        frame(BINARY, b"x", declared=2**63 + 1),
        b"\x82\xfe\x00\x01" + bytes(4) + b"x",
    )

    async def attempt() -> None:
        async with peer(target) as found:
            await found.open(target)
            await found.send(frames[budget.attempts % len(frames)])
            await _cut_with(found, budget, PROTOCOL_ERROR)

    await swarm(budget, PEERS, attempt)


async def bad_text(target: Target, budget: Budget) -> None:
    """Text that is no UTF-8, also where a fragment ends within a character; closed with 1007."""
    texts = (
        frame(TEXT, b"\xff\xfe"),
        frame(TEXT, b'{"type":"\xed\xa0\x80"}'),
        frame(TEXT, b"\xe2\x82", fin=False) + frame(CONTINUATION, b"\xff"),
        frame(TEXT, b"\xf0\x9f\x92"),
    )

    async def attempt() -> None:
        async with peer(target) as found:
            await found.upgraded(SUBPROTOCOL_JSON)
            await found.send(texts[budget.attempts % len(texts)])
            await _cut_with(found, budget, BAD_TEXT)

    await swarm(budget, PEERS, attempt)


async def close_abuse(target: Target, budget: Budget) -> None:
    """Close frames with codes and reasons that may not be, twice, and with more behind them."""
    wrong = [frame(CLOSE, code.to_bytes(2, "big")) for code in (0, 999, 1005, 1006, 1015, 65_535)]
    good = frame(CLOSE, b"\x03\xe8")
    closes = (
        *wrong,
        frame(CLOSE, b"\x03"),
        frame(CLOSE, b"\x03\xe8\xff\xfe"),
        frame(CLOSE, b"\x03\xe8" + b"x" * 123),
        frame(CLOSE, b"\x03\xe8" + b"x" * 200),
        frame(CLOSE),
        good + good,
        good + frame(BINARY, b"\xc1") * 1_000,
        good + b"\xff" * 10_000,
        frame(BINARY, b"x", fin=False) + good,
    )

    async def attempt() -> None:
        async with peer(target) as found:
            await found.open(target)
            await found.send(closes[budget.attempts % len(closes)])
            await found.gone()
            budget.saw("gone")

    await swarm(budget, PEERS, attempt)


async def _cut_with(found: Peer, budget: Budget, code: int) -> None:
    """Expect the end, with this code or with none: what was not read resets the stream."""
    ended = await found.end()
    budget.saw("ended")
    budget.saw(str(ended))
    if ended not in {code, ABNORMAL}:
        budget.breach(f"closed with {ended} instead of {code}")
