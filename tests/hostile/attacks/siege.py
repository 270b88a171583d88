"""One real broker with its Valkey and its players, honest producers on it, and attackers before it.

All of them are processes of their own; this one only tells them what to do and looks at the result.
"""

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import trio

from producer.client import connect
from producer.refusal import SessionRefusedError
from protocol.identity import uuid7
from protocol.messages import Durability
from protocol.partition import PARTITIONS_DEFAULT
from runtime.clock import SystemClock
from runtime.settings import Settings, to_environ
from runtime.tokens import JWKS_FILE, generate_keys, load_private, mint
from storage.directory import Player
from storage.directory_sqlite import SqliteDirectory
from storage.log_redis import RedisLog
from tests.hostile.attacks import ROOT
from tests.hostile.attacks.attacker import GRACE_S, Order, Outcome, Scene
from tests.hostile.attacks.helper import Helper
from tests.hostile.attacks.honest import PRODUCERS, Report, Start, Work
from tests.hostile.attacks.probes import Count, Use, use_of
from tests.hostile.attacks.table import ATTACKS, Plan
from tests.hostile.attacks.verdict import P99_FLOOR_S, Case, held
from tests.valkey_server import free_port, valkey

HONEST_PLAYERS = tuple(f"honest-{i}" for i in range(PRODUCERS))
HOSTILE_PLAYERS = tuple(f"hostile-{i}" for i in range(8))
NICENESS = 10
"""Of the attackers: what is measured is the broker, not who gets the second core."""
OPEN_FILES = 16_384
MEASUREMENTS = 3
WARM_ACKS = 500
READY_S = 30.0
ANSWER_S = 30.0
NEWCOMER_S = 3.0
"""For an honest newcomer to get in once an attack is over: less than any limit on a peer's time, so
that whoever is gone may not go on to count as a connection until such a limit."""
LET_GO_S = 15.0
"""For the broker to let go of what an attack held: above all its limits on a peer's time."""
LOOK_S = 0.05


class Siege:
    """What a test needs of it all; made by ``siege``."""

    def __init__(
        self,
        broker: "subprocess.Popen[bytes]",
        log_port: int,
        honest: Helper,
        attackers: Helper,
        count: Count,
        url: str,
        token: str,
        p99_floor_s: float,
    ) -> None:
        self.broker = broker
        self._p99_floor_s = p99_floor_s
        self._log_port = log_port
        self._honest = honest
        self._attackers = attackers
        self._count = count
        self._url = url
        self._token = token
        self._calm: list[float] = []

    def use(self) -> Use:
        """Look at the broker's process."""
        return use_of(self.broker.pid, self._log_port)

    def calm(self, acks: int) -> list[str]:
        """Measure without an attack, on top of what is known; return what is wrong."""
        self._honest.tell(Work(acks))
        report = self._honest.hear(Report, ANSWER_S)
        self._calm += report.latencies
        return self._count.faults(report)

    def withstands(self, name: str, plan: Plan, calm_acks: int) -> tuple[Case, list[str]]:
        """Run one attack; return the last measurement of it, and what is wrong.

        Only a wait that was too long is measured again: what others did to the machine does not
        come three times in a row, what an attack does to the broker does.
        """
        for _ in range(MEASUREMENTS):
            faults = self.calm(calm_acks)
            case = self.run(name, plan)
            faults += case.faults()
            if not case.faults_in_time() or len(faults) > len(case.faults_in_time()):
                break
        return case, faults

    def run(self, name: str, plan: Plan) -> Case:
        """Run one attack while the honest producers earn."""
        before = self.use()
        self._honest.tell(Work())
        self._attackers.tell(Order(name, plan.tries, plan.seconds))
        outcome = self._attackers.hear(Outcome, plan.seconds + GRACE_S + ANSWER_S)
        faults = self._newcomer()
        self._honest.tell(Work())
        report = self._honest.hear(Report, ANSWER_S)
        faults += self._count.faults(report)
        after = self._when_let_go(before)
        return Case(
            name,
            ATTACKS[name].proof,
            outcome,
            tuple(self._calm),
            report.latencies,
            before,
            after,
            faults,
            self.broker.poll() is None,
            self._p99_floor_s,
        )

    def _newcomer(self) -> list[str]:
        """Open a session where nobody attacks any more; return what is wrong with that."""
        try:
            trio.run(self._enter)
        except (trio.TooSlowError, SessionRefusedError) as error:
            return [f"an honest newcomer was kept out: {error!r}"]
        return []

    async def _enter(self) -> None:
        with trio.fail_after(NEWCOMER_S):
            async with connect(self._url, self._token) as money:
                await money.earn(HOSTILE_PLAYERS[-1], 1)
                await money.flush()

    def _when_let_go(self, before: Use) -> Use:
        """Wait until the broker holds no more than before, or has had its time."""
        until = time.monotonic() + LET_GO_S
        while True:
            after = self.use()
            if not held(before, after) or time.monotonic() > until:
                return after
            time.sleep(LOOK_S)


@contextmanager
def siege(p99_floor_s: float = P99_FLOOR_S) -> Iterator[Siege]:
    """Start everything, and end it after the block; see ``Case`` for the floor."""
    with tempfile.TemporaryDirectory(prefix="moneyboard-siege-") as name, valkey() as url:
        folder = Path(name)
        generate_keys(folder)
        _register(folder)
        log = RedisLog(url)
        for partition in range(PARTITIONS_DEFAULT):
            log.open_partition(partition)
        producers = tuple(uuid7(0, os.urandom(10)) for _ in range(PRODUCERS))
        port = free_port()
        with (
            _broker(folder, url, port) as broker,
            Helper("tests.hostile.attacks.honest") as honest,
            Helper("tests.hostile.attacks.attacker", NICENESS) as attackers,
        ):
            tokens = _tokens(folder)
            where = f"ws://127.0.0.1:{port}"
            honest.tell(Start(where, producers, tokens, HONEST_PLAYERS))
            attackers.tell(Scene(port, name, producers, HOSTILE_PLAYERS, HONEST_PLAYERS))
            count = Count(log, producers, HONEST_PLAYERS)
            honest.tell(Work(WARM_ACKS))  # the first earnings look for players and open connections
            honest.hear(Report, READY_S)
            yield Siege(
                broker,
                urlsplit(url).port or 0,
                honest,
                attackers,
                count,
                where,
                tokens[0],
                p99_floor_s,
            )
        log.close()


def _register(folder: Path) -> None:
    directory = SqliteDirectory(folder / "directory.sqlite")
    directory.put([Player(player, player) for player in HONEST_PLAYERS + HOSTILE_PLAYERS])
    directory.close()


def _tokens(folder: Path) -> tuple[str, ...]:
    """Sign a token for each honest producer: a game server each."""
    key, now_ms = load_private(folder), SystemClock().now_ms()
    return tuple(mint(key, f"game-{i}", "earn:any", now_ms=now_ms) for i in range(PRODUCERS))


@contextmanager
def _broker(folder: Path, url: str, port: int) -> "Iterator[subprocess.Popen[bytes]]":
    """Run ``moneyboard broker`` for the block."""
    settings = Settings(
        redis_url=url,
        directory_url=f"sqlite:{folder / 'directory.sqlite'}",
        keys_file=str(folder / JWKS_FILE),
        ws_port=port,
        durability=Durability.MEMORY,
    )
    output = folder / "broker.log"
    with output.open("wb") as log:
        found = subprocess.Popen(
            [sys.executable, "-m", "cli.main", "broker"],
            cwd=ROOT,
            env={**os.environ, **to_environ(settings)},
            stdout=log,
            stderr=log,
        )
    try:
        _, hard = resource.prlimit(found.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(found.pid, resource.RLIMIT_NOFILE, (min(OPEN_FILES, hard), hard))
        _until_listening(found, port, output)
        yield found
    finally:
        found.kill()
        found.wait()


def _until_listening(broker: "subprocess.Popen[bytes]", port: int, output: Path) -> None:
    listening, until = f":{port:04X}", time.monotonic() + READY_S
    while True:
        rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        if any(row[1].endswith(listening) and row[3] == "0A" for row in rows):
            return
        assert broker.poll() is None, output.read_text()
        assert time.monotonic() < until, "the broker does not listen"
        time.sleep(LOOK_S)
