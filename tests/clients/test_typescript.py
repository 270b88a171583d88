"""The TypeScript client: its own tests, and against a real broker exactly once."""

import json
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio

from protocol.identity import REFERENCE_MAX
from protocol.messages import SUBPROTOCOL_JSON, SUBPROTOCOL_MSGPACK
from tests.arena import NOW_MS, PLAYERS, Arena, arena, producer_id
from tests.node import install, needs_node, run_node

ROOT = Path(__file__).parents[2]
CLIENT = "clients/typescript"
EARNINGS = 2_000

pytestmark = needs_node


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the client, installed and built, beside the documents that its tests read."""
    copy = tmp_path_factory.mktemp("typescript")
    shutil.copytree(
        ROOT / CLIENT,
        copy / CLIENT,
        ignore=shutil.ignore_patterns("node_modules", "dist", "dist-test"),
    )
    shutil.copytree(ROOT / "docs", copy / "docs")
    install(copy / CLIENT)
    compiled = run_node(copy / CLIENT, "node_modules/typescript/bin/tsc", "-b", "test")
    assert compiled.returncode == 0, compiled.stdout
    return copy / CLIENT


def test_its_own_tests_pass(built: Path) -> None:
    tests = sorted(str(path) for path in (built / "dist-test").glob("*.test.js"))
    assert tests
    done = run_node(built, "--test", "--test-reporter=tap", *tests)
    assert done.returncode == 0, done.stdout
    assert "# fail 0" in done.stdout


def test_what_browsers_load_imports_nothing_but_itself(built: Path) -> None:
    core = {path.stem for path in (built / "dist").glob("*.js")} - {"node", "driver"}
    assert "index" in core
    for name in core:
        text = (built / "dist" / f"{name}.js").read_text()
        imported = [line for line in text.splitlines() if line.startswith(("import ", "export "))]
        targets = [line.rpartition(" from ")[2] for line in imported if " from " in line]
        assert all(target.strip('";') in {f"./{each}.js" for each in core} for target in targets)


class Program:
    """The client's driver in a process of its own."""

    def __init__(self, process: trio.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self.process = process
        self._stdin, self._stdout = process.stdin, process.stdout
        self._read = b""

    async def tell(self, *commands: dict[str, Any]) -> None:
        lines = "".join(f"{json.dumps(command)}\n" for command in commands)
        await self._stdin.send_all(lines.encode())

    async def done(self, command: str, times: int = 1) -> None:
        """Read so many answers, each saying that the command is done."""
        for _ in range(times):
            assert json.loads(await self._line()) == {"done": command}

    async def _line(self) -> bytes:
        with trio.fail_after(20):
            while b"\n" not in self._read:
                part = await self._stdout.receive_some()
                assert part, "the driver has ended"
                self._read += part
        line, _, self._read = self._read.partition(b"\n")
        return line


@asynccontextmanager
async def driver(built: Path, found: Arena, subprotocol: str) -> AsyncIterator[Program]:
    environment = os.environ | {
        "MONEYBOARD_URL": found.url,
        "MONEYBOARD_TOKEN": found.token(),
        "MONEYBOARD_PRODUCER": producer_id(7),
        "MONEYBOARD_SUBPROTOCOL": subprotocol,
    }
    process = await trio.lowlevel.open_process(
        ["node", "dist/driver.js"], stdin=-1, stdout=-1, cwd=built, env=environment
    )
    try:
        yield Program(process)
    finally:
        process.kill()
        with trio.CancelScope(shield=True):
            await process.wait()


def earnings(first: int, last: int) -> list[dict[str, Any]]:
    """Earnings with references as long as may be: a full batch of them fits into no message."""
    return [
        {
            "do": "earn",
            "player": PLAYERS[n % 4],
            "amount": n,
            "reference": f"match-{n} ".ljust(REFERENCE_MAX, "⚔"),
            "earned_at_ms": NOW_MS,
        }
        for n in range(first, last + 1)
    ]


@pytest.mark.parametrize("subprotocol", [SUBPROTOCOL_MSGPACK, SUBPROTOCOL_JSON])
async def test_every_earning_is_in_the_log_once_though_the_broker_restarts(
    built: Path, tmp_path: Path, subprotocol: str
) -> None:
    half = EARNINGS // 2
    async with arena(tmp_path) as first, driver(built, first, subprotocol) as program:
        await program.tell(*earnings(1, half))
        await program.done("earn", half // 2)
        first.shutdown.set()
        with trio.fail_after(10):
            await first.stopped.wait()
        await program.done("earn", half // 2)
        await program.tell(*earnings(half + 1, EARNINGS))
        async with arena(tmp_path, log=first.log, port=first.port):
            await program.done("earn", EARNINGS - half)
            await program.tell({"do": "close"})
            await program.done("close")
            with trio.fail_after(5):
                assert await program.process.wait() == 0
        events = [event for _, _, event in first.events()]
    assert len(events) == EARNINGS
    assert {(event.player, event.amount, event.reference) for event in events} == {
        (earning["player"], earning["amount"], earning["reference"])
        for earning in earnings(1, EARNINGS)
    }
