"""What may fail: every party at every step, the replies, the log server, all of its replicas."""

from tests.simulation.archiving import without
from tests.simulation.delivery import ended, with_partition
from tests.simulation.state import (
    DEAD,
    Action,
    Phase,
    Plan,
    Session,
    Steps,
    World,
    may_restore,
    put,
)


def failures(plan: Plan, world: World) -> Steps:
    """Return every failure that can happen now."""
    steps = [*_producers(plan, world), *_messages(world)]
    if not plan.calm:
        steps += _brokers(plan, world)
    for at, partition in enumerate(world.partitions):
        steps += _processes(plan, world, at)
        if may_restore(plan, partition):
            steps += _servers(plan, world, at)
    return steps


def _producers(plan: Plan, world: World) -> Steps:
    """A connection is cut, or its producer crashes: with a durable outbox it is the same."""
    steps: Steps = []
    for producer, session in enumerate(world.sessions):
        if isinstance(session, Session):
            words = f"the connection of producer {producer} is cut"
            steps.append((Action("cut", words), ended(world, producer, plan)))
        if plan.volatile and session != DEAD:
            words = f"producer {producer} dies, and its outbox with it"
            steps.append((Action("die", words), ended(world, producer, plan, DEAD)))
    return steps


def _brokers(plan: Plan, world: World) -> Steps:
    """A broker crashes; what it asked of the log may be under way still."""
    steps: Steps = []
    for broker in range(plan.brokers):
        if world.partitions[0].brokers[broker] < 0:
            continue
        after = world
        for producer, session in enumerate(world.sessions):
            if isinstance(session, Session) and session.broker == broker:
                after = ended(after, producer, plan)
        for at, partition in enumerate(world.partitions):
            after = with_partition(after, at, brokers=put(partition.brokers, broker, -1))
        steps.append((Action("broker-crash", f"broker {broker} crashes"), after))
    return steps


def broker_starts(plan: Plan, world: World) -> Steps:
    """A broker that is down starts when every partition is open. No failure: its repair."""
    steps: Steps = []
    stores = [partition.store for partition in world.partitions]
    for broker in range(plan.brokers):
        if world.partitions[0].brokers[broker] >= 0:
            continue
        after = world
        for at, store in enumerate(stores):
            if store is None:
                break
            brokers = put(world.partitions[at].brokers, broker, store.incarnation)
            after = with_partition(after, at, brokers=brokers)
        else:
            steps.append((Action("broker-start", f"broker {broker} starts"), after))
    return steps


def _messages(world: World) -> Steps:
    """A request is lost, or an answer."""
    steps: Steps = []
    for at, partition in enumerate(world.partitions):
        for request in partition.requests:
            rest = tuple(found for found in partition.requests if found != request)
            words = f"the request of lane {request.lane}: {request.first}-{request.last} is lost"
            steps.append((Action("request-lost", words), with_partition(world, at, requests=rest)))
    for lane, told in enumerate(world.told):
        if told is not None:
            after = world._replace(told=put(world.told, lane, None))
            steps.append((Action("answer-lost", f"the answer to lane {lane} is lost"), after))
    return steps


def _processes(plan: Plan, world: World, at: int) -> Steps:
    """An archiver, restorer or projector crashes, with all that it had read."""
    steps: Steps = []
    partition = world.partitions[at]
    for kind in ("archivers", "restorers", "projectors"):
        views = getattr(partition, kind)
        for view in sorted(set(views)):
            claimed = kind == "restorers" and view.phase is Phase.DONE
            if claimed and not may_restore(plan, partition):
                continue
            after = with_partition(world, at, **{kind: without(views, view)})
            words = f"one of the {kind} crashes"
            steps.append((Action(f"{kind}-crash", words), after))
    return steps


def _servers(plan: Plan, world: World, at: int) -> Steps:
    """A failover loses what the replica lacks; a wipe loses primary and replicas."""
    steps: Steps = []
    partition = world.partitions[at]
    store, replica = partition.store, partition.replica
    if partition.failovers and replica is not None:
        left = partition.failovers - 1
        lost = len(store.records) - len(replica.records) if store else 0
        words = (
            f"failover of partition {at}: the replica takes over and lacks {lost} of the records"
        )
        after = with_partition(
            world,
            at,
            store=replica,
            replica=replica if left else None,
            failovers=left,
            era=partition.era + 1,
        )
        steps.append((Action("failover", words), after))
    if partition.wipes and store is not None:
        after = with_partition(
            world, at, store=None, replica=None, wipes=partition.wipes - 1, era=partition.era + 1
        )
        cursors = tuple(
            cursor._replace(safe=0) if lane.partition == at else cursor
            for lane, cursor in zip(plan.lanes, world.cursors, strict=True)
        )
        words = f"partition {at} is lost: primary and replicas"
        steps.append((Action("wipe", words), after._replace(cursors=cursors)))
    return steps


def replication(world: World, at: int) -> Steps:
    """The replica catches up. It matters only while a failover may still come."""
    partition = world.partitions[at]
    if not partition.failovers or partition.store is None:
        return []
    if partition.replica == partition.store:
        return []
    after = with_partition(world, at, replica=partition.store)
    return [(Action("replicate", f"the replica of partition {at} catches up"), after)]
