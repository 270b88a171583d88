"""The restorer: a log goes on from its archive, whatever was lost, and whoever is at it."""

from collections.abc import Callable

import pytest

from protocol.events import MoneyEarned, Restored, SeasonClosed, decode_body
from protocol.identity import RESTORE_PRODUCER
from protocol.log import GENESIS, Position
from scheduler.archiver import Archiver
from scheduler.condition import Condition, condition
from scheduler.restorer import Restorer
from scheduler.snapshots import Snapshotter
from storage.archive import Archive
from storage.archived import Tip
from storage.documents_memory import MemoryDocuments
from storage.log import Appended, Head, Offered, Restoration
from storage.log_memory import MemoryLog
from tests.builders import encode_piece, piece

A = "018f0000-0000-7000-8000-00000000000a"
B = "018f0000-0000-7000-8000-00000000000b"
NOW_MS = 1_700_000_000_000


class Killed(BaseException):
    """Stands for the end of the process."""


class World:
    """A log of one partition and its archive."""

    def __init__(self) -> None:
        self.log = MemoryLog(1, now_ms=lambda: NOW_MS)
        self.log.open_partition(0)
        self.archive = Archive(MemoryDocuments())

    def earn(self, producer: str = A, log: MemoryLog | None = None) -> None:
        where = log or self.log
        head = where.head(0)
        assert head is not None
        last, _ = where.lanes(0, [producer])[0]
        found = piece(producer, last + 1, MoneyEarned("p", 5, 0))
        data = encode_piece(found)
        result = where.append(0, head.incarnation, [Offered(producer, last + 1, last + 1, data)])
        assert isinstance(result, Appended)

    def archive_all(self) -> None:
        archiver = Archiver(self.log, self.archive, 0, 10**9)
        while archiver.step():
            pass

    def restorer(self) -> Restorer:
        return Restorer(self.log, self.archive, 0)

    def restore(self) -> list[Condition]:
        """Step until all is well; return what was found on the way."""
        restorer, found = self.restorer(), []
        while (step := restorer.step(NOW_MS)) is not Condition.SAME:
            found.append(step)
            assert len(found) < 10
        return found

    def head(self) -> Head:
        found = self.log.head(0)
        assert found is not None
        return found

    def restored(self) -> list[int]:
        """The incarnations that the archive tells."""
        return [
            event.incarnation
            for entry in self.archive.entries(0, GENESIS)
            for found in decode_body(entry.body)
            for event in found.events
            if isinstance(event, Restored)
        ]


def rolled_back(world: World, records: int) -> MemoryLog:
    """What a replica has that lacks the tail."""
    log = MemoryLog(1, now_ms=lambda: NOW_MS)
    log.open_partition(0)
    for _ in range(records):
        world.earn(A, log)
    return log


class TestCondition:
    """What is found, from numbers, chains and incarnations alone."""

    HERE, THERE = Position(5, "a" * 40), Position(5, "b" * 40)

    @pytest.mark.parametrize(
        ("tip", "head", "at_tip", "found"),
        [
            (Tip(), None, None, Condition.NEW),
            (Tip(HERE), None, None, Condition.MISSING),
            (Tip(HERE), Head(Position(4, "x"), 1, 0, 0, 0), None, Condition.BEHIND),
            (Tip(HERE), Head(HERE, 1, 0, 0, 0), HERE, Condition.SAME),
            (Tip(HERE), Head(THERE, 1, 0, 0, 0), THERE, Condition.FORKED),
            (Tip(HERE), Head(Position(9, "x"), 1, 0, 0, 0), HERE, Condition.SAME),
            (Tip(HERE), Head(Position(9, "x"), 1, 0, 0, 5), None, Condition.SAME),
            (Tip(HERE), Head(Position(9, "x"), 1, 0, 0, 0), THERE, Condition.FORKED),
            (Tip(HERE, incarnation=2), Head(HERE, 1, 0, 1, 0), HERE, Condition.CLAIMED),
            (Tip(), Head(GENESIS, 1, 0, 0, 0), GENESIS, Condition.SAME),
        ],
    )
    def test_each(
        self, tip: Tip, head: Head | None, at_tip: Position | None, found: Condition
    ) -> None:
        assert condition(tip, head, at_tip) is found


class TestRestoring:
    """After a restore the log goes on after the archive, with its fence, as a new incarnation."""

    def lose(self, world: World) -> None:
        world.log.lose(0)

    def roll_back(self, world: World) -> None:
        world.log = rolled_back(world, 2)

    def fork(self, world: World) -> None:
        world.log = MemoryLog(1, now_ms=lambda: NOW_MS)
        world.log.open_partition(0)
        for _ in range(5):
            world.earn(B)

    @pytest.mark.parametrize(
        ("fault", "found"),
        [
            (lose, Condition.MISSING),
            (roll_back, Condition.BEHIND),
            (fork, Condition.FORKED),
        ],
    )
    def test_each_fault(
        self, fault: Callable[["TestRestoring", World], None], found: Condition
    ) -> None:
        world = World()
        for _ in range(3):
            world.earn(A)
        world.archive_all()
        before = list(world.archive.entries(0, GENESIS))
        fault(self, world)
        assert world.restore() == [found]
        head = world.head()
        assert (head.position.n, head.incarnation, head.archived_n) == (4, 1, 4)
        assert list(world.archive.entries(0, GENESIS))[:-1] == before
        assert world.restored() == [1]
        assert world.log.lanes(0, [A, B, RESTORE_PRODUCER]) == [(3, 3), (0, 0), (1, 1)]
        world.earn(A)
        world.archive_all()
        assert world.log.lanes(0, [A]) == [(4, 4)]
        assert world.archive.tip(0).position == world.head().position
        assert world.archive.tip(0).incarnation == 1

    def test_a_log_that_is_ahead_of_the_archive_is_left_alone(self) -> None:
        world = World()
        world.earn()
        world.archive_all()
        world.earn()
        assert world.restore() == []
        assert world.head().position.n == 2

    def test_a_partition_that_never_was_is_opened(self) -> None:
        world = World()
        world.log.lose(0)
        assert world.restore() == [Condition.NEW]
        assert world.head() == Head(GENESIS, 1, 0, 0, 0)

    def test_the_season_goes_on(self) -> None:
        world = World()
        world.earn()
        data = encode_piece(piece("season", 1, SeasonClosed(1)))
        world.log.append(0, 0, [Offered("season", 1, 1, data)])
        world.archive_all()
        world.log.lose(0)
        world.restore()
        assert world.head().season == 2
        world.earn()
        (entry,) = world.log.read(0, 3, count=9)
        assert entry.season == 2

    def test_again_and_again(self) -> None:
        world = World()
        for incarnation in (1, 2, 3):
            world.earn()
            world.archive_all()
            Snapshotter(world.archive, 0).step(NOW_MS, 0)
            world.log.lose(0)
            world.restore()
            assert world.head().incarnation == incarnation
        assert world.restored() == [1, 2, 3]
        assert world.log.lanes(0, [A]) == [(3, 3)]

    def test_time_never_falls(self) -> None:
        world = World()
        world.earn()
        world.archive_all()
        world.log.lose(0)
        Restorer(world.log, world.archive, 0).step(5)
        assert world.head().time_ms == NOW_MS


class TestTwo:
    """Restorers and archivers that know nothing of each other, and such that die."""

    def world(self) -> World:
        world = World()
        for _ in range(3):
            world.earn()
        world.archive_all()
        world.log.lose(0)
        return world

    def test_one_that_died_after_its_claim_is_carried_on(self) -> None:
        world = self.world()
        restore = world.log.restore

        def die(*_: object) -> bool:
            raise Killed

        world.log.restore = die  # type: ignore[method-assign]
        with pytest.raises(Killed):
            world.restorer().step(NOW_MS)
        world.log.restore = restore  # type: ignore[method-assign]
        assert world.restored() == [1]
        assert world.restore() == [Condition.MISSING]
        assert (world.head().incarnation, world.restored()) == (1, [1])

    def test_a_claim_on_a_log_that_still_stands_is_carried_on(self) -> None:
        world = World()
        for _ in range(3):
            world.earn()
        world.archive_all()
        world.log = rolled_back(world, 1)
        restore = world.log.restore
        world.log.restore = lambda *_: False  # type: ignore[method-assign]
        world.restorer().step(NOW_MS)
        world.log.restore = restore  # type: ignore[method-assign]
        world.earn()
        assert world.restore() == [Condition.CLAIMED]
        assert (world.head().incarnation, world.restored()) == (1, [1])

    def test_the_slower_of_two_changes_nothing(self) -> None:
        world = self.world()
        late: list[tuple[Head | None, Restoration]] = []
        restore = world.log.restore

        def delay(_: int, head: Head | None, restored: Restoration) -> bool:
            late.append((head, restored))
            return False

        world.log.restore = delay  # type: ignore[method-assign]
        world.restorer().step(NOW_MS)
        world.log.restore = restore  # type: ignore[method-assign]
        world.restore()
        world.earn()
        assert not world.log.restore(0, *late[0])
        assert world.log.lanes(0, [A]) == [(4, 3)]

    def test_a_zombie_archiver_collides_with_the_claim(self) -> None:
        world = World()
        world.earn()
        world.archive_all()
        world.earn()  # acked, not archived
        unarchived = world.log.read(0, 1, count=9)
        world.log.lose(0)
        world.restore()
        assert not world.archive.append_segment(0, 0, unarchived)
        world.earn()  # the outbox sends it again
        world.archive_all()
        assert world.log.lanes(0, [A]) == [(2, 2)]

    def test_a_zombie_archiver_that_was_first_is_restored_with(self) -> None:
        world = World()
        world.earn()
        world.archive_all()
        world.earn()
        unarchived = world.log.read(0, 1, count=9)
        world.log.lose(0)
        restorer = world.restorer()
        tip = world.archive.tip

        def stale(partition: int) -> Tip:
            found = tip(partition)
            world.archive.tip = tip  # type: ignore[method-assign]
            assert world.archive.append_segment(0, 0, unarchived)
            return found

        world.archive.tip = stale  # type: ignore[method-assign]
        assert restorer.step(NOW_MS) is Condition.MISSING
        assert world.log.head(0) is None, "its claim came second"
        assert world.restore() == [Condition.MISSING]
        assert world.log.lanes(0, [A]) == [(2, 2)]
        assert world.restored() == [1]
