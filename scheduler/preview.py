"""What a close would pay now: the settlement of the open season, computed but not recorded.

It is folded from snapshots, the archive and the log, as a close would be, and never from the live
boards; so it holds also while those are rebuilt.
"""

from collections.abc import Iterator

import msgspec

from projector.folds.state import advance
from protocol.log import Entry, Position
from scheduler.settlement import settle
from storage.archive import Archive
from storage.archived import Layout, PartitionState, Settlement
from storage.log import Log

READ_ENTRIES = 32
"""Entries a read: at most 32 MiB (ENTRY_BYTES_MAX each)."""


def preview(log: Log, archive: Archive, layout: Layout, now_ms: int) -> Settlement:
    """Return what the oldest season that is not closed would be settled as. Blocks.

    Args:
        log: where the newest entries are.
        archive: where all others are; nothing is written.
        layout: of the store.
        now_ms: Unix time, taken as the time of the close.

    Raises:
        LogMismatchError: the log does not continue the archive.
        LogUnavailableError, ArchiveUnavailableError: an outage.
    """
    season = archive.closed_seasons() + 1
    before = archive.settlement(season - 1)
    settlement = settle(
        season,
        [state_now(log, archive, partition, season) for partition in range(layout.partitions)],
        opened_at_ms=layout.created_ms if before is None else before.closed_at_ms,
        carried_in=0 if before is None else before.carried_over,
    )
    return msgspec.structs.replace(settlement, closed_at_ms=now_ms)


def state_now(log: Log, archive: Archive, partition: int, season: int) -> PartitionState:
    """Return a partition's state of a season: as it closed, or as far as the log goes. Blocks.

    Raises as ``preview``.
    """
    snapshot = archive.closing_snapshot(partition, season) or archive.newest_snapshot(partition)
    state = PartitionState() if snapshot is None else archive.load_snapshot(snapshot)
    if _is_closed(state, season):
        return state
    for entry in _entries(log, archive, partition, state.position):
        advance(state, [entry])
        if _is_closed(state, season):
            return state
    if state.season < season:  # reset lazily: nothing of this season is in the log yet
        return PartitionState(position=state.position, season=season, time_ms=state.time_ms)
    return state


def _is_closed(state: PartitionState, season: int) -> bool:
    return state.closed and state.season == season


def _entries(log: Log, archive: Archive, partition: int, after: Position) -> Iterator[Entry]:
    """Yield all entries after a position: the archived ones, then what only the log has."""
    while True:
        found = log.read(partition, after.n, count=READ_ENTRIES)
        if archive.tip(partition).position.n > after.n:
            # What is archived may be trimmed: take it from there.
            for entry in archive.entries(partition, after):
                yield entry
                after = entry.position
            continue
        if not found:
            return
        yield from found
        after = found[-1].position
