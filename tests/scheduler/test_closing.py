"""A close names its season: it closes that one everywhere, or nothing."""

from datetime import UTC, datetime

import pytest

from runtime.calendar import Calendar
from scheduler.archiver import Archiver
from scheduler.closing import Closed, close_season
from scheduler.seasons import SeasonMachine, Step
from scheduler.service import open_store
from scheduler.snapshots import Snapshotter
from storage.archive import Archive
from storage.documents_memory import MemoryDocuments
from storage.log import Log, LogUnavailableError
from storage.log_memory import MemoryLog
from storage.readmodels_memory import MemoryReadModels

P = 3
MONDAY_MS = int(datetime(2026, 11, 23, tzinfo=UTC).timestamp() * 1000)
WEEK_MS = 7 * 86_400_000
STEPS_MAX = 50


def opened_log() -> MemoryLog:
    log = MemoryLog(P)
    for partition in range(P):
        log.open_partition(partition)
    return log


def seasons(log: Log) -> list[int]:
    heads = [log.head(partition) for partition in range(P)]
    return [head.season for head in heads if head is not None]


class TestCloseSeason:
    """Once in every partition, whoever asks and however often."""

    def test_it_closes_all_partitions(self) -> None:
        log = opened_log()
        assert close_season(log, P, 1) is Closed.CLOSED
        assert seasons(log) == [2, 2, 2]
        assert close_season(log, P, 1) is Closed.ALREADY
        assert seasons(log) == [2, 2, 2]

    def test_it_finishes_a_close_that_was_cut_off(self) -> None:
        log = opened_log()
        close_season(log, 1, 1)
        assert seasons(log) == [2, 1, 1]
        assert close_season(log, P, 1) is Closed.CLOSED
        assert seasons(log) == [2, 2, 2]

    def test_a_season_that_is_not_open_everywhere_is_closed_nowhere(self) -> None:
        log = opened_log()
        close_season(log, 1, 1)
        assert close_season(log, P, 2) is Closed.NOT_YET
        assert seasons(log) == [2, 1, 1]

    def test_a_partition_that_is_not_open(self) -> None:
        with pytest.raises(LogUnavailableError, match="not open"):
            close_season(MemoryLog(P), P, 1)


class TestByCalendar:
    """One end closes one season, also where the log's clock is behind the scheduler's."""

    @pytest.mark.parametrize("behind_ms", [0, 100, 30_000])
    def test_one_end_one_close(self, behind_ms: int) -> None:
        now_ms = MONDAY_MS - WEEK_MS // 2
        log = MemoryLog(P, now_ms=lambda: now_ms - behind_ms)
        archive = Archive(MemoryDocuments())
        layout = open_store(log, archive, P, now_ms)
        calendar = Calendar("0 0 * * 1", "UTC")
        machine = SeasonMachine(log, MemoryReadModels(log), archive, layout, calendar)
        archivers = [Archiver(log, archive, k, 0) for k in range(P)]
        snapshotters = [Snapshotter(archive, k) for k in range(P)]

        def run_until_idle() -> None:
            for _ in range(STEPS_MAX):
                if machine.step(now_ms) is Step.NOTHING:
                    return
                for archiver, snapshotter in zip(archivers, snapshotters, strict=True):
                    archiver.step()
                    snapshotter.step(now_ms, WEEK_MS)
            raise AssertionError("the machine does not come to rest")

        closed = []
        for end in range(4):
            now_ms = MONDAY_MS + end * WEEK_MS - 1
            run_until_idle()
            for after_ms in (0, 1_000, 60_000, WEEK_MS // 2):
                now_ms = MONDAY_MS + end * WEEK_MS + after_ms
                run_until_idle()
            closed.append(archive.closed_seasons())
        assert closed == [1, 2, 3, 4]
