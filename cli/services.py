"""The composition root: builds each service's adapters from the settings and runs it."""

import signal
from collections.abc import Awaitable, Callable
from functools import partial

import trio

from cli.workers import how_many, run_workers
from producer.broker import Broker
from projector.service import run_projector
from query.service import run_query
from runtime import garbage
from runtime.calendar import Calendar
from runtime.clock import SystemClock
from runtime.logging import configure, logger
from runtime.settings import Settings
from runtime.tokens import verifier_of
from scheduler.service import run_scheduler
from storage.archive import Archive
from storage.connect import open_directory, open_documents
from storage.directory import Directory
from storage.log import LogUnavailableError
from storage.log_redis import RedisLog
from storage.readmodels_redis import RedisReadModels

START_PAUSE_S = 0.25
"""Between tries to reach Redis at a service's start."""


def run_service(name: str, settings: Settings) -> None:
    """Run one service until SIGTERM or SIGINT.

    Args:
        name: broker, projector, scheduler or query.
        settings: all services'.

    Raises:
        ConfigurationError: a setting is wrong; may be inside an exception group.
    """
    if name == "query":
        run_query(settings)
        return
    configure(name, settings.log_format)
    services: dict[str, Callable[[Settings, trio.Event], Awaitable[None]]] = {
        "broker": _broker,
        "projector": _projector,
        "scheduler": _scheduler,
    }
    garbage.calm()
    trio.run(_until_signal, partial(services[name], settings))


async def _until_signal(service: Callable[[trio.Event], Awaitable[None]]) -> None:
    """Run a service until a signal, which it is told of, or a second one, which ends it."""
    shutdown = trio.Event()
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async with trio.open_nursery() as nursery:

            async def watch() -> None:
                async for _ in signals:
                    if shutdown.is_set():
                        nursery.cancel_scope.cancel()
                    shutdown.set()

            nursery.start_soon(watch)
            await service(shutdown)
            nursery.cancel_scope.cancel()
    logger().info("stopped")


async def _cancelled_by(shutdown: trio.Event, service: Callable[[], Awaitable[None]]) -> None:
    """Run a service that has nothing to drain; cancel it at shutdown."""
    async with trio.open_nursery() as nursery:

        async def watch() -> None:
            await shutdown.wait()
            nursery.cancel_scope.cancel()

        nursery.start_soon(watch)
        await service()


async def _broker(settings: Settings, shutdown: trio.Event) -> None:
    if how_many(settings) > 1:
        await run_workers(settings, shutdown)
        return
    log = await _log(settings)
    broker = Broker(
        log,
        _directory(settings),
        verifier_of(settings),
        SystemClock(),
        partitions=settings.partitions,
        durability=settings.durability,
    )
    await broker.run(
        settings.ws_host, settings.ws_port, shutdown=shutdown, shared=settings.shared_port
    )


async def _projector(settings: Settings, shutdown: trio.Event) -> None:
    log, archive = await _log(settings), _archive(settings)
    models = RedisReadModels(settings.redis_url)
    partitions = range(settings.partitions)
    await _cancelled_by(
        shutdown, partial(run_projector, log, models, archive, partitions=partitions)
    )


async def _scheduler(settings: Settings, shutdown: trio.Event) -> None:
    log, archive = await _log(settings), _archive(settings)
    models = RedisReadModels(settings.redis_url)
    calendar = Calendar(settings.season_calendar, settings.season_time_zone)
    await _cancelled_by(
        shutdown,
        partial(run_scheduler, settings, log, models, archive, SystemClock(), calendar=calendar),
    )


async def _log(settings: Settings) -> RedisLog:
    """Open the log, waiting until its server answers."""
    while True:
        try:
            return RedisLog(
                settings.redis_url, durability=settings.durability, replicas=settings.replicas
            )
        except LogUnavailableError as error:
            logger().warning("waiting-for-redis", error=str(error))
            await trio.sleep(START_PAUSE_S)


def _archive(settings: Settings) -> Archive:
    return Archive(open_documents(settings.archive_url))


def _directory(settings: Settings) -> Directory:
    return open_directory(settings.directory_url or settings.archive_url)
