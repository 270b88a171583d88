"""The log's twin in memory: the same laws, for tests and simulations."""

import time
from collections.abc import Callable
from threading import Lock

from protocol.errors import RefusalCode
from protocol.events import join_pieces
from protocol.fence import Answer, judge
from protocol.identity import SEASON_PRODUCER
from protocol.log import GENESIS, Entry, Position, link
from protocol.messages import Durability
from storage.log import Appended, Head, Offered, OtherIncarnation, PieceAnswer, Restoration


class _Partition:
    """One partition's log; guarded by the log's lock."""

    def __init__(self, season: int) -> None:
        self.position = GENESIS
        self.season = season
        self.time_ms = 0
        self.incarnation = 0
        self.archived_n = 0
        self.entries: list[Entry] = []
        self.fence: dict[str, int] = {}
        self.archived: dict[str, int] = {}
        self.voids: dict[str, dict[int, RefusalCode]] = {}

    def head(self) -> Head:
        return Head(self.position, self.season, self.time_ms, self.incarnation, self.archived_n)

    def answer(self, piece: Offered) -> PieceAnswer:
        """Ask the fence; move it when the piece is the lane's next."""
        before = self.fence.get(piece.producer, 0)
        answer = judge(before, piece.first, piece.last)
        if answer is Answer.APPENDED:
            self.fence[piece.producer] = piece.last
            self.voids.setdefault(piece.producer, {}).update(piece.voids)
            return PieceAnswer(answer, piece.last)
        if answer is Answer.DUPLICATE:
            known = self.voids.get(piece.producer, {})
            voids = sorted(
                (seq, code) for seq, code in known.items() if piece.first <= seq <= piece.last
            )
            return PieceAnswer(answer, before, tuple(voids))
        return PieceAnswer(answer, before)

    def extend(self, pieces: list[Offered], now_ms: int) -> None:
        """Add the pieces as one entry."""
        body = join_pieces([piece.data for piece in pieces])
        count = sum(piece.last - piece.first + 1 for piece in pieces)
        n = self.position.n + count
        self.time_ms = max(self.time_ms, now_ms)
        chain = link(self.position.chain, n, count, self.season, self.time_ms, body)
        self.entries.append(Entry(n, count, self.season, self.time_ms, body, chain))
        self.position = Position(n, chain)
        if pieces[0].producer == SEASON_PRODUCER:
            self.season += 1


class MemoryLog:
    """A ``storage.log.Log`` that lives as long as the object.

    Args:
        partitions: P; any partition below it may be opened.
        now_ms: the server's clock, Unix milliseconds.
    """

    def __init__(self, partitions: int, *, now_ms: Callable[[], int] | None = None) -> None:
        self._partitions: list[_Partition | None] = [None] * partitions
        self._now_ms = now_ms or (lambda: time.time_ns() // 1_000_000)
        self._lock = Lock()

    def open_partition(self, partition: int, season: int = 1) -> Head:
        """Create the partition if there is none; see ``storage.log.Log``."""
        with self._lock:
            found = self._partitions[partition]
            if found is None:
                found = self._partitions[partition] = _Partition(season)
            return found.head()

    def head(self, partition: int) -> Head | None:
        """Return where the log ends."""
        with self._lock:
            found = self._partitions[partition]
            return None if found is None else found.head()

    def append(
        self, partition: int, incarnation: int, offered: list[Offered]
    ) -> Appended | OtherIncarnation:
        """Append pieces as one entry, each if its lane allows it."""
        with self._lock:
            found = self._partitions[partition]
            if found is None:
                return OtherIncarnation(None)
            if found.incarnation != incarnation:
                return OtherIncarnation(found.incarnation)
            if len(offered) > 1 and any(piece.producer == SEASON_PRODUCER for piece in offered):
                raise ValueError("a close comes alone")
            answers = tuple([found.answer(piece) for piece in offered])
            appended = [
                piece
                for piece, answer in zip(offered, answers, strict=True)
                if answer.answer is Answer.APPENDED
            ]
            if appended:
                found.extend(appended, self._now_ms())
            return Appended(answers, found.position, Durability.MEMORY)

    def read(self, partition: int, after_n: int, *, count: int, block_ms: int = 0) -> list[Entry]:
        """Return up to ``count`` entries after ``after_n``; never waits."""
        del block_ms
        with self._lock:
            found = self._partitions[partition]
            entries = [] if found is None else found.entries
            return [entry for entry in entries if entry.n > after_n][:count]

    def entry(self, partition: int, n: int) -> Entry | None:
        """Return the entry that ends at n."""
        with self._lock:
            found = self._partitions[partition]
            entries = [] if found is None else found.entries
            return next((entry for entry in entries if entry.n == n), None)

    def replicated(self, partition: int) -> bool:
        """There are no replicas to wait for."""
        del partition
        return True

    def lanes(self, partition: int, producers: list[str]) -> list[tuple[int, int]]:
        """Return (last seq in the log, last seq in the archive) of each producer's lane."""
        with self._lock:
            found = self._partitions[partition]
            if found is None:
                return [(0, 0)] * len(producers)
            return [(found.fence.get(name, 0), found.archived.get(name, 0)) for name in producers]

    def mark_archived(
        self,
        partition: int,
        incarnation: int,
        position: Position,
        lanes: dict[str, int],
        *,
        after_n: int = 0,
    ) -> bool:
        """Publish what the archive holds; marks never move backwards."""
        with self._lock:
            found = self._partitions[partition]
            if found is None or found.incarnation != incarnation or found.archived_n < after_n:
                return False
            found.archived_n = max(found.archived_n, position.n)
            for producer, last in lanes.items():
                found.archived[producer] = max(found.archived.get(producer, 0), last)
            return True

    def trim(self, partition: int, up_to_n: int) -> int:
        """Forget archived entries that end at or before ``up_to_n``."""
        with self._lock:
            found = self._partitions[partition]
            if found is None:
                return 0
            limit = min(up_to_n, found.archived_n)
            kept = [entry for entry in found.entries if entry.n > limit]
            gone = len(found.entries) - len(kept)
            found.entries = kept
            return gone

    def restore(self, partition: int, found: Head | None, restored: Restoration) -> bool:
        """Replace the log, if it is still the one that was found."""
        with self._lock:
            stands = self._partitions[partition]
            if (stands and (stands.position, stands.incarnation)) != (
                found and (found.position, found.incarnation)
            ):
                return False
            entry = restored.entry
            new = self._partitions[partition] = _Partition(entry.season)
            new.position = entry.position
            new.time_ms = entry.time_ms
            new.incarnation = restored.incarnation
            new.archived_n = entry.n
            new.entries = [entry]
            new.fence = dict(restored.fence)
            new.archived = dict(restored.fence)
            return True

    def lose(self, partition: int) -> None:
        """Lose a partition as a wiped server does."""
        with self._lock:
            self._partitions[partition] = None

    def close(self) -> None:
        """Nothing to release."""
