"""Broker processes that come, go, die and stall under load: nothing lost, nothing doubled."""

import os
import signal
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
import trio

from protocol.limits import DEFAULT_LIMITS
from protocol.messages import Ack
from tests.arena import producer_id
from tests.benchmarks.wire import Publisher, Wire
from tests.system.brokers import (
    PARTITIONS,
    PLAYERS,
    STOP_S,
    Field,
    children_of,
    field,
    listens,
    producers,
    resident_bytes,
    sockets_of,
)

PRODUCERS = 20
MIB = 1024 * 1024


@pytest.fixture
def found(tmp_path: Path) -> Iterator[Field]:
    with field(tmp_path) as one:
        yield one


class TestDrain:
    """SIGTERM ends a broker without any producer losing, doubling or seeing an error."""

    async def test_a_rolling_restart_of_two_brokers(self, found: Field) -> None:
        running = [found.broker(), found.broker()]
        for process in running:
            await found.listening(process.pid)
        async with producers(found, PRODUCERS) as crowd:
            await crowd.more(500)
            for old in running:
                new = found.broker()
                await found.listening(new.pid)
                old.send_signal(signal.SIGTERM)
                await gone_of(old)
                assert old.returncode == 0
                await crowd.more(500)
            assert max(client.sessions for client in crowd.clients) > 1


class TestWorkers:
    """One command, several processes on one port."""

    async def test_they_share_the_load_and_survive_a_kill(self, found: Field) -> None:
        parent = found.broker("--workers", "3")
        with trio.fail_after(30):
            while True:
                workers = children_of(parent.pid)
                if len(workers) == 3 and all(listens(pid, found.port) for pid in workers):
                    break
                await trio.sleep(0.05)
        async with producers(found, PRODUCERS) as crowd:
            await crowd.more(500)
            assert sum(connected(pid, found.port) > 0 for pid in workers) >= 2
            os.kill(workers[0], signal.SIGKILL)
            await crowd.more(500)
            with trio.fail_after(30):
                while True:
                    now = children_of(parent.pid)
                    if len(now) == 3 and all(listens(pid, found.port) for pid in now):
                        break
                    await trio.sleep(0.05)
            assert set(workers[1:]) < set(now)
            await crowd.more(500)
        parent.send_signal(signal.SIGTERM)
        await gone_of(parent)
        assert parent.returncode == 0
        assert not any(sockets_of(pid) for pid in now)


class TestOverload:
    """A log that stands still stalls the producers; it does not fill the broker."""

    PEERS, FRAMES, EVENTS = 30, 90, 100

    async def test_valkey_stopped_and_continued(self, found: Field) -> None:
        assert DEFAULT_LIMITS.window_events >= self.FRAMES * self.EVENTS
        queued = PARTITIONS * DEFAULT_LIMITS.partition_queue
        assert self.PEERS * (self.FRAMES - DEFAULT_LIMITS.message_queue) > 2 * queued
        broker = found.broker()
        await found.listening(broker.pid)
        valkey = found.valkey_pid()
        async with AsyncExitStack() as stack:
            peers = [await stack.enter_async_context(peer(found, n)) for n in range(self.PEERS)]
            before = resident_bytes(broker.pid)
            os.kill(valkey, signal.SIGSTOP)
            try:
                async with trio.open_nursery() as nursery:
                    for number, wire in enumerate(peers):
                        nursery.start_soon(self.publish, wire, number)
                await settled(lambda: unread_bytes(found.port))
                assert broker.poll() is None
                assert unread_bytes(found.port) > MIB, "the broker has read all"
                assert resident_bytes(broker.pid) - before < 48 * MIB
            finally:
                os.kill(valkey, signal.SIGCONT)
            with trio.fail_after(30):
                async with trio.open_nursery() as nursery:
                    for wire in peers:
                        nursery.start_soon(acked, wire, self.FRAMES * self.EVENTS)
            assert unread_bytes(found.port) == 0
        assert found.money().total() == self.PEERS * self.FRAMES * sum(range(1, self.EVENTS + 1))

    async def test_producers_wait_and_go_on(self, found: Field) -> None:
        broker = found.broker()
        await found.listening(broker.pid)
        valkey = found.valkey_pid()
        async with producers(found, PRODUCERS) as crowd:
            await crowd.more(1_000)
            os.kill(valkey, signal.SIGSTOP)
            try:
                await settled(lambda: crowd.acked)
                assert broker.poll() is None
            finally:
                os.kill(valkey, signal.SIGCONT)
            await crowd.more(1_000)

    async def publish(self, wire: Wire, number: int) -> None:
        publisher = Publisher(PLAYERS, number % PARTITIONS, self.EVENTS, 0)
        for _ in range(self.FRAMES):
            await wire.send(publisher.take())


@asynccontextmanager
async def peer(found: Field, number: int) -> AsyncIterator[Wire]:
    """An open session on a raw connection."""
    stream = await trio.open_tcp_stream("127.0.0.1", found.port)
    try:
        wire = Wire(stream)
        await wire.open(found.token(f"game-{number}"), producer_id(number))
        yield wire
    finally:
        with trio.CancelScope(shield=True):
            await trio.aclose_forcefully(stream)


async def acked(wire: Wire, through: int) -> None:
    """Read until a lane is acked."""
    while True:
        for message in await wire.receive():
            assert isinstance(message, Ack), message
            if message.through == through:
                return


async def settled(figure: Callable[[], int]) -> None:
    """Wait until a figure stays as it is for half a second."""
    with trio.fail_after(60):
        before = None
        while before != figure():
            before = figure()
            await trio.sleep(0.5)


async def gone_of(process: subprocess.Popen[bytes]) -> None:
    with trio.fail_after(STOP_S):
        while process.poll() is None:
            await trio.sleep(0.02)


def connected(pid: int, port: int) -> int:
    """How many established connections a process has on the port."""
    return len({row[9] for row in connections(port)} & sockets_of(pid))


def unread_bytes(port: int) -> int:
    """What the kernel holds for those who listen on the port and do not read it."""
    return sum(int(row[4].split(":")[1], 16) for row in connections(port))


def connections(port: int) -> list[list[str]]:
    """The established connections of a listening port, as the kernel tells them."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return [row for row in rows if row[3] == "01" and int(row[1].split(":")[1], 16) == port]
