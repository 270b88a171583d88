"""The exactly-once model: every step from a state, what must hold in it, and where all is done.

What must hold in every state:

- DOUBLED: no event is twice in the log's lineage, in the archive's, or counted twice in a board.
- DISORDERED: each lane's events are 1, 2, 3 … in both lineages.
- LOST: an event that its outbox dropped, because it was told that it is archived, is in the archive
  or the log; so is one that was acked as replicated, unless all replicas died since.

and from every state, by steps that are no failures:

- STUCK: a state can be reached in which every event that still has an outbox is archived, its
  outbox knows, log and archive are one, and the boards count each event once.
"""

from enum import Enum

from tests.simulation.archiving import archiver_steps
from tests.simulation.delivery import log_steps, producer_steps
from tests.simulation.failures import broker_starts, failures, replication
from tests.simulation.projecting import projector_steps
from tests.simulation.restoring import restorer_steps
from tests.simulation.state import (
    DEAD,
    RESTORED,
    Lineage,
    Partition,
    Plan,
    Session,
    Steps,
    World,
    counted,
    lineage,
)

FAILURES = frozenset({"reply-lost", "repeat", "answered-twice", "xadd-fails", "farewell"})
"""Steps beside those of ``failures`` that nothing may rely on to get on."""


class Wrong(Enum):
    """What can be wrong with a state."""

    DOUBLED = "doubled"
    DISORDERED = "disordered"
    LOST = "lost"
    STUCK = "stuck"


def regular(plan: Plan, world: World) -> Steps:
    """Return the steps of parties that do their work."""
    steps = [*producer_steps(plan, world), *log_steps(plan, world), *broker_starts(plan, world)]
    for at in range(plan.partitions):
        steps += archiver_steps(plan, world, at)
        steps += restorer_steps(plan, world, at)
        steps += projector_steps(plan, world, at)
        steps += replication(world, at)
    return steps


def successors(plan: Plan, world: World) -> tuple[Steps, Steps]:
    """Return (steps of regular work, failures), each with the state that it leads to."""
    steps = regular(plan, world)
    work = [step for step in steps if step[0].name not in FAILURES]
    faults = [step for step in steps if step[0].name in FAILURES]
    return work, faults + failures(plan, world)


def canonical(plan: Plan, world: World) -> World:
    """Return the state's representative: brokers have no names but who is connected to them."""
    if plan.brokers == 1:
        return world
    order = sorted(range(plan.brokers), key=lambda broker: _broker_key(world, broker))
    if order == list(range(plan.brokers)):
        return world
    place = {broker: at for at, broker in enumerate(order)}
    sessions = tuple(
        found._replace(broker=place[found.broker]) if isinstance(found, Session) else found
        for found in world.sessions
    )
    partitions = tuple(
        found._replace(brokers=tuple(found.brokers[broker] for broker in order))
        for found in world.partitions
    )
    return world._replace(sessions=sessions, partitions=partitions)


def _broker_key(world: World, broker: int) -> tuple[list[bool], list[int]]:
    apart = [not (isinstance(s, Session) and s.broker == broker) for s in world.sessions]
    return apart, [found.brokers[broker] for found in world.partitions]


def wrong(plan: Plan, world: World) -> Wrong | None:
    """Return what is wrong with a state by itself."""
    for at, partition in enumerate(world.partitions):
        archived = lineage(partition.archive)
        logged = partition.store.records if partition.store else ()
        for records in (archived, logged):
            found = _out_of_line(plan, records)
            if found is not None:
                return found
        if partition.store and any(count > 1 for row in partition.store.board for count in row):
            return Wrong.DOUBLED
        if _loses(plan, world, at, partition, archived):
            return Wrong.LOST
    return None


def _out_of_line(plan: Plan, records: Lineage) -> Wrong | None:
    """Tell whether a lane is not 1, 2, 3 … in a lineage."""
    last = [0] * len(plan.lanes)
    for record in records:
        if record.lane == RESTORED:
            continue
        if record.seq <= last[record.lane]:
            return Wrong.DOUBLED
        if record.seq != last[record.lane] + 1:
            return Wrong.DISORDERED
        last[record.lane] = record.seq
    return None


def _loses(plan: Plan, world: World, at: int, partition: Partition, archived: Lineage) -> bool:
    """Tell whether an event that must be somewhere is nowhere."""
    logged = partition.store.records[partition.store.base :] if partition.store else ()
    there = {(record.lane, record.seq) for record in (*archived, *logged)}
    for lane, lane_plan in enumerate(plan.lanes):
        if lane_plan.partition != at:
            continue
        cursor = world.cursors[lane]
        dead = world.sessions[lane_plan.producer] == DEAD
        promised = max(cursor.archived, cursor.safe) if dead else cursor.archived
        if any((lane, seq) not in there for seq in range(1, promised + 1)):
            return True
    return False


def done(plan: Plan, world: World) -> bool:
    """Tell whether everything is archived and projected, and every outbox knows."""
    for lane, cursor in zip(plan.lanes, world.cursors, strict=True):
        if world.sessions[lane.producer] != DEAD and cursor.archived < lane.events:
            return False
    for partition in world.partitions:
        store, archived = partition.store, lineage(partition.archive)
        if store is None or store.records != archived:
            return False
        if plan.projectors and (
            store.checkpoint != archived or store.board != counted(archived, plan)
        ):
            return False
    return all(
        world.sessions[lane.producer] == DEAD or _holds(plan, world, number)
        for number, lane in enumerate(plan.lanes)
    )


def _holds(plan: Plan, world: World, lane: int) -> bool:
    """Tell whether the archive has all events of a lane."""
    archived = lineage(world.partitions[plan.lanes[lane].partition].archive)
    return sum(record.lane == lane for record in archived) == plan.lanes[lane].events
