"""The attackers: a process of its own, so that they steal nobody's event loop, and nice to others.

Run with a ``Scene`` on the first line of stdin; each further line is an ``Order``, answered with an
``Outcome`` when the attack is over and all its connections are closed. Ends when stdin does.
"""

import os
import resource
import sys
from itertools import count
from pathlib import Path

import msgspec
import trio
from msgspec import Struct

from protocol.identity import uuid7
from runtime.clock import SystemClock
from runtime.tokens import JWKS_FILE, load_private, mint
from tests.hostile.attacks.helper import Lines, answer
from tests.hostile.attacks.table import ATTACKS
from tests.hostile.attacks.target import Budget, Target

GRACE_S = 10.0
"""For an attack to end after its budget has."""


class Scene(Struct, frozen=True):
    """Whom to attack; ``keys`` is the folder with the key that signs tokens."""

    port: int
    keys: str
    victims: tuple[str, ...]
    players: tuple[str, ...]
    honest_players: tuple[str, ...]


class Order(Struct, frozen=True):
    """Run an attack, with at most so many tries and seconds."""

    attack: str
    tries: int
    seconds: float


class Outcome(Struct, frozen=True):
    """What came of an attack; see ``target.Budget``."""

    attempts: int
    seen: dict[str, int]
    breaches: tuple[str, ...]
    seconds: float


def target_of(scene: Scene) -> Target:
    """Return what attacks need to know of a broker."""
    folder = Path(scene.keys)
    key, clock, numbers = load_private(folder), SystemClock(), count()
    salt = os.urandom(6)

    def sign(subject: str, scope: str) -> str:
        return mint(key, subject, scope, now_ms=clock.now_ms())

    def fresh_producer() -> str:
        return uuid7(clock.now_ms(), next(numbers).to_bytes(4, "big") + salt)

    return Target(
        "127.0.0.1",
        scene.port,
        sign,
        (folder / JWKS_FILE).read_bytes(),
        fresh_producer,
        scene.victims,
        scene.players,
        scene.honest_players,
    )


async def run(order: Order, target: Target) -> Outcome:
    """Run one attack."""
    begun = trio.current_time()
    budget = Budget(order.tries, order.seconds)
    with trio.fail_after(order.seconds + GRACE_S):
        await ATTACKS[order.attack].run(target, budget)
    return Outcome(
        budget.attempts,
        dict(budget.seen),
        tuple(sorted(budget.breaches)),
        trio.current_time() - begun,
    )


async def main() -> None:
    """Do what the lines of stdin say."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    lines = Lines()
    target = target_of(msgspec.json.decode(await lines.next(), type=Scene))
    while line := await lines.next():
        answer(await run(msgspec.json.decode(line, type=Order), target))


if __name__ == "__main__":
    sys.exit(trio.run(main))
