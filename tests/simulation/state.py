"""What a state of the model is made of: plain tuples, so that a state is its own identity.

Laws:

- Nothing here acts. A step (``delivery``, ``archiving``, ``restoring``, ``projecting``,
  ``failures``) takes a state and gives states.
- A chain is the *lineage*, the whole sequence of records that it is a digest of: two lineages are
  the same exactly when the chains are (SHA-1 does not collide in the model).
- The log, the fence, the marks, the checkpoint and the boards of a partition are one ``Store``:
  they share a slot, so one server has them all, one replica copies them all, one failover loses
  the same tail of them all.
"""

from enum import Enum
from typing import NamedTuple

from protocol.session import State as SessionState
from tests.simulation.rules import Broken

RESTORED = -1
"""The lane of a Restored record; its seq is the incarnation."""

DEAD = "dead"
"""The session of a producer whose outbox was in memory and is gone."""


class Record(NamedTuple):
    """A record of the log.

    ``era`` counts the failovers before it was appended. It stands for the time stamped on the
    entry: the same event appended again after a failover has another chain.
    """

    lane: int
    seq: int
    era: int


Lineage = tuple[Record, ...]


class LanePlan(NamedTuple):
    """A lane of the configuration: events 1 to ``events``, some of which brokers refuse."""

    producer: int
    partition: int
    events: int
    refused: frozenset[int] = frozenset()


class Plan(NamedTuple):
    """A configuration: what there is, and how often what can fail.

    Attributes:
        lanes: all of them, by number.
        batch: events a Publish, at most.
        requests: append requests under way at once, at most, old ones included.
        brokers: how many.
        failovers, wipes: a partition, at most.
        archivers, restorers: processes; 0 makes the whole of their work one step.
        claims: restores claimed, at most, where restorers are processes: a failure that would need
            one more is not tried.
        projectors: processes; 0 leaves projection out.
        trims, forgets: whether the log is trimmed, whether the fence forgets.
        drains: whether brokers say Goaway.
        calm: where a configuration looks at something else: brokers do not crash, and all answers
            are lost, so that producers resend by their clocks alone.
        volatile: outboxes are in memory: a producer that dies never comes back.
        waits: the archiver archives only what the replica has.
        broken: the one rule that is not obeyed.
    """

    lanes: tuple[LanePlan, ...]
    batch: int = 1
    requests: int = 2
    brokers: int = 1
    failovers: int = 0
    wipes: int = 0
    archivers: int = 0
    restorers: int = 0
    claims: int = 2
    projectors: int = 0
    trims: bool = False
    forgets: bool = False
    drains: bool = False
    calm: bool = False
    volatile: bool = False
    waits: bool = False
    broken: Broken | None = None

    @property
    def producers(self) -> int:
        """How many producers there are."""
        return 1 + max(lane.producer for lane in self.lanes)

    @property
    def partitions(self) -> int:
        """How many partitions there are."""
        return 1 + max(lane.partition for lane in self.lanes)


class Cursor(NamedTuple):
    """A lane in its outbox; events above ``archived`` are kept.

    ``acked`` is noted only where a broken rule reads it. ``safe`` is the promise to hold the model
    to: acked as replicated up to here, and not all replicas have died since.
    """

    archived: int = 0
    sent: int = 0
    acked: int = 0
    safe: int = 0


class Session(NamedTuple):
    """A producer's session with a broker."""

    broker: int
    state: SessionState


class Told(NamedTuple):
    """An Ack (through ``last``) or a Gap (the lane ends at ``last``) on its way to the producer."""

    gap: bool
    last: int


class Hint(NamedTuple):
    """A lane's last seq as the archive has it, and under which circumstances it was looked up."""

    last: int
    forgets: int
    tip: Lineage


class Request(NamedTuple):
    """An append under way from a broker to the log: a piece of a lane.

    ``fresh``: of the producer's present session, which is still there to be answered.
    """

    lane: int
    first: int
    last: int
    incarnation: int
    fresh: bool
    hint: Hint | tuple[()] = ()


class Store(NamedTuple):
    """One partition in the log server. Per lane: fence, marks; per lane and seq: board.

    ``forgets`` is counted only where a broken rule reads it.
    """

    records: Lineage
    base: int
    fence: tuple[int, ...]
    marks: tuple[int, ...]
    archived_n: int
    incarnation: int
    forgotten: int
    forgets: int
    checkpoint: Lineage
    board: tuple[tuple[int, ...], ...]


class Segment(NamedTuple):
    """A segment of the archive, under its first record's number."""

    first: int
    records: Lineage


class Phase(Enum):
    """How far an archiver, restorer or projector is with what it does."""

    READ = "read"
    ARCHIVED = "read from the archive"
    DONE = "done"

    def __lt__(self, other: "Phase") -> bool:
        return self.value < other.value


class View(NamedTuple):
    """What a process has in its memory while it works: stale from the moment it was read."""

    phase: Phase
    before: Lineage
    after: Lineage
    incarnation: int


class Partition(NamedTuple):
    """A partition and the processes that work on it. Views are sorted: processes have no names."""

    store: Store | None
    replica: Store | None
    archive: tuple[Segment, ...]
    requests: tuple[Request, ...]
    brokers: tuple[int, ...]
    archivers: tuple[View, ...]
    restorers: tuple[View, ...]
    projectors: tuple[View, ...]
    era: int
    failovers: int
    wipes: int


class World(NamedTuple):
    """A state of the model. ``brokers`` in a partition: incarnations known, -1 where it is down."""

    sessions: tuple[Session | str | None, ...]
    cursors: tuple[Cursor, ...]
    told: tuple[Told | None, ...]
    partitions: tuple[Partition, ...]


class Action(NamedTuple):
    """A step's name and its particulars, as words."""

    name: str
    words: str


Steps = list[tuple[Action, World]]


def lineage(archive: tuple[Segment, ...]) -> Lineage:
    """Return the records that can be read from the archive: up to the first hole."""
    found: Lineage = ()
    for segment in archive:
        if segment.first != len(found) + 1:
            break
        found += segment.records
    return found


def incarnations(records: Lineage) -> int:
    """Return how many restores a lineage has gone through."""
    return sum(record.lane == RESTORED for record in records)


def may_restore(plan: Plan, partition: Partition) -> bool:
    """Tell whether the configuration has a restore left."""
    if plan.restorers == 0:
        return True
    return incarnations(lineage(partition.archive)) < plan.claims


def last_seqs(records: Lineage, lanes: int) -> tuple[int, ...]:
    """Return each lane's last seq: the fence is a fold of the log."""
    found = [0] * lanes
    for record in records:
        if record.lane != RESTORED:
            found[record.lane] = record.seq
    return tuple(found)


def counted(records: Lineage, plan: Plan) -> tuple[tuple[int, ...], ...]:
    """Return how often each event counts in the read models: void events do not."""
    found = [[0] * lane.events for lane in plan.lanes]
    for record in records:
        if record.lane != RESTORED and record.seq not in plan.lanes[record.lane].refused:
            found[record.lane][record.seq - 1] += 1
    return tuple(tuple(row) for row in found)


def initial(plan: Plan) -> World:
    """Return the state before anything happened: full outboxes, empty logs, nobody connected."""
    lanes = len(plan.lanes)
    zeros = (0,) * lanes
    store = Store((), 0, zeros, zeros, 0, 0, 0, 0, (), counted((), plan))
    partition = Partition(
        store,
        store if plan.failovers else None,
        (),
        (),
        (0,) * plan.brokers,
        (),
        (),
        (),
        0,
        plan.failovers,
        plan.wipes,
    )
    return World(
        (None,) * plan.producers,
        (Cursor(),) * lanes,
        (None,) * lanes,
        (partition,) * plan.partitions,
    )


def put(items: tuple, at: int, item: object) -> tuple:
    """Return the tuple with one item replaced."""
    return (*items[:at], item, *items[at + 1 :])
