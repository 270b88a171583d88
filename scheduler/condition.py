"""How a partition's log stands to what is archived of it.

A log is only trusted as far as it continues the archive: by number, by chain and by incarnation.
"""

from enum import Enum

from protocol.errors import LogMismatchError
from protocol.log import GENESIS, Position
from storage.archive import Archive
from storage.archived import Tip
from storage.log import Head, Log


class Condition(Enum):
    """How a partition's log stands to what is archived of it."""

    SAME = "same"
    """It continues the archive."""
    NEW = "new"
    """It is missing, and so is its archive: the partition was never opened."""
    MISSING = "missing"
    BEHIND = "behind"
    """It ends before the archive: its tail was lost."""
    FORKED = "forked"
    """It has another chain where the archive ends."""
    CLAIMED = "claimed"
    """A restore is archived that the log does not have yet."""


def condition(tip: Tip, head: Head | None, at_tip: Position | None) -> Condition:
    """Compare a log with its archive.

    Args:
        tip: where the archive ends.
        head: where the log ends; None when it is missing.
        at_tip: the log's position at the tip's record; None where it has been trimmed, which only
            archived records are.
    """
    if head is None:
        return Condition.NEW if tip.position == GENESIS else Condition.MISSING
    if head.incarnation < tip.incarnation:
        return Condition.CLAIMED
    if head.position.n < tip.position.n:
        return Condition.BEHIND
    if at_tip is not None and at_tip != tip.position:
        return Condition.FORKED
    return Condition.SAME


def examine(log: Log, archive: Archive, partition: int) -> tuple[Condition, Tip, Head | None]:
    """Compare a partition's log with its archive; also return what was compared. Blocks."""
    tip = archive.tip(partition)
    head = log.head(partition)
    at_tip = None
    if head is not None and head.position.n == tip.position.n:
        at_tip = head.position
    elif head is not None and head.position.n > tip.position.n:
        entry = log.entry(partition, tip.position.n)
        at_tip = None if entry is None else entry.position
    return condition(tip, head, at_tip), tip, head


def require_same(log: Log, archive: Archive, partition: int) -> tuple[Tip, Head]:
    """Return tip and head of a log that continues its archive. Blocks.

    Raises:
        LogMismatchError: it does not; the text says how.
    """
    found, tip, head = examine(log, archive, partition)
    if found is not Condition.SAME or head is None:
        ends = "is missing" if head is None else f"ends at {head.position.n}"
        raise LogMismatchError(
            f"partition {partition}: the log is {found.value}: it {ends}, "
            f"the archive at {tip.position.n}"
        )
    return tip, head
