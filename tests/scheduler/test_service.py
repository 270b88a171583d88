"""The scheduler's service: all parts run together, wait out outages, and stop loudly."""

from contextlib import suppress

import pytest
import trio
import trio.lowlevel

from protocol.errors import ConfigurationError
from protocol.events import MoneyEarned
from runtime.calendar import Calendar
from runtime.clock import SystemClock
from runtime.settings import Settings
from scheduler.closing import close_season
from scheduler.service import open_store, run_scheduler
from storage.archive import Archive
from storage.archived import Layout
from storage.documents import ArchiveUnavailableError
from storage.documents_memory import MemoryDocuments
from storage.log import Head, LogUnavailableError
from storage.log_memory import MemoryLog
from storage.readmodels_memory import MemoryReadModels
from tests.builders import append, piece

P = 2
SETTINGS = Settings(partitions=P)


class FlakyLog(MemoryLog):
    """A log that is away once for each outage in its list; popping is atomic among threads."""

    def __init__(self) -> None:
        super().__init__(P)
        self.outages: list[LogUnavailableError] = []

    def head(self, partition: int) -> Head | None:
        if self.outages:
            with suppress(IndexError):
                raise self.outages.pop()
        return super().head(partition)


class FlakyArchive(Archive):
    """An archive that is away once for each outage in its list."""

    def __init__(self) -> None:
        super().__init__(MemoryDocuments())
        self.outages: list[ArchiveUnavailableError] = []

    def closed_seasons(self) -> int:
        if self.outages:
            with suppress(IndexError):
                raise self.outages.pop()
        return super().closed_seasons()


async def start(nursery: trio.Nursery, log: MemoryLog, archive: Archive) -> None:
    """Run the scheduler in a nursery; returns when it is started."""

    async def schedule(*, task_status: trio.TaskStatus[None]) -> None:
        await run_scheduler(
            SETTINGS,
            log,
            MemoryReadModels(log),
            archive,
            SystemClock(),
            calendar=Calendar("never", "UTC"),
            task_status=task_status,
        )

    await nursery.start(schedule)


async def wait_until_closed(archive: Archive, season: int) -> None:
    with trio.fail_after(20):
        while archive.closed_seasons() < season:
            await trio.lowlevel.checkpoint()


class TestService:
    """A season that is closed on demand is archived, settled and paid without a hand."""

    async def test_it_closes_a_season(self, nursery: trio.Nursery) -> None:
        log, archive = MemoryLog(P), Archive(MemoryDocuments())
        await start(nursery, log, archive)
        append(log, 0, piece("a", 1, MoneyEarned("p", 10_000, 0)))
        close_season(log, P, 1)
        await wait_until_closed(archive, 1)
        settlement = archive.settlement(1)
        assert settlement is not None
        assert (settlement.players, settlement.pool, settlement.paid) == (1, 200, 40)
        nursery.cancel_scope.cancel()

    async def test_outages_are_waited_for(self, nursery: trio.Nursery) -> None:
        log, archive = FlakyLog(), FlakyArchive()
        log.outages = [LogUnavailableError("away while the store is opened")]
        await start(nursery, log, archive)
        assert log.outages == []
        close_season(log, P, 1)
        log.outages = [LogUnavailableError("away")] * 2
        archive.outages = [ArchiveUnavailableError("away")] * 2
        with trio.fail_after(20):
            while log.outages or archive.outages:
                await trio.lowlevel.checkpoint()
        await wait_until_closed(archive, 1)
        nursery.cancel_scope.cancel()

    async def test_a_log_that_is_lost_meanwhile_is_restored(self, nursery: trio.Nursery) -> None:
        log, archive = MemoryLog(P), Archive(MemoryDocuments())
        await start(nursery, log, archive)
        append(log, 0, piece("a", 1, MoneyEarned("p", 5, 0)))
        with trio.fail_after(20):
            while archive.tip(0).position.n < 1:
                await trio.lowlevel.checkpoint()
            log.lose(0)
            log.lose(1)
            while log.head(0) is None or log.head(1) is None:
                await trio.lowlevel.checkpoint()
        assert log.lanes(0, ["a"]) == [(1, 1)]
        nursery.cancel_scope.cancel()


class TestStore:
    """A store with another meaning of its partitions is not opened."""

    @pytest.mark.parametrize(
        "layout", [Layout(P, "fnv", 1, 0), Layout(P, "crc32", 2, 0)], ids=["hash", "version"]
    )
    def test_another_layout(self, layout: Layout) -> None:
        archive = Archive(MemoryDocuments())
        archive.layout(layout)
        with pytest.raises(ConfigurationError, match="archive_url"):
            open_store(MemoryLog(P), archive, P, 0)
