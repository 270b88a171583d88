"""``just bench broker``: the whole broker against the bare loop, alternating, in one run.

The server under test has core 0 for itself; the load and the log server share the other. Ratios are
of events a second of the server's own CPU time as well as of the clock, as the machine is shared.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import trio
from msgspec import Struct
from rich.console import Console
from rich.table import Table

from protocol.identity import uuid7
from protocol.messages import Durability
from runtime.clock import SystemClock
from runtime.tokens import JWKS_FILE, generate_keys, load_private, mint
from storage.directory import Player
from storage.directory_sqlite import SqliteDirectory
from storage.log_redis import RedisLog
from tests.benchmarks.wire import PARTITIONS, Measured, Publisher, Wire, load
from tests.valkey_server import free_port, valkey

ROOT = Path(__file__).parents[2]
SERVER_CORE, LOAD_CORE = 0, 1
PLAYERS = [f"player-{i}" for i in range(2_000)]
CONNECTIONS = 8
OUTSTANDING_EVENTS = 4_000
"""Events of a connection sent and not yet acked: within a broker's window."""
IDLE_CONNECTIONS = 1_000
CROWD = 1_000
CASES = (
    (CONNECTIONS, 1),
    (CONNECTIONS, 20),
    (CONNECTIONS, 100),
    (CONNECTIONS, 500),
    (CROWD, 1),
)
"""Connections and events a message."""

WIDTH = 110
TICKS = os.sysconf("SC_CLK_TCK")


class Server(Struct, frozen=True):
    """A server under test: its process, and the address and tokens for it."""

    name: str
    pid: int
    port: int

    def cpu_seconds(self) -> float:
        """Return the CPU time used so far, user and system."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def resident_bytes(self) -> int:
        """Return the resident memory."""
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * os.sysconf(
            "SC_PAGESIZE"
        )


class Figure(Struct, frozen=True):
    """One measurement of one server."""

    events_s: float
    events_cpu_s: float
    latencies: list[float]


@contextmanager
def process(
    name: str, arguments: list[str], environ: dict[str, str], port: int
) -> Iterator[Server]:
    """Run a server on its own core until the block ends."""
    with tempfile.TemporaryFile() as errors:
        found = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            cwd=ROOT,
            env={**os.environ, **environ},
            stdout=errors,
            stderr=errors,
            preexec_fn=partial(os.sched_setaffinity, 0, {SERVER_CORE}),  # noqa: PLW1509 - no threads here
        )
        try:
            trio.run(_listening, port)
            yield Server(name, found.pid, port)
            assert found.poll() is None, f"{name} has ended"
        finally:
            found.kill()
            found.wait()


async def _listening(port: int) -> None:
    with trio.fail_after(20):
        while True:
            try:
                stream = await trio.open_tcp_stream("127.0.0.1", port)
            except OSError:
                await trio.sleep(0.05)
            else:
                await stream.aclose()
                return


class Bench:
    """The two servers and the tokens for the broker."""

    def __init__(self, folder: Path, bare: Server, broker: Server) -> None:
        self.servers = (bare, broker)
        self._key = load_private(folder)

    def tokens(self, count: int) -> list[str]:
        """Sign a token for each connection: a game server each, so that no rate is shared."""
        now_ms = SystemClock().now_ms()
        return [mint(self._key, f"game-{i}", "earn:any", now_ms=now_ms) for i in range(count)]

    def run(
        self,
        server: Server,
        connections: int,
        events: int,
        seconds: float,
        rate: float | None = None,
    ) -> Figure:
        """Load a server and measure."""
        now_ms = SystemClock().now_ms()
        publishers = [
            Publisher(PLAYERS, k % PARTITIONS, events, now_ms) for k in range(connections)
        ]
        outstanding = 1 if connections == CROWD else max(2, OUTSTANDING_EVENTS // events)
        cpu = server.cpu_seconds()
        measured: Measured = trio.run(
            partial(
                load,
                server.port,
                self.tokens(connections),
                publishers,
                seconds=seconds,
                outstanding=outstanding,
                rate=rate,
            )
        )
        used = server.cpu_seconds() - cpu
        return Figure(
            measured.events / measured.seconds, measured.events / used, measured.latencies
        )


@contextmanager
def bench(durability: Durability) -> Iterator[Bench]:
    """Start Valkey, the bare loop and the broker."""
    with tempfile.TemporaryDirectory(prefix="moneyboard-bench-") as name:
        folder = Path(name)
        generate_keys(folder)
        fsync = "always" if durability is Durability.FSYNCED else "everysec"
        directory = SqliteDirectory(folder / "directory.db")
        directory.put([Player(player, player) for player in PLAYERS])
        directory.close()
        with valkey("--appendonly", "yes", "--appendfsync", fsync) as url:
            log = RedisLog(url, durability=durability)
            for partition in range(PARTITIONS):
                log.open_partition(partition)
            log.close()
            bare_port, port = free_port(), free_port()
            environ = {
                "MONEYBOARD_REDIS_URL": url,
                "MONEYBOARD_ARCHIVE_URL": f"sqlite:{folder / 'directory.db'}",
                "MONEYBOARD_KEYS_FILE": str(folder / JWKS_FILE),
                "MONEYBOARD_WS_PORT": str(port),
                "MONEYBOARD_DURABILITY": durability.value,
            }
            with (
                process("bare", ["tests.benchmarks.bare", str(bare_port)], {}, bare_port) as bare,
                process("broker", ["cli.main", "broker"], environ, port) as broker,
            ):
                yield Bench(folder, bare, broker)


def percentile(values: list[float], share: float) -> float:
    """Return the value that a share of all values does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def compare(found: Bench, connections: int, events: int, seconds: float, rounds: int) -> list[str]:
    """Measure both servers in turns; return a row of the table."""
    figures: dict[str, list[Figure]] = {"bare": [], "broker": []}
    for _ in range(rounds):
        for server in found.servers:
            figures[server.name].append(found.run(server, connections, events, seconds))
    ratios = [a.events_s / b.events_s for a, b in zip(*reversed(figures.values()), strict=True)]
    cpu_ratios = [
        a.events_cpu_s / b.events_cpu_s for a, b in zip(*reversed(figures.values()), strict=True)
    ]
    whole = statistics.median(figure.events_s for figure in figures["broker"])
    calm = found.run(
        found.servers[1], connections, events, seconds, whole / events / connections / 2
    )
    return [
        f"{connections:,}",
        str(events),
        f"{statistics.median(figure.events_s for figure in figures['bare']):,.0f}",
        f"{whole:,.0f}",
        f"{statistics.median(figure.events_cpu_s for figure in figures['broker']):,.0f}",
        f"{statistics.median(ratios):.2f}",
        f"{statistics.median(cpu_ratios):.2f}",
        *(f"{1000 * percentile(calm.latencies, share):.1f}" for share in (0.5, 0.99, 0.999)),
    ]


async def _idle(server: Server, tokens: list[str]) -> float:
    """Open sessions that do nothing; return the bytes of memory that each costs the server."""
    streams = []
    before = server.resident_bytes()
    try:
        for token in tokens:
            stream = await trio.open_tcp_stream("127.0.0.1", server.port)
            streams.append(stream)
            await Wire(stream).open(token, uuid7(0, os.urandom(10)))
        return (server.resident_bytes() - before) / len(tokens)
    finally:
        with trio.CancelScope(shield=True):
            for stream in streams:
                await trio.aclose_forcefully(stream)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0, help="a measurement (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="of each pair (%(default)s)")
    parser.add_argument("--durability", type=Durability, default=Durability.MEMORY)
    parser.add_argument("--case", type=int, help="only this row of the table, from 0")
    arguments = parser.parse_args()
    os.sched_setaffinity(0, {LOAD_CORE})
    table = Table(
        *("connections", "a message", "bare/s", "broker/s", "per CPU s", "ratio", "CPU ratio"),
        *("p50 ms", "p99 ms", "p99.9 ms"),
        title=f"broker, durability {arguments.durability.value}",
    )
    for column in table.columns:
        column.justify = "right"
    with bench(arguments.durability) as found:
        per_idle = trio.run(_idle, found.servers[1], found.tokens(IDLE_CONNECTIONS))
        cases = CASES if arguments.case is None else CASES[arguments.case :][:1]
        for connections, events in cases:
            table.add_row(*compare(found, connections, events, arguments.seconds, arguments.rounds))
    console = Console(width=WIDTH)
    console.print(table)
    console.print(f"an idle connection: {per_idle / 1024:.1f} KiB of the broker's memory")
    console.print("events/s; ratio: broker to bare, median of alternating pairs")
    console.print("latencies: from a message's send to its ack, at half of the broker's rate")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
