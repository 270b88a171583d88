"""``moneyboard run`` as a person starts it: its own process, folder and ports, always ended."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import msgspec
import pytest

from cli.datadir import DataDir
from cli.valkey import stop_left_over, url
from tests.valkey_server import free_port

READY_S = 60
STOP_S = 60
COMMAND_S = 240

MONEYBOARD = [sys.executable, "-m", "cli.main"]


class Store:
    """A data folder and the run on it."""

    def __init__(self, path: Path) -> None:
        self.data = DataDir(path)
        self.ws_port, self.http_port = free_port(), free_port()
        self.run: subprocess.Popen[str] | None = None

    @property
    def run_arguments(self) -> list[str]:
        ports = ["--ws-port", str(self.ws_port), "--http-port", str(self.http_port)]
        return ["run", "--data", str(self.data.path), "--season", "never", *ports]

    def start(self, *more: str) -> None:
        """Start, and wait for ``ready``."""
        log = (self.data.path.parent / "run.err").open("a")
        self.run = subprocess.Popen(
            [*MONEYBOARD, *self.run_arguments, *more],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,
        )
        log.close()
        assert self.run.stdout is not None
        for line in self.run.stdout:
            if line.strip() == "ready":
                return
        pytest.fail(f"run ended: {(self.data.path.parent / 'run.err').read_text()[-2000:]}")

    def stop(self) -> int:
        """Stop as Ctrl-C does; return the exit code."""
        assert self.run is not None
        self.run.send_signal(signal.SIGINT)
        code = self.run.wait(STOP_S)
        self._forget()
        return code

    def kill(self) -> None:
        """End the supervisor at once; its children end with it."""
        if self.run is None:
            return
        self.run.kill()
        self.run.wait(STOP_S)
        self._forget()

    def _forget(self) -> None:
        assert self.run is not None
        assert self.run.stdout is not None
        self.run.stdout.close()
        self.run = None

    def end(self) -> None:
        """Leave nothing behind, whatever the test did."""
        self.kill()
        found = self.data.read_run()
        if found is not None:
            stop_left_over(url(found.valkey_port, found.valkey_password))

    def children(self) -> dict[str, int]:
        """The process id of each service that is up."""
        assert self.run is not None
        found = {}
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                parent = int(stat.read_text().rsplit(")", 1)[1].split()[1])
                words = (stat.parent / "cmdline").read_text().rstrip("\0").split("\0")
            except (OSError, IndexError):
                continue  # ended meanwhile
            if parent == self.run.pid:
                name = "valkey" if "valkey" in words[0] else words[-1]
                found[name] = int(stat.parent.name)
        return found

    def kill_service(self, name: str) -> bool:
        """End one service at once; False when it was not up."""
        pid = self.children().get(name)
        if pid is None:
            return False
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return False
        return True

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a moneyboard command on this folder."""
        name, *rest = words
        where = ["--data", str(self.data.path)]
        at = 2 if name == "season" else 1
        return subprocess.run(
            [*MONEYBOARD, *words[:at], *where, *rest[at - 1 :]],
            capture_output=True,
            text=True,
            timeout=COMMAND_S,
            check=False,
        )

    def get(self, path: str) -> Any:
        with urlopen(f"http://127.0.0.1:{self.http_port}{path}", timeout=30) as answer:
            return msgspec.json.decode(answer.read())

    def differences(self) -> int:
        """Run verify; return how many differences it printed, after checking its exit code."""
        found = self.command("verify")
        many = re.search(r"([\d,]+) differences", found.stdout)
        assert many, found.stdout + found.stderr
        count = int(many[1].replace(",", ""))
        assert found.returncode == (1 if count else 0)
        return count


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    found = Store(tmp_path / "data")
    yield found
    found.end()
