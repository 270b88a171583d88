"""Reading a partition's log in order, verified, from the stream or, where trimmed, the archive.

Laws:

- What is returned follows the checkpoint without a gap, entry by entry, by number and chain.
- A log that lacks or contradicts the checkpoint is an error, never an empty answer: after a
  failover that lost the tail, a plain read would return nothing for ever.
"""

from itertools import islice
from typing import NamedTuple

from protocol.errors import LogMismatchError
from protocol.log import Entry, Position, follows
from storage.archive import Archive
from storage.log import Log
from storage.readmodels import Checkpoint

BATCH_ENTRIES = 32
"""Entries a batch: at most 32 MiB (ENTRY_BYTES_MAX each), in practice a few hundred KiB."""

BLOCK_MS = 200
"""How long a read waits for news; also how late a cancel is noticed."""


class Batch(NamedTuple):
    """Entries that follow a checkpoint, and whether the archive gave them."""

    entries: list[Entry]
    archived: bool


def read_batch(
    log: Log, archive: Archive, partition: int, checkpoint: Checkpoint, *, block_ms: int = BLOCK_MS
) -> Batch:
    """Return the entries after a checkpoint, at most BATCH_ENTRIES; none when there are none.

    Blocks up to ``block_ms``; call it in a worker thread.

    Raises:
        LogMismatchError: the log is not the one that the checkpoint speaks of.
        LogUnavailableError, ArchiveUnavailableError: an outage; try again.
        ArchiveError: the archive contradicts the checkpoint.
    """
    after = checkpoint.position
    entries = log.read(partition, after.n, count=BATCH_ENTRIES, block_ms=block_ms)
    if entries and entries[0].n - entries[0].count <= after.n:
        _require_chain(partition, after, entries)
        return Batch(entries, archived=False)
    head = log.head(partition)
    if head is None:
        raise LogMismatchError(f"partition {partition}: the log has no head")
    if head.incarnation != checkpoint.incarnation:
        raise LogMismatchError(
            f"partition {partition}: the log's incarnation is {head.incarnation}, "
            f"the read models' {checkpoint.incarnation}"
        )
    if head.position.n < after.n:
        raise LogMismatchError(
            f"partition {partition}: the log ends at {head.position.n}, "
            f"before the read models' {after.n}"
        )
    if head.position.n == after.n and head.position != after:
        raise LogMismatchError(f"partition {partition}: another log stands at {after.n}")
    if head.archived_n <= after.n:
        return Batch([], archived=False)
    return Batch(list(islice(archive.entries(partition, after), BATCH_ENTRIES)), archived=True)


def _require_chain(partition: int, after: Position, entries: list[Entry]) -> None:
    for entry in entries:
        if not follows(after, entry):
            raise LogMismatchError(
                f"partition {partition}: the entry at {entry.n} does not follow {after.n}"
            )
        after = entry.position
