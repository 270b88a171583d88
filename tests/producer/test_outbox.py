"""The outbox: what is kept, what is sent, what is forgotten."""

import pytest

from producer.outbox import Outbox
from protocol.errors import LocalProtocolError
from protocol.events import MoneyEarned
from protocol.messages import Lane


def filled(count: int) -> Outbox:
    box = Outbox(2)
    for number in range(1, count + 1):
        assert box.add(0, MoneyEarned("p", number, 0)) == number
    return box


def amounts(batch: object) -> list[int]:
    assert isinstance(batch, tuple)
    return [event.amount for event in batch[2]]


class TestSending:
    """Batches are consecutive and every event is sent once a session."""

    def test_batches(self) -> None:
        box = filled(5)
        first, second = box.next_batch(3), box.next_batch(3)
        assert first is not None
        assert second is not None
        assert (first[:2], amounts(first)) == ((0, 1), [1, 2, 3])
        assert (second[:2], amounts(second)) == ((0, 4), [4, 5])
        assert box.next_batch(3) is None
        assert box.in_flight == 5

    def test_the_fullest_lane_goes_first(self) -> None:
        box = filled(1)
        for number in range(3):
            box.add(1, MoneyEarned("q", number, 0))
        batch = box.next_batch(9)
        assert batch is not None
        assert batch[0] == 1


class TestKeeping:
    """An ack drops nothing; the archive does."""

    def test_an_ack_only_counts(self) -> None:
        box = filled(5)
        box.next_batch(5)
        box.acked(0, 4, 0)
        assert (box.unacked, box.in_flight, box.unarchived) == (1, 1, 5)

    def test_what_is_archived_is_dropped(self) -> None:
        box = filled(5)
        box.next_batch(5)
        box.acked(0, 5, 3)
        assert (box.unacked, box.unarchived) == (0, 2)

    def test_a_gap_sends_again_from_the_first_unarchived(self) -> None:
        box = filled(5)
        box.next_batch(5)
        box.acked(0, 4, 2)
        box.rewind(0)
        batch = box.next_batch(9)
        assert batch is not None
        assert (batch[1], amounts(batch)) == (3, [3, 4, 5])

    def test_a_new_session_sends_again_from_the_first_unarchived(self) -> None:
        box = filled(5)
        box.next_batch(5)
        box.acked(0, 5, 0)
        box.welcome(2, [Lane(0, 5, 1)])
        batch = box.next_batch(9)
        assert batch is not None
        assert (batch[1], amounts(batch)) == (2, [2, 3, 4, 5])

    def test_an_old_outbox_does_not_keep_what_the_archive_has(self) -> None:
        box = Outbox(2)
        box.welcome(2, [Lane(0, 3, 2)])
        assert [box.add(0, MoneyEarned("p", n, 0)) for n in range(1, 5)] == [1, 2, 3, 4]
        batch = box.next_batch(9)
        assert batch is not None
        assert (batch[1], amounts(batch)) == (3, [3, 4])

    def test_acks_past_the_end_are_no_more_than_the_end(self) -> None:
        box = filled(2)
        box.acked(0, 99, 99)
        assert (box.unacked, box.unarchived) == (0, 0)
        assert box.add(0, MoneyEarned("p", 1, 0)) == 3

    def test_another_number_of_partitions_is_refused(self) -> None:
        with pytest.raises(LocalProtocolError):
            filled(1).welcome(3, [])
