"""A process that does what lines on its stdin say and answers each with a line: both its ends.

It ends when its stdin does, so that it never outlives the test that started it.
"""

import os
import select
import subprocess
import sys
import time
from types import TracebackType
from typing import Any, Self, TypeVar

import msgspec
import trio

from tests.hostile.attacks import ROOT

T = TypeVar("T")

STDIN, STDOUT = 0, 1
RECEIVE_BYTES = 64 * 1024
END_S = 10.0
"""For a helper to end by itself, once its stdin has."""


class Helper:
    """The starting end.

    Args:
        module: what to run.
        niceness: how far it stands back when cores are scarce.
    """

    def __init__(self, module: str, niceness: int = 0) -> None:
        self._module = module
        command = [sys.executable, "-m", module]
        self._process = subprocess.Popen(
            ["nice", "-n", str(niceness), *command] if niceness else command,
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self._buffer = bytearray()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()

    def tell(self, order: Any) -> None:
        """Send an order."""
        assert self._process.stdin is not None
        self._process.stdin.write(msgspec.json.encode(order) + b"\n")
        self._process.stdin.flush()

    def hear(self, kind: type[T], timeout_s: float) -> T:
        """Wait for the next answer; fails when the helper has ended, or in time says nothing."""
        assert self._process.stdout is not None
        out, until = self._process.stdout.fileno(), time.monotonic() + timeout_s
        while b"\n" not in self._buffer:
            ready, _, _ = select.select([out], [], [], max(0.0, until - time.monotonic()))
            assert ready, f"{self._module} has not answered in {timeout_s} s"
            data = os.read(out, RECEIVE_BYTES)
            assert data, f"{self._module} has ended"
            self._buffer += data
        line, _, rest = bytes(self._buffer).partition(b"\n")
        self._buffer = bytearray(rest)
        return msgspec.json.decode(line, type=kind)


class Lines:
    """The started end: the lines of stdin, read without holding up the other tasks."""

    def __init__(self) -> None:
        self._stream = trio.lowlevel.FdStream(os.dup(STDIN))
        self._buffer = b""

    async def next(self) -> bytes:
        """Return the next line, empty at the end."""
        while b"\n" not in self._buffer:
            data = await self._stream.receive_some(RECEIVE_BYTES)
            if not data:
                return b""
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line


def answer(found: Any) -> None:
    """Answer an order. Whoever gave it is waiting, so this may block."""
    left = msgspec.json.encode(found) + b"\n"
    while left:
        left = left[os.write(STDOUT, left) :]
