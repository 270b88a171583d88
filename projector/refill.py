"""Read models filled anew from the archive: when they are lost, or stand on a log that is no more.

The way is the same for both, and for a first start: newest snapshot, archived entries after it,
then the log from there on.
"""

from projector.folds.archived import ArchivedState, archived_state
from protocol.errors import LogMismatchError
from storage.archive import Archive
from storage.archived import PartitionState
from storage.log import Log
from storage.readmodels import Checkpoint, Contents, ReadModels, SeasonChanges


def refill(
    log: Log, models: ReadModels, archive: Archive, partition: int, before: Checkpoint | None
) -> bool:
    """Replace a partition's read models by what the archive gives. Blocks.

    ``before`` is the checkpoint that was found, None where there was none.

    Returns:
        Whether it was done: False when another projector was here.

    Raises:
        LogMismatchError: the log is missing or behind the archive; it must be restored first.
        LogUnavailableError, ArchiveUnavailableError: an outage; try again.
    """
    found = archived_state(archive, partition)
    head = log.head(partition)
    if head is None or head.position.n < found.state.position.n:
        raise LogMismatchError(f"partition {partition}: the log must be restored first")
    after = checkpoint_at(found.state, head.incarnation)
    return models.replace(partition, before, after, contents_of(found))


def checkpoint_at(state: PartitionState, incarnation: int) -> Checkpoint:
    """Return the checkpoint of read models that hold a state, read from a log's incarnation."""
    season = state.season + state.closed
    return Checkpoint(state.position, season, state.time_ms, incarnation)


def contents_of(found: ArchivedState) -> Contents:
    """Return read models that hold what is archived, the season closed last included."""
    states = [found.state] if found.closed is None else [found.closed, found.state]
    seasons = {
        state.season: SeasonChanges(state.money, state.earned, state.earnings) for state in states
    }
    return Contents(seasons, found.state.prizes)
