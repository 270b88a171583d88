"""Answers: cumulative facts, in an order that a client can rely on."""

from producer.answers import Answers
from protocol.errors import RefusalCode
from protocol.messages import Ack, Durability, Gap, Goaway, Lane, Refused

MEMORY = Durability.MEMORY
SCOPE = RefusalCode.SCOPE


def answers(*lanes: Lane) -> Answers:
    found = Answers(MEMORY)
    found.know(lanes)
    return found


class TestAnswers:
    """What waits is told once, as its newest state."""

    def test_nothing_waits_at_first(self) -> None:
        found = answers(Lane(1, 5, 3))
        assert not found
        assert found.take() == []

    def test_acks_of_a_lane_are_one(self) -> None:
        found = answers()
        for through in (1, 2, 3):
            found.acked(0, through, MEMORY, ())
        assert found.take() == [Ack(0, 3, MEMORY, 0)]
        assert not found

    def test_refusals_come_before_the_ack_and_goaway_before_all(self) -> None:
        found = answers()
        found.acked(0, 2, MEMORY, [(1, SCOPE)])
        found.gap(1, 7)
        found.goaway(Goaway("stopping"))
        told = found.take()
        assert told == [
            Goaway("stopping"),
            Refused(0, 1, SCOPE),
            Ack(0, 2, MEMORY, 0),
            Gap(1, 7),
        ]

    def test_an_ack_takes_a_gap_back(self) -> None:
        found = answers()
        found.gap(0, 1)
        found.acked(0, 4, MEMORY, ())
        assert found.take() == [Ack(0, 4, MEMORY, 0)]

    def test_archived_is_told_when_it_moves(self) -> None:
        found = answers(Lane(1, 5, 3))
        assert not found.archived(1, 3)
        assert found.archived(1, 5)
        assert found.take() == [Ack(1, 5, MEMORY, 5)]

    def test_archived_of_another_lane_is_nothing(self) -> None:
        found = answers()
        assert not found.archived(0, 9)
        found.use(0)
        assert found.archived(0, 9)
        assert found.take() == [Ack(0, 9, MEMORY, 9)]

    def test_archived_stays_in_later_acks(self) -> None:
        found = answers(Lane(0, 5, 3))
        found.acked(0, 6, MEMORY, ())
        assert found.take() == [Ack(0, 6, MEMORY, 3)]
