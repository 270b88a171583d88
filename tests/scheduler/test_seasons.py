"""The season machine: each step from what is archived, repeatable, and the money adds up."""

import random

import pytest

from projector.folds.state import changes, checkpoint_after
from projector.source import read_batch
from protocol.errors import ConfigurationError
from protocol.events import MoneyEarned
from protocol.identity import prize_producer
from protocol.partition import partition_of
from runtime.calendar import Calendar
from runtime.clock import ManualClock
from scheduler.archiver import Archiver
from scheduler.closing import Closed, close_season
from scheduler.seasons import SeasonMachine, Step, View, next_step
from scheduler.service import open_store
from scheduler.snapshots import Snapshotter
from storage.archive import Archive
from storage.documents_memory import MemoryDocuments
from storage.log_memory import MemoryLog
from storage.readmodels import Applied, Checkpoint
from storage.readmodels_memory import MemoryReadModels
from tests.builders import WORLDS, append, feed_log, piece, worlds_files

P = 4
A = "018f0000-0000-7000-8000-00000000000a"
DAY_MS = 86_400_000


class World:
    """A store, its schedulers' parts, and a projector, all driven by hand."""

    def __init__(self, calendar: str = "never") -> None:
        self.clock = ManualClock(1_700_000_000_000)
        self.log = MemoryLog(P, now_ms=self.clock.now_ms)
        self.models = MemoryReadModels(self.log)
        self.archive = Archive(MemoryDocuments())
        self.calendar = Calendar(calendar, "UTC")
        self.layout = open_store(self.log, self.archive, P, self.clock.now_ms())

    def parts(self) -> "Parts":
        return Parts(self)

    def earn(self, player: str, amount: int) -> None:
        partition = partition_of(player, P)
        last, _ = self.log.lanes(partition, [A])[0]
        append(self.log, partition, piece(A, last + 1, MoneyEarned(player, amount, 0)))

    def project(self) -> None:
        for partition in range(P):
            before = self.models.checkpoint(partition) or Checkpoint()
            while (batch := read_batch(self.log, self.archive, partition, before)).entries:
                after = checkpoint_after(before, batch.entries)
                applied = self.models.apply(
                    partition, before, after, changes(batch.entries), archived=batch.archived
                )
                assert applied is Applied.APPLIED
                before = after


class Parts:
    """One scheduler's parts; a crash is a new one."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._archivers = [Archiver(world.log, world.archive, k, 0) for k in range(P)]
        self._snapshotters = [Snapshotter(world.archive, k) for k in range(P)]
        self.machine = SeasonMachine(
            world.log, world.models, world.archive, world.layout, world.calendar
        )

    def archive(self) -> None:
        for archiver in self._archivers:
            while archiver.step():
                pass

    def snapshot(self, mark_ms: int = DAY_MS) -> None:
        for snapshotter in self._snapshotters:
            snapshotter.step(self._world.clock.now_ms(), mark_ms)

    def step(self) -> Step:
        return self.machine.step(self._world.clock.now_ms())

    def settle(self) -> list[Step]:
        """Do everything until nothing is left to do; return the machine's steps."""
        steps = []
        while True:
            self.archive()
            self.snapshot()
            step = self.step()
            if step is Step.NOTHING:
                return steps
            steps.append(step)


class TestNextStep:
    """The decision alone, by what is seen."""

    @pytest.mark.parametrize(
        ("seen", "step"),
        [
            ({}, Step.NOTHING),
            ({"due": True}, Step.CLOSE),
            ({"open_seasons": (4, 3)}, Step.CLOSE),
            ({"open_seasons": (4, 4)}, Step.WAIT),
            ({"open_seasons": (4, 5), "snapshots": True}, Step.SETTLE),
            ({"open_seasons": (4, 4), "snapshots": True, "settled": True}, Step.PAY),
            ({"open_seasons": (4, 4), "settled": True, "paid": True}, Step.WAIT),
            (
                {"open_seasons": (4, 4), "settled": True, "paid": True, "paid_archived": True},
                Step.ARCHIVE_STANDINGS,
            ),
        ],
    )
    def test_step(self, seen: dict[str, object], step: Step) -> None:
        view = View(3, False, (3, 3), False, False, False, False)
        values = {name: getattr(view, name) for name in view.__struct_fields__}
        assert next_step(View(**{**values, **seen})) is step


class TestCalendar:
    """An end that was missed closes one season, now."""

    def test_a_due_season_closes_once(self) -> None:
        world = World("0 0 * * *")
        world.earn("p", 5)
        assert world.parts().step() is Step.NOTHING
        world.clock.advance(5 * DAY_MS)
        assert world.parts().settle()[0] is Step.CLOSE
        assert world.archive.closed_seasons() == 1
        settlement = world.archive.settlement(1)
        assert settlement is not None
        assert settlement.opened_at_ms == world.layout.created_ms
        assert settlement.closed_at_ms == world.clock.now_ms()


class TestClosing:
    """A close on demand names its season and happens once."""

    def test_two_requests_close_one_season(self) -> None:
        world = World()
        assert close_season(world.log, P, 1) is Closed.CLOSED
        assert close_season(world.log, P, 1) is Closed.ALREADY
        assert close_season(world.log, P, 3) is Closed.NOT_YET

    def test_a_close_that_was_cut_off_is_finished(self) -> None:
        world = World()
        close_season(world.log, 1, 1)
        assert world.parts().settle()[0] is Step.CLOSE
        assert world.archive.closed_seasons() == 1


class TestSettlement:
    """What comes out is the same whatever was killed, and paid once."""

    def _season(self, seed: int) -> tuple[World, list[Step]]:
        world = World()
        for number in range(150):
            world.earn(f"player-{number}", 10_000 + 7 * (number // 2))
        close_season(world.log, P, 1)
        rng = random.Random(seed)
        schedulers = [world.parts(), world.parts()]
        steps = []
        for _ in range(400):
            at = rng.randrange(2)
            if rng.random() < 0.2:
                schedulers[at] = world.parts()  # killed, and started again
            action = rng.choice(["archive", "snapshot", "step"])
            if action == "archive":
                schedulers[at].archive()
            elif action == "snapshot":
                schedulers[at].snapshot(rng.choice([0, DAY_MS]))
            else:
                steps.append(schedulers[at].step())
        return world, steps

    @pytest.mark.parametrize("seed", range(12))
    def test_two_schedulers_killed_at_random_pay_once(self, seed: int) -> None:
        world, _ = self._season(seed)
        assert world.archive.closed_seasons() == 1
        world.project()
        settlement = world.archive.settlement(1)
        assert settlement is not None
        assert settlement.awards
        paid: dict[str, int] = {}
        for partition in range(P):
            paid.update(world.models.prizes(partition))
        assert paid == {award.player: award.amount for award in settlement.awards}
        assert settlement.paid + settlement.carried_over == settlement.pool

    def test_prizes_are_not_paid_twice_when_asked_again(self) -> None:
        world, _ = self._season(1)
        before = [world.log.lanes(k, [prize_producer(1)]) for k in range(P)]
        parts = world.parts()
        for _ in range(3):
            parts.machine._pay(1)
        assert [world.log.lanes(k, [prize_producer(1)]) for k in range(P)] == before


class TestStore:
    """A store is opened as it was created, or refused."""

    def test_another_number_of_partitions_is_refused(self) -> None:
        world = World()
        with pytest.raises(ConfigurationError, match="created with 4, not 8"):
            open_store(MemoryLog(8), world.archive, 8, 0)

    def test_a_log_that_is_lost_is_restored(self) -> None:
        world = World()
        world.earn("p", 5)
        world.parts().archive()
        lost = MemoryLog(P)
        open_store(lost, world.archive, P, 0)
        heads = [lost.head(partition) for partition in range(P)]
        incarnations = [head.incarnation for head in heads if head is not None]
        assert incarnations == [int(k == partition_of("p", P)) for k in range(P)]


class TestWorlds:
    """Six real seasons come out to the last unit."""

    def test_six_seasons(self) -> None:
        world = World()
        parts = world.parts()
        for season, file in enumerate(worlds_files(), 1):
            feed_log(world.log, P, f"018f0000-0000-7000-8000-{season:012x}", file)
            close_season(world.log, P, season)
            parts.settle()
            found = world.archive.settlement(season)
            assert found is not None
            first = tuple(
                (standing.player, standing.money)
                for standing in world.archive.standings_page(season, 0, 3)
            )
            assert (
                found.players,
                found.earned,
                found.pool,
                found.paid,
                found.carried_over,
                first,
            ) == WORLDS[season]
