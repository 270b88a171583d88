"""Attacks with messages that cost more to decode than to send: each is ``malformed``."""

from collections.abc import Sequence

import msgspec

from protocol.errors import ErrorCode
from protocol.messages import SUBPROTOCOL_JSON, SUBPROTOCOL_MSGPACK, Error, Hello, encode
from tests.hostile.attacks.swarm import PEERS, swarm
from tests.hostile.attacks.target import Budget, Target
from tests.hostile.attacks.wire import BINARY, CLOSE, TEXT, Peer, frame, peer

DEEP = 60_000
"""Levels, or digits: as many as a message of 64 KiB holds."""
EVERYTHING = b"\xff\xff\xff\xff"
"""A length of 4 GiB."""


async def msgpack_bombs(target: Target, budget: Budget) -> None:
    """Deep nesting, and lengths of 4 GiB with nothing behind them."""
    publish = msgspec.msgpack.encode({"type": "publish", "partition": 0, "first": 1})
    events = b"\x84" + publish[1:] + msgspec.msgpack.encode("events")
    deep = (b"\x91" * DEEP, b"\x81\xa1x" * (DEEP // 3), b"\xdc\x00\x01" * (DEEP // 3))
    giants = [bytes((tag,)) + EVERYTHING for tag in (0xDD, 0xDF, 0xC6, 0xDB, 0xC9)]
    payloads = (
        *deep,
        *giants,
        *(events + bomb for bomb in (*deep, *giants)),
        *(events + b"\x91\x95\x11" + bomb for bomb in (*deep, *giants)),
        *(b"\x82\xa1x" + bomb for bomb in deep),
        b"\xdd\x00\x00\xff\xff" + b"\xc0" * DEEP,
        b"\xc1",
    )
    await _try_all(target, budget, SUBPROTOCOL_MSGPACK, payloads)


async def json_bombs(target: Target, budget: Budget) -> None:
    """Deep nesting, numbers of 60,000 digits, keys that repeat, escapes that are no characters."""
    publish = b'{"type":"publish","partition":%s,"first":1,"events":%s}'
    digits = b"9" * DEEP
    payloads = (
        b"[" * DEEP,
        b'{"a":' * (DEEP // 5),
        b'{"type":"hello","x":' + b"[" * DEEP,
        publish % (digits, b"[]"),
        publish % (b"1e999999", b"[]"),
        publish % (b"0", b"[" * DEEP),
        publish % (b"0", b'[[17,"a",' + digits + b",1]]"),
        publish % (b"0", b'[[17,"a",1e' + digits + b",1]]"),
        publish % (b"0", b"[" + b"[]," * (DEEP // 3) + b"[]]"),
        b"{" + b'"type":"hello",' * (DEEP // 15) + b'"a":1}',
        b'{"type":"' + b"\\ud800" * (DEEP // 6) + b'"}',
        b'"' + b"\\u0000" * (DEEP // 6) + b'"',
        b"NaN",
        b"",
    )
    await _try_all(target, budget, SUBPROTOCOL_JSON, payloads)


async def _try_all(
    target: Target, budget: Budget, subprotocol: str, payloads: Sequence[bytes]
) -> None:
    """Send each in turn as the first message, and in an open session."""
    opcode = BINARY if subprotocol == SUBPROTOCOL_MSGPACK else TEXT
    decoder = {SUBPROTOCOL_MSGPACK: msgspec.msgpack, SUBPROTOCOL_JSON: msgspec.json}[subprotocol]

    async def attempt() -> None:
        number = budget.attempts - 1
        payload, greeted = payloads[number // 2 % len(payloads)], number % 2
        async with peer(target) as found:
            await found.upgraded(subprotocol)
            if greeted:
                hello = encode(Hello(target.game_token(), target.fresh_producer()), subprotocol)
                await found.send(frame(opcode, hello.encode() if isinstance(hello, str) else hello))
                await found.frame()
            await found.send(frame(opcode, payload))
            await _malformed(found, budget, decoder.decode, payload)

    await swarm(budget, PEERS, attempt)


async def _malformed(found: Peer, budget: Budget, decode: object, payload: bytes) -> None:
    """Expect the Error, and the end."""
    opcode, data = await found.frame()
    assert callable(decode)
    answer = decode(data, type=Error) if opcode != CLOSE else None
    if answer is None or answer.code is not ErrorCode.MALFORMED:
        budget.breach(f"{payload[:60]!r} was answered with {answer}")
    await found.end()
    budget.saw("malformed")
