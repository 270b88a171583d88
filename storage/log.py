"""The log's interface: one append operation, and reading in order.

Laws:

- A piece is APPENDED only if its first seq is the fence's last + 1; all of it at or below the
  fence is DUPLICATE; anything else is a GAP and changes nothing. So no caller can skip, reorder
  or double, whatever failed before.
- The pieces APPENDED by one call become one entry, in order. No piece APPENDED: no entry.
- A piece of the producer ``season`` closes the season: its seq is the season; it comes alone in
  its call, and the entry after it belongs to season + 1.
- Callers name the incarnation that they know; another one appends nothing.
- A restored log is switched in whole, only in place of the one that was found wanting.
"""

from typing import NamedTuple, Protocol

from msgspec import Struct

from protocol.errors import RefusalCode
from protocol.fence import Answer
from protocol.log import Entry, Position
from protocol.messages import Durability

ENTRY_BYTES_MAX = 1024 * 1024
"""A flush stays below this, so that a reader's batch is bounded."""


class Head(Struct, frozen=True):
    """Where a partition's log ends.

    Attributes:
        position: of the last entry.
        season: that the next record will belong to, from 1.
        time_ms: of the last entry; 0 before the first.
        incarnation: how often this partition was restored, from 0.
        archived_n: the last record that is known to be archived.
    """

    position: Position
    season: int
    time_ms: int
    incarnation: int
    archived_n: int


class Offered(NamedTuple):
    """A piece to append.

    Attributes:
        producer, first, last: the lane and its seqs.
        data: the piece as ``protocol.events.encode_piece`` makes it.
        voids: seq and code of each void event in it.
    """

    producer: str
    first: int
    last: int
    data: bytes
    voids: tuple[tuple[int, RefusalCode], ...] = ()


class PieceAnswer(NamedTuple):
    """The answer for one piece.

    Attributes:
        answer: what became of it.
        last: the lane's last seq in the log, after this call.
        voids: for a DUPLICATE, the void events in the piece's range as the log has them.
    """

    answer: Answer
    last: int
    voids: tuple[tuple[int, RefusalCode], ...] = ()


class Appended(NamedTuple):
    """The log's answer to an append: an answer a piece, and the head after it."""

    answers: tuple[PieceAnswer, ...]
    position: Position
    durability: Durability
    """What was really reached: MEMORY where replicas or the disk did not confirm in time."""


class OtherIncarnation(NamedTuple):
    """Nothing was appended: the log was restored, or is not open yet (incarnation None)."""

    incarnation: int | None


class Restoration(Struct, frozen=True):
    """What a log is restored to.

    Attributes:
        entry: the Restored entry, archived as the partition's last; it says the season, too.
        incarnation: that begins with it.
        fence: producer to the last seq of its lane up to and with ``entry``; all archived.
    """

    entry: Entry
    incarnation: int
    fence: dict[str, int]


class Log(Protocol):
    """A partitioned log. All methods may block; an outage raises ``LogUnavailableError``."""

    def open_partition(self, partition: int, season: int = 1) -> Head:
        """Create the partition's head if there is none; return the head that stands."""
        ...

    def head(self, partition: int) -> Head | None:
        """Return where the log ends, None when the partition was never opened (or is lost)."""
        ...

    def append(
        self, partition: int, incarnation: int, offered: list[Offered]
    ) -> Appended | OtherIncarnation:
        """Append pieces as one entry, each if its lane allows it. Durability is the adapter's."""
        ...

    def read(self, partition: int, after_n: int, *, count: int, block_ms: int = 0) -> list[Entry]:
        """Return up to ``count`` entries whose n is above ``after_n``, in order.

        Unverified: the caller checks with ``protocol.log.follows``. Waits up to ``block_ms``
        for the first when there is none. What was trimmed is missing, so the first entry may
        not follow ``after_n``.
        """
        ...

    def entry(self, partition: int, n: int) -> Entry | None:
        """Return the entry that ends at n, None when there is no such entry in the stream."""
        ...

    def replicated(self, partition: int) -> bool:
        """Tell whether replicas have all that was read before, where ``append`` waits for them.

        True at once where it does not. Waits some seconds at most.
        """
        ...

    def lanes(self, partition: int, producers: list[str]) -> list[tuple[int, int]]:
        """Return (last seq in the log, last seq in the archive) of each producer's lane."""
        ...

    def mark_archived(
        self,
        partition: int,
        incarnation: int,
        position: Position,
        lanes: dict[str, int],
        *,
        after_n: int = 0,
    ) -> bool:
        """Publish what the archive holds: up to ``position``, and each lane's last seq.

        ``lanes`` speak of the records after ``after_n``. Never moves a mark backwards. False, and
        nothing done, for another incarnation, or when what is marked ends before ``after_n``: a
        failover has lost marks, which must be made good first.
        """
        ...

    def trim(self, partition: int, up_to_n: int) -> int:
        """Forget entries that end at or before ``up_to_n`` and are marked archived."""
        ...

    def restore(self, partition: int, found: Head | None, restored: Restoration) -> bool:
        """Replace a partition's log by one that goes on after ``restored.entry``.

        Only if the head's position and incarnation are still those of ``found`` (None: there is
        no head); else False, and nothing is changed.
        """
        ...

    def close(self) -> None:
        """Release connections. The log stays usable by others."""
        ...


class LogUnavailableError(Exception):
    """The log server did not answer, or not in time: the outcome of an append is unknown.

    Offering the same pieces again is always safe.
    """
