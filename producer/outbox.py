"""The outbox: what a producer has to deliver, by lane. Pure: no I/O, no time.

Laws:

- Events of a lane are numbered 1, 2, 3 … and kept until they are *archived*; an Ack alone, which a
  failover may undo, drops nothing.
- After a new session or a Gap a lane is sent again from its first unarchived event; what the log
  has already is acked as a duplicate.
"""

from collections import deque
from collections.abc import Sequence
from itertools import islice

from protocol.errors import LocalProtocolError
from protocol.events import Earning
from protocol.messages import Lane


class _Lane:
    """One lane: kept events are ``archived + 1`` to ``last``."""

    def __init__(self) -> None:
        self.kept: deque[Earning] = deque()
        self.archived = 0
        self.acked = 0
        self.sent = 0

    @property
    def last(self) -> int:
        """The seq of the newest event."""
        return self.archived + len(self.kept)

    def drop(self, archived: int) -> None:
        """Forget events up to a seq that the archive holds."""
        for _ in range(min(archived, self.last) - self.archived):
            self.kept.popleft()
            self.archived += 1
        self.acked = max(self.acked, self.archived)
        self.sent = max(self.sent, self.archived)


class Outbox:
    """All lanes of one producer.

    Args:
        partitions: P, as Welcome said.
    """

    def __init__(self, partitions: int) -> None:
        self._lanes = [_Lane() for _ in range(partitions)]
        self._skip = [0] * partitions

    @property
    def partitions(self) -> int:
        """P."""
        return len(self._lanes)

    @property
    def unarchived(self) -> int:
        """How many events are kept."""
        return sum(len(lane.kept) for lane in self._lanes)

    @property
    def unacked(self) -> int:
        """How many events are not yet known to be in the log."""
        return sum(lane.last - lane.acked for lane in self._lanes)

    @property
    def in_flight(self) -> int:
        """How many events were sent in this session and not yet answered."""
        return sum(max(0, lane.sent - lane.acked) for lane in self._lanes)

    def add(self, partition: int, event: Earning) -> int:
        """Take an event; return its seq. One that the archive holds already is not kept."""
        lane = self._lanes[partition]
        if self._skip[partition] > lane.last:
            lane.archived += 1
            lane.acked = max(lane.acked, lane.archived)
            lane.sent = max(lane.sent, lane.archived)
            return lane.archived
        lane.kept.append(event)
        return lane.last

    def welcome(self, partitions: int, lanes: Sequence[Lane]) -> None:
        """Begin a session: drop what is archived, send all else again.

        Raises:
            LocalProtocolError: the number of partitions is not the one before.
        """
        if partitions != self.partitions:
            raise LocalProtocolError(f"the broker has {partitions} partitions, not as before")
        for known in lanes:
            self._skip[known.partition] = known.archived
            self._lanes[known.partition].drop(known.archived)
        for lane in self._lanes:
            lane.sent = lane.acked = lane.archived

    def acked(self, partition: int, through: int, archived: int) -> None:
        """Note an Ack."""
        lane = self._lanes[partition]
        lane.acked = max(lane.acked, min(through, lane.last))
        lane.sent = max(lane.sent, lane.acked)
        lane.drop(archived)

    def rewind(self, partition: int) -> None:
        """Send a lane again from its first unarchived event."""
        lane = self._lanes[partition]
        lane.sent = lane.acked = lane.archived

    def rewind_all(self) -> None:
        """Send all lanes again."""
        for partition in range(self.partitions):
            self.rewind(partition)

    def next_batch(self, most: int) -> tuple[int, int, tuple[Earning, ...]] | None:
        """Take the next batch to send: (partition, first seq, events); None when all is sent.

        The lane with the most unsent events goes first.
        """
        partition = max(
            range(self.partitions), key=lambda k: self._lanes[k].last - self._lanes[k].sent
        )
        lane = self._lanes[partition]
        count = min(most, lane.last - lane.sent)
        if count <= 0:
            return None
        skip = lane.sent - lane.archived
        events = tuple(islice(lane.kept, skip, skip + count))
        first = lane.sent + 1
        lane.sent += count
        return partition, first, events
