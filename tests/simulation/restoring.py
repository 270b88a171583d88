"""The restorer: puts the archive's records into a log that is missing, behind, or another one.

Laws:

- A restore is claimed by a Restored record in the archive, inserted as any segment is; how many
  there are is the incarnation.
- What was claimed is switched in by one script, only over an older incarnation. The log, fence,
  marks, checkpoint and boards are switched together.
"""

from tests.simulation.archiving import inserted, without
from tests.simulation.delivery import with_partition
from tests.simulation.rules import Broken
from tests.simulation.state import (
    RESTORED,
    Action,
    Lineage,
    Phase,
    Plan,
    Record,
    Steps,
    Store,
    View,
    World,
    counted,
    incarnations,
    last_seqs,
    lineage,
    may_restore,
)


def restorer_steps(plan: Plan, world: World, at: int) -> Steps:
    """Return what the restorers of a partition can do."""
    partition = world.partitions[at]
    tip = lineage(partition.archive)
    steps: Steps = []
    if _needed(partition.store, tip):
        if plan.restorers == 0:
            steps += _at_once(plan, world, at, tip)
        elif len(partition.restorers) < plan.restorers:
            view = View(Phase.READ, tip, (), 0)
            views = tuple(sorted((*partition.restorers, view)))
            words = f"a restorer sees that the log does not hold the archive's {len(tip)} records"
            after = with_partition(world, at, restorers=views)
            steps.append((Action("restorer-looks", words), after))
    for view in sorted(set(partition.restorers)):
        steps += [_claims if view.phase is Phase.READ else _switches][0](plan, world, at, view)
    return steps


def _needed(store: Store | None, tip: Lineage) -> bool:
    return store is None or store.records[: len(tip)] != tip


def _claims(plan: Plan, world: World, at: int, view: View) -> Steps:
    """Insert Restored as the next segment; whoever is not the first has to look again."""
    partition = world.partitions[at]
    rest = without(partition.restorers, view)
    incarnation = incarnations(view.before) + 1
    if plan.broken is Broken.NO_CLAIM:
        known = partition.store.incarnation if partition.store else 0
        claimed = View(Phase.DONE, view.before, view.before, max(known + 1, incarnation))
        after = with_partition(world, at, restorers=tuple(sorted((*rest, claimed))))
        return [(Action("no-claim", "a restorer claims nothing"), after)]
    record = Record(RESTORED, incarnation, 0)
    words = f"a restorer claims incarnation {incarnation} as record {len(view.before) + 1}"
    archive = inserted(plan, partition.archive, len(view.before), (record,))
    if archive is not None and not may_restore(plan, partition):
        return []
    if archive is None:
        after = with_partition(world, at, restorers=rest)
        return [(Action("collision", f"{words}: another segment is there"), after)]
    claimed = View(Phase.DONE, view.before, (*view.before, record), incarnation)
    views = tuple(sorted((*rest, claimed)))
    return [(Action("claim", words), with_partition(world, at, archive=archive, restorers=views))]


def _switches(plan: Plan, world: World, at: int, view: View) -> Steps:
    """Switch in what was claimed, unless the log is of that incarnation or a newer one."""
    partition = world.partitions[at]
    rest = without(partition.restorers, view)
    words = f"a restorer switches incarnation {view.incarnation} in"
    if partition.store is not None and partition.store.incarnation >= view.incarnation:
        after = with_partition(world, at, restorers=rest)
        return [(Action("switch-refused", f"{words}: the log is not older"), after)]
    store = restored(plan, view.after, view.incarnation)
    return [(Action("switch", words), with_partition(world, at, restorers=rest, store=store))]


def _at_once(plan: Plan, world: World, at: int, tip: Lineage) -> Steps:
    """The restorer's work as one step, where a configuration looks at something else."""
    partition = world.partitions[at]
    incarnation = incarnations(tip) + 1
    record = Record(RESTORED, incarnation, 0)
    archive = inserted(plan, partition.archive, len(tip), (record,))
    store = restored(plan, (*tip, record), incarnation)
    words = (
        f"the log is restored from the archive (up to record {len(tip)}): incarnation {incarnation}"
    )
    return [(Action("restore", words), with_partition(world, at, archive=archive, store=store))]


def restored(plan: Plan, records: Lineage, incarnation: int) -> Store:
    """Return a store that holds the records and all that is folded from them."""
    lanes = last_seqs(records, len(plan.lanes))
    fence = (0,) * len(lanes) if plan.broken is Broken.NO_FENCE_RESTORED else lanes
    return Store(
        records=records,
        base=0,
        fence=fence,
        marks=lanes,
        archived_n=len(records),
        incarnation=incarnation,
        forgotten=0,
        forgets=0,
        checkpoint=records,
        board=counted(records, plan),
    )
