"""A peer's stream as the acceptor needs it: it tells when it has ended, and bounds empty frames.

``trio_websocket`` waits for a request even when the connection has ended meanwhile, and handles all
frames of a read (64 KiB hold 10,000) without letting another task run. No limit on the size of
messages counts frames that hold none: control frames, and fragments of one byte or of no byte.

Laws: the end of the stream is told once the library could know it; a peer that sent more than
``frames_max`` frames since its last whole message is cut before the library sees them; of many
peers who go at the same moment a few are let go in each turn of the event loop, since each takes
some 150 us: 5,000 would hold up all others for 0.7 s.
"""

from collections.abc import Callable

import trio

HEAD_END = b"\r\n\r\n"
FIN, CONTROL, MASKED, LENGTH = 0x80, 0x08, 0x80, 0x7F
LENGTH_16, LENGTH_64 = 126, 127
MASK_BYTES = 4


class FrameCount:
    """Counts frames since the last whole message, in the bytes of a client. Pure.

    Args:
        frames_max: beyond it the counting stops, for it takes time too.

    Attributes:
        idle: frames since then.
    """

    def __init__(self, frames_max: int) -> None:
        self.idle = 0
        self._max = frames_max
        self._upgraded = False
        self._rest = b""
        self._skip = 0

    def feed(self, data: bytes) -> None:
        """Count the frames that begin in the bytes that come next."""
        data = self._rest + data if self._rest else data
        if not self._upgraded:
            end = data.find(HEAD_END)
            if end < 0:
                self._rest = data[-len(HEAD_END) + 1 :]
                return
            self._upgraded = True
            data = data[end + len(HEAD_END) :]
        at = self._skip
        while self.idle <= self._max and (after := self._after(data, at)) is not None:
            whole = data[at] & FIN and not data[at] & CONTROL
            self.idle = 0 if whole else self.idle + 1
            at = after
        self._skip = max(0, at - len(data))
        self._rest = data[at:]

    @staticmethod
    def _after(data: bytes, at: int) -> int | None:
        """Return where the frame that begins at ``at`` ends, None while its head is not whole."""
        if at + 2 > len(data):
            return None
        length, begin = data[at + 1] & LENGTH, at + 2
        if length >= LENGTH_16:
            size = 2 if length == LENGTH_16 else 8
            if begin + size > len(data):
                return None
            length = int.from_bytes(data[begin : begin + size], "big")
            begin += size
        return begin + length + (MASK_BYTES if data[at + 1] & MASKED else 0)


class WatchedStream(trio.abc.Stream):
    """A stream that tells of its end.

    Args:
        stream: the peer's.
        ended: told when nothing more can come, maybe more than once.
        frames_max: since the last whole message.
        leaving: how many streams may end in one turn of the event loop; shared.
    """

    def __init__(
        self,
        stream: trio.SocketStream,
        ended: Callable[[], None],
        frames_max: int,
        leaving: trio.CapacityLimiter,
    ) -> None:
        self._leaving = leaving
        self._stream = stream
        self._ended = ended
        self._frames_max = frames_max
        self._frames = FrameCount(frames_max)

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send as the stream does."""
        await self._stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        """Wait as the stream does."""
        await self._stream.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """Receive as the stream does; a peer with too many frames is as good as gone."""
        try:
            data = bytes(await self._stream.receive_some(max_bytes))
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            await self._end()
            raise
        self._frames.feed(data)
        if self._frames.idle > self._frames_max:
            await self._end()
            raise trio.BrokenResourceError("too many frames without a message")
        if not data:
            await self._end()
        return data

    async def _end(self) -> None:
        async with self._leaving:
            await trio.lowlevel.checkpoint()
        self._ended()

    async def aclose(self) -> None:
        """Close as the stream does."""
        self._ended()
        await self._stream.aclose()
