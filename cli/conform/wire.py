"""One WebSocket written and read frame by frame, from either end.

Laws:

- Every wait ends: with what came, with the connection's end, or with a failure after ``ANSWER_S``.
- The end of a connection is a value (``Closed``): whether it is right is the case's to say.
- What the peer's frames must always be (masked by clients alone, no reserved bits, whole control
  frames, text in UTF-8) is checked here, in every case.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio
from msgspec import Struct

from cli.conform.case import FailedError, require
from cli.conform.frames import Decoder, Frame, FrameError, Opcode, close_payload, encode
from cli.conform.upgrade import END, HEAD_BYTES_MAX, Head, parse

ANSWER_S = 4.0
"""For one answer of a peer on any network that a test is run over."""

RECEIVE_BYTES = 65_536
CONTROL_BYTES_MAX = 125
CLOSE_CODE_BYTES = 2
NO_CODE = 1005
"""Stands for a Close without a code (RFC 6455, section 7.4.1)."""

MASK = b"\xa5\x5a\x0f\xf0"
BROKEN = (trio.BrokenResourceError, trio.ClosedResourceError)


class Closed(Struct, frozen=True):
    """The connection ended.

    Attributes:
        code: of the peer's Close, None when the connection ended without one.
        reason: of the Close.
    """

    code: int | None
    reason: str = ""

    def __str__(self) -> str:
        if self.code is None:
            return "the connection ended without a Close"
        return f"a Close with code {self.code}"


class Wire:
    """A connection after, or in, its upgrade.

    Args:
        stream: the TCP stream.
        client: whether this end is the client, who masks.

    Attributes:
        pongs: the payloads of all pongs that came.
        pings: how many pings came; each is answered.
    """

    def __init__(self, stream: trio.SocketStream, *, client: bool) -> None:
        self._stream = stream
        self._client = client
        self._decoder = Decoder()
        self._parts: list[bytes] = []
        self._opcode = 0
        self.pongs: list[bytes] = []
        self.pings = 0

    # Writing.

    async def send(
        self, frame: Frame, *, mask: bytes | None = MASK, announced: int | None = None
    ) -> None:
        """Write a frame; masked by the client alone, where ``mask`` says so."""
        await self.send_bytes(encode(frame, mask if self._client else None, announced))

    async def send_message(self, data: bytes | str) -> None:
        """Write a whole message."""
        await self.send_bytes(self.message_bytes(data))

    def message_bytes(self, data: bytes | str) -> bytes:
        """Return a whole message as it is written."""
        opcode = Opcode.TEXT if isinstance(data, str) else Opcode.BINARY
        payload = data.encode() if isinstance(data, str) else data
        return encode(Frame(opcode, payload), os.urandom(4) if self._client else None)

    async def send_bytes(self, data: bytes) -> None:
        """Write bytes. That the peer has gone shows when it is read from."""
        with trio.move_on_after(ANSWER_S) as sending:
            try:
                await self._stream.send_all(data)
            except BROKEN:
                return
        if sending.cancelled_caught:
            raise FailedError(f"the peer did not read for {ANSWER_S:g} s")

    async def close(self, code: int = 1000) -> None:
        """Write a Close."""
        await self.send(Frame(Opcode.CLOSE, close_payload(code)))

    # Reading.

    async def head(self) -> Head | None:
        """Read a head of HTTP; None when the connection ends before one."""
        data = b""
        with _in_time("a head of HTTP"):
            while END not in data:
                require(len(data) < HEAD_BYTES_MAX, "a head of HTTP without an end came")
                more = await self._some()
                if not more:
                    return None
                data += more
        text, _, rest = data.partition(END)
        self._decoder.feed(rest)
        return parse(text)

    async def frame(self, within_s: float = ANSWER_S) -> Frame | None:
        """Read a frame, checked as such; None when the connection ended."""
        with _in_time("a frame or the end of the connection", within_s):
            while True:
                try:
                    found = self._decoder.next()
                except FrameError as error:
                    raise FailedError(f"the peer sent {error}") from error
                if found is not None:
                    self._check(found)
                    return found
                more = await self._some()
                if not more:
                    return None
                self._decoder.feed(more)

    async def message(self, within_s: float = ANSWER_S) -> bytes | str | Closed:
        """Read a whole message, or the end; answers pings, and a Close with the same code."""
        with _in_time("a message or the end of the connection", within_s):
            while True:
                frame = await self.frame(within_s)
                if frame is None:
                    return Closed(None)
                if frame.opcode == Opcode.CLOSE:
                    await self.send(Frame(Opcode.CLOSE, frame.payload[:CLOSE_CODE_BYTES]))
                    return _closed(frame.payload)
                if frame.opcode == Opcode.PING:
                    self.pings += 1
                    await self.send(Frame(Opcode.PONG, frame.payload))
                elif frame.opcode == Opcode.PONG:
                    self.pongs.append(frame.payload)
                else:
                    whole = self._assembled(frame)
                    if whole is not None:
                        return whole

    async def pong(self) -> bytes:
        """Read frames until a pong came; fails at anything that ends the connection."""
        count = len(self.pongs)
        while len(self.pongs) == count:
            frame = await self.frame()
            require(frame is not None, "the connection ended in place of a pong")
            assert frame is not None  # noqa: S101 - required in the line before
            require(frame.opcode != Opcode.CLOSE, "a Close came in place of a pong")
            if frame.opcode == Opcode.PONG:
                self.pongs.append(frame.payload)
            else:
                require(frame.opcode == Opcode.PING, f"opcode {frame.opcode} came before a pong")
        return self.pongs[-1]

    async def tcp_end(self, within_s: float = ANSWER_S) -> None:
        """Read, and forget, until the peer ends the TCP connection."""
        with _in_time("the end of the TCP connection", within_s):
            while await self._some():
                pass

    async def _some(self) -> bytes:
        try:
            return bytes(await self._stream.receive_some(RECEIVE_BYTES))
        except BROKEN:
            return b""

    def _check(self, frame: Frame) -> None:
        control = frame.opcode >= Opcode.CLOSE
        known = frame.opcode in Opcode.__members__.values()
        require(frame.masked != self._client, "a frame is masked, or not, against RFC 6455, 5.1")
        require(frame.rsv == 0, f"a frame has reserved bits: {frame.rsv}")
        require(known, f"a frame has the reserved opcode {frame.opcode}")
        require(not control or frame.fin, "a control frame is fragmented")
        require(
            not control or len(frame.payload) <= CONTROL_BYTES_MAX,
            f"a control frame has {len(frame.payload)} bytes",
        )

    def _assembled(self, frame: Frame) -> bytes | str | None:
        """Take a data frame; return the message if it is whole."""
        begins = frame.opcode != Opcode.CONTINUATION
        require(begins != bool(self._opcode), "a fragment does not belong where it came")
        if begins:
            self._opcode = frame.opcode
        self._parts.append(frame.payload)
        if not frame.fin:
            return None
        data, text = b"".join(self._parts), self._opcode == Opcode.TEXT
        self._parts, self._opcode = [], 0
        if not text:
            return data
        try:
            return data.decode()
        except UnicodeDecodeError as error:
            raise FailedError("a text message is not UTF-8") from error


def _closed(payload: bytes) -> Closed:
    if not payload:
        return Closed(NO_CODE)
    require(len(payload) >= CLOSE_CODE_BYTES, "a Close has one byte")
    code = int.from_bytes(payload[:CLOSE_CODE_BYTES], "big")
    return Closed(code, payload[CLOSE_CODE_BYTES:].decode(errors="replace"))


class _in_time:  # noqa: N801 - reads as a function where it is used
    """Fail the case when a block takes too long."""

    def __init__(self, what: str, within_s: float = ANSWER_S) -> None:
        self._what = what
        self._within_s = within_s
        self._scope = trio.CancelScope()

    def __enter__(self) -> None:
        self._scope.deadline = trio.current_time() + self._within_s
        self._scope.__enter__()

    def __exit__(self, *error: object) -> bool:
        caught = self._scope.__exit__(*error)  # type: ignore[arg-type]
        if self._scope.cancelled_caught:
            raise FailedError(f"{self._what} did not come within {self._within_s:g} s")
        return bool(caught)


@asynccontextmanager
async def dialled(host: str, port: int) -> AsyncIterator[Wire]:
    """Hold a TCP connection to a broker; closed by force.

    Raises:
        FailedError: nobody listens, or nobody answers.
    """
    stream = None
    with trio.move_on_after(ANSWER_S):
        try:
            stream = await trio.open_tcp_stream(host, port)
        except OSError as error:
            raise FailedError(f"no connection to {host}:{port}: {error}") from error
    if stream is None:
        raise FailedError(f"no connection to {host}:{port} within {ANSWER_S:g} s")
    try:
        yield Wire(stream, client=True)
    finally:
        with trio.CancelScope(shield=True):  # closing by force does not wait
            await trio.aclose_forcefully(stream)
