"""The archiver: from the log into the archive, marks, trimming; and what the fence forgets.

Laws:

- An archiver reads the archive's end and the log behind it, and acts on that view later, however
  stale it is by then: between any two of its steps anything may happen.
- A segment is inserted under its first record's number, if nothing is there.
"""

from tests.simulation.delivery import with_partition
from tests.simulation.rules import Broken
from tests.simulation.state import (
    Action,
    Lineage,
    Partition,
    Phase,
    Plan,
    Segment,
    Steps,
    Store,
    View,
    World,
    last_seqs,
    lineage,
    put,
)


def archiver_steps(plan: Plan, world: World, at: int) -> Steps:
    """Return what the archivers of a partition can do."""
    partition = world.partitions[at]
    steps: Steps = []
    if plan.archivers == 0:
        steps += _at_once(plan, world, at)
    elif len(partition.archivers) < plan.archivers:
        steps += _reads(plan, world, at)
    for view in sorted(set(partition.archivers)):
        steps += [_inserts if view.phase is Phase.READ else _marks][0](plan, world, at, view)
    steps += _marks_again(plan, world, at)
    if plan.trims:
        steps += _trims(plan, world, at)
    if plan.forgets:
        steps += _forgets(plan, world, at)
    return steps


def _readable(plan: Plan, partition: Partition, tip: Lineage) -> Lineage:
    """Return the log's records that continue the archive's end, by chain, when that is marked."""
    store = partition.store
    if store is None or store.base > len(tip) or store.archived_n < len(tip):
        return ()
    if store.records[: len(tip)] != tip and plan.broken is not Broken.NO_CHAIN:
        return ()
    found = store.records[len(tip) :]
    if plan.waits and partition.failovers and plan.broken is not Broken.ARCHIVE_UNREPLICATED:
        held = partition.replica.records if partition.replica else ()
        found = found if held[: len(store.records)] == store.records else ()
    return found


def _reads(plan: Plan, world: World, at: int) -> Steps:
    partition = world.partitions[at]
    tip = lineage(partition.archive)
    found = _readable(plan, partition, tip)
    steps: Steps = []
    for size in range(1, len(found) + 1):
        assert partition.store is not None
        view = View(Phase.READ, tip, found[:size], partition.store.incarnation)
        views = tuple(sorted((*partition.archivers, view)))
        words = f"an archiver reads {_span(len(tip), size)} of the log"
        steps.append((Action("archiver-reads", words), with_partition(world, at, archivers=views)))
    return steps


def _inserts(plan: Plan, world: World, at: int, view: View) -> Steps:
    """Insert the segment if its number is free; else the archiver has to look again."""
    partition = world.partitions[at]
    rest = without(partition.archivers, view)
    words = f"an archiver inserts {_span(len(view.before), len(view.after))}"
    archive = inserted(plan, partition.archive, len(view.before), view.after)
    if archive is None:
        after = with_partition(world, at, archivers=rest)
        return [(Action("collision", f"{words}: another segment is there"), after)]
    done = View(Phase.DONE, view.before, view.after, view.incarnation)
    views = tuple(sorted((*rest, done)))
    after = with_partition(world, at, archivers=views, archive=archive)
    return [(Action("insert", words), after)]


def inserted(
    plan: Plan, archive: tuple[Segment, ...], before_n: int, records: Lineage
) -> tuple[Segment, ...] | None:
    """Return the archive with a segment more, None where its number is taken."""
    segment = Segment(before_n + 1, records)
    others = tuple(found for found in archive if found.first != segment.first)
    if len(others) < len(archive) and plan.broken is not Broken.OVERWRITE:
        return None
    return tuple(sorted((*others, segment)))


def _marks(plan: Plan, world: World, at: int, view: View) -> Steps:
    """Publish what was archived in the log, if it is the incarnation that was read.

    Only behind what is marked already: after a failover that lost a mark, the lanes between would
    never be told. ``_marks_again`` then makes it good.
    """
    partition = world.partitions[at]
    store = partition.store
    rest = without(partition.archivers, view)
    if store is None:
        return []
    follows = store.archived_n >= len(view.before) or plan.broken is Broken.MARK_GAPS
    if store.incarnation == view.incarnation and follows:
        whole = view.before + view.after
        store = marked(plan, store, len(whole), view.after)
    words = f"an archiver marks {_span(len(view.before), len(view.after))} as archived"
    after = with_partition(world, at, archivers=rest, store=store)
    return [(Action("mark", words), after)]


def marked(plan: Plan, store: Store, n: int, records: Lineage) -> Store:
    """Return the store with marks moved forward, never backwards."""
    lanes = last_seqs(records, len(plan.lanes))
    if plan.broken is Broken.MARK_FROM_FENCE:
        lanes = store.fence
    marks = tuple(max(pair) for pair in zip(store.marks, lanes, strict=True))
    return store._replace(marks=marks, archived_n=max(store.archived_n, n))


def _marks_again(plan: Plan, world: World, at: int) -> Steps:
    """Make good what a crash left unmarked: from the archive, onto a log that continues it."""
    partition = world.partitions[at]
    store, tip = partition.store, lineage(partition.archive)
    if store is None or store.archived_n >= len(tip) or store.records[: len(tip)] != tip:
        return []
    if plan.archivers and len(partition.archivers) == plan.archivers:
        return []
    after = with_partition(world, at, store=marked(plan, store, len(tip), tip))
    return [(Action("mark-again", f"an archiver marks all of the archive's {len(tip)}"), after)]


def _at_once(plan: Plan, world: World, at: int) -> Steps:
    """The archiver's work as one step, where a configuration looks at something else."""
    partition = world.partitions[at]
    tip = lineage(partition.archive)
    found = _readable(plan, partition, tip)
    if not found:
        return []
    assert partition.store is not None
    archive = inserted(plan, partition.archive, len(tip), found)
    store = marked(plan, partition.store, len(tip) + len(found), found)
    words = f"an archiver archives and marks {_span(len(tip), len(found))}"
    return [(Action("archive", words), with_partition(world, at, archive=archive, store=store))]


def _trims(plan: Plan, world: World, at: int) -> Steps:
    """Forget records that are marked as archived."""
    store = world.partitions[at].store
    if store is None:
        return []
    limit = min(store.archived_n, len(store.records))
    if plan.broken is Broken.TRIM_UNARCHIVED:
        limit = len(store.records)
    if limit <= store.base:
        return []
    after = with_partition(world, at, store=store._replace(base=limit))
    return [(Action("trim", f"the log is trimmed up to record {limit}"), after)]


def _forgets(plan: Plan, world: World, at: int) -> Steps:
    """The fence forgets a lane that is wholly archived, and remembers how young it was."""
    store = world.partitions[at].store
    if store is None:
        return []
    steps: Steps = []
    for lane, lane_plan in enumerate(plan.lanes):
        last = store.fence[lane]
        whole = store.marks[lane] >= last or plan.broken is Broken.FORGET_UNARCHIVED
        if not last or not whole:
            continue
        forgotten = store._replace(
            fence=put(store.fence, lane, 0),
            marks=put(store.marks, lane, 0),
            forgotten=max(store.forgotten, lane_plan.producer + 1),
            forgets=store.forgets + (plan.broken is Broken.COUNTED_LOOK_UP),
        )
        words = f"the fence forgets lane {lane} (at {last})"
        steps.append((Action("forget", words), with_partition(world, at, store=forgotten)))
    return steps


def without(views: tuple[View, ...], view: View) -> tuple[View, ...]:
    """Return the views less one."""
    at = views.index(view)
    return (*views[:at], *views[at + 1 :])


def _span(before: int, count: int) -> str:
    return f"record {before + 1}" if count == 1 else f"records {before + 1}-{before + count}"
