"""The archiver: copies each partition's entries into the archive, as segments.

Laws:

- Only entries that continue the archive's own chain are archived; a log that is behind the archive
  or contradicts it must be restored first.
- Where acks wait for replicas, only what replicas have is archived: else a failover would bring
  back a log without it, and the restore that follows would undo what the new log has acked.
- What is archived is published in the log (``mark_archived``) after it stands in the archive; a
  crash in between is made good at the next start, from the archive.
- Only what is marked is trimmed, and ``retain_records`` stay all the same.
"""

from collections.abc import Iterable

from protocol.errors import LogMismatchError
from protocol.events import decode_body
from protocol.log import GENESIS, Entry, Position, follows
from runtime.logging import logger
from scheduler.condition import require_same
from storage.archive import Archive
from storage.log import ENTRY_BYTES_MAX, Head, Log

SEGMENT_ENTRIES = 256
"""Entries a segment."""

READ_ENTRIES = 16
"""Entries a read: large ones fill a segment soon, and what is read beyond it is read again."""

SEGMENT_BYTES = 4 * 1024 * 1024
"""Bodies a segment before compression, so that its chunk stays below CHUNK_BYTES_MAX."""

assert SEGMENT_BYTES >= ENTRY_BYTES_MAX  # noqa: S101 - a relation between limits

MARK_ENTRIES = 1_000
"""Archived entries marked at once when marks are made good."""


class Archiver:
    """Archives one partition. All methods block.

    Args:
        log, archive: from and to.
        partition: which.
        retain_records: archived records that stay in the stream.
    """

    def __init__(self, log: Log, archive: Archive, partition: int, retain_records: int) -> None:
        self._log = log
        self._archive = archive
        self._partition = partition
        self._retain = retain_records
        self._logger = logger(part="archiver", partition=str(partition))

    def step(self) -> int:
        """Archive what is new, at most one segment; return how many records that was.

        Raises:
            LogMismatchError: the log must be restored, see ``scheduler.restorer``.
            LogUnavailableError, ArchiveUnavailableError: an outage; try again.
        """
        tip, head = require_same(self._log, self._archive, self._partition)
        if head.archived_n < tip.position.n:
            self._mark_again(head)
        if head.position.n == tip.position.n:
            return 0
        entries = self._read(tip.position.n)
        if not follows(tip.position, entries[0]):
            raise LogMismatchError(
                f"partition {self._partition}: the log's entry at {entries[0].n} "
                f"does not follow the archive at {tip.position.n}"
            )
        if not self._log.replicated(self._partition):
            self._logger.warning("not-replicated", n=entries[-1].n)
            return 0
        if not self._archive.append_segment(self._partition, head.incarnation, entries):
            self._logger.info("another-archiver", n=tip.position.n)
            return 0
        position = entries[-1].position
        self._publish(head, entries)
        if position.n > self._retain:
            self._log.trim(self._partition, position.n - self._retain)
        return position.n - tip.position.n

    def _read(self, after_n: int) -> list[Entry]:
        """Return what a segment may hold of the entries after a record; at least one."""
        entries: list[Entry] = []
        size = 0
        while len(entries) < SEGMENT_ENTRIES:
            last_n = entries[-1].n if entries else after_n
            found = self._log.read(self._partition, last_n, count=READ_ENTRIES)
            for entry in found:
                size += len(entry.body)
                if entries and size > SEGMENT_BYTES:
                    return entries
                entries.append(entry)
            if len(found) < READ_ENTRIES:
                break
        if not entries:
            raise LogMismatchError(
                f"partition {self._partition}: the log lost its entries after {after_n}"
            )
        return entries

    def _mark_again(self, head: Head) -> None:
        """Publish what was archived but, after a crash, never marked.

        ``archived_n`` may lie inside an archived segment, but always at an entry's end.
        """
        after = self._position(head.archived_n)
        batch: list[Entry] = []
        for entry in self._archive.entries(self._partition, after):
            batch.append(entry)
            if len(batch) == MARK_ENTRIES:
                self._publish(head, batch)
                batch = []
        if batch:
            self._publish(head, batch)

    def _publish(self, head: Head, entries: list[Entry]) -> None:
        """Mark entries; not where marks before them were lost, which the next step sees."""
        self._log.mark_archived(
            self._partition,
            head.incarnation,
            entries[-1].position,
            lanes_of(entries),
            after_n=entries[0].n - entries[0].count,
        )

    def _position(self, n: int) -> Position:
        """Return a position of the archive at record n, or before it."""
        entry = self._log.entry(self._partition, n)
        if entry is not None:
            return entry.position
        # Trimmed: begin at the snapshot before, which only repeats marks.
        snapshot = self._archive.newest_snapshot(self._partition, at_most_n=n)
        return GENESIS if snapshot is None else Position(snapshot.n, snapshot.chain)


def lanes_of(entries: Iterable[Entry]) -> dict[str, int]:
    """Return each producer's last seq in the entries."""
    return {piece.producer: piece.last for entry in entries for piece in decode_body(entry.body)}
