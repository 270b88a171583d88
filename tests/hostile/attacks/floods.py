"""Attacks by number: what is allowed, again and again, as fast as it is taken."""

import trio

from protocol.errors import ErrorCode
from protocol.events import MoneyEarned
from protocol.limits import DEFAULT_LIMITS
from protocol.messages import Bye, Error, Hello, Publish, Renew
from protocol.money import SUM_LIMIT
from protocol.partition import PARTITIONS_DEFAULT, partition_of
from tests.hostile.attacks.swarm import PEERS, crowd, swarm
from tests.hostile.attacks.target import Budget, Target
from tests.hostile.attacks.wire import (
    PING,
    PONG,
    EndedError,
    Peer,
    frame,
    message,
    peer,
    upgrade,
)

IN_A_BLOCK = 500
"""Frames that are handed to the kernel at once."""
UNREAD = 8
BATCH = 100
"""How many never read, and the events of their batches."""


async def ping_flood(target: Target, budget: Budget) -> None:
    """Pings of the greatest size, whose pongs are read."""
    pings = frame(PING, b"x" * 125) * IN_A_BLOCK

    async def attempt() -> None:
        async with peer(target) as found, trio.open_nursery() as nursery:
            await found.open(target)
            nursery.start_soon(found.gone)
            while True:
                await found.send(pings)
                budget.saw("pings", IN_A_BLOCK)

    await swarm(budget, PEERS, attempt)


async def unread_pongs(target: Target, budget: Budget) -> None:
    """Pings whose pongs are never read: the broker must stop reading, not keep them."""
    pings = frame(PING, b"x" * 125) * IN_A_BLOCK

    async def attempt() -> None:
        async with peer(target) as found:
            await found.open(target)
            while True:
                await found.send(pings)
                budget.saw("pings", IN_A_BLOCK)

    await swarm(budget, PEERS, attempt)


async def pong_flood(target: Target, budget: Budget) -> None:
    """Pongs that nobody asked for, alone or with a good message now and then.

    They are the cheapest frame to send and to ignore, so most of them fit into one read.
    """
    player = target.players[7]
    replayed = Publish(partition_of(player, PARTITIONS_DEFAULT), 1, (MoneyEarned(player, 1, 0),))
    many = IN_A_BLOCK * 20
    floods = (frame(PONG) * many, (frame(PONG) * IN_A_BLOCK + message(replayed)) * 20)

    async def attempt() -> None:
        flood = floods[budget.attempts % len(floods)]
        async with peer(target) as found:
            await found.open(target)
            while True:
                await found.send(flood)
                budget.saw("pongs", many)

    await swarm(budget, PEERS, attempt)


async def never_reading(target: Target, budget: Budget) -> None:
    """Peers that publish what is refused and never read of it.

    That they are bounded and cut is proven with small limits in ``test_bad_messages.py``: a peer
    can't tell whether it is cut late or read slowly. Here it is what others feel of it.
    """
    player = target.players[0]
    partition = partition_of(player, PARTITIONS_DEFAULT)
    events = (MoneyEarned(player, 0, 0),) * BATCH

    async def attempt() -> None:
        async with peer(target) as found:
            await found.open(target)
            for first in range(1, SUM_LIMIT, BATCH):
                await found.send(message(Publish(partition, first, events)))
                budget.saw("batches")

    await swarm(budget, UNREAD, attempt)


async def connections(target: Target, budget: Budget) -> None:
    """Sessions from one address, held; past ``connections_an_address`` turned away with 429."""
    token = target.game_token()

    async def enter(found: Peer) -> None:
        await found.send(upgrade())
        head = await found.head()
        budget.saw(head[9:12].decode(errors="replace"))
        if not head.startswith(b"HTTP/1.1 101"):
            raise EndedError(1006)
        await found.greet(token, target.fresh_producer())
        budget.saw("held")

    await crowd(target, budget, enter, Peer.gone, limit_s=DEFAULT_LIMITS.idle_s)


async def churn(target: Target, budget: Budget) -> None:
    """Sessions that are opened, used and left: with Bye, without, and by a reset."""
    player = target.players[1]
    publish = Publish(partition_of(player, PARTITIONS_DEFAULT), 1, (MoneyEarned(player, 1, 0),))

    async def attempt() -> None:
        kind = budget.attempts % 3
        async with peer(target) as found:
            await found.open(target)
            await found.send(message(publish))
            if kind == 0:
                await found.send(message(Bye()))
                await found.end()
            elif kind == 1:
                found.reset_at_close()
            budget.saw("left")

    await swarm(budget, PEERS, attempt)


async def hello_flood(target: Target, budget: Budget) -> None:
    """Hello upon Hello: each of a new producer, which must be bound, and then a second one."""
    token = target.game_token()

    async def attempt() -> None:
        async with peer(target) as found:
            await found.upgraded()
            await found.greet(token, target.fresh_producer())
            await found.send(message(Hello(token, target.fresh_producer())) * 50)
            answer = await found.message()
            if not isinstance(answer, Error) or answer.code is not ErrorCode.UNEXPECTED_MESSAGE:
                budget.breach(f"a second Hello was answered with {answer}")
            budget.saw("refused")

    await swarm(budget, PEERS, attempt)


async def renew_flood(target: Target, budget: Budget) -> None:
    """Renewals without a pause: a signature to check for each."""
    renewals = message(Renew(target.game_token())) * 20

    async def attempt() -> None:
        async with peer(target) as found:
            await found.open(target)
            while True:
                await found.send(renewals)
                budget.saw("renewals", 20)

    await swarm(budget, PEERS, attempt)
