"""Group commit: all producers of a partition share one append at a time.

Laws:

- One flush is in flight a partition; what comes meanwhile gathers, bounded, for the next.
- When the outcome of an append is unknown, the same pieces are offered again: the fence makes that
  safe. Nothing is answered before the log has answered.
- Events that overlap the fence are split where the log ends, and both parts are offered again.
"""

from math import inf
from typing import Protocol

import msgspec
import trio
from msgspec import Struct

from protocol.errors import RefusalCode
from protocol.events import Earning, Event, Void, decode_events, encode_events, frame_piece
from protocol.fence import Answer
from protocol.limits import Limits
from protocol.messages import Durability
from runtime.logging import logger
from storage.log import (
    Appended,
    Log,
    LogUnavailableError,
    Offered,
    OtherIncarnation,
    PieceAnswer,
)

RETRY_FIRST_S = 0.05
RETRY_LAST_S = 1.0
"""Pauses between tries while the log is away: doubled from the first to the last."""


INTERVAL_S = 0.003
"""Least time between the starts of two flushes of a partition: each costs the broker some 100 us
whatever it holds, so under load they are few and full; after a pause the next begins at once."""


class Sink(Protocol):
    """Whoever offered a piece, told what became of it. Calls never block."""

    def acked(
        self,
        partition: int,
        through: int,
        durability: Durability,
        voids: tuple[tuple[int, RefusalCode], ...],
        events: int,
    ) -> None:
        """``events`` of the sink are in the log, the lane up to ``through``."""
        ...

    def gap(self, partition: int, last: int, events: int) -> None:
        """``events`` of the sink were not appended: the lane ends at ``last``."""
        ...

    def restored(self, partition: int, events: int) -> None:
        """``events`` of the sink were not appended: the log is another incarnation."""
        ...


class Waiting(Struct):
    """Events of one lane that wait for a flush.

    Attributes:
        sink: told what became of them.
        producer, first, last: the lane and the seqs.
        encoded: the events as the log keeps them, void ones included.
        voids: seq to the reason.
        count: the events of the sink that the answer releases.
    """

    sink: Sink
    producer: str
    first: int
    last: int
    encoded: bytes
    voids: dict[int, RefusalCode]
    count: int

    @property
    def events(self) -> int:
        """How many events wait."""
        return self.last - self.first + 1


def waiting_for(
    sink: Sink,
    producer: str,
    first: int,
    events: tuple[Earning, ...],
    voids: dict[int, RefusalCode],
) -> Waiting:
    """Make published events wait; those in ``voids`` are logged as void."""
    logged: tuple[Event, ...] = events
    if voids:
        logged = tuple(
            Void(voids[seq]) if seq in voids else event for seq, event in enumerate(events, first)
        )
    last = first + len(events) - 1
    return Waiting(sink, producer, first, last, encode_events(logged), voids, len(events))


def offer(waiting: Waiting) -> Offered:
    """Make of waiting events the piece that the log takes."""
    piece = frame_piece(waiting.producer, waiting.first, waiting.last, waiting.encoded)
    voids = tuple(sorted(waiting.voids.items()))
    return Offered(waiting.producer, waiting.first, waiting.last, piece, voids)


def joined(batch: list[Waiting]) -> list[Waiting]:
    """Join what follows each other in a lane, so that the log takes one piece a lane."""
    found: list[list[Waiting]] = []
    ends: dict[int, list[Waiting]] = {}
    for waiting in batch:
        run = ends.get(id(waiting.sink))
        if run is not None and run[-1].last + 1 == waiting.first:
            run.append(waiting)
        else:
            run = ends[id(waiting.sink)] = [waiting]
            found.append(run)
    return [run[0] if len(run) == 1 else _join(run) for run in found]


def _join(run: list[Waiting]) -> Waiting:
    voids: dict[int, RefusalCode] = {}
    for waiting in run:
        voids.update(waiting.voids)
    return Waiting(
        run[0].sink,
        run[0].producer,
        run[0].first,
        run[-1].last,
        b"".join([waiting.encoded for waiting in run]),
        voids,
        sum(waiting.count for waiting in run),
    )


def split(waiting: Waiting, last: int) -> list[Waiting]:
    """Split events into what is in the log already, up to seq ``last``, and the rest."""
    events = decode_events(waiting.encoded, waiting.events)
    at = last + 1 - waiting.first
    known = {seq: code for seq, code in waiting.voids.items() if seq <= last}
    rest = {seq: code for seq, code in waiting.voids.items() if seq > last}
    replace = msgspec.structs.replace
    return [
        replace(waiting, last=last, encoded=encode_events(events[:at]), voids=known, count=0),
        replace(waiting, first=last + 1, encoded=encode_events(events[at:]), voids=rest),
    ]


class Flusher:
    """The group commit of one partition.

    Args:
        log: called in worker threads.
        partition: which.
        incarnation: of the log, as its head said.
        limiter: for the threads.
        limits: queue and flush sizes.
    """

    def __init__(
        self,
        log: Log,
        partition: int,
        incarnation: int,
        limiter: trio.CapacityLimiter,
        limits: Limits,
    ) -> None:
        self._log = log
        self._partition = partition
        self._incarnation = incarnation
        self._limiter = limiter
        self._limits = limits
        self._send, self._receive = trio.open_memory_channel[Waiting](limits.partition_queue)
        self._rest: list[Waiting] = []
        self._logger = logger(part="flusher", partition=str(partition))

    async def put(self, waiting: Waiting) -> None:
        """Queue events; waits while the queue is full, else returns at once.

        Cancelling leaves them unqueued. Not a checkpoint where there is room.
        """
        try:
            self._send.send_nowait(waiting)
        except trio.WouldBlock:
            await self._send.send(waiting)

    async def run(self) -> None:
        """Flush until cancelled; a cancel may leave the last flush's outcome untold."""
        begun = -inf
        while True:
            first = [] if self._rest else [await self._receive.receive()]
            await trio.sleep_until(begun + INTERVAL_S)
            begun = trio.current_time()
            batch = self._gather(first)
            offered = [offer(waiting) for waiting in batch]
            result = await self._append(offered)
            if isinstance(result, OtherIncarnation):
                self._logger.warning("restored", incarnation=result.incarnation)
                self._incarnation = result.incarnation or 0
                for waiting in batch:
                    waiting.sink.restored(self._partition, waiting.count)
                continue
            for waiting, answer in zip(batch, result.answers, strict=True):
                self._tell(waiting, answer, result.durability)

    def _gather(self, came: list[Waiting]) -> list[Waiting]:
        """Return what the next flush offers: what was split, then what has come meanwhile."""
        rest, self._rest = self._rest, []
        events = sum(waiting.events for waiting in rest + came)
        size = sum(len(waiting.encoded) for waiting in rest + came)
        while events < self._limits.flush_events and size < self._limits.flush_bytes:
            try:
                waiting = self._receive.receive_nowait()
            except trio.WouldBlock:
                break
            came.append(waiting)
            events += waiting.events
            size += len(waiting.encoded)
        return rest + joined(came)

    async def _append(self, offered: list[Offered]) -> Appended | OtherIncarnation:
        """Offer until the log answers."""
        pause = RETRY_FIRST_S
        while True:
            try:
                result = await trio.to_thread.run_sync(
                    self._log.append,
                    self._partition,
                    self._incarnation,
                    offered,
                    limiter=self._limiter,
                )
            except LogUnavailableError as error:
                self._logger.warning("outage", error=str(error))
            else:
                if not isinstance(result, OtherIncarnation) or result.incarnation is not None:
                    return result
                self._logger.warning("partition-not-open")
            await trio.sleep(pause)
            pause = min(2 * pause, RETRY_LAST_S)

    def _tell(self, waiting: Waiting, answer: PieceAnswer, durability: Durability) -> None:
        if answer.answer is Answer.APPENDED:
            voids = tuple(sorted(waiting.voids.items()))
            waiting.sink.acked(self._partition, answer.last, durability, voids, waiting.count)
        elif answer.answer is Answer.DUPLICATE:
            waiting.sink.acked(
                self._partition, answer.last, durability, answer.voids, waiting.count
            )
        elif waiting.first <= answer.last:
            self._rest += split(waiting, answer.last)
        else:
            waiting.sink.gap(self._partition, answer.last, waiting.count)
