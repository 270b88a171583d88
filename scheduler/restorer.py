"""The restorer: makes a log that the archive contradicts go on from what is archived.

Laws:

- A restore is a record: ``Restored(incarnation)`` is archived as the partition's next segment, if
  absent. Of two restorers one wins, and an archiver with a stale view collides with it.
- Only then is the log replaced, and only if it is still the one that was found wanting. A restorer
  that died in between is carried on by the next: it finds its record as the archive's last.
- What the replaced log held beyond the archive comes again from the outboxes, through the fence.
"""

from projector.folds.archived import archived_state
from protocol.events import Piece, Restored, decode_body, encode_piece, join_pieces
from protocol.identity import RESTORE_PRODUCER
from protocol.log import Entry, link
from runtime.logging import logger
from scheduler.condition import Condition, examine
from storage.archive import Archive
from storage.archived import Tip
from storage.log import Head, Log, Restoration


def restored_entry(tip: Tip, incarnation: int, now_ms: int) -> Entry:
    """Return the entry that claims a restore after the archive's tip."""
    piece = Piece(RESTORE_PRODUCER, incarnation, incarnation, (Restored(incarnation),))
    body = join_pieces([encode_piece(piece)])
    n, time_ms = tip.position.n + 1, max(tip.time_ms, now_ms)
    chain = link(tip.position.chain, n, 1, tip.season, time_ms, body)
    return Entry(n, 1, tip.season, time_ms, body, chain)


class Restorer:
    """Restores one partition's log where it must be. All methods block.

    Args:
        log, archive: the partition's.
        partition: which.
    """

    def __init__(self, log: Log, archive: Archive, partition: int) -> None:
        self._log = log
        self._archive = archive
        self._partition = partition
        self._logger = logger(part="restorer", partition=str(partition))

    def step(self, now_ms: int) -> Condition:
        """Look, and do what must be done; return what was found. Repeat until it is SAME.

        Raises:
            LogUnavailableError, ArchiveUnavailableError: an outage; try again.
            ArchiveError, UnreadableRecordError: the archive is damaged.
        """
        found, tip, head = examine(self._log, self._archive, self._partition)
        if found is Condition.SAME:
            return found
        if found is Condition.NEW:
            self._log.open_partition(self._partition)
            return found
        self._logger.error(
            "log-must-be-restored",
            condition=found.value,
            archived_n=tip.position.n,
            log_n=None if head is None else head.position.n,
        )
        claim = self._standing_claim(head, tip)
        if claim is None:
            entry = restored_entry(tip, tip.incarnation + 1, now_ms)
            if not self._archive.append_segment(self._partition, tip.incarnation + 1, [entry]):
                self._logger.info("another-restorer", n=entry.n)
                return found
            claim = entry
        self._switch(claim, head)
        return found

    def _standing_claim(self, head: Head | None, tip: Tip) -> Entry | None:
        """Return the archive's last entry if it is a Restored that the log does not have."""
        if head is not None and head.incarnation >= tip.incarnation:
            return None
        last = self._archive.last_entry(self._partition)
        if last is None or not isinstance(decode_body(last.body)[-1].events[-1], Restored):
            return None
        return last

    def _switch(self, claim: Entry, head: Head | None) -> None:
        state = archived_state(self._archive, self._partition).state
        if state.position != claim.position:
            return  # the archive has gone on: somebody else has switched
        restored = Restoration(claim, state.incarnation, state.fence)
        if self._log.restore(self._partition, head, restored):
            self._logger.warning("restored", n=claim.n, incarnation=state.incarnation)
