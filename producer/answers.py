"""What a broker has to tell one producer, as a few cumulative facts. Pure: no I/O, no time.

Laws:

- An Ack and a Gap a partition, and refusals: nothing grows while a peer does not read, but the
  refusals, whose number its owner bounds.
- A refusal is told before the Ack that covers it.
"""

from collections.abc import Iterable, KeysView

from protocol.errors import RefusalCode
from protocol.messages import Ack, BrokerMessage, Durability, Gap, Goaway, Lane, Refused


class Answers:
    """The answers of one session that are not sent yet.

    Args:
        durability: of acks that repeat what an earlier session's were.
    """

    def __init__(self, durability: Durability) -> None:
        self._durability = durability
        self._acks: dict[int, Ack] = {}
        self._unsent: set[int] = set()
        self._gaps: dict[int, int] = {}
        self._refusals: list[Refused] = []
        self._goaway: Goaway | None = None

    @property
    def partitions(self) -> KeysView[int]:
        """The partitions in which the producer has lanes."""
        return self._acks.keys()

    @property
    def refusals(self) -> int:
        """How many refusals wait."""
        return len(self._refusals)

    def __bool__(self) -> bool:
        """Tell whether there is anything to send."""
        return bool(self._unsent or self._refusals or self._gaps or self._goaway)

    def know(self, lanes: Iterable[Lane]) -> None:
        """Take the lanes that Welcome tells."""
        for lane in lanes:
            self._acks[lane.partition] = Ack(
                lane.partition, lane.last, self._durability, lane.archived
            )

    def use(self, partition: int) -> None:
        """Note that the producer has a lane in a partition."""
        if partition not in self._acks:
            self._acks[partition] = Ack(partition, 0, self._durability)

    def acked(
        self,
        partition: int,
        through: int,
        durability: Durability,
        voids: Iterable[tuple[int, RefusalCode]],
    ) -> None:
        """Note that a lane is in the log up to ``through``."""
        self._refusals += [Refused(partition, seq, code) for seq, code in voids]
        before = self._acks.get(partition)
        archived = before.archived if before else 0
        self._acks[partition] = Ack(partition, through, durability, archived)
        self._unsent.add(partition)
        self._gaps.pop(partition, None)

    def gap(self, partition: int, last: int) -> None:
        """Note that a lane ends at ``last`` and what came does not follow it."""
        self._gaps[partition] = last

    def archived(self, partition: int, seq: int) -> bool:
        """Note that the archive holds a lane up to ``seq``; tell whether that is news."""
        before = self._acks.get(partition)
        if before is None or before.archived >= seq:
            return False
        self._acks[partition] = Ack(partition, max(before.through, seq), before.durability, seq)
        self._unsent.add(partition)
        return True

    def goaway(self, message: Goaway) -> None:
        """Say this before all else."""
        self._goaway = message

    def take(self) -> list[BrokerMessage]:
        """Take all that is to be sent, in order."""
        messages: list[BrokerMessage] = []
        if self._goaway is not None:
            messages.append(self._goaway)
            self._goaway = None
        messages += self._refusals
        self._refusals = []
        messages += [self._acks[partition] for partition in sorted(self._unsent)]
        self._unsent.clear()
        messages += [Gap(partition, last) for partition, last in sorted(self._gaps.items())]
        self._gaps = {}
        return messages
