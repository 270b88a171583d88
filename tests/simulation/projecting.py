"""The projector: from the log, or where it is trimmed the archive, into the read models.

Law: changes are applied and the checkpoint moved in one step, if the checkpoint is still the one
that was read from and the log still has the entry that the changes end at. Where that entry was
trimmed, its chain can't be compared any more: then only what was read from the archive is applied.
"""

from tests.simulation.archiving import without
from tests.simulation.delivery import with_partition
from tests.simulation.rules import Broken
from tests.simulation.state import (
    Action,
    Lineage,
    Partition,
    Phase,
    Plan,
    Steps,
    Store,
    View,
    World,
    counted,
    lineage,
)


def projector_steps(plan: Plan, world: World, at: int) -> Steps:
    """Return what the projectors of a partition can do."""
    partition = world.partitions[at]
    steps: Steps = []
    if len(partition.projectors) < plan.projectors and partition.store is not None:
        before = partition.store.checkpoint
        source = Phase.ARCHIVED if partition.store.base > len(before) else Phase.READ
        for after in _batches(partition, partition.store):
            view = View(source, before, after, partition.store.incarnation)
            views = tuple(sorted((*partition.projectors, view)))
            words = f"a projector reads records {len(before) + 1} to {len(after)}"
            world_after = with_partition(world, at, projectors=views)
            steps.append((Action("projector-reads", words), world_after))
    if partition.store is not None:
        for view in sorted(set(partition.projectors)):
            steps.append(_applies(plan, world, at, view))
    return steps


def _batches(partition: Partition, store: Store) -> list[Lineage]:
    """Return the lineages that a read may end at: each batch that follows the checkpoint."""
    before = store.checkpoint
    source = store.records
    if store.base > len(before):
        source = lineage(partition.archive) if store.archived_n > len(before) else ()
    if source[: len(before)] != before:
        return []
    return [source[:end] for end in range(len(before) + 1, len(source) + 1)]


def _applies(plan: Plan, world: World, at: int, view: View) -> tuple[Action, World]:
    partition = world.partitions[at]
    store = partition.store
    assert store is not None
    rest = without(partition.projectors, view)
    words = f"a projector applies records {len(view.before) + 1} to {len(view.after)}"
    if view.phase is Phase.DONE:
        late = with_partition(world, at, projectors=rest, store=_added(plan, store, view))
        return Action("apply-late", words), late
    if not _current(plan, store, view):
        after = with_partition(world, at, projectors=rest)
        return Action("apply-refused", f"{words}: refused, it has to read again"), after
    moved = store._replace(checkpoint=view.after)
    if plan.broken is Broken.CHECKPOINT_FIRST:
        views = tuple(sorted((*rest, view._replace(phase=Phase.DONE))))
        words = f"a projector moves the checkpoint to {len(view.after)} before it applies"
        return Action("checkpoint", words), with_partition(world, at, projectors=views, store=moved)
    done = with_partition(world, at, projectors=rest, store=_added(plan, moved, view))
    return Action("apply", words), done


def _current(plan: Plan, store: Store, view: View) -> bool:
    """Tell whether the checkpoint and the log are still what was read."""
    end = len(view.after)
    has = store.records[:end] == view.after
    if end <= store.base and end < len(store.records):
        has = view.phase is Phase.ARCHIVED or plan.broken is Broken.TRIMMED_UNCHECKED
    if plan.broken is Broken.NO_COMPARE:
        return has
    same = store.checkpoint == view.before and store.incarnation == view.incarnation
    return has and same


def _added(plan: Plan, store: Store, view: View) -> Store:
    """Return the store with the view's records counted in the boards."""
    changes = counted(view.after[len(view.before) :], plan)
    board = tuple(
        tuple(map(sum, zip(*rows, strict=True))) for rows in zip(store.board, changes, strict=True)
    )
    return store._replace(board=board)
