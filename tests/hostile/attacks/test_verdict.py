"""The judge of the attacks sees what it is there to see."""

import pytest
from msgspec.structs import replace

from protocol.errors import RefusalCode
from protocol.events import MoneyEarned, Void
from protocol.partition import PARTITIONS_DEFAULT, partition_of
from storage.log_memory import MemoryLog
from tests.builders import append, piece
from tests.hostile.attacks.attacker import Outcome
from tests.hostile.attacks.honest import Report, earning
from tests.hostile.attacks.probes import Count, Use
from tests.hostile.attacks.verdict import P99_FLOOR_S, RESIDENT_ALLOWANCE, Case

PLAYERS = ("ann", "ben", "cid")
PRODUCERS = ("honest-a", "honest-b")
GOOD = Case(
    "some",
    "proof",
    Outcome(1, {"proof": 1}, (), 1.0),
    calm=[0.001] * 200,
    attacked=[0.002] * 200,
    before=Use(60, 10**8),
    after=Use(60, 10**8),
    honest_faults=(),
    alive=True,
)


def sent(log: MemoryLog, producer: int, numbers: list[int]) -> None:
    """Append a producer's earnings, each as the next of its lane."""
    lanes = [0] * PARTITIONS_DEFAULT
    for number in numbers:
        event = earning(PLAYERS, producer, number)
        partition = partition_of(event.player, PARTITIONS_DEFAULT)
        lanes[partition] += 1
        append(log, partition, piece(PRODUCERS[producer], lanes[partition], event))


def opened() -> MemoryLog:
    log = MemoryLog(PARTITIONS_DEFAULT)
    for partition in range(PARTITIONS_DEFAULT):
        log.open_partition(partition)
    return log


def faults(log: MemoryLog, *taken: int, sessions: int = 1) -> str:
    report = Report((), taken, (sessions, 1), 0)
    return "\n".join(Count(log, PRODUCERS, PLAYERS).faults(report))


class TestCount:
    """What is lost, doubled, changed or stolen is told."""

    def test_all_is_there_once(self) -> None:
        log = opened()
        sent(log, 0, [0, 1, 2, 3])
        sent(log, 1, [0, 1])
        assert faults(log, 4, 2) == ""

    @pytest.mark.parametrize(
        ("numbers", "taken", "said"),
        [
            ([0, 2], 3, "lost ['0:1']"),
            ([0, 1], 3, "lost ['0:2']"),
            ([0, 1, 1], 2, "0:1 is in the log twice"),
            ([0, 1, 2], 2, "never sent ['0:2']"),
        ],
    )
    def test_what_is_not(self, numbers: list[int], taken: int, said: str) -> None:
        log = opened()
        sent(log, 0, numbers)
        assert said in faults(log, taken, 0)

    def test_what_was_changed(self) -> None:
        log, event = opened(), earning(PLAYERS, 0, 0)
        partition = partition_of(event.player, PARTITIONS_DEFAULT)
        append(log, partition, piece(PRODUCERS[0], 1, replace(event, amount=event.amount + 1)))
        assert "is not what was sent" in faults(log, 1, 0)

    def test_what_became_void(self) -> None:
        log = opened()
        append(log, 0, piece(PRODUCERS[0], 1, Void(RefusalCode.PLAYER_UNKNOWN)))
        assert "has Void" in faults(log, 0, 0)

    def test_what_a_stranger_earned_for_an_honest_player(self) -> None:
        log = opened()
        append(log, 0, piece("mallory", 1, MoneyEarned(PLAYERS[0], 1, 0)))
        assert "a stranger earned for ann" in faults(log, 0, 0)

    def test_a_session_that_was_cut(self) -> None:
        assert "disconnected" in faults(opened(), 0, 0, sessions=2)


class TestCase:
    """Each thing that may not be is a fault by itself."""

    def test_none(self) -> None:
        assert GOOD.faults() == []

    @pytest.mark.parametrize(
        ("bad", "said"),
        [
            (replace(GOOD, alive=False), "has ended"),
            (replace(GOOD, outcome=Outcome(1, {}, (), 1.0)), "never got as far"),
            (replace(GOOD, outcome=Outcome(1, {"proof": 1}, ("let in",), 1.0)), "let in"),
            (replace(GOOD, honest_faults=("lost",)), "lost"),
            (replace(GOOD, attacked=[0.002] * 50), "only 50"),
            (replace(GOOD, attacked=[0.002] * 190 + [P99_FLOOR_S + 0.001] * 10), "p99"),
            (replace(GOOD, after=Use(61, 10**8)), "1 file descriptors"),
            (replace(GOOD, after=Use(60, 10**8 + RESIDENT_ALLOWANCE + 1)), "MiB of memory"),
        ],
    )
    def test_one(self, bad: Case, said: str) -> None:
        (fault,) = bad.faults()
        assert said in fault

    def test_a_slow_machine_is_measured_against_itself(self) -> None:
        slow = replace(GOOD, calm=[0.020] * 200, attacked=[0.055] * 200)
        assert slow.faults() == []
        assert replace(slow, attacked=[0.065] * 200).faults() != []
