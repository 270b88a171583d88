"""What a game sends earnings with.

    async with connect("ws://127.0.0.1:7400", token) as money:
        await money.earn("player-1", 250, reference="match-77")
        await money.flush()

Laws:

- An earning that ``earn`` took is delivered exactly once, whatever connections do, while this
  process lives: it stays in the outbox until the archive has it.
- The number of unarchived events is bounded; past it ``earn`` waits.
- A refusal of the whole session (a wrong token, say) is raised by every call from then on.
"""

import os
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from math import inf

import trio
from trio_websocket import (
    ConnectionClosed,
    HandshakeError,
    WebSocketConnection,
    wrap_client_stream,
)

from producer.dial import CONNECT_S, checked_address, connected, only_error
from producer.outbox import Outbox
from producer.refusal import SessionRefusedError, ended
from protocol.errors import RemoteProtocolError
from protocol.events import Earning, MoneyEarned
from protocol.identity import uuid7
from protocol.messages import (
    SUBPROTOCOL_MSGPACK,
    Ack,
    BrokerMessage,
    Bye,
    ClientMessage,
    Error,
    Gap,
    Goaway,
    Hello,
    Publish,
    Refused,
    Welcome,
    decode_broker_message,
    encode,
)
from protocol.partition import partition_of
from protocol.session import Role, Session
from runtime.logging import logger

UNARCHIVED_MAX = 100_000
"""Events kept at most: some 20 MB, and a minute of archive outage at 1,600 events/s."""

BACKOFF_FIRST_S = 0.1
BACKOFF_LAST_S = 5.0
"""Pauses between connections: doubled from the first to the last, each times 0.5 to 1.5."""

RESEND_S = 15.0
"""When nothing moved for so long though events are unarchived, they are sent again."""

IDLE_PING_S = 30.0
MESSAGE_QUEUE = 64
"""Answers received and not yet handled."""

MESSAGE_BYTES_MAX = 1024 * 1024
"""A Welcome with 1,024 lanes is below 64 KiB."""

Token = str | Callable[[], str] | Callable[[], Awaitable[str]]
"""A token, or a function that gives a fresh one for each session."""


@asynccontextmanager
async def connect(
    url: str,
    token: Token,
    *,
    producer: str = "",
    subprotocol: str = SUBPROTOCOL_MSGPACK,
    unarchived_max: int = UNARCHIVED_MAX,
    on_refused: Callable[[Refused], None] | None = None,
    jitter: random.Random | None = None,
) -> AsyncIterator["MoneyClient"]:
    """Open an outbox and keep it connected to a broker for the block.

    Entered when the first session is open. Left without an error, it waits until all earnings are
    in the log (``flush``); left with one or cancelled, it drops what was not delivered.

    Args:
        url: ``ws://`` or ``wss://``.
        token: a JWT with the scope ``earn`` or ``earn:any``, or a function that gives one.
        producer: the outbox's id, a UUID; by default a new one, time-ordered.
        subprotocol: the encoding.
        unarchived_max: events kept before ``earn`` waits.
        on_refused: told of each refused earning; must not block.
        jitter: for the pauses between connections.

    Raises:
        SessionRefusedError: the broker refuses the token or the producer.
        ConfigurationError: the URL is not one of a WebSocket.
    """
    client = MoneyClient(
        url,
        token,
        producer or uuid7(time.time_ns() // 1_000_000, os.urandom(10)),
        subprotocol,
        unarchived_max,
        on_refused,
        jitter or random.Random(),  # noqa: S311 - spreads reconnects, guards nothing
    )
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(client._keep_connected)  # noqa: SLF001 - the two are one
            await client.ready()
            yield client
            await client.flush()
            await client._leave()  # noqa: SLF001 - the two are one
            nursery.cancel_scope.cancel()
    except BaseExceptionGroup as group:
        only = only_error(group)
        if only is None:
            raise
        raise only from None


class MoneyClient:
    """An outbox that is kept connected; made by ``connect``.

    Attributes:
        producer: the outbox's id.
        taken: events taken for delivery.
        refused: events that the broker told were void.
        sessions: how many sessions were opened.
    """

    def __init__(
        self,
        url: str,
        token: Token,
        producer: str,
        subprotocol: str,
        unarchived_max: int,
        on_refused: Callable[[Refused], None] | None,
        jitter: random.Random,
    ) -> None:
        self.producer = producer
        self.refused = 0
        self.taken = 0
        self.sessions = 0
        self._address = checked_address(url)
        self._token = token
        self._subprotocol = subprotocol
        self._unarchived_max = unarchived_max
        self._on_refused = on_refused
        self._jitter = jitter
        self._outbox: Outbox | None = None
        self._failure: SessionRefusedError | None = None
        self._leaving = False
        self._asked_pause_s = 0.0
        self._news = trio.Event()
        self._moved_at = -inf
        self._socket: WebSocketConnection | None = None
        self._session = Session(Role.CLIENT)
        self._log = logger(part="client", producer=producer)

    async def earn(
        self,
        player: str,
        amount: int,
        *,
        reference: str = "",
        earned_at_ms: int | None = None,
    ) -> None:
        """Take an earning for delivery. Waits while too many events are unarchived.

        Args:
            player: the player's id.
            amount: minor units.
            reference: the game's own name for it.
            earned_at_ms: Unix time; now by default.

        Raises:
            SessionRefusedError: the broker refuses this producer.
        """
        now_ms = time.time_ns() // 1_000_000 if earned_at_ms is None else earned_at_ms
        await self.publish_many([MoneyEarned(player, amount, now_ms, reference)])

    async def publish_many(self, events: Iterable[Earning]) -> None:
        """Take events for delivery, in order; waits and raises as ``earn``."""
        for event in events:
            while (outbox := await self.ready()).unarchived >= self._unarchived_max:
                self._tell()
                await self._changed()
            outbox.add(partition_of(event.player, outbox.partitions), event)
            self.taken += 1
        self._tell()
        await trio.lowlevel.checkpoint()

    async def flush(self) -> None:
        """Wait until the log has acked every event taken so far.

        Raises:
            SessionRefusedError: the broker refuses this producer.
        """
        while (await self.ready()).unacked:
            await self._changed()

    async def archived(self) -> None:
        """Wait until the archive holds every event taken so far; raises as ``flush``."""
        while (await self.ready()).unarchived:
            await self._changed()

    async def ready(self) -> Outbox:
        """Wait until the first session was open, and return the outbox; raises as ``flush``."""
        while True:
            if self._failure is not None:
                raise self._failure
            if self._outbox is not None:
                return self._outbox
            await self._changed()

    @property
    def unacked(self) -> int:
        """How many events taken are not yet known to be in the log."""
        return 0 if self._outbox is None else self._outbox.unacked

    @property
    def unarchived(self) -> int:
        """How many events taken are not yet known to be in the archive."""
        return 0 if self._outbox is None else self._outbox.unarchived

    async def _changed(self) -> None:
        await self._news.wait()
        if self._failure is not None:
            raise self._failure

    def _tell(self) -> None:
        news, self._news = self._news, trio.Event()
        news.set()

    async def _keep_connected(self) -> None:
        """Hold one session after the other, until the broker refuses this producer."""
        pause = BACKOFF_FIRST_S
        while self._failure is None and not self._leaving:
            opened = self.sessions
            try:
                await self._hold_session()
            except SessionRefusedError as error:
                self._failure = error
                self._tell()
                return
            if self.sessions > opened:
                pause = BACKOFF_FIRST_S
            asked_s, self._asked_pause_s = self._asked_pause_s, 0.0
            pause = min(max(pause, asked_s), BACKOFF_LAST_S)
            await trio.sleep(pause * self._jitter.uniform(0.5, 1.5))
            pause *= 2

    async def _hold_session(self) -> None:
        """Hold one session until it ends.

        Raises:
            SessionRefusedError: the broker refuses this producer.
        """
        token = await self._fresh_token()
        try:
            async with connected(self._address) as stream, trio.open_nursery() as nursery:
                with trio.fail_after(CONNECT_S):
                    self._socket = await wrap_client_stream(
                        nursery,
                        stream,
                        self._address.netloc,
                        self._address.path or "/",
                        subprotocols=[self._subprotocol],
                        message_queue_size=MESSAGE_QUEUE,
                        max_message_size=MESSAGE_BYTES_MAX,
                    )
                    welcome = await self._greet(token)
                nursery.start_soon(self._send_events, welcome)
                nursery.start_soon(self._send_pings)
                await self._receive_answers()
        except* SessionRefusedError as group:
            raise only_error(group) or group from None
        except* (ConnectionClosed, HandshakeError, OSError, trio.TooSlowError) as group:
            if not self._leaving:
                self._log.info("disconnected", errors=[repr(error) for error in group.exceptions])
        except* RemoteProtocolError as group:
            self._log.warning("broker-broke-protocol", error=repr(only_error(group)))
        finally:
            self._socket = None
            self._tell()

    async def _greet(self, token: str) -> Welcome:
        self._session = Session(Role.CLIENT)
        await self._send(Hello(token, self.producer, "moneyboard-python", "1"))
        message = await self._receive()
        if isinstance(message, Error):
            raise ended(message, renewable=not isinstance(self._token, str))
        assert isinstance(message, Welcome)  # noqa: S101 - the table allows nothing else here
        if self._outbox is None:
            self._outbox = Outbox(message.partitions)
        self._outbox.welcome(message.partitions, message.lanes)
        self.sessions += 1
        self._moved_at = trio.current_time()
        self._tell()
        return message

    async def _send_events(self, welcome: Welcome) -> None:
        """Send what the outbox has, within the window; again if nothing moves for long."""
        outbox = await self.ready()
        while True:
            room = welcome.window - outbox.in_flight
            batch = outbox.next_batch(min(room, welcome.max_batch)) if room > 0 else None
            if batch is not None:
                partition, first, events = batch
                await self._send(Publish(partition, first, events))
                continue
            still_s = RESEND_S - (trio.current_time() - self._moved_at)
            if not outbox.unarchived:
                await self._news.wait()
                self._moved_at = trio.current_time()
            elif still_s <= 0:
                self._moved_at = trio.current_time()
                outbox.rewind_all()
            else:
                with trio.move_on_after(still_s):
                    await self._news.wait()

    async def _send_pings(self) -> None:
        """Show that this side lives, and notice when the other does not."""
        while self._socket is not None:
            await trio.sleep(IDLE_PING_S)
            with trio.fail_after(CONNECT_S):
                await self._socket.ping()

    async def _receive_answers(self) -> None:
        """Handle answers until the session ends, always by an exception."""
        outbox = await self.ready()
        while True:
            message = await self._receive()
            if isinstance(message, Ack):
                before = outbox.unacked, outbox.unarchived
                outbox.acked(message.partition, message.through, message.archived)
                if before != (outbox.unacked, outbox.unarchived):
                    self._moved_at = trio.current_time()
            elif isinstance(message, Refused):
                self.refused += 1
                if self._on_refused is not None:
                    self._on_refused(message)
            elif isinstance(message, Gap):
                outbox.rewind(message.partition)
            elif isinstance(message, Goaway):
                self._log.info("goaway", reason=message.reason)
                self._asked_pause_s = message.retry_after_ms / 1000
            elif isinstance(message, Error):
                raise ended(message, renewable=not isinstance(self._token, str))
            self._tell()

    async def _leave(self) -> None:
        """Say Bye, if a session is open, and wait until the broker has closed it."""
        self._leaving = True
        with trio.move_on_after(CONNECT_S):
            try:
                await self._send(Bye())
            except ConnectionClosed:
                return
            while self._socket is not None:
                await self._news.wait()

    async def _send(self, message: ClientMessage) -> None:
        if self._socket is None:
            raise ConnectionClosed(None)
        self._session.send(message)
        await self._socket.send_message(encode(message, self._subprotocol))

    async def _receive(self) -> BrokerMessage:
        if self._socket is None:
            raise ConnectionClosed(None)
        data = await self._socket.get_message()
        message = decode_broker_message(data, self._subprotocol)
        self._session.receive(message)
        return message

    async def _fresh_token(self) -> str:
        if isinstance(self._token, str):
            return self._token
        made = self._token()
        return made if isinstance(made, str) else await made
