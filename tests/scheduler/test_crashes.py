"""A season's close, killed at each of its writes in turn, always ends the same."""

from itertools import count

from protocol.events import MoneyEarned
from protocol.log import GENESIS, Position
from protocol.partition import partition_of
from runtime.calendar import Calendar
from scheduler.archiver import Archiver
from scheduler.closing import close_season
from scheduler.seasons import SeasonMachine
from scheduler.service import open_store
from scheduler.snapshots import Snapshotter
from storage.archive import Archive
from storage.archived import Settlement, Standing
from storage.documents import Document, Kind
from storage.documents_memory import MemoryDocuments
from storage.log import Appended, Offered, OtherIncarnation
from storage.log_memory import MemoryLog
from storage.readmodels_memory import MemoryReadModels
from tests.builders import append, piece

P = 2
NOW_MS = 1_700_000_000_000
STEPS_MAX = 100


class Killed(BaseException):
    """Stands for the end of the process."""


class Fuse:
    """Lets so many writes through, then kills once: after the write that it burns at."""

    def __init__(self) -> None:
        self.left: int | None = None

    def burn(self) -> None:
        if self.left is None:
            return
        self.left -= 1
        if self.left == 0:
            self.left = None
            raise Killed


class FusedDocuments(MemoryDocuments):
    """The archive's ground, every write of which burns the fuse."""

    def __init__(self, fuse: Fuse) -> None:
        super().__init__()
        self._fuse = fuse

    def insert(self, kind: Kind, group: int, n: int, document: Document) -> bool:
        done = super().insert(kind, group, n, document)
        self._fuse.burn()
        return done

    def put_chunk(self, data: bytes) -> str:
        digest = super().put_chunk(data)
        self._fuse.burn()
        return digest


class FusedLog(MemoryLog):
    """The log, every write of which burns the fuse."""

    def __init__(self, fuse: Fuse) -> None:
        super().__init__(P, now_ms=lambda: NOW_MS)
        self._fuse = fuse

    def append(
        self, partition: int, incarnation: int, offered: list[Offered]
    ) -> Appended | OtherIncarnation:
        done = super().append(partition, incarnation, offered)
        self._fuse.burn()
        return done

    def mark_archived(
        self,
        partition: int,
        incarnation: int,
        position: Position,
        lanes: dict[str, int],
        *,
        after_n: int = 0,
    ) -> bool:
        done = super().mark_archived(partition, incarnation, position, lanes, after_n=after_n)
        self._fuse.burn()
        return done


class World:
    """A store with a season of 130 players, some tied, about to close."""

    def __init__(self) -> None:
        self.fuse = Fuse()
        self.log = FusedLog(self.fuse)
        self.archive = Archive(FusedDocuments(self.fuse))
        self.layout = open_store(self.log, self.archive, P, NOW_MS)
        for number in range(130):
            player = f"player-{number}"
            partition = partition_of(player, P)
            last, _ = self.log.lanes(partition, ["a"])[0]
            event = MoneyEarned(player, 10_000 + 7 * (number // 3), 0)
            append(self.log, partition, piece("a", last + 1, event))

    def close(self) -> None:
        """Run one process's life: close the season, until all is done or it is killed."""
        archivers = [Archiver(self.log, self.archive, k, 0) for k in range(P)]
        snapshotters = [Snapshotter(self.archive, k) for k in range(P)]
        models = MemoryReadModels(self.log)
        calendar = Calendar("never", "UTC")
        machine = SeasonMachine(self.log, models, self.archive, self.layout, calendar)
        close_season(self.log, P, 1)
        for _ in range(STEPS_MAX):
            if self.archive.closed_seasons():
                return
            for archiver in archivers:
                archiver.step()
            for snapshotter in snapshotters:
                snapshotter.step(NOW_MS, 0)
            machine.step(NOW_MS)
        raise AssertionError("the season does not close")

    def outcome(self) -> tuple[Settlement | None, list[Standing], list[list[object]]]:
        """What stands at the end: settlement, standings, and every event in the archive's log."""
        entries = [
            [(entry.count, entry.season, entry.body) for entry in self.archive.entries(k, GENESIS)]
            for k in range(P)
        ]
        standings = self.archive.standings_page(1, 0, 1_000)
        return self.archive.settlement(1), standings, [list(found) for found in entries]


class TestCrashes:
    """Each write of a close may be the last of its process."""

    def test_killed_after_every_write_in_turn(self) -> None:
        reference = World()
        reference.close()
        wanted = reference.outcome()
        assert len(wanted[1]) == 130
        killed = 0
        for burns_at in count(1):
            world = World()
            world.fuse.left = burns_at
            try:
                world.close()
            except Killed:
                killed += 1
                world.close()
            else:
                break
            assert world.outcome() == wanted
        assert killed > 20
