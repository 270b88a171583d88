"""From the outbox through a session and a broker into the log, and the answer back.

Laws:

- What a session may carry, and when, is the project's own table; what a lane takes is the
  project's own ``judge``.
- A broker keeps nothing but the incarnations that it knows: what it was asked to append is a
  request under way, which may be carried out late, twice, or never, whatever became of the broker.
"""

from itertools import chain

from protocol.fence import Answer, judge
from protocol.messages import Ack, Bye, Gap, Goaway, Hello, Message, Publish, Welcome
from protocol.session import TABLE, Role
from protocol.session import State as SessionState
from tests.simulation.rules import Broken
from tests.simulation.state import (
    Action,
    Cursor,
    Hint,
    Partition,
    Plan,
    Record,
    Request,
    Session,
    Steps,
    Store,
    Told,
    World,
    last_seqs,
    lineage,
    put,
)


def allowed(role: Role, state: SessionState, message: type[Message]) -> SessionState | None:
    """Return the session's state after a message, None where the table does not allow it."""
    return TABLE[role][state].get(message)


def ended(world: World, producer: int, plan: Plan, session: Session | str | None = None) -> World:
    """Return the world in which a producer's session is over and its requests are strays."""
    cursors = tuple(
        cursor._replace(sent=cursor.archived) if lane.producer == producer else cursor
        for lane, cursor in zip(plan.lanes, world.cursors, strict=True)
    )
    partitions = tuple(
        partition._replace(
            requests=requests_of(
                request._replace(fresh=False)
                if plan.lanes[request.lane].producer == producer
                else request
                for request in partition.requests
            )
        )
        for partition in world.partitions
    )
    sessions = put(world.sessions, producer, session)
    return world._replace(sessions=sessions, cursors=cursors, partitions=partitions)


def requests_of(requests: object) -> tuple[Request, ...]:
    """Return requests as the world keeps them: a set, in order."""
    return tuple(sorted(set(requests)))  # type: ignore[call-overload]


def producer_steps(plan: Plan, world: World) -> Steps:
    """Return what producers can do: connect, send, take an answer, drop what is archived."""
    steps: Steps = []
    for producer, session in enumerate(world.sessions):
        if session is None:
            steps += _connects(plan, world, producer)
        elif isinstance(session, Session):
            steps += _leaves(plan, world, producer, session)
    for lane, lane_plan in enumerate(plan.lanes):
        session = world.sessions[lane_plan.producer]
        if isinstance(session, Session):
            steps += _sends(plan, world, lane, session)
            steps += _answers(plan, world, lane, session)
            steps += _resends(plan, world, lane)
            steps += _drops(world, lane, lane_plan.partition)
    return steps


def _connects(plan: Plan, world: World, producer: int) -> Steps:
    """Hello and Welcome: the outbox drops what is archived and will send all else again."""
    welcoming = allowed(Role.CLIENT, SessionState.GREETING, Hello)
    assert welcoming is not None
    opened = allowed(Role.BROKER, welcoming, Welcome)
    assert opened is not None
    steps: Steps = []
    stores = [partition.store for partition in world.partitions]
    for broker in range(plan.brokers):
        if None in stores or any(found.brokers[broker] < 0 for found in world.partitions):
            continue
        cursors = []
        for lane, cursor in zip(plan.lanes, world.cursors, strict=True):
            if lane.producer == producer:
                store = stores[lane.partition]
                assert store is not None
                archived = max(cursor.archived, store.marks[len(cursors)])
                cursor = cursor._replace(archived=archived, sent=archived)  # noqa: PLW2901
            cursors.append(cursor)
        words = f"producer {producer} opens a session with broker {broker}"
        sessions = put(world.sessions, producer, Session(broker, opened))
        after = world._replace(sessions=sessions, cursors=tuple(cursors))
        steps.append((Action("connect", words), after))
    return steps


def _leaves(plan: Plan, world: World, producer: int, session: Session) -> Steps:
    """Goaway and Bye, where the configuration has them, and the end that follows."""
    if not plan.drains:
        return []
    if session.state is not SessionState.OPEN:
        words = f"the session of producer {producer} ends"
        return [(Action("leave", words), ended(world, producer, plan))]
    steps: Steps = []
    for role, message in ((Role.BROKER, Goaway), (Role.CLIENT, Bye)):
        state = allowed(role, session.state, message)
        assert state is not None
        words = f"{message.__name__} in the session of producer {producer}"
        sessions = put(world.sessions, producer, session._replace(state=state))
        steps.append((Action("farewell", words), world._replace(sessions=sessions)))
    return steps


def _sends(plan: Plan, world: World, lane: int, session: Session) -> Steps:
    """Publish the lane's next events; a broker that said Goaway takes nothing more."""
    cursor, lane_plan = world.cursors[lane], plan.lanes[lane]
    partition = world.partitions[lane_plan.partition]
    if allowed(Role.CLIENT, session.state, Publish) is None:
        return []
    steps: Steps = []
    for size in range(1, min(plan.batch, lane_plan.events - cursor.sent) + 1):
        first, last = cursor.sent + 1, cursor.sent + size
        requests = set(partition.requests)
        if session.state is SessionState.OPEN:
            known = partition.brokers[session.broker]
            requests.update(_pieces(plan, lane, first, last, known))
        if len(requests) > plan.requests:
            continue
        moved = put(world.cursors, lane, cursor._replace(sent=last))
        after = world._replace(cursors=moved)
        after = with_partition(after, lane_plan.partition, requests=requests_of(requests))
        steps.append((Action("send", f"{_lane(plan, lane)} sends {_seqs(first, last)}"), after))
    return steps


def _pieces(plan: Plan, lane: int, first: int, last: int, known: int) -> list[Request]:
    """Make the requests of a Publish: one piece, void events included."""
    if plan.broken is not Broken.NO_VOID:
        return [Request(lane, first, last, known, fresh=True)]
    taken = [seq for seq in range(first, last + 1) if seq not in plan.lanes[lane].refused]
    return [Request(lane, seq, seq, known, fresh=True) for seq in taken]


def _answers(plan: Plan, world: World, lane: int, session: Session) -> Steps:
    """Take an Ack or a Gap, which may come again."""
    told = world.told[lane]
    if told is None or allowed(Role.BROKER, session.state, Gap if told.gap else Ack) is None:
        return []
    cursor = world.cursors[lane]
    if told.gap:
        moved = cursor._replace(sent=_resends_from(plan, cursor))
        words = f"{_lane(plan, lane)} is told: a gap, the log has up to {told.last}"
    else:
        moved = _acked(plan, cursor, told.last)
        words = f"{_lane(plan, lane)} is told: acked through {told.last}"
    after = world._replace(cursors=put(world.cursors, lane, moved))
    once = after._replace(told=put(world.told, lane, None))
    again = Action("answered-twice", f"{words} (and will be again)")
    return [(Action("answered", words), once), (again, after)]


def _acked(plan: Plan, cursor: Cursor, through: int) -> Cursor:
    cursor = cursor._replace(sent=max(cursor.sent, through))
    if plan.broken is Broken.DROP_AT_ACK:
        return cursor._replace(archived=max(cursor.archived, through))
    if plan.broken is Broken.RESEND_FROM_ACKED:
        return cursor._replace(acked=max(cursor.acked, through))
    return cursor


def _resends_from(plan: Plan, cursor: Cursor) -> int:
    if plan.broken is Broken.RESEND_FROM_ACKED:
        return max(cursor.acked, cursor.archived)
    return cursor.archived


def _resends(plan: Plan, world: World, lane: int) -> Steps:
    """When nothing moves for long, send again from the first unarchived event."""
    cursor = world.cursors[lane]
    start = _resends_from(plan, cursor)
    if cursor.sent <= start:
        return []
    words = f"{_lane(plan, lane)} has waited long and will send again from {start + 1}"
    moved = put(world.cursors, lane, cursor._replace(sent=start))
    return [(Action("resend", words), world._replace(cursors=moved))]


def _drops(world: World, lane: int, partition: int) -> Steps:
    """An outbox is told how far the archive has its lane, and drops that."""
    store, cursor = world.partitions[partition].store, world.cursors[lane]
    if store is None or store.marks[lane] <= cursor.archived:
        return []
    archived = store.marks[lane]
    moved = cursor._replace(archived=archived, sent=max(cursor.sent, archived))
    words = f"lane {lane} is told: archived up to {archived}; its outbox drops that"
    return [(Action("drop", words), world._replace(cursors=put(world.cursors, lane, moved)))]


def log_steps(plan: Plan, world: World) -> Steps:
    """Return what can become of each append request: looked up, carried out."""
    steps: Steps = []
    for at, partition in enumerate(world.partitions):
        for request in partition.requests:
            if partition.store is not None:
                steps += _arrives(plan, world, at, request)
    return steps


def _arrives(plan: Plan, world: World, at: int, request: Request) -> Steps:
    """Carry out an append: one script, which changes all of it or nothing."""
    partition = world.partitions[at]
    store = partition.store
    assert store is not None
    words = f"the log takes the request {_request(plan, request)}"
    if request.incarnation != store.incarnation and plan.broken is not Broken.NO_INCARNATION:
        return _other_incarnation(plan, world, at, request, f"{words}: another incarnation")
    before = _lane_end(plan, store, request)
    if before is None:
        return _looks_up(plan, world, at, request)
    if before and not store.fence[request.lane]:
        store = _remembered(store, request.lane, before)
    appended, answer = _append(plan, store, request, before, partition.era)
    rest = tuple(found for found in partition.requests if found != request)
    if answer is Answer.GAP and request.first <= before < request.last:
        cut = request._replace(first=before + 1)
        after = with_partition(world, at, requests=requests_of((*rest, cut)))
        return [(Action("split", f"{words}: it overlaps, the broker cuts it"), after)]
    words = f"{words}: {answer.value}"
    told = Told(
        answer is Answer.GAP, before if answer is Answer.GAP else appended.fence[request.lane]
    )
    done = with_partition(world, at, store=appended, requests=rest)
    kept = with_partition(world, at, store=appended)
    steps = [
        (Action("append", words), _tell(plan, done, request, told)),
        (Action("reply-lost", f"{words}, but the reply is lost"), done),
        (Action("repeat", f"{words}, but the request is under way still"), kept),
    ]
    if plan.volatile and answer is not Answer.GAP:
        steps.append(_replicated(plan, done, at, request, told, words))
    if plan.broken is Broken.FENCE_FIRST and answer is Answer.APPENDED:
        failed = store._replace(fence=appended.fence)
        words = f"XADD fails for the request {_request(plan, request)}"
        steps.append((Action("xadd-fails", words), with_partition(world, at, store=failed)))
    return steps


def _replicated(
    plan: Plan, done: World, at: int, request: Request, told: Told, words: str
) -> tuple[Action, World]:
    """WAIT says that the replica has it: the ack is a promise from the moment it is sent."""
    partition = done.partitions[at]
    after = with_partition(done, at, replica=partition.store if partition.failovers else None)
    after = _tell(plan, after, request, told)
    if request.fresh:
        cursor = after.cursors[request.lane]
        cursor = cursor._replace(safe=max(cursor.safe, told.last))
        after = after._replace(cursors=put(after.cursors, request.lane, cursor))
        words = f"{words}, and acked as replicated"
    return Action("append-replicated", words), after


def _tell(plan: Plan, world: World, request: Request, told: Told) -> World:
    if plan.calm or not request.fresh:
        return world
    return world._replace(told=put(world.told, request.lane, told))


def _other_incarnation(plan: Plan, world: World, at: int, request: Request, words: str) -> Steps:
    """Nothing is appended; the broker learns the incarnation and the session starts anew."""
    partition = world.partitions[at]
    assert partition.store is not None
    rest = tuple(found for found in partition.requests if found != request)
    after = with_partition(world, at, requests=rest)
    producer = plan.lanes[request.lane].producer
    session = world.sessions[producer]
    if request.fresh and isinstance(session, Session):
        known = put(partition.brokers, session.broker, partition.store.incarnation)
        after = ended(with_partition(after, at, brokers=known), producer, plan)
    return [(Action("other-incarnation", words), after)]


def _lane_end(plan: Plan, store: Store, request: Request) -> int | None:
    """Return the lane's last seq, None when the fence forgot it and it must be looked up.

    A look-up holds while the log has the archive's end that it saw, and nothing beyond is marked as
    archived: then the lane can't have been forgotten again since.
    """
    before = store.fence[request.lane]
    if before or plan.lanes[request.lane].producer >= store.forgotten:
        return before
    if plan.broken is Broken.NO_LOOK_UP:
        return 0
    hint = request.hint
    if not isinstance(hint, Hint):
        return None
    if plan.broken is Broken.COUNTED_LOOK_UP:
        current = hint.forgets == store.forgets
    else:
        current = store.archived_n <= len(hint.tip)
    in_log = store.records[: len(hint.tip)] == hint.tip
    return hint.last if (current and in_log) or plan.broken is Broken.STALE_LOOK_UP else None


def _looks_up(plan: Plan, world: World, at: int, request: Request) -> Steps:
    """The broker looks a forgotten lane up in the archive and offers its piece with what it saw."""
    partition = world.partitions[at]
    assert partition.store is not None
    tip = lineage(partition.archive)
    last = last_seqs(tip, len(plan.lanes))[request.lane]
    counts = plan.broken is Broken.COUNTED_LOOK_UP
    asked = request._replace(hint=Hint(last, partition.store.forgets if counts else 0, tip))
    if asked == request:
        return []
    rest = (found for found in partition.requests if found != request)
    after = with_partition(world, at, requests=requests_of(chain(rest, [asked])))
    words = f"forgotten: the broker looks {_request(plan, request)} up in the archive: {last}"
    return [(Action("look-up", words), after)]


def _remembered(store: Store, lane: int, last: int) -> Store:
    """Put a forgotten lane back as the archive has it: else nobody is told that it is archived."""
    return store._replace(fence=put(store.fence, lane, last), marks=put(store.marks, lane, last))


def _append(
    plan: Plan, store: Store, request: Request, before: int, era: int
) -> tuple[Store, Answer]:
    answer = judge(before, request.first, request.last)
    first = request.first
    if plan.broken is Broken.CONTIGUITY and answer is Answer.GAP:
        first, answer = max(first, before + 1), Answer.APPENDED
    takes_rest = plan.broken is Broken.GAP_REST and answer is Answer.GAP
    if answer is not Answer.APPENDED and not (takes_rest and first > before):
        return store, answer
    seqs = range(first + takes_rest, request.last + 1)
    if not seqs:
        return store, answer
    records = store.records + tuple(Record(request.lane, seq, era) for seq in seqs)
    fence = put(store.fence, request.lane, request.last)
    return store._replace(records=records, fence=fence), answer


def with_partition(world: World, at: int, **changes: object) -> World:
    """Return the world with one partition changed."""
    partition: Partition = world.partitions[at]._replace(**changes)  # type: ignore[arg-type]
    return world._replace(partitions=put(world.partitions, at, partition))


def _lane(plan: Plan, lane: int) -> str:
    found = plan.lanes[lane]
    return f"lane {lane} (producer {found.producer}, partition {found.partition})"


def _seqs(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}-{last}"


def _request(plan: Plan, request: Request) -> str:
    del plan
    age = "" if request.fresh else "old "
    return f"[{age}lane {request.lane}: {_seqs(request.first, request.last)}]"
