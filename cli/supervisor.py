"""The process supervisor: each service its own process, started again when it dies.

Laws:

- A child never outlives its supervisor: on Linux the kernel ends it with the supervisor
  (PR_SET_PDEATHSIG), which is why children are spawned from the main thread.
- A child that dies is started again after a pause; one that says that its configuration is wrong
  (exit code 2) ends the run.
- Children stop in the reverse of the order in which they were added, each before the next.
"""

import ctypes
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import nullcontext
from functools import partial
from pathlib import Path

import trio
from msgspec import Struct

from protocol.errors import ConfigurationError
from runtime.logging import logger
from runtime.settings import WORKERS_MAX

WRONG_CONFIGURATION = 2
"""Exit code of a service that cannot run as it was configured."""

RESTART_FIRST_S = 0.1
RESTART_LAST_S = 1.0
"""Pauses before a child is started again: doubled, first to last, while it keeps dying."""

STEADY_S = 10.0
"""A child that lived so long is healthy: the next restart is quick again."""

STOP_S = 15.0
"""For a child to stop by itself after SIGTERM: longer than the broker's drain."""

CHILDREN_MAX = WORKERS_MAX

PR_SET_PDEATHSIG = 1


class Child(Struct, frozen=True):
    """A service to keep up.

    Attributes:
        name: in logs; its output goes to ``log_file``.
        command, environ: how to start it.
        log_file: appended to; None leaves the output to the supervisor's own.
    """

    name: str
    command: list[str]
    environ: Mapping[str, str]
    log_file: Path | None


class Supervisor:
    """Keeps children up until cancelled; then stops them in order."""

    def __init__(self) -> None:
        self._log = logger(part="supervisor")
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._order: list[str] = []
        self._stopping = False
        self._limiter = trio.CapacityLimiter(2 * CHILDREN_MAX)  # a thread waits for each child

    async def keep_up(self, child: Child) -> None:
        """Run a child for ever.

        Raises:
            ConfigurationError: the child says that it cannot run as it was configured.
        """
        if child.name not in self._order:
            self._order.append(child.name)
        pause = RESTART_FIRST_S
        while True:
            began = trio.current_time()
            process = self._spawn(child)
            code = await trio.to_thread.run_sync(
                process.wait, abandon_on_cancel=True, limiter=self._limiter
            )
            if self._stopping:
                return
            del self._running[child.name]
            if code == WRONG_CONFIGURATION:
                told = "" if child.log_file is None else last_line(child.log_file)
                raise ConfigurationError(told or f"{child.name} cannot run as configured")
            if trio.current_time() - began > STEADY_S:
                pause = RESTART_FIRST_S
            self._log.warning("died", service=child.name, code=code, again_in_s=pause)
            await trio.sleep(pause)
            pause = min(2 * pause, RESTART_LAST_S)

    async def stop(self, *, together: bool = False) -> None:
        """Stop all children, the last added first; by force where one takes too long.

        Args:
            together: tell all before waiting for any.
        """
        self._stopping = True
        running = [self._running[name] for name in reversed(self._order) if name in self._running]
        if together:
            for process in running:
                process.send_signal(signal.SIGTERM)
        for process in running:
            if not together:  # a second signal would end a drain
                process.send_signal(signal.SIGTERM)
            with trio.move_on_after(STOP_S) as waiting:
                await trio.to_thread.run_sync(
                    process.wait, abandon_on_cancel=True, limiter=self._limiter
                )
            if waiting.cancelled_caught:
                self._log.warning("killed", pid=process.pid)
                process.kill()
                process.wait()

    def _spawn(self, child: Child) -> subprocess.Popen[bytes]:
        """Start a child; blocks for the milliseconds that this takes, on the main thread."""
        opened = nullcontext() if child.log_file is None else child.log_file.open("ab")
        with opened as output:
            process = subprocess.Popen(  # noqa: S603 - our own services
                child.command,
                env=dict(child.environ),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=partial(_die_with_parent, _libc()),  # noqa: PLW1509 - one syscall
            )
        self._running[child.name] = process
        return process


def last_line(file: Path) -> str:
    """Return the last line of a service's log, for the terminal."""
    lines = file.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else ""


def _libc() -> ctypes.CDLL | None:
    return ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def _die_with_parent(libc: ctypes.CDLL | None) -> None:
    if libc is not None:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
