"""The archiver: what the log has reaches the archive once, in order, and is marked; or it stops."""

from collections.abc import Callable

import pytest

from protocol.errors import LogMismatchError
from protocol.events import MoneyEarned
from protocol.log import GENESIS, Entry, Position
from scheduler.archiver import READ_ENTRIES, SEGMENT_BYTES, SEGMENT_ENTRIES, Archiver
from scheduler.snapshots import Snapshotter
from storage.archive import Archive
from storage.documents_memory import MemoryDocuments
from storage.log import ENTRY_BYTES_MAX
from storage.log_memory import MemoryLog
from tests.builders import append, piece

KEEP_ALL = 10**9


class Killed(BaseException):
    """Stands for the end of the process."""


class FrailLog(MemoryLog):
    """A log whose caller dies instead of marking, while ``dies`` is set."""

    dies = False

    def mark_archived(
        self,
        partition: int,
        incarnation: int,
        position: Position,
        lanes: dict[str, int],
        *,
        after_n: int = 0,
    ) -> bool:
        if self.dies:
            raise Killed
        return super().mark_archived(partition, incarnation, position, lanes, after_n=after_n)


class StrictLog(MemoryLog):
    """A log that, as a server would, takes no negative number to trim to."""

    def trim(self, partition: int, up_to_n: int) -> int:
        assert up_to_n >= 0
        return super().trim(partition, up_to_n)


class World:
    """A log of one partition, its archive, and two lanes."""

    def __init__(self, log: MemoryLog | None = None) -> None:
        self.log = log or MemoryLog(1, now_ms=lambda: 5)
        self.log.open_partition(0)
        self.archive = Archive(MemoryDocuments())

    def earn(self, producer: str, times: int = 1, reference: str = "") -> None:
        for _ in range(times):
            last, _archived = self.log.lanes(0, [producer])[0]
            event = MoneyEarned("p", 5, 0, reference)
            append(self.log, 0, piece(producer, last + 1, event))

    def archiver(self, retain: int = KEEP_ALL) -> Archiver:
        return Archiver(self.log, self.archive, 0, retain)

    def archived(self) -> list[Entry]:
        return list(self.archive.entries(0, GENESIS))

    def marked(self) -> tuple[int, list[int]]:
        head = self.log.head(0)
        assert head is not None
        return head.archived_n, [archived for _, archived in self.log.lanes(0, ["a", "b"])]


def archive_all(archiver: Archiver) -> list[int]:
    """Step until nothing is left; return how many records each step archived."""
    steps = []
    while count := archiver.step():
        steps.append(count)
    return steps


class TestCopying:
    """Every entry once, as it was, in bounded segments."""

    def test_the_archive_is_the_log(self) -> None:
        world = World()
        world.earn("a", 3)
        archive_all(world.archiver())
        world.earn("b", 2)
        archive_all(world.archiver())
        assert world.archived() == world.log.read(0, 0, count=100)
        assert world.marked() == (5, [3, 2])

    def test_a_segment_is_bounded_in_entries(self) -> None:
        world = World()
        world.earn("a", SEGMENT_ENTRIES + READ_ENTRIES + 1)
        assert archive_all(world.archiver()) == [SEGMENT_ENTRIES, READ_ENTRIES + 1]

    def test_a_segment_is_bounded_in_bytes(self) -> None:
        world = World()
        large = ENTRY_BYTES_MAX - 1_000
        fitting = SEGMENT_BYTES // large
        world.earn("a", fitting + 1, "x" * large)
        assert archive_all(world.archiver()) == [fitting, 1]

    def test_nothing_new(self) -> None:
        assert World().archiver().step() == 0

    def test_two_archivers_copy_once(self) -> None:
        world = World()
        first, second = world.archiver(0), world.archiver(0)
        for turn in range(6):
            world.earn("a", 2)
            (first if turn % 2 else second).step()
        archive_all(first)
        archive_all(second)
        assert [entry.n for entry in world.archived()] == list(range(1, 13))


class TestMarks:
    """A mark that a crash swallowed is published at the next step, from the archive."""

    def _crashed(self, retain: int) -> World:
        log = FrailLog(1, now_ms=lambda: 5)
        world = World(log)
        world.earn("a", 2)
        archive_all(world.archiver(retain))
        world.earn("b", 2)
        log.dies = True
        with pytest.raises(Killed):
            world.archiver(retain).step()
        log.dies = False
        return world

    @pytest.mark.parametrize("retain", [0, KEEP_ALL])
    def test_after_a_crash(self, retain: int) -> None:
        world = self._crashed(retain)
        assert world.marked() == (2, [2, 0])
        assert world.archiver(retain).step() == 0
        assert world.marked() == (4, [2, 2])

    def test_what_was_trimmed_is_marked_on_from_the_snapshot_before(self) -> None:
        world = self._crashed(0)
        Snapshotter(world.archive, 0).step(now_ms=10**6, mark_ms=0)
        world.archiver(0).step()
        assert world.marked() == (4, [2, 2])


class TestTrimming:
    """What is archived may go, but for the last ``retain_records``."""

    def test_the_newest_records_stay(self) -> None:
        world = World()
        world.earn("a", 10)
        archive_all(world.archiver(retain=4))
        assert [entry.n for entry in world.log.read(0, 0, count=100)] == [7, 8, 9, 10]

    def test_fewer_records_than_stay(self) -> None:
        world = World(StrictLog(1))
        world.earn("a", 3)
        archive_all(world.archiver(retain=4))
        assert len(world.log.read(0, 0, count=100)) == 3


class TestReplicas:
    """Where acks wait for replicas, what they lack is not archived."""

    def test_what_no_replica_has_waits(self) -> None:
        world = World()
        world.earn("a")
        confirm = world.log.replicated
        world.log.replicated = lambda _: False  # type: ignore[method-assign]
        assert world.archiver().step() == 0
        assert world.archived() == []
        world.log.replicated = confirm  # type: ignore[method-assign]
        assert world.archiver().step() == 1


class TestAnotherLog:
    """A log that is not the archive's is never archived, and never silent."""

    @pytest.mark.parametrize(
        ("other", "says"),
        [
            (lambda _: MemoryLog(1), "missing"),
            (lambda _: World().log, "behind"),
            (lambda earned: earned("b", 2), "forked"),
            (lambda earned: earned("b", 3), "forked"),
        ],
        ids=["lost", "rolled-back", "other-chain-at-the-end", "other-chain-inside"],
    )
    def test_it_stops(
        self, other: Callable[[Callable[[str, int], MemoryLog]], MemoryLog], says: str
    ) -> None:
        def earned(producer: str, times: int) -> MemoryLog:
            found = World()
            found.earn(producer, times)
            return found.log

        world = World()
        world.earn("a", 2)
        archive_all(world.archiver())
        before = world.archived()
        with pytest.raises(LogMismatchError, match=says):
            Archiver(other(earned), world.archive, 0, 0).step()
        assert world.archived() == before

    def test_entries_that_vanish_between_two_looks(self) -> None:
        world = World()
        world.earn("a", 1)
        world.log.read = lambda *_, **__: []  # type: ignore[method-assign]
        with pytest.raises(LogMismatchError, match="lost its entries"):
            world.archiver().step()
