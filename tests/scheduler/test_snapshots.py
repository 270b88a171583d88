"""Snapshots: a fold of the archive alone, at every close and when the newest gets old."""

import pytest

from protocol.events import MoneyEarned
from scheduler.archiver import Archiver
from scheduler.closing import close_season
from scheduler.snapshots import KEEP_SNAPSHOTS, Snapshotter
from storage.archive import Archive
from storage.documents import Document, Kind
from storage.documents_memory import MemoryDocuments
from storage.log_memory import MemoryLog
from tests.builders import append, piece

MARK_MS = 1_000


class Killed(BaseException):
    """Stands for the end of the process."""


class FrailDocuments(MemoryDocuments):
    """A store whose caller dies instead of inserting one kind, once."""

    def __init__(self, kind: Kind) -> None:
        super().__init__()
        self._kind: Kind | None = kind

    def insert(self, kind: Kind, group: int, n: int, document: Document) -> bool:
        if kind is self._kind:
            self._kind = None
            raise Killed
        return super().insert(kind, group, n, document)


class World:
    """A log of one partition whose time is set by hand, archived as it grows."""

    def __init__(self, documents: MemoryDocuments | None = None) -> None:
        self.now_ms = 10_000
        self.log = MemoryLog(1, now_ms=lambda: self.now_ms)
        self.log.open_partition(0)
        self.documents = documents or MemoryDocuments()
        self.archive = Archive(self.documents)
        self.snapshotter = Snapshotter(self.archive, 0)

    def earn(self, amount: int) -> None:
        last, _ = self.log.lanes(0, ["a"])[0]
        append(self.log, 0, piece("a", last + 1, MoneyEarned("p", amount, 0)))
        self._archive()

    def close(self, season: int) -> None:
        close_season(self.log, 1, season)
        self._archive()

    def step(self, snapshotter: Snapshotter | None = None) -> list[int]:
        """Return the records of the snapshots taken."""
        taken = (snapshotter or self.snapshotter).step(self.now_ms, MARK_MS)
        return [snapshot.n for snapshot in taken]

    def _archive(self) -> None:
        Archiver(self.log, self.archive, 0, 0).step()

    def closing_money(self, season: int) -> dict[str, int]:
        snapshot = self.archive.closing_snapshot(0, season)
        assert snapshot is not None
        return self.archive.load_snapshot(snapshot).money


class TestMarks:
    """One when something is new and the newest is old enough; none otherwise."""

    def test_by_time(self) -> None:
        world = World()
        world.earn(1)
        assert world.step() == [1]
        world.earn(2)
        assert world.step() == []
        world.now_ms += MARK_MS
        assert world.step() == [2]

    def test_nothing_new(self) -> None:
        world = World()
        assert world.step() == []
        world.earn(1)
        assert world.step() == [1]
        world.now_ms += 10 * MARK_MS
        assert world.step() == []

    def test_old_ones_go(self) -> None:
        world = World()
        for amount in range(KEEP_SNAPSHOTS + 3):
            world.now_ms += MARK_MS
            world.earn(amount + 1)
            world.step()
        kept = world.documents.scan(Kind.SNAPSHOT, 0, 0, 100)
        assert [found["n"] for found in kept] == list(range(4, KEEP_SNAPSHOTS + 4))

    def test_one_that_starts_later_folds_to_the_same(self) -> None:
        world = World()
        for amount in (1, 2, 3):
            world.now_ms += MARK_MS
            world.earn(amount)
            world.step()
        world.now_ms += MARK_MS
        world.earn(4)
        assert world.step(Snapshotter(world.archive, 0)) == [4]
        newest = world.archive.newest_snapshot(0)
        assert newest is not None
        state = world.archive.load_snapshot(newest)
        assert (state.money, state.fence) == ({"p": 10}, {"a": 4})


class TestClosing:
    """Where a season closed there is a snapshot of its final board, whatever was killed."""

    def test_each_close_is_kept(self) -> None:
        world = World()
        world.earn(5)
        world.close(1)
        world.close(2)
        world.earn(7)
        world.close(3)
        world.earn(9)
        world.step()
        assert [world.closing_money(season) for season in (1, 2, 3)] == [{"p": 5}, {}, {"p": 7}]

    @pytest.mark.parametrize("kind", [Kind.SNAPSHOT, Kind.CLOSING])
    def test_a_crash_at_the_close(self, kind: Kind) -> None:
        world = World(FrailDocuments(kind))
        world.close(1)
        with pytest.raises(Killed):
            world.step()
        world.step(Snapshotter(world.archive, 0))
        assert world.closing_money(1) == {}

    def test_a_crash_in_a_fold_is_not_folded_twice(self) -> None:
        world = World(FrailDocuments(Kind.CLOSING))
        world.earn(5)
        world.close(1)
        world.earn(6)
        with pytest.raises(Killed):
            world.step()
        world.step()
        assert world.closing_money(1) == {"p": 5}
