"""One producer's session on the broker's side.

Laws:

- What is waiting to be sent is in ``Answers``, never in a queue; refusals stay within the window.
- The sending side has one owner, the writer task. A send that was cut leaves the stream unusable,
  so the connection then ends by force.
- However a session ends, what was taken before is acked first, within ``drain_s``.
"""

from collections.abc import KeysView
from math import inf
from typing import TYPE_CHECKING

import trio
from trio.lowlevel import ParkingLot
from trio_websocket import ConnectionClosed, WebSocketConnection

from producer.answers import Answers
from producer.flusher import waiting_for
from protocol.endings import ENDINGS
from protocol.errors import ErrorCode, RefusalCode, RemoteProtocolError
from protocol.identity import is_producer_id
from protocol.messages import (
    BrokerMessage,
    ClientMessage,
    Durability,
    Error,
    Goaway,
    Hello,
    Publish,
    Renew,
    Welcome,
    decode_client_message,
    encode,
)
from protocol.partition import HASH_NAME
from protocol.session import Role, Session
from protocol.validation import (
    SCOPE_ANY,
    SCOPE_OWN,
    Sender,
    all_accepted,
    check_publish,
    refusals,
    unknown_players,
)
from runtime.logging import logger
from runtime.rate import Bucket
from runtime.revocations import Revocations
from runtime.tokens import Claims, TokenError

if TYPE_CHECKING:
    from producer.broker import Broker

GOAWAY_RETRY_MS = 500
"""When a drained client may come back: another broker is there at once, this one within seconds."""

TEXT_MAX = 200
"""Characters of an Error's text: it may quote what the peer sent."""

NOBODY = Claims("", frozenset(), 2**53)
"""Before Hello; never expires."""

NORMAL, GOING_AWAY = 1000, 1001


class Connection:
    """A session with one producer, from Hello to the close. A ``producer.flusher.Sink``.

    Args:
        broker: what all sessions share.
        socket: the accepted WebSocket.
        subprotocol: which encoding.
        number: names the session in Welcome and logs.
    """

    def __init__(
        self, broker: "Broker", socket: WebSocketConnection, subprotocol: str, number: str
    ) -> None:
        self._broker = broker
        self._limits = broker.limits
        self._socket = socket
        self._subprotocol = subprotocol
        self._number = number
        self._session = Session(Role.BROKER)
        self._log = logger(part="session", session=number)
        self._reading = trio.CancelScope()
        self._alive = trio.CancelScope()
        self._writer = ParkingLot()
        self._others = ParkingLot()
        self._finished = False
        self._broken = False
        self._error: RemoteProtocolError | None = None
        self._draining = False
        self._answers = Answers(broker.durability)
        self._in_flight = 0
        self._silent_since_s = inf
        self._sending_since_s = inf
        self.producer = ""
        self._claims = NOBODY
        self._sender = Sender("", frozenset())

    async def run(self) -> None:
        """Hold the session until it ends; closes the socket, by force where it must."""
        self._broker.entered(self)
        try:
            with self._alive:
                await self._hold()
        finally:
            self._broker.left(self)

    async def _hold(self) -> None:
        try:
            await self._greet()
            await self._converse()
        except RemoteProtocolError as error:
            self._error = _without_frames(error)
        except ConnectionClosed:
            return
        if not self._broken:
            await self._close()

    # What the flusher and the broker tell: never blocks.

    def acked(
        self,
        partition: int,
        through: int,
        durability: Durability,
        voids: tuple[tuple[int, RefusalCode], ...],
        events: int,
    ) -> None:
        """Events are in the log; see ``producer.flusher.Sink``."""
        self._in_flight -= events
        self._answers.acked(partition, through, durability, voids)
        self._notify()

    def gap(self, partition: int, last: int, events: int) -> None:
        """Events were not appended; see ``producer.flusher.Sink``."""
        self._in_flight -= events
        self._answers.gap(partition, last)
        self._notify()

    def restored(self, partition: int, events: int) -> None:
        """The log is another incarnation: the session must start anew."""
        self._in_flight -= events
        self.end(RemoteProtocolError(ErrorCode.RESTORED, f"partition {partition} was restored"))

    def archived(self, partition: int, seq: int) -> None:
        """The archive holds the lane up to ``seq``."""
        if self._answers.archived(partition, seq):
            self._notify()

    def lanes(self) -> KeysView[int]:
        """Return the partitions that this session has lanes in."""
        return self._answers.partitions

    def check(self, now_s: float, now_ms: int, revocations: Revocations) -> None:
        """End the session if it is overdue: its token, its peer's silence or its own sending.

        Args:
            now_s: Trio's time.
            now_ms: Unix time.
            revocations: the tokens that are taken back by now.
        """
        if now_s - self._sending_since_s > self._limits.send_s:
            self._alive.cancel()
        elif now_ms >= self._claims.expires_at_ms:
            self.end(RemoteProtocolError(ErrorCode.TOKEN_EXPIRED, "the token has expired"))
        elif self._claims.revoked_by(revocations):
            self.end(RemoteProtocolError(ErrorCode.TOKEN_REVOKED, "the token was taken back"))
        elif now_s - self._silent_since_s > self._limits.idle_s:
            self.end(RemoteProtocolError(ErrorCode.TIMEOUT, "nothing was sent for too long"))

    def end(self, error: RemoteProtocolError) -> None:
        """End the session with an Error, once what was taken is acked."""
        self._error = self._error or error
        self._reading.cancel()
        self._notify()

    def drain(self) -> None:
        """Say Goaway, take nothing more, and end once what was taken is acked."""
        self._draining = True
        self._answers.goaway(Goaway("the broker is stopping", GOAWAY_RETRY_MS))
        self._reading.cancel()
        self._notify()

    def _notify(self) -> None:
        """Wake the writer, and who waits for what it sends."""
        self._writer.unpark_all()
        self._others.unpark_all()

    # The session itself.

    async def _greet(self) -> None:
        """Read Hello and answer with Welcome."""
        with trio.move_on_after(self._limits.hello_s) as waiting:
            message = await self._receive()
        if waiting.cancelled_caught:
            raise RemoteProtocolError(ErrorCode.TIMEOUT, "no Hello in time")
        assert isinstance(message, Hello)  # noqa: S101 - the table allows nothing else here
        self._claims = self._verified(message.token)
        self._sender = Sender(self._claims.subject, self._claims.scopes)
        if not is_producer_id(message.producer):
            raise RemoteProtocolError(ErrorCode.PRODUCER_INVALID, "a producer id is a UUID")
        self.producer = message.producer
        bound = await self._broker.bind_producer(message.producer, self._claims.subject)
        if bound != self._claims.subject:
            raise RemoteProtocolError(
                ErrorCode.PRODUCER_FOREIGN, "this producer id belongs to another subject"
            )
        lanes = await self._broker.lanes_of(message.producer)
        self._answers.know(lanes)
        await self._send(
            Welcome(
                session=self._number,
                partitions=self._broker.partitions,
                hash=HASH_NAME,
                lanes=tuple(lanes),
                window=self._limits.window_events,
                max_batch=self._limits.batch_events,
                durability=self._broker.durability,
                token_expires_at_ms=self._claims.expires_at_ms,
                time_ms=self._broker.clock.now_ms(),
                max_message=self._limits.message_bytes,
            )
        )
        self._log.info("opened", subject=self._claims.subject, producer=self.producer)

    async def _converse(self) -> None:
        """Read and write until the session ends."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._write)
            with self._reading:
                try:
                    await self._read()
                except RemoteProtocolError as error:
                    self._error = self._error or _without_frames(error)
                except ConnectionClosed:
                    self._broken = True
            with trio.move_on_after(self._limits.drain_s):
                while self._in_flight > 0 and not self._broken:
                    await self._others.park()
            self._finished = True
            self._notify()

    async def _read(self) -> None:
        """Handle messages until Bye."""
        rate = (
            self._limits.rate_events
            if SCOPE_ANY in self._sender.scopes
            else self._limits.rate_events_player
        )
        bucket = self._broker.bucket(self._sender.subject, rate)
        while True:
            self._silent_since_s = trio.current_time()
            message = await self._receive()
            self._silent_since_s = inf
            if isinstance(message, Publish):
                await self._publish(message, bucket)
            elif isinstance(message, Renew):
                self._renew(message)
            else:
                return

    async def _publish(self, publish: Publish, bucket: Bucket) -> None:
        """Check a batch and queue it; waits while the rate or the partition's queue is full."""
        check_publish(publish, self._broker.partitions, self._limits)
        if self._in_flight + len(publish.events) > 2 * self._limits.window_events:
            raise RemoteProtocolError(
                ErrorCode.WINDOW_EXCEEDED, f"more than {self._limits.window_events} unacked"
            )
        voids = await self._voids(publish)
        waiting = waiting_for(self, self.producer, publish.first, publish.events, voids)
        self._answers.use(publish.partition)
        now_s = trio.current_time()
        pause = bucket.take(waiting.count, now_s)
        if voids:
            refused = self._broker.refused_bucket(self._sender.subject)
            pause = max(pause, refused.take(len(voids), now_s))
        if pause > 0:
            await trio.sleep(pause)
        while self._answers.refusals >= self._limits.window_events:
            await self._others.park()  # a peer that does not read its refusals is not read either
        self._in_flight += waiting.count
        try:
            await self._broker.flushers[publish.partition].put(waiting)
        except trio.Cancelled:
            self._in_flight -= waiting.count
            raise

    async def _voids(self, publish: Publish) -> dict[int, RefusalCode]:
        """Return the events that are refused, by seq."""
        now_ms = self._broker.clock.now_ms()
        recent = self._broker.players[publish.partition].recent
        if all_accepted(publish.events, self._sender, recent, now_ms, self._limits):
            return {}
        voids = refusals(publish, self._sender, self._broker.partitions, now_ms, self._limits)
        known = await self._broker.known_players(
            publish.partition,
            (
                event.player
                for seq, event in enumerate(publish.events, publish.first)
                if seq not in voids
            ),
        )
        return voids | unknown_players(publish, voids, known)

    def _renew(self, renew: Renew) -> None:
        claims = self._verified(renew.token)
        if claims.subject != self._claims.subject:
            raise RemoteProtocolError(ErrorCode.TOKEN_INVALID, "the token has another subject")
        self._claims = claims
        self._sender = Sender(claims.subject, claims.scopes)

    def _verified(self, token: str) -> Claims:
        try:
            claims = self._broker.verifier.verify(token, self._broker.clock.now_ms())
        except TokenError as error:
            raise RemoteProtocolError(error.code, error.text) from error
        if not claims.scopes & {SCOPE_OWN, SCOPE_ANY}:
            raise RemoteProtocolError(ErrorCode.TOKEN_SCOPE, "the token may not earn")
        return claims

    # Receiving and sending.

    async def _receive(self) -> ClientMessage:
        message = decode_client_message(await self._socket.get_message(), self._subprotocol)
        self._session.receive(message)
        return message

    async def _send(self, message: BrokerMessage) -> None:
        """Send one message. ``check`` cuts a peer that does not read it."""
        self._session.send(message)
        self._sending_since_s = trio.current_time()
        await self._socket.send_message(encode(message, self._subprotocol))
        self._sending_since_s = inf

    async def _write(self) -> None:
        """Send what is to be told, cumulated, until finished."""
        try:
            while self._answers or not self._finished:
                for message in self._answers.take():
                    await self._send(message)
                self._others.unpark_all()
                if not self._answers and not self._finished:
                    await self._writer.park()
        except ConnectionClosed:
            self._broken = True
            self._reading.cancel()
            self._others.unpark_all()

    async def _close(self) -> None:
        """Say why, if anything was wrong, and close."""
        code, reason = (GOING_AWAY if self._draining else NORMAL), ""
        try:
            if self._error is not None:
                self._log.info("refused", code=self._error.code.value, text=self._error.text)
                code, reason = ENDINGS[self._error.code].close_code, self._error.code.value
                await self._send(Error(self._error.code, self._error.text[:TEXT_MAX]))
            with trio.move_on_after(self._limits.close_s):
                await self._socket.aclose(code, reason)
        except ConnectionClosed:
            self._log.info("closed-by-peer")


def _without_frames(error: RemoteProtocolError) -> RemoteProtocolError:
    """Return the same error without its traceback, whose frames hold the session that keeps it.

    Such a cycle of 100 objects, token included, waits for the garbage collector.
    """
    return RemoteProtocolError(error.code, error.text)
