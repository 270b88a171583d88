"""A broker of several processes that share one port, so that it uses all cores.

The kernel spreads connections over them. They share nothing but the log: what makes two brokers on
two machines safe makes two on one machine safe.
"""

import os
import sys

import msgspec
import trio

from cli.supervisor import Child, Supervisor
from protocol.errors import ConfigurationError
from runtime.settings import PREFIX, Settings, to_environ


def how_many(settings: Settings) -> int:
    """Return the number of processes that the settings ask for."""
    return settings.workers or len(os.sched_getaffinity(0))


async def run_workers(settings: Settings, shutdown: trio.Event) -> None:
    """Keep the broker's processes up until ``shutdown`` is set; then drain all of them.

    Raises:
        ConfigurationError: a setting is wrong, as the processes have said by themselves.
    """
    if settings.ws_port == 0:
        raise ConfigurationError("ws_port: several workers need a port that is not 0")
    alone = msgspec.structs.replace(settings, workers=1, shared_port=True)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    supervisor = Supervisor()
    async with trio.open_nursery() as nursery:
        try:
            for number in range(1, how_many(settings) + 1):
                child = Child(
                    f"broker-{number}",
                    [sys.executable, "-m", "cli.main", "broker"],
                    {**inherited, **to_environ(alone)},
                    None,
                )
                nursery.start_soon(supervisor.keep_up, child)
            await shutdown.wait()
        finally:
            with trio.CancelScope(shield=True):  # bounded by the supervisor's own times
                await supervisor.stop(together=True)
            nursery.cancel_scope.cancel()
