"""Broker processes on a real Valkey, honest producers, and what the log says of them."""

import os
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import redis
import trio

from producer.client import MoneyClient, connect
from protocol.events import MoneyEarned, decode_body
from protocol.messages import Durability
from runtime.clock import SystemClock
from runtime.tokens import JWKS_FILE, generate_keys, load_private, mint
from storage.directory import Player
from storage.directory_sqlite import SqliteDirectory
from storage.log_redis import RedisLog
from tests.arena import producer_id
from tests.valkey_server import free_port, valkey

PARTITIONS = 4
PLAYERS = [f"player-{number}" for number in range(50)]
READY_S = 30
STOP_S = 30


class Field:
    """A Valkey with open partitions, registered players, keys, and a port for brokers."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.port = free_port()
        self.log = RedisLog(url, durability=Durability.MEMORY)
        self.environ = {
            "MONEYBOARD_REDIS_URL": url,
            "MONEYBOARD_ARCHIVE_URL": f"sqlite:{folder / 'directory.db'}",
            "MONEYBOARD_KEYS_FILE": str(folder / JWKS_FILE),
            "MONEYBOARD_WS_PORT": str(self.port),
            "MONEYBOARD_DURABILITY": "memory",
            "MONEYBOARD_SHARED_PORT": "true",
        }
        self._url = url
        self._started: list[subprocess.Popen[bytes]] = []

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    def token(self, subject: str, scope: str = "earn:any") -> str:
        key = load_private(self.folder)
        return mint(key, subject, scope, now_ms=SystemClock().now_ms())

    def valkey_pid(self) -> int:
        client = redis.Redis.from_url(self._url)
        try:
            return int(client.info("server")["process_id"])
        finally:
            client.close()

    def broker(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start a broker process, ended at the latest with the field."""
        with (self.folder / "broker.err").open("ab") as errors:
            process = subprocess.Popen(
                [sys.executable, "-m", "cli.main", "broker", *arguments],
                env={**os.environ, **self.environ},
                stdin=subprocess.DEVNULL,
                stdout=errors,
                stderr=errors,
                start_new_session=True,
            )
        self._started.append(process)
        return process

    async def listening(self, pid: int) -> None:
        """Wait until a process listens on the port."""
        with trio.fail_after(READY_S):
            while not listens(pid, self.port):
                await trio.sleep(0.02)

    def money(self) -> Counter[str]:
        """Every player's money, counted from the log; fails where a lane is not 1, 2, 3 …"""
        found: Counter[str] = Counter()
        lanes: Counter[tuple[int, str]] = Counter()
        for partition in range(PARTITIONS):
            after = 0
            while entries := self.log.read(partition, after, count=1_000):
                for entry in entries:
                    for piece in decode_body(entry.body):
                        assert piece.first == lanes[partition, piece.producer] + 1
                        lanes[partition, piece.producer] = piece.last
                        for event in piece.events:
                            assert isinstance(event, MoneyEarned), event
                            found[event.player] += event.amount
                after = entries[-1].n
        return found

    def end(self) -> None:
        for process in self._started:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(STOP_S)
                except subprocess.TimeoutExpired:
                    process.kill()
            process.wait()
        self.log.close()


@contextmanager
def field(folder: Path) -> Iterator[Field]:
    """Hold a field for the block."""
    generate_keys(folder)
    directory = SqliteDirectory(folder / "directory.db")
    directory.put([Player(name, name) for name in PLAYERS])
    directory.close()
    with valkey() as url:
        found = Field(folder, url)
        try:
            for partition in range(PARTITIONS):
                found.log.open_partition(partition)
            yield found
        finally:
            found.end()


class Producers:
    """Honest producers that earn until told to stop; they must see no error."""

    def __init__(self) -> None:
        self.clients: list[MoneyClient] = []
        self.earned: Counter[str] = Counter()
        self.stop = trio.Event()
        self.left = 0

    @property
    def taken(self) -> int:
        return self.earned.total()

    async def more(self, count: int, within_s: float = 30) -> None:
        """Wait until so many more events are acked."""
        goal = self.acked + count
        with trio.fail_after(within_s):
            while self.acked < goal:
                await trio.sleep(0.01)

    @property
    def acked(self) -> int:
        return sum(client.taken - client.unacked for client in self.clients)

    async def earn(self, found: Field, number: int) -> None:
        async with connect(
            found.url, found.token(f"game-{number}"), producer=producer_id(number)
        ) as money:
            self.clients.append(money)
            while not self.stop.is_set():
                player = PLAYERS[(number * 7 + money.taken) % len(PLAYERS)]
                self.earned[player] += 1
                await money.earn(player, 1)
                if money.taken % 20 == 0:
                    await money.flush()
            await money.flush()
        self.left += 1


@asynccontextmanager
async def producers(found: Field, count: int) -> AsyncIterator[Producers]:
    """Let producers earn during the block; at its end all is flushed and counted."""
    crowd = Producers()
    async with trio.open_nursery() as nursery:
        for number in range(1, count + 1):
            nursery.start_soon(crowd.earn, found, number)
        yield crowd
        crowd.stop.set()
        with trio.fail_after(60):
            while crowd.left < count:
                await trio.sleep(0.01)
    assert crowd.taken > 0
    assert all(client.refused == 0 for client in crowd.clients)
    assert found.money() == crowd.earned


def listens(pid: int, port: int) -> bool:
    """Tell whether a process holds a listening socket on the port (Linux's /proc)."""
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    rows = [line.split() for line in lines]
    inodes = {row[9] for row in rows if row[3] == "0A" and int(row[1].split(":")[1], 16) == port}
    return bool(inodes & sockets_of(pid))


def sockets_of(pid: int) -> set[str]:
    """The inodes of a process's sockets."""
    found = set()
    try:
        for file in Path(f"/proc/{pid}/fd").iterdir():
            try:
                match = re.fullmatch(r"socket:\[(\d+)\]", file.readlink().as_posix())
            except OSError:
                continue
            if match:
                found.add(match[1])
    except FileNotFoundError:
        return set()
    return found


def children_of(pid: int) -> list[int]:
    """The processes that a process has started and that live."""
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        return [int(child) for task in tasks for child in (task / "children").read_text().split()]
    except FileNotFoundError:
        return []


def resident_bytes(pid: int) -> int:
    """The memory that a process holds."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")
