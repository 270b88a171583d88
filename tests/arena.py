"""A broker on loopback over memory twins, and what tests need to talk to it."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import trio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from trio_websocket import ConnectionClosed, WebSocketConnection, wrap_client_stream

from producer.broker import Broker
from protocol.events import Void, decode_body
from protocol.identity import uuid7
from protocol.limits import DEFAULT_LIMITS, Limits
from protocol.messages import (
    SUBPROTOCOL_MSGPACK,
    BrokerMessage,
    Durability,
    Hello,
    Message,
    Welcome,
    decode_broker_message,
    encode,
)
from protocol.partition import partition_of
from runtime.clock import SystemClock
from runtime.tokens import JWKS_FILE, Verifier, generate_keys, load_private, mint
from storage.directory import Player
from storage.directory_memory import MemoryDirectory
from storage.log import Log
from storage.log_memory import MemoryLog

T = TypeVar("T")

PARTITIONS = 4
PLAYERS = ("alice", "bob", "carol", "dave")
NOW_MS = SystemClock().now_ms()


def producer_id(number: int) -> str:
    return uuid7(1_700_000_000_000, number.to_bytes(10, "big"))


class Arena:
    """A running broker and its memory twins."""

    broker: Broker

    def __init__(self, folder: Path, log: Log | None = None) -> None:
        generate_keys(folder)
        self.folder = folder
        self.key: Ed25519PrivateKey = load_private(folder)
        self.log: Log = log or MemoryLog(PARTITIONS)
        self.directory = MemoryDirectory()
        self.directory.put([Player(name, name) for name in PLAYERS])
        self.clock = SystemClock()
        self.shutdown = trio.Event()
        self.stopped = trio.Event()
        self.port = 0

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    def token(self, subject: str = "game-1", scope: str = "earn:any", **claims: Any) -> str:
        return mint(self.key, subject, scope, **{"now_ms": self.clock.now_ms(), **claims})

    @property
    def revocations_file(self) -> Path:
        return self.folder / "revocations.json"

    def revoke(self, *token_ids: str, **subjects: float) -> None:
        """Write the revocation list, whole at once as an operator's tool would."""
        new = self.folder / "revocations.new"
        new.write_bytes(msgspec.json.encode({"tokens": token_ids, "subjects": subjects}))
        new.replace(self.revocations_file)

    def events(self) -> list[tuple[str, int, Any]]:
        """Every record of the log as (producer, seq, event)."""
        return [
            (piece.producer, seq, event)
            for partition in range(PARTITIONS)
            for entry in self.log.read(partition, 0, count=1_000_000)
            for piece in decode_body(entry.body)
            for seq, event in enumerate(piece.events, piece.first)
        ]

    def money(self) -> dict[str, int]:
        """Every player's money, counted straight from the log."""
        found: dict[str, int] = {}
        for _, _, event in self.events():
            if not isinstance(event, Void):
                found[event.player] = found.get(event.player, 0) + event.amount
        return found

    @asynccontextmanager
    async def socket(self, *subprotocols: str) -> AsyncIterator[WebSocketConnection]:
        """A WebSocket, closed by force at the end."""
        offered = list(subprotocols or (SUBPROTOCOL_MSGPACK,))
        stream = await trio.open_tcp_stream("127.0.0.1", self.port)
        try:
            async with trio.open_nursery() as nursery:
                yield await wrap_client_stream(nursery, stream, "x", "/", subprotocols=offered)
                nursery.cancel_scope.cancel()
        finally:
            with trio.CancelScope(shield=True):
                await trio.aclose_forcefully(stream)

    @asynccontextmanager
    async def session(
        self, producer: str = "", subprotocol: str = SUBPROTOCOL_MSGPACK, token: str = ""
    ) -> AsyncIterator["Talk"]:
        """An open session that a test drives message by message."""
        async with self.socket(subprotocol) as found:
            talk = Talk(found, subprotocol)
            await talk.send(Hello(token or self.token(), producer or producer_id(1)))
            talk.welcome = await talk.expect(Welcome)
            yield talk


class Talk:
    """One WebSocket, spoken to in messages."""

    welcome: Welcome

    def __init__(self, socket: WebSocketConnection, subprotocol: str = SUBPROTOCOL_MSGPACK) -> None:
        self.socket = socket
        self._subprotocol = subprotocol

    async def send(self, message: Message) -> None:
        await self.socket.send_message(encode(message, self._subprotocol))

    async def receive(self) -> BrokerMessage:
        with trio.fail_after(10):
            return decode_broker_message(await self.socket.get_message(), self._subprotocol)

    async def expect(self, kind: type[T]) -> T:
        message = await self.receive()
        assert isinstance(message, kind), message
        return message

    async def closed(self) -> int:
        """Read until the broker closes; return its close code."""
        with trio.fail_after(10):
            while True:
                try:
                    await self.socket.get_message()
                except ConnectionClosed as closed:
                    return 1006 if closed.reason is None else closed.reason.code


@asynccontextmanager
async def arena(
    folder: Path, *, limits: Limits = DEFAULT_LIMITS, log: Log | None = None, port: int = 0
) -> AsyncIterator[Arena]:
    """Run a broker for the block."""
    found = Arena(folder, log)
    for partition in range(PARTITIONS):
        found.log.open_partition(partition)
    found.revoke()
    verifier = Verifier(folder / JWKS_FILE, "moneyboard", "moneyboard", found.revocations_file)
    broker = found.broker = Broker(
        found.log,
        found.directory,
        verifier,
        found.clock,
        partitions=PARTITIONS,
        durability=Durability.MEMORY,
        limits=limits,
    )

    async def run(*, task_status: trio.TaskStatus[list[trio.SocketListener]]) -> None:
        await broker.run("127.0.0.1", port, shutdown=found.shutdown, task_status=task_status)
        found.stopped.set()

    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(run)
        found.port = listeners[0].socket.getsockname()[1]
        yield found
        nursery.cancel_scope.cancel()


def partition(player: str) -> int:
    return partition_of(player, PARTITIONS)


def raw_connection(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=10)
