"""The scheduler: archiver, snapshots and season machine, each a loop over a blocking step.

An outage of the log or the archive is waited for; anything else ends the service, whose supervisor
starts it again.
"""

from collections.abc import Callable

import trio

from protocol.errors import ConfigurationError, LogMismatchError
from protocol.partition import HASH_NAME
from runtime.calendar import Calendar
from runtime.clock import Clock
from runtime.logging import logger
from runtime.settings import Settings
from scheduler.archiver import Archiver
from scheduler.condition import Condition
from scheduler.restorer import Restorer
from scheduler.seasons import SeasonMachine, Step
from scheduler.snapshots import Snapshotter
from storage.archive import Archive, require_partitions
from storage.archived import Layout
from storage.documents import ArchiveUnavailableError
from storage.log import Log, LogUnavailableError
from storage.readmodels import ReadModels

LAYOUT_VERSION = 1

IDLE_S = 0.1
"""Between looks when there was nothing to do: an outbox may drop an event that much later."""

SEASON_IDLE_S = 0.25
"""Between looks at the season, which is a matter of minutes."""

SNAPSHOT_IDLE_S = 0.5
"""Between looks for what to fold: it is folded in memory as it comes, and stored when due."""

OUTAGE_PAUSE_S = 0.5


def open_store(log: Log, archive: Archive, partitions: int, now_ms: int) -> Layout:
    """Create the store's layout and partitions, or check and restore those that stand. Blocks.

    Raises:
        ConfigurationError: the store has another number of partitions, or another layout.
        LogUnavailableError, ArchiveUnavailableError: an outage; try again.
    """
    layout = archive.layout(Layout(partitions, HASH_NAME, LAYOUT_VERSION, now_ms))
    require_partitions(layout, partitions)
    if (layout.hash, layout.version) != (HASH_NAME, LAYOUT_VERSION):
        raise ConfigurationError(
            f"archive_url: the store's layout is {layout.hash} version {layout.version}, "
            f"not {HASH_NAME} version {LAYOUT_VERSION}"
        )
    for partition in range(partitions):
        restorer = Restorer(log, archive, partition)
        while restorer.step(now_ms) is not Condition.SAME:
            pass  # each step brings it nearer, whoever else is at it
    return layout


async def run_scheduler(
    settings: Settings,
    log: Log,
    models: ReadModels,
    archive: Archive,
    clock: Clock,
    *,
    calendar: Calendar,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Archive, snapshot and close seasons until cancelled. Started when the store is open.

    Raises:
        ConfigurationError: see ``open_store``.
        ArchiveError, UnreadableRecordError: see the steps. Inside an exception group. Cancelling
        waits for the steps under way, each of which may be repeated.
    """
    limiter = trio.CapacityLimiter(2 * settings.partitions + 1)
    layout = await _opened(settings, log, archive, clock, limiter)
    machine = SeasonMachine(log, models, archive, layout, calendar)
    mark_ms = settings.mark_seconds * 1000
    async with trio.open_nursery() as nursery:
        for partition in range(settings.partitions):
            archiver = Archiver(log, archive, partition, settings.retain_records)
            restorer = Restorer(log, archive, partition)
            archiving = _archiving(archiver, restorer, clock)
            nursery.start_soon(_repeat, archiving, IDLE_S, limiter)
            snapshotter = Snapshotter(archive, partition)
            nursery.start_soon(
                _repeat, _snapshotting(snapshotter, clock, mark_ms), SNAPSHOT_IDLE_S, limiter
            )
        nursery.start_soon(_repeat, _closing(machine, clock), SEASON_IDLE_S, limiter)
        task_status.started()


def _archiving(archiver: Archiver, restorer: Restorer, clock: Clock) -> Callable[[], bool]:
    def step() -> bool:
        try:
            return archiver.step() > 0
        except LogMismatchError as error:
            logger(part="scheduler").warning("log-mismatch", error=str(error))
            return restorer.step(clock.now_ms()) is not Condition.SAME

    return step


def _snapshotting(snapshotter: Snapshotter, clock: Clock, mark_ms: int) -> Callable[[], bool]:
    return lambda: bool(snapshotter.step(clock.now_ms(), mark_ms))


def _closing(machine: SeasonMachine, clock: Clock) -> Callable[[], bool]:
    return lambda: machine.step(clock.now_ms()) not in {Step.NOTHING, Step.WAIT}


async def _repeat(step: Callable[[], bool], idle_s: float, limiter: trio.CapacityLimiter) -> None:
    """Do a step again and again: at once while it does something, else after a pause."""
    log = logger(part="scheduler")
    while True:
        try:
            busy = await trio.to_thread.run_sync(step, limiter=limiter)
        except (LogUnavailableError, ArchiveUnavailableError) as error:
            log.warning("outage", error=str(error))
            await trio.sleep(OUTAGE_PAUSE_S)
        else:
            if not busy:
                await trio.sleep(idle_s)


async def _opened(
    settings: Settings,
    log: Log,
    archive: Archive,
    clock: Clock,
    limiter: trio.CapacityLimiter,
) -> Layout:
    """Open the store, waiting for an outage to end."""
    while True:
        try:
            return await trio.to_thread.run_sync(
                open_store, log, archive, settings.partitions, clock.now_ms(), limiter=limiter
            )
        except (LogUnavailableError, ArchiveUnavailableError) as error:
            logger(part="scheduler").warning("outage", error=str(error))
            await trio.sleep(OUTAGE_PAUSE_S)
