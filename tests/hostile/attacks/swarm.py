"""Many tries at a time.

Law: whatever a broker does to a peer, be it to close, to reset or not to answer, ends that try and
not the attack. Only a breach is a finding.
"""

from collections.abc import Awaitable, Callable

import trio

from tests.hostile.attacks.target import Budget, Target
from tests.hostile.attacks.wire import ENDS, Peer, peer

PEERS = 2
"""Tries at a time. Two that wait for nothing keep the broker's one core busy already; each more
only adds its own upgrade, some 1.5 ms, to every turn of the event loop, which measures arithmetic
and no defence."""
LATE_S = 2.0
"""How much later than its limit a broker with much to do may cut a peer."""


async def swarm(budget: Budget, peers: int, attempt: Callable[[], Awaitable[None]]) -> None:
    """Make tries, PEERS at a time, until the budget is spent."""

    async def work() -> None:
        while budget.more():
            try:
                await attempt()
            except* ENDS:  # a try may have a nursery
                budget.saw("cut off")

    with trio.move_on_at(budget.deadline):
        async with trio.open_nursery() as nursery:
            for _ in range(peers):
                nursery.start_soon(work)


async def crowd(
    target: Target,
    budget: Budget,
    enter: Callable[[Peer], Awaitable[None]],
    stay: Callable[[Peer], Awaitable[None]],
    *,
    limit_s: float,
) -> None:
    """Hold all tries at the same time, each for as long as the broker bears it.

    Args:
        target: whom.
        budget: its end is the end of all of them.
        enter: begins one; PEERS at a time.
        stay: returns when the broker has ended it; ENDS that it raises are no end in time.
        limit_s: how long that may be from the end of ``enter``; longer is a breach.
    """

    async def one(entered: trio.Event) -> None:
        try:
            async with peer(target) as found:
                await enter(found)
                entered.set()
                begun = trio.current_time()
                await stay(found)
                if trio.current_time() - begun > limit_s + LATE_S:
                    budget.breach(f"a peer was borne for longer than {limit_s} s")
                budget.saw("cut in time")
        except ENDS:
            budget.saw("cut off")
        finally:
            entered.set()

    with trio.move_on_at(budget.deadline):
        async with trio.open_nursery() as nursery:

            async def enter_all() -> None:
                while budget.more():
                    entered = trio.Event()
                    nursery.start_soon(one, entered)
                    await entered.wait()

            for _ in range(PEERS):
                nursery.start_soon(enter_all)
