"""The honest load: 50 producers in a process of their own, each earning at its own regular pace.

Run with a ``Start`` on the first line of stdin; each further line is a ``Work``, answered with a
``Report`` on stdout when all that was taken is acked. Ends when stdin does.

Law: a latency counts from the moment at which an earning was due, so that a broker which stands
still is not measured less often.
"""

import sys
from contextlib import AsyncExitStack

import msgspec
import trio
from msgspec import Struct

from producer.client import MoneyClient, connect
from protocol.events import MoneyEarned
from tests.hostile.attacks.helper import Lines, answer

PRODUCERS = 50
PERIOD_S = 0.1
"""Between two earnings of a producer: 500 a second of all, a twentieth of what the broker takes."""


class Start(Struct, frozen=True):
    """Where to earn: for producer i, its id and token, and the players that all of them share."""

    url: str
    producers: tuple[str, ...]
    tokens: tuple[str, ...]
    players: tuple[str, ...]


class Work(Struct, frozen=True):
    """Earn until so many more earnings are acked; with 0 until the next line comes."""

    acks: int = 0


class Report(Struct, frozen=True):
    """What happened since the last report.

    Attributes:
        latencies: seconds from due to acked, of each earning.
        taken: of each producer, since the start; all of it is acked.
        sessions: of each producer, since the start: 1 where it was never disconnected.
        refused: earnings that the broker told were void.
    """

    latencies: tuple[float, ...]
    taken: tuple[int, ...]
    sessions: tuple[int, ...]
    refused: int


def earning(players: tuple[str, ...], producer: int, number: int) -> MoneyEarned:
    """Return a producer's earning by its number from 0: no two have the same reference."""
    player = players[(producer + number) % len(players)]
    return MoneyEarned(player, 1 + number % 97, 0, f"{producer}:{number}")


class Load:
    """All producers, who earn while the gate is open."""

    def __init__(self, start: Start, clients: list[MoneyClient]) -> None:
        self._start = start
        self._clients = clients
        self._gate = trio.Event()
        self._busy = 0
        self._latencies: list[float] = []

    async def earn(self, producer: int) -> None:
        """Earn for one producer until cancelled."""
        client = self._clients[producer]
        phase = PERIOD_S * producer / len(self._clients)
        gate = None
        due = 0.0
        while True:
            if gate is not self._gate:
                gate = self._gate
                await gate.wait()
                due = trio.current_time() + phase
            await trio.sleep_until(due)
            if gate is not self._gate:  # closed meanwhile
                continue
            self._busy += 1
            found = earning(self._start.players, producer, client.taken)
            await client.publish_many([found])
            await client.flush()
            self._latencies.append(trio.current_time() - due)
            self._busy -= 1
            due += PERIOD_S

    async def work(self, acks: int, lines: Lines) -> Report:
        """Open the gate, close it again, wait until all is acked and report."""
        self._latencies = []
        self._gate.set()
        if acks:
            while len(self._latencies) < acks:
                await trio.sleep(PERIOD_S / 10)
        else:
            await lines.next()
        self._gate = trio.Event()
        while self._busy:
            await trio.sleep(PERIOD_S / 10)
        return self._report()

    def _report(self) -> Report:
        return Report(
            tuple(self._latencies),
            tuple(client.taken for client in self._clients),
            tuple(client.sessions for client in self._clients),
            sum(client.refused for client in self._clients),
        )


async def main() -> None:
    """Hold all producers and do what the lines of stdin say."""
    lines = Lines()
    start = msgspec.json.decode(await lines.next(), type=Start)
    async with AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(connect(start.url, token, producer=producer))
            for producer, token in zip(start.producers, start.tokens, strict=True)
        ]
        load = Load(start, clients)
        async with trio.open_nursery() as nursery:
            for producer in range(len(clients)):
                nursery.start_soon(load.earn, producer)
            while line := await lines.next():
                answer(await load.work(msgspec.json.decode(line, type=Work).acks, lines))
            nursery.cancel_scope.cancel()


if __name__ == "__main__":
    sys.exit(trio.run(main))
