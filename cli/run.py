"""``moneyboard run``: all services on one machine, under one supervisor."""

import os
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from urllib.error import URLError
from urllib.request import urlopen

import msgspec
import trio
from trio_websocket import HandshakeError, open_websocket_url

from cli import valkey
from cli.datadir import DataDir, RunFile, new_password
from cli.supervisor import Child, Supervisor
from protocol.errors import ConfigurationError
from protocol.messages import SUBPROTOCOLS
from runtime.calendar import Calendar
from runtime.logging import configure
from runtime.settings import Settings, to_environ
from runtime.tokens import JWKS_FILE, generate_keys

SERVICES = ("query", "scheduler", "projector", "broker")
"""In the order of their start; they stop the other way round, the broker first."""

READY_PAUSE_S = 0.1
READY_TIMEOUT_S = 60.0
"""For everything to answer: Valkey reads its file first, some 1 GB in 10 s."""

PROBE_S = 2.0

WhenReady = Callable[[RunFile], Awaitable[None]]


def prepare(data: DataDir, settings: Settings) -> RunFile:
    """Make what a run needs in its folder, and stop what a killed one has left. Blocks.

    Raises:
        ConfigurationError: a port is taken, the folder is not writable, a setting is wrong.
    """
    Calendar(settings.season_calendar, settings.season_time_zone)
    generate_keys(data.keys)
    before = data.read_run()
    if before is not None:
        valkey.stop_left_over(valkey.url(before.valkey_port, before.valkey_password))
    valkey.require_free(settings.ws_host, settings.ws_port, "--ws-port")
    valkey.require_free(settings.http_host, settings.http_port, "--http-port")
    port = valkey.usable_port(before.valkey_port if before else None)
    password = before.valkey_password if before else new_password()
    settings = msgspec.structs.replace(
        settings,
        redis_url=valkey.url(port, password),
        archive_url=settings.archive_url or data.archive_url,
        directory_url=settings.directory_url or data.directory_url,
        keys_file=settings.keys_file or str(data.keys / JWKS_FILE),
    )
    run = RunFile(settings, port, password)
    data.write_run(run)
    return run


async def run_all(
    data: DataDir, settings: Settings, when_ready: WhenReady, first: Sequence[Child] = ()
) -> None:
    """Run everything until SIGTERM, SIGINT or until ``when_ready`` returns.

    Args:
        data: the folder, created.
        settings: ports, archive, calendar …; what is embedded is filled in.
        when_ready: called once everything answers.
        first: children that the services need, such as a MongoDB.

    Raises:
        ConfigurationError: nothing was started, or a service refuses its configuration.
    """
    configure("run", settings.log_format)
    with data.locked():
        run = prepare(data, settings)
        supervisor = Supervisor()
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_cancel_at_signal, nursery.cancel_scope)
                for child in (*first, *_children(data, run)):
                    nursery.start_soon(supervisor.keep_up, child)
                    await trio.lowlevel.checkpoint()
                with trio.move_on_after(READY_TIMEOUT_S) as waiting:
                    await _everything_answers(run)
                if waiting.cancelled_caught:
                    raise ConfigurationError(
                        f"not everything answers after {READY_TIMEOUT_S:.0f} s; see {data.logs}"
                    )
                await when_ready(run)
                nursery.cancel_scope.cancel()
        finally:
            with trio.CancelScope(shield=True):  # bounded by the supervisor's own times
                await supervisor.stop()


async def say_ready(run: RunFile) -> None:
    """Print where to look, and wait for ever."""
    settings = run.settings
    print(f"page      http://{settings.http_host}:{settings.http_port}/")  # noqa: T201 - the CLI's output
    print(f"API docs  http://{settings.http_host}:{settings.http_port}/docs")  # noqa: T201 - the CLI's output
    print(f"games     ws://{settings.ws_host}:{settings.ws_port}/")  # noqa: T201 - the CLI's output
    print("ready", flush=True)  # noqa: T201 - the CLI's output
    await trio.sleep_forever()


def _children(data: DataDir, run: RunFile) -> list[Child]:
    environ = {
        **{name: value for name, value in os.environ.items() if not name.startswith("MONEYBOARD_")},
        **to_environ(run.settings),
    }
    command = valkey.command(data.valkey, run.valkey_port, run.valkey_password)
    first = Child("valkey", command, {**os.environ, "LC_ALL": "C"}, data.logs / "valkey.log")
    return [
        first,
        *(
            Child(
                name,
                [sys.executable, "-m", "cli.main", name],
                environ,
                data.logs / f"{name}.log",
            )
            for name in SERVICES
        ),
    ]


async def _cancel_at_signal(scope: trio.CancelScope) -> None:
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for _ in signals:
            scope.cancel()
            return


async def _everything_answers(run: RunFile) -> None:
    """Wait until Valkey, the broker and the query service answer."""
    settings = run.settings
    limiter = trio.CapacityLimiter(1)
    while not await trio.to_thread.run_sync(valkey.is_up, settings.redis_url, limiter=limiter):
        await trio.sleep(READY_PAUSE_S)
    ready_url = f"http://{settings.http_host}:{settings.http_port}/readyz"
    while not await trio.to_thread.run_sync(_answers, ready_url, limiter=limiter):
        await trio.sleep(READY_PAUSE_S)
    while not await _accepts(f"ws://{settings.ws_host}:{settings.ws_port}/"):
        await trio.sleep(READY_PAUSE_S)


def _answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=PROBE_S) as answer:  # noqa: S310 - our own http URL
            return bool(answer.status == 200)  # noqa: PLR2004 - HTTP
    except (URLError, OSError):
        return False


async def _accepts(url: str) -> bool:
    with trio.move_on_after(PROBE_S):
        try:
            async with open_websocket_url(url, subprotocols=list(SUBPROTOCOLS)):
                return True
        except (OSError, HandshakeError):
            return False
    return False
