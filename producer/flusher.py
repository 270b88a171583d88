"""Group commit: all producers of a partition share one append at a time.

Laws:

- One flush is in flight a partition; what comes meanwhile gathers, bounded, for the next.
- When the outcome of an append is unknown, the same pieces are offered again: the fence makes that
  safe. Nothing is answered before the log has answered.
- A piece that overlaps the fence is split where the log ends, and both parts are offered again.
"""

from typing import Protocol

import msgspec
import trio
from msgspec import Struct

from protocol.errors import RefusalCode
from protocol.events import Earning, Event, Piece, Void, encode_piece
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
    """A piece that waits for a flush.

    Attributes:
        sink: told what became of it.
        producer, first: the lane and the seq of the first event.
        events: as published; those in ``refused`` are logged as void.
        refused: seq to the reason.
        count: the events of the sink that the answer releases.
    """

    sink: Sink
    producer: str
    first: int
    events: tuple[Earning, ...]
    refused: dict[int, RefusalCode]
    count: int

    @property
    def last(self) -> int:
        """The seq of the last event."""
        return self.first + len(self.events) - 1


def offer(waiting: Waiting) -> Offered:
    """Make of a waiting piece what the log takes."""
    events: tuple[Event, ...] = waiting.events
    if waiting.refused:
        events = tuple(
            Void(waiting.refused[seq]) if seq in waiting.refused else event
            for seq, event in enumerate(waiting.events, waiting.first)
        )
    piece = Piece(waiting.producer, waiting.first, waiting.last, events)
    voids = tuple(sorted(waiting.refused.items()))
    return Offered(waiting.producer, waiting.first, waiting.last, encode_piece(piece), voids)


def split(waiting: Waiting, last: int) -> list[Waiting]:
    """Split a piece into what is in the log already, up to seq ``last``, and the rest."""
    at = last + 1 - waiting.first
    known = {seq: code for seq, code in waiting.refused.items() if seq <= last}
    rest = {seq: code for seq, code in waiting.refused.items() if seq > last}
    return [
        msgspec.structs.replace(waiting, events=waiting.events[:at], refused=known, count=0),
        msgspec.structs.replace(waiting, first=last + 1, events=waiting.events[at:], refused=rest),
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
        """Queue a piece; waits while the queue is full. Cancelling leaves it unqueued."""
        await self._send.send(waiting)

    async def run(self) -> None:
        """Flush until cancelled; a cancel may leave the last flush's outcome untold."""
        while True:
            batch = await self._gather()
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

    async def _gather(self) -> list[Waiting]:
        """Return what the next flush offers: cut pieces first, then what has gathered."""
        batch, self._rest = self._rest, []
        if not batch:
            batch.append(await self._receive.receive())
        events = sum(len(waiting.events) for waiting in batch)
        size = 0
        while events < self._limits.flush_events and size < self._limits.flush_bytes:
            try:
                waiting = self._receive.receive_nowait()
            except trio.WouldBlock:
                break
            batch.append(waiting)
            events += len(waiting.events)
            size += sum(len(event.player) + len(event.reference) + 32 for event in waiting.events)
        return batch

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
            voids = tuple(sorted(waiting.refused.items()))
            waiting.sink.acked(self._partition, answer.last, durability, voids, waiting.count)
        elif answer.answer is Answer.DUPLICATE:
            waiting.sink.acked(
                self._partition, answer.last, durability, answer.voids, waiting.count
            )
        elif waiting.first <= answer.last:
            self._rest += split(waiting, answer.last)
        else:
            waiting.sink.gap(self._partition, answer.last, waiting.count)
