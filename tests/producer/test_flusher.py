"""Group commit: shared flushes, unknown outcomes, overlaps, other incarnations."""

import pytest
import trio

from producer.flusher import Flusher, Waiting, joined, offer, split, waiting_for
from protocol.errors import RefusalCode
from protocol.events import MoneyEarned, Piece, encode_piece
from protocol.limits import Limits
from protocol.messages import Durability
from storage.log import Appended, LogUnavailableError, Offered, OtherIncarnation
from storage.log_memory import MemoryLog
from tests.arena import producer_id

A, B = producer_id(1), producer_id(2)
LIMITS = Limits(partition_queue=2, batch_events=2, flush_events=4)


class FaultyLog(MemoryLog):
    """A log that fails as told: before an append, or after it, its answer lost."""

    def __init__(self) -> None:
        super().__init__(1)
        self.faults: list[str] = []
        self.calls = 0
        self.other: OtherIncarnation | None = None

    def append(
        self, partition: int, incarnation: int, offered: list[Offered]
    ) -> Appended | OtherIncarnation:
        self.calls += 1
        fault = self.faults.pop(0) if self.faults else ""
        if fault == "before":
            raise LogUnavailableError("away")
        if self.other is not None:
            return self.other
        found = super().append(partition, incarnation, offered)
        if fault == "after":
            raise LogUnavailableError("the answer is lost")
        return found


class Told:
    """A sink that remembers."""

    def __init__(self) -> None:
        self.answers: list[tuple[object, ...]] = []
        self.left = 0

    def acked(
        self,
        partition: int,
        through: int,
        durability: Durability,
        voids: tuple[tuple[int, RefusalCode], ...],
        events: int,
    ) -> None:
        del partition, durability
        self.answers.append(("acked", through, voids))
        self.left -= events

    def gap(self, partition: int, last: int, events: int) -> None:
        del partition
        self.answers.append(("gap", last))
        self.left -= events

    def restored(self, partition: int, events: int) -> None:
        del partition
        self.answers.append(("restored",))
        self.left -= events

    def waiting(
        self, producer: str, first: int, count: int, refused: dict[int, RefusalCode] | None = None
    ) -> Waiting:
        self.left += count
        events = tuple(MoneyEarned("p", 1, 0) for _ in range(count))
        return waiting_for(self, producer, first, events, refused or {})

    async def answered(self) -> None:
        with trio.fail_after(5):
            while self.left:
                await trio.lowlevel.checkpoint()


@pytest.fixture
def log() -> FaultyLog:
    found = FaultyLog()
    found.open_partition(0)
    return found


@pytest.fixture
def told() -> Told:
    return Told()


def flusher(log: FaultyLog) -> Flusher:
    return Flusher(log, 0, 0, trio.CapacityLimiter(1), LIMITS)


def records(log: FaultyLog) -> int:
    head = log.head(0)
    assert head is not None
    return head.position.n


class TestGroupCommit:
    """What gathers while a flush is under way goes together in the next."""

    async def test_pieces_of_many_share_an_entry(
        self, log: FaultyLog, told: Told, nursery: trio.Nursery
    ) -> None:
        found = flusher(log)
        await found.put(told.waiting(A, 1, 1))
        await found.put(told.waiting(B, 1, 1))
        nursery.start_soon(found.run)
        await told.answered()
        assert [entry.count for entry in log.read(0, 0, count=9)] == [2]
        assert told.answers == [("acked", 1, ()), ("acked", 1, ())]

    async def test_a_full_queue_waits(self, log: FaultyLog, told: Told) -> None:
        found = flusher(log)
        for seq in range(1, 1 + LIMITS.partition_queue):
            await found.put(told.waiting(A, seq, 1))
        with trio.move_on_after(0.01) as waiting:
            await found.put(told.waiting(A, 3, 1))
        assert waiting.cancelled_caught

    async def test_a_flush_is_bounded(
        self, log: FaultyLog, told: Told, nursery: trio.Nursery
    ) -> None:
        found = flusher(log)
        nursery.start_soon(found.run)
        for first in range(1, 41, 2):
            await found.put(told.waiting(A, first, 2))
        await told.answered()
        assert max(entry.count for entry in log.read(0, 0, count=99)) <= LIMITS.flush_events
        assert records(log) == 40


class TestFaults:
    """When the outcome is unknown the same pieces are offered again; nothing doubles."""

    @pytest.mark.parametrize("faults", [["before"], ["after"], ["before", "after", "before"]])
    async def test_an_outage(
        self, log: FaultyLog, told: Told, nursery: trio.Nursery, faults: list[str]
    ) -> None:
        log.faults = list(faults)
        found = flusher(log)
        nursery.start_soon(found.run)
        await found.put(told.waiting(A, 1, 2, {2: RefusalCode.SCOPE}))
        await told.answered()
        assert records(log) == 2
        assert log.calls == len(faults) + 1
        assert told.answers == [("acked", 2, ((2, RefusalCode.SCOPE),))]

    async def test_an_overlap_is_split(
        self, log: FaultyLog, told: Told, nursery: trio.Nursery
    ) -> None:
        data = encode_piece(Piece(A, 1, 1, (MoneyEarned("p", 1, 0),)))
        log.append(0, 0, [Offered(A, 1, 1, data, ((1, RefusalCode.SCOPE),))])
        found = flusher(log)
        nursery.start_soon(found.run)
        await found.put(told.waiting(A, 1, 2))
        await told.answered()
        assert told.answers == [("acked", 1, ((1, RefusalCode.SCOPE),)), ("acked", 2, ())]
        assert records(log) == 2

    async def test_a_gap(self, log: FaultyLog, told: Told, nursery: trio.Nursery) -> None:
        found = flusher(log)
        nursery.start_soon(found.run)
        await found.put(told.waiting(A, 5, 2))
        await told.answered()
        assert told.answers == [("gap", 0)]

    async def test_another_incarnation_ends_the_sessions(
        self, log: FaultyLog, told: Told, nursery: trio.Nursery
    ) -> None:
        log.other = OtherIncarnation(3)
        found = flusher(log)
        nursery.start_soon(found.run)
        await found.put(told.waiting(A, 1, 1))
        await told.answered()
        assert told.answers == [("restored",)]
        assert records(log) == 0


class TestJoining:
    """Publishes that follow each other in a lane are one piece."""

    def test_a_run_of_a_lane_is_one_piece(self, told: Told) -> None:
        other = Told()
        scope = {3: RefusalCode.SCOPE}
        batch = [
            told.waiting(A, 1, 2),
            other.waiting(B, 7, 1),
            told.waiting(A, 3, 1, scope),
            told.waiting(A, 5, 1),
        ]
        first, of_other, after_a_gap = joined(batch)
        assert offer(first).data == offer(told.waiting(A, 1, 3, scope)).data
        assert (first.first, first.last, first.count, first.voids) == (1, 3, 3, scope)
        assert of_other is batch[1]
        assert after_a_gap is batch[3]

    def test_split_is_the_reverse(self, told: Told) -> None:
        whole = told.waiting(A, 1, 20, {2: RefusalCode.SCOPE, 19: RefusalCode.SCOPE})
        known, rest = split(whole, 18)
        assert (known.first, known.last, known.count) == (1, 18, 0)
        assert (rest.first, rest.last, rest.count) == (19, 20, 20)
        assert known.encoded + rest.encoded == whole.encoded
        assert (known.voids, rest.voids) == ({2: RefusalCode.SCOPE}, {19: RefusalCode.SCOPE})
