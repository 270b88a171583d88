"""The preview: what a close would pay now is what it then pays."""

from protocol.events import MoneyEarned
from protocol.partition import partition_of
from runtime.calendar import Calendar
from runtime.clock import ManualClock
from scheduler.archiver import Archiver
from scheduler.closing import close_season
from scheduler.preview import READ_ENTRIES, preview
from scheduler.seasons import SeasonMachine, Step
from scheduler.service import open_store
from scheduler.snapshots import Snapshotter
from storage.archive import Archive
from storage.archived import Settlement
from storage.documents_memory import MemoryDocuments
from storage.log_memory import MemoryLog
from storage.readmodels_memory import MemoryReadModels
from tests.builders import append, piece

P = 2


class World:
    """A store and one scheduler's parts."""

    def __init__(self) -> None:
        self.clock = ManualClock(1_700_000_000_000)
        self.log = MemoryLog(P, now_ms=self.clock.now_ms)
        self.archive = Archive(MemoryDocuments())
        self.layout = open_store(self.log, self.archive, P, self.clock.now_ms())
        models = MemoryReadModels(self.log)
        calendar = Calendar("never", "UTC")
        self._machine = SeasonMachine(self.log, models, self.archive, self.layout, calendar)
        self._archivers = [Archiver(self.log, self.archive, k, 0) for k in range(P)]
        self._snapshotters = [Snapshotter(self.archive, k) for k in range(P)]

    def earn(self, player: str, amount: int) -> None:
        partition = partition_of(player, P)
        last, _ = self.log.lanes(partition, ["a"])[0]
        append(self.log, partition, piece("a", last + 1, MoneyEarned(player, amount, 0)))

    def archive_all(self) -> None:
        for archiver in self._archivers:
            while archiver.step():
                pass

    def snapshot(self) -> None:
        for snapshotter in self._snapshotters:
            snapshotter.step(self.clock.now_ms(), 0)

    def settled(self, season: int) -> Settlement:
        close_season(self.log, P, season)
        while self.archive.closed_seasons() < season:
            self.archive_all()
            self.snapshot()
            assert self._machine.step(self.clock.now_ms()) is not Step.NOTHING
        found = self.archive.settlement(season)
        assert found is not None
        return found

    def preview(self) -> Settlement:
        return preview(self.log, self.archive, self.layout, self.clock.now_ms())


class TestPreview:
    """Equal to the settlement of a close at the same moment."""

    def test_from_snapshot_archive_and_log_together(self) -> None:
        world = World()
        world.earn("p", 10_000)
        world.archive_all()
        world.snapshot()
        world.earn("q", 20_000)
        world.archive_all()
        for number in range(3 * READ_ENTRIES):
            world.earn(f"player-{number}", 1_000 + number)
        seen = world.preview()
        assert seen.players == 2 + 3 * READ_ENTRIES
        assert seen == world.settled(1)

    def test_the_next_season_carries_over(self) -> None:
        world = World()
        world.earn("p", 10_000)
        carried = world.settled(1).carried_over
        world.clock.advance(1_000)
        seen = world.preview()
        assert (seen.season, seen.players, seen.pool) == (2, 0, carried)
        assert seen.opened_at_ms == world.clock.now_ms() - 1_000
        assert seen == world.settled(2)

    def test_while_the_season_closes(self) -> None:
        world = World()
        for player in ("p", "q", "r", "s"):
            world.earn(player, 10_000)
        close_season(world.log, 1, 1)
        seen = world.preview()
        for player in ("p", "q", "r", "s"):
            if partition_of(player, P) == 0:
                world.earn(player, 1)
        assert world.preview() == seen == world.settled(1)

    def test_nothing_is_recorded(self) -> None:
        world = World()
        world.earn("p", 10_000)
        world.preview()
        assert world.archive.settlement(1) is None
        assert world.archive.newest_snapshot(0) is None
