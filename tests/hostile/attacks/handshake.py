"""Attacks before there is a session: on TCP, on HTTP and on the upgrade."""

import trio

from protocol.errors import ErrorCode
from protocol.limits import DEFAULT_LIMITS
from protocol.messages import Error, Hello
from tests.hostile.attacks.swarm import PEERS, crowd, swarm
from tests.hostile.attacks.target import Budget, Target
from tests.hostile.attacks.wire import (
    BINARY,
    ENDS,
    EndedError,
    Peer,
    frame,
    message,
    peer,
    upgrade,
)

DRIP_S = 0.2
"""Between two bytes of a slow loris."""


async def garbage_then_reset(target: Target, budget: Budget) -> None:
    """What ends a server on ``trio_websocket.serve_websocket`` within 212 tries."""
    garbage = (b"GARBAGE\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00", b"\0" * 512, b"\r\n" * 64)

    async def attempt() -> None:
        async with peer(target) as found:
            await found.send(garbage[budget.attempts % len(garbage)])
            found.reset_at_close()
            budget.saw("reset")

    await swarm(budget, PEERS, attempt)


async def reset_after_every_byte(target: Target, budget: Budget) -> None:
    """The upgrade and Hello, cut by a reset after byte 1, 2, 3 … and from the start again."""
    whole = upgrade() + message(Hello(target.game_token(), target.fresh_producer()))

    async def attempt() -> None:
        at = 1 + (budget.attempts - 1) % len(whole)
        async with peer(target) as found:
            await found.send(whole[:at])
            found.reset_at_close()
            budget.saw("reset")
            if at == len(whole):
                budget.saw("every byte")

    await swarm(budget, PEERS, attempt)


async def slow_handshake(target: Target, budget: Budget) -> None:
    """A slow loris: upgrades that come byte by byte and never end; cut by ``handshake_s``."""

    async def drip(found: Peer) -> None:
        try:
            for byte in upgrade("x" * 4_096):
                await found.send(bytes((byte,)))
                budget.saw("dripped")
                await trio.sleep(DRIP_S)
        except ENDS:
            return

    await crowd(target, budget, _nothing, drip, limit_s=DEFAULT_LIMITS.handshake_s)


async def silent_connections(target: Target, budget: Budget) -> None:
    """Connections that send nothing at all; cut by ``handshake_s``."""

    async def wait(found: Peer) -> None:
        budget.saw("silent")
        await found.gone()

    await crowd(target, budget, _nothing, wait, limit_s=DEFAULT_LIMITS.handshake_s)


async def silent_upgrades(target: Target, budget: Budget) -> None:
    """Upgraded, and then no Hello; told ``timeout`` after ``hello_s``."""

    async def enter(found: Peer) -> None:
        await found.upgraded()

    async def wait(found: Peer) -> None:
        budget.saw("silent")
        answer = await found.message()
        if not isinstance(answer, Error) or answer.code is not ErrorCode.TIMEOUT:
            budget.breach(f"silence was answered with {answer}")
        await found.end()

    await crowd(target, budget, enter, wait, limit_s=DEFAULT_LIMITS.hello_s)


async def plain_http(target: Target, budget: Budget) -> None:
    """Requests that want no WebSocket: browsers, scanners, proxies."""
    requests = (
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n" + b"x" * 4096,
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n",
        b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
        b"CONNECT other:443 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.0\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n",
        upgrade().replace(b"Version: 13", b"Version: 7"),
        upgrade().replace(b"GET", b"POST"),
    )

    async def attempt() -> None:
        request = requests[budget.attempts % len(requests)]
        async with peer(target) as found:
            await found.send(request)
            await _turned_away(found, budget, f"{request[:40]!r} was upgraded")

    await swarm(budget, PEERS, attempt)


async def wrong_subprotocols(target: Target, budget: Budget) -> None:
    """Upgrades that offer what is not spoken here: answered with 400."""
    offers = ("chat", "moneyboard.v2.json", "moneyboard.v1", ", ".join(f"a{i}" for i in range(900)))

    async def attempt() -> None:
        async with peer(target) as found:
            await found.send(upgrade(offers[budget.attempts % len(offers)]))
            head = await found.head()
            budget.saw(head[9:12].decode(errors="replace"))
            if not head.startswith(b"HTTP/1.1 400"):
                budget.breach(f"a foreign subprotocol was answered with {head[:20]!r}")
            await found.gone()

    await swarm(budget, PEERS, attempt)


async def huge_headers(target: Target, budget: Budget) -> None:
    """One header of a megabyte, a hundred thousand small ones, a request line without an end."""
    start = upgrade()[: -len(b"\r\n")]
    heads = (
        start + b"X-Filler: " + b"x" * 1024 * 1024,
        start + b"".join(b"X-%d: y\r\n" % i for i in range(100_000)),
        b"GET /" + b"a" * 1024 * 1024,
        start + b"Sec-WebSocket-Protocol: " + b"a, " * 300_000,
    )

    async def attempt() -> None:
        async with peer(target) as found, trio.open_nursery() as nursery:
            nursery.start_soon(_send_all_that_goes, found, heads[budget.attempts % len(heads)])
            await _turned_away(found, budget, "a head of a megabyte was accepted")
            nursery.cancel_scope.cancel()

    await swarm(budget, PEERS, attempt)


async def trailing_bytes(target: Target, budget: Budget) -> None:
    """Bytes right behind the upgrade, in one segment with it, before its answer is read."""
    hello = message(Hello(target.game_token(), target.fresh_producer()))
    tails = (
        b"\xff" * 4_096,
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 8,
        frame(BINARY, b"\xc1"),
        hello + hello,
        hello + b"\0" * 512,
        hello + frame(BINARY, b"x" * (DEFAULT_LIMITS.message_bytes + 1)),
        hello[:-10] + upgrade(),
    )

    async def attempt() -> None:
        async with peer(target) as found:
            await found.send(upgrade() + tails[budget.attempts % len(tails)])
            await found.half_close()
            await found.gone()
            budget.saw("ended")

    await swarm(budget, PEERS, attempt)


async def _nothing(found: Peer) -> None:
    del found
    await trio.lowlevel.checkpoint()


async def _turned_away(found: Peer, budget: Budget, otherwise: str) -> None:
    """Expect an answer that is no upgrade, or none, and the end."""
    try:
        if (await found.head()).startswith(b"HTTP/1.1 101"):
            budget.breach(otherwise)
    except EndedError:
        pass
    await found.gone()
    budget.saw("turned away")


async def _send_all_that_goes(found: Peer, data: bytes) -> None:
    try:
        await found.send(data)
    except ENDS:
        return
