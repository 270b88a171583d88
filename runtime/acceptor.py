"""The hardened WebSocket acceptor.

``trio_websocket.serve_websocket`` can be ended by anyone who sends garbage and resets the
connection at the right moment. Here each connection has a nursery of its own, whose errors end with
it; the handshake is timed; and the socket is closed by force at the end, so that a peer can't hold
it by not answering.

Laws: a connection's error never leaves its nursery; Cancelled always does; every connection counts
against the limits until its socket is closed.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence

import trio
from trio import socket
from trio_websocket import WebSocketConnection, WebSocketRequest, wrap_server_stream

from protocol.limits import Limits
from runtime.logging import logger
from runtime.watched import WatchedStream

Handler = Callable[[WebSocketConnection, str, str], Awaitable[None]]
"""Gets the connection, its subprotocol and the peer's address; closes the connection itself."""

BACKLOG = 1024
"""Connections that the kernel holds while accepting is behind."""

LEAVING = 8
"""Connections that end in one turn of the event loop: some 1 ms."""


class Acceptor:
    """Accepts WebSocket connections and runs a handler for each.

    Args:
        handler: what to do with an accepted connection.
        subprotocols: those spoken here; a request that offers none of them gets a 400.
        limits: connections, sizes and times.
    """

    def __init__(self, handler: Handler, subprotocols: Sequence[str], limits: Limits) -> None:
        self._handler = handler
        self._subprotocols = subprotocols
        self._limits = limits
        self._leaving = trio.CapacityLimiter(LEAVING)
        self._by_address: Counter[str] = Counter()
        self._log = logger(part="acceptor")

    @property
    def connections(self) -> int:
        """How many connections there are, those in a handshake included."""
        return self._by_address.total()

    async def serve(
        self,
        host: str,
        port: int,
        sessions: trio.Nursery,
        *,
        shared: bool = False,
        task_status: trio.TaskStatus[list[trio.SocketListener]] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Listen until cancelled; started with the listeners.

        Connections live in the nursery ``sessions`` and outlive a cancel of the listening.

        Args:
            host: where to listen.
            port: 0 for any that is free.
            sessions: see above.
            shared: let other processes listen there, too; the kernel spreads connections over
                them (SO_REUSEPORT).
            task_status: Trio's.

        Raises:
            OSError: the address cannot be listened on.
        """
        if shared:
            listeners = await _shared_listeners(host, port)
        else:
            listeners = await trio.open_tcp_listeners(port, host=host, backlog=BACKLOG)
        await trio.serve_listeners(
            self._connection, listeners, handler_nursery=sessions, task_status=task_status
        )

    async def _connection(self, stream: trio.SocketStream) -> None:
        try:
            address = str(stream.socket.getpeername()[0])
        except OSError:  # reset before it was accepted
            await trio.aclose_forcefully(stream)
            return
        self._by_address[address] += 1
        try:
            await self._guarded(stream, address)
        finally:
            self._by_address[address] -= 1
            if not self._by_address[address]:
                del self._by_address[address]
            with trio.CancelScope(shield=True):  # closing by force does not wait
                await trio.aclose_forcefully(stream)

    async def _guarded(self, stream: trio.SocketStream, address: str) -> None:
        try:
            async with trio.open_nursery() as nursery:
                await self._converse(nursery, stream, address)
                nursery.cancel_scope.cancel()
        except* Exception as errors:  # noqa: BLE001 - whatever one peer provokes ends with it
            for error in _leaves(errors):
                self._log.info("connection-failed", address=address, error=repr(error))

    async def _converse(
        self, nursery: trio.Nursery, stream: trio.SocketStream, address: str
    ) -> None:
        with trio.move_on_after(self._limits.handshake_s) as handshake:
            request = await wrap_server_stream(
                nursery,
                WatchedStream(stream, handshake.cancel, self._limits.idle_frames, self._leaving),
                message_queue_size=self._limits.message_queue,
                max_message_size=self._limits.message_bytes,
                receive_buffer_size=None,
            )
            accepted = await self._accept(request, address)
        if handshake.cancelled_caught or accepted is None:
            return
        connection, subprotocol = accepted
        await self._handler(connection, subprotocol, address)

    async def _accept(
        self, request: WebSocketRequest, address: str
    ) -> tuple[WebSocketConnection, str] | None:
        if _http_version(request) != b"1.1":
            await request.reject(505, body=b"a WebSocket needs HTTP/1.1\n")
            return None
        if self.connections > self._limits.connections:
            await request.reject(503, body=b"too many connections\n")
            return None
        if self._by_address[address] > self._limits.connections_an_address:
            await request.reject(429, body=b"too many connections from this address\n")
            return None
        offered = request.proposed_subprotocols
        chosen = next((name for name in self._subprotocols if name in offered), None)
        if chosen is None:
            known = ", ".join(self._subprotocols)
            await request.reject(400, body=f"subprotocols spoken here: {known}\n".encode())
            return None
        return await request.accept(subprotocol=chosen), chosen


def _http_version(request: WebSocketRequest) -> bytes | None:
    """Return the version of the upgrade's HTTP, which wsproto reads and does not check."""
    upgrade = request._connection._wsproto.handshake  # noqa: SLF001 - told by no public way
    return upgrade._h11_connection.their_http_version  # noqa: SLF001 - as above


async def _shared_listeners(host: str, port: int) -> list[trio.SocketListener]:
    """Listen as ``trio.open_tcp_listeners`` does, on sockets that share their address."""
    listeners: list[trio.SocketListener] = []
    found = await socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    try:
        for family, kind, protocol, _, address in found:
            listening = socket.socket(family, kind, protocol)
            try:
                listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
                if family == socket.AF_INET6:
                    listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                await listening.bind(address)
                listening.listen(BACKLOG)
            except BaseException:
                listening.close()
                raise
            listeners.append(trio.SocketListener(listening))
    except BaseException:
        for listener in listeners:
            listener.socket.close()
        raise
    return listeners


def _leaves(errors: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    found: list[BaseException] = []
    for error in errors.exceptions:
        found += _leaves(error) if isinstance(error, BaseExceptionGroup) else [error]
    return found
