"""The projection loop: every record once, from the stream or the archive, or a loud stop."""

from collections.abc import Callable

import pytest
import trio
import trio.lowlevel

from projector.service import Projection, run_projector
from projector.source import BATCH_ENTRIES, read_batch
from protocol.errors import LogMismatchError, MoneyboardError
from protocol.events import MoneyEarned, Piece, SeasonClosed, encode_piece
from protocol.log import Position
from protocol.money import SUM_LIMIT
from scheduler.restorer import Restorer
from storage.archive import Archive
from storage.documents_memory import MemoryDocuments
from storage.log import Offered
from storage.log_memory import MemoryLog
from storage.readmodels import Checkpoint
from storage.readmodels_memory import MemoryReadModels

A = "018f0000-0000-7000-8000-00000000000a"


class World:
    """A log, read models beside it, an archive, and one lane that earns."""

    def __init__(self, partitions: int = 1) -> None:
        self.log = MemoryLog(partitions, now_ms=lambda: 1_700_000_000_000)
        self.models = MemoryReadModels(self.log)
        self.archive = Archive(MemoryDocuments())
        self._seqs = dict.fromkeys(range(partitions), 0)
        for partition in range(partitions):
            self.log.open_partition(partition)

    def earn(self, player: str, amount: int, partition: int = 0) -> None:
        self._seqs[partition] += 1
        seq = self._seqs[partition]
        data = encode_piece(Piece(A, seq, seq, (MoneyEarned(player, amount, 0),)))
        self.log.append(partition, 0, [Offered(A, seq, seq, data)])

    def close_season(self, season: int) -> None:
        data = encode_piece(Piece("season", season, season, (SeasonClosed(season),)))
        self.log.append(0, 0, [Offered("season", season, season, data)])

    def projection(self) -> Projection:
        return Projection(self.log, self.models, self.archive, 0, trio.CapacityLimiter(1))

    def archive_all(self) -> None:
        after = self.archive.tip(0).position
        entries = self.log.read(0, after.n, count=1_000)
        assert self.archive.append_segment(0, 0, entries)
        self.log.mark_archived(0, 0, entries[-1].position, {A: self._seqs[0]})


def project_all(projection: Projection) -> Checkpoint:
    """Step until nothing is left."""
    checkpoint = projection.begin()
    while True:
        assert checkpoint is not None
        after = projection.step(checkpoint)
        if after == checkpoint:
            return checkpoint
        checkpoint = after


class TestProjection:
    """Folds what the log holds, batch by batch, each record once."""

    def test_earnings_reach_the_board(self) -> None:
        world = World()
        for amount in range(1, 3 * BATCH_ENTRIES):
            world.earn("p", amount)
        world.earn("q", 7)
        checkpoint = project_all(world.projection())
        assert world.models.board(0, 1) == {"p": sum(range(3 * BATCH_ENTRIES)), "q": 7}
        head = world.log.head(0)
        assert head is not None
        assert checkpoint.position == head.position

    def test_the_records_after_a_close_reach_the_next_board(self) -> None:
        world = World()
        world.earn("p", 5)
        world.close_season(1)
        world.earn("p", 6)
        checkpoint = project_all(world.projection())
        assert (world.models.board(0, 1), world.models.board(0, 2)) == ({"p": 5}, {"p": 6})
        assert checkpoint.season == 2

    def test_a_crash_between_batches_repeats_nothing(self) -> None:
        world = World()
        world.earn("p", 5)
        project_all(world.projection())
        world.earn("p", 6)
        project_all(world.projection())
        assert world.models.board(0, 1) == {"p": 11}

    def test_of_two_projectors_one_applies(self) -> None:
        world = World()
        world.earn("p", 5)
        first, second = world.projection(), world.projection()
        a, b = first.begin(), second.begin()
        assert a is not None
        assert b is not None
        assert first.step(a) is not None
        assert second.step(b) is None
        assert world.models.board(0, 1) == {"p": 5}

    def test_a_sum_past_the_limit_stops(self) -> None:
        world = World()
        world.earn("p", SUM_LIMIT - 1)
        world.earn("p", 1)
        with pytest.raises(MoneyboardError, match="2\\^53"):
            project_all(world.projection())
        assert world.models.board(0, 1) == {}


class TestSource:
    """Reads on from a checkpoint, or says that the log is another one."""

    def test_what_was_trimmed_comes_from_the_archive(self) -> None:
        world = World()
        for amount in (1, 2, 3):
            world.earn("p", amount)
        world.archive_all()
        world.log.trim(0, 2)
        world.earn("p", 4)
        project_all(world.projection())
        assert world.models.board(0, 1) == {"p": 10}

    def test_all_of_it_trimmed(self) -> None:
        world = World()
        world.earn("p", 1)
        world.archive_all()
        world.log.trim(0, 1)
        project_all(world.projection())
        assert world.models.board(0, 1) == {"p": 1}

    @pytest.mark.parametrize(
        "checkpoint",
        [
            Checkpoint(Position(3, "f" * 40)),
            Checkpoint(Position(2, "f" * 40)),
            Checkpoint(Position(1, "f" * 40)),
            Checkpoint(incarnation=1),
        ],
        ids=["log-behind", "other-chain-at-the-end", "other-chain-inside", "other-incarnation"],
    )
    def test_another_log_is_never_an_empty_answer(self, checkpoint: Checkpoint) -> None:
        world = World()
        if checkpoint.incarnation == 0:
            world.earn("p", 1)
            world.earn("p", 2)
        with pytest.raises(LogMismatchError):
            read_batch(world.log, world.archive, 0, checkpoint)

    def test_a_log_without_a_head(self) -> None:
        world = World()
        with pytest.raises(LogMismatchError, match="no head"):
            read_batch(MemoryLog(1), world.archive, 0, Checkpoint())


class TestRefill:
    """Read models that are missing or stand on another log come from the archive."""

    def lost(self, world: World) -> None:
        world.models = MemoryReadModels(world.log)

    def ahead(self, world: World) -> None:
        """The models have what the log then lost: the archive never had it."""
        world.earn("p", 1_000)
        project_all(world.projection())
        other = World()
        for amount in (1, 2, 3):
            other.earn("p", amount)
        head = other.log.head(0)
        assert head is not None
        other.log.mark_archived(0, 0, head.position, {A: 3})
        world.log, world.models._log = other.log, other.log
        world._seqs = {0: 3}

    @pytest.mark.parametrize("fault", [lost, ahead])
    @pytest.mark.parametrize("trimmed", [0, 3])
    def test_after_each_fault(
        self, fault: Callable[["TestRefill", World], None], trimmed: int
    ) -> None:
        world = World()
        for amount in (1, 2, 3):
            world.earn("p", amount)
        world.archive_all()
        project_all(world.projection())
        fault(self, world)
        world.log.trim(0, trimmed)
        world.earn("q", 9)
        projection = world.projection()
        checkpoint = projection.begin(stale=True)
        assert checkpoint is not None
        assert checkpoint.position == world.archive.tip(0).position
        project_all(projection)
        assert world.models.board(0, 1) == {"p": 6, "q": 9}
        assert world.models.totals(0, 1) == (15, 4)

    def test_the_season_that_closed_last_is_there_too(self) -> None:
        world = World()
        world.earn("p", 1)
        world.close_season(1)
        world.earn("q", 2)
        world.archive_all()
        self.lost(world)
        project_all(world.projection())
        assert (world.models.board(0, 1), world.models.board(0, 2)) == ({"p": 1}, {"q": 2})

    def test_a_season_that_closed_at_the_very_end(self) -> None:
        world = World()
        world.earn("p", 1)
        world.close_season(1)
        world.archive_all()
        self.lost(world)
        checkpoint = project_all(world.projection())
        assert checkpoint.season == 2
        assert (world.models.board(0, 1), world.models.board(0, 2)) == ({"p": 1}, {})

    def test_a_log_behind_the_archive_is_waited_for(self) -> None:
        world = World()
        world.earn("p", 1)
        world.archive_all()
        world.log = MemoryLog(1)
        world.log.open_partition(0)
        with pytest.raises(LogMismatchError, match="restored first"):
            world.projection().begin()

    async def test_the_service_gets_over_a_log_that_is_restored(
        self, nursery: trio.Nursery
    ) -> None:
        world = World()
        world.earn("p", 1)
        world.archive_all()

        async def project(*, task_status: trio.TaskStatus[None]) -> None:
            await run_projector(
                world.log, world.models, world.archive, partitions=[0], task_status=task_status
            )

        await nursery.start(project)
        world.earn("p", 1_000)
        with trio.fail_after(10):
            while world.models.board(0, 1) != {"p": 1_001}:
                await trio.lowlevel.checkpoint()
            world.log.lose(0)
            Restorer(world.log, world.archive, 0).step(0)
            while world.models.board(0, 1) != {"p": 1}:
                await trio.lowlevel.checkpoint()
        nursery.cancel_scope.cancel()


class TestService:
    """Runs a projection a partition; started when all have a checkpoint."""

    async def test_all_partitions_are_projected(self, nursery: trio.Nursery) -> None:
        world = World(partitions=3)
        for partition in range(3):
            world.earn("p", partition + 1, partition)

        async def project(*, task_status: trio.TaskStatus[None]) -> None:
            await run_projector(
                world.log,
                world.models,
                world.archive,
                partitions=range(3),
                task_status=task_status,
            )

        await nursery.start(project)
        assert all(world.models.checkpoint(partition) for partition in range(3))
        with trio.fail_after(5):
            while any(world.models.board(k, 1) != {"p": k + 1} for k in range(3)):
                await trio.lowlevel.checkpoint()
        nursery.cancel_scope.cancel()
