"""The broker: accepts producers' sessions and appends what they publish.

What all its sessions share is here: the flushers, the caches, the limits. A broker keeps nothing
that another broker, or this one after a crash, would need.
"""

from collections.abc import Iterable
from functools import partial
from itertools import count

import trio
from trio_websocket import WebSocketConnection

from producer.connection import Connection
from producer.flusher import Flusher
from producer.players import KnownPlayers
from protocol.errors import ErrorCode, RemoteProtocolError
from protocol.limits import DEFAULT_LIMITS, Limits
from protocol.messages import SUBPROTOCOLS, Durability, Lane
from runtime.acceptor import Acceptor
from runtime.clock import Clock
from runtime.logging import logger
from runtime.rate import Bucket
from runtime.tokens import Verifier
from storage.directory import Directory
from storage.documents import ArchiveUnavailableError
from storage.log import Head, Log, LogUnavailableError

ARCHIVED_POLL_S = 0.25
"""How often brokers look how far the archive is: a fraction of the archiver's second."""

SWEEP_S = 1.0
"""How often overdue sessions are looked for, at least: 10,000 take some 5 ms. A deadline is missed
by no more."""

SWEEP_SHARE = 0.1
"""Or oftener, by this share of the shortest deadline."""

OPENING_PAUSE_S = 0.1
"""Between looks for partitions that the scheduler has not opened yet."""

DIRECTORY_THREADS = 4
"""Look-ups in the directory at once; more only queue up behind its connections."""

SUBJECTS_MAX = 10_000
"""Rate buckets kept; past it they start anew, which only forgives."""


class Broker:
    """What the sessions of one broker share.

    Args:
        log, directory: called in worker threads.
        verifier: of tokens.
        clock: wall time.
        partitions: P.
        durability: what the log's appends wait for, as Welcome says.
        limits: all of them.
    """

    def __init__(
        self,
        log: Log,
        directory: Directory,
        verifier: Verifier,
        clock: Clock,
        *,
        partitions: int,
        durability: Durability,
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        self.verifier = verifier
        self.clock = clock
        self.partitions = partitions
        self.durability = durability
        self.limits = limits
        self.sessions: set[Connection] = set()
        self.flushers: list[Flusher] = []
        self._log = log
        self._directory = directory
        self._append_limiter = trio.CapacityLimiter(partitions)
        self._look_limiter = trio.CapacityLimiter(DIRECTORY_THREADS)
        known = limits.known_players // partitions
        self.players = [
            KnownPlayers(directory, known, self._look_limiter) for _ in range(partitions)
        ]
        self._buckets: dict[str, Bucket] = {}
        self._numbers = count(1)
        self._quiet = trio.Event()
        self._quiet.set()
        self._logger = logger(part="broker")

    async def run(
        self,
        host: str,
        port: int,
        *,
        shutdown: trio.Event,
        shared: bool = False,
        task_status: trio.TaskStatus[list[trio.SocketListener]] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Serve until cancelled, or until ``shutdown`` is set and all sessions are drained.

        Started with the listeners, once every partition is open.

        Args:
            host: where to listen.
            port: 0 for any that is free.
            shutdown: set by the caller.
            shared: let other brokers of this machine listen there, too.
            task_status: Trio's.

        Raises:
            OSError: the address cannot be listened on.
        """
        heads = [await self._opened(partition, shutdown) for partition in range(self.partitions)]
        if shutdown.is_set():
            return
        self.flushers = [
            Flusher(self._log, partition, head.incarnation, self._append_limiter, self.limits)
            for partition, head in enumerate(heads)
            if head is not None
        ]
        acceptor = Acceptor(self._session, SUBPROTOCOLS, self.limits)
        async with trio.open_nursery() as nursery:
            for flusher in self.flushers:
                nursery.start_soon(flusher.run)
            nursery.start_soon(self._watch_archive)
            nursery.start_soon(self._watch_sessions)
            async with trio.open_nursery() as accepting:
                serve = partial(acceptor.serve, host, port, nursery, shared=shared)
                task_status.started(await accepting.start(serve))
                await shutdown.wait()
                accepting.cancel_scope.cancel()
            await self._drain()
            nursery.cancel_scope.cancel()

    async def bind_producer(self, producer: str, subject: str) -> str:
        """Return the subject that a producer is bound to, binding it at first use.

        Raises:
            RemoteProtocolError: UNAVAILABLE.
        """
        try:
            return await trio.to_thread.run_sync(
                self._directory.bind_producer, producer, subject, limiter=self._look_limiter
            )
        except ArchiveUnavailableError as error:
            raise RemoteProtocolError(ErrorCode.UNAVAILABLE, "the directory is away") from error

    async def known_players(self, partition: int, players: Iterable[str]) -> set[str]:
        """Return those of the partition's players that are registered.

        Raises:
            RemoteProtocolError: UNAVAILABLE.
        """
        try:
            return await self.players[partition].among(players)
        except ArchiveUnavailableError as error:
            raise RemoteProtocolError(ErrorCode.UNAVAILABLE, "the directory is away") from error

    async def lanes_of(self, producer: str) -> list[Lane]:
        """Return the producer's lanes that have events.

        Raises:
            RemoteProtocolError: UNAVAILABLE.
        """
        try:
            return await trio.to_thread.run_sync(
                self._look_at_lanes, producer, limiter=self._look_limiter
            )
        except LogUnavailableError as error:
            raise RemoteProtocolError(ErrorCode.UNAVAILABLE, "the log is away") from error

    def bucket(self, subject: str, rate: float) -> Bucket:
        """Return the rate bucket that all sessions of a subject share."""
        if subject not in self._buckets:
            if len(self._buckets) >= SUBJECTS_MAX:
                self._buckets.clear()
            self._buckets[subject] = Bucket(rate, trio.current_time())
        return self._buckets[subject]

    def refused_bucket(self, subject: str) -> Bucket:
        """Return the bucket of a subject's refused events; no subject has a space in it."""
        return self.bucket(f"{subject} refused", self.limits.rate_refused)

    def entered(self, session: Connection) -> None:
        """Count a session in."""
        if not self.sessions:
            self._quiet = trio.Event()
        self.sessions.add(session)

    def left(self, session: Connection) -> None:
        """Count a session out, when it has told all that it took and is closed."""
        self.sessions.discard(session)
        if not self.sessions:
            self._quiet.set()

    async def _session(self, socket: WebSocketConnection, subprotocol: str, address: str) -> None:
        del address
        await Connection(self, socket, subprotocol, f"{next(self._numbers):x}").run()

    async def _drain(self) -> None:
        """End all sessions, each after its acks."""
        self._logger.info("draining", sessions=len(self.sessions))
        for session in list(self.sessions):
            session.drain()
        with trio.move_on_after(self.limits.drain_s + self.limits.close_s):
            await self._quiet.wait()

    async def _opened(self, partition: int, shutdown: trio.Event) -> Head | None:
        """Wait until the partition is open and return its head; None at a shutdown."""
        while not shutdown.is_set():
            try:
                head = await trio.to_thread.run_sync(
                    self._log.head, partition, limiter=self._append_limiter
                )
            except LogUnavailableError as error:
                self._logger.warning("outage", error=str(error))
                head = None
            if head is not None:
                return head
            await trio.sleep(OPENING_PAUSE_S)
        return None

    def _look_at_lanes(self, producer: str) -> list[Lane]:
        found = [self._log.lanes(k, [producer])[0] for k in range(self.partitions)]
        return [Lane(k, last, archived) for k, (last, archived) in enumerate(found) if last]

    async def _watch_sessions(self) -> None:
        """End sessions that are overdue: one look at all, not a timer for each."""
        shortest_s = min(self.limits.send_s, self.limits.idle_s, SWEEP_S / SWEEP_SHARE)
        while True:
            await trio.sleep(shortest_s * SWEEP_SHARE)
            now_s, now_ms = trio.current_time(), self.clock.now_ms()
            revocations = self.verifier.revocations()
            for session in list(self.sessions):
                session.check(now_s, now_ms, revocations)

    async def _watch_archive(self) -> None:
        """Tell sessions how far the archive holds their lanes."""
        while True:
            await trio.sleep(ARCHIVED_POLL_S)
            for partition in range(self.partitions):
                sessions = [found for found in self.sessions if partition in found.lanes()]
                if not sessions:
                    continue
                try:
                    lanes = await trio.to_thread.run_sync(
                        self._log.lanes,
                        partition,
                        [session.producer for session in sessions],
                        limiter=self._look_limiter,
                    )
                except LogUnavailableError as error:
                    self._logger.warning("outage", error=str(error))
                    break
                for session, (_, archived) in zip(sessions, lanes, strict=True):
                    session.archived(partition, archived)
