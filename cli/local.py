"""A running data folder seen from another command: its stores, its API, its tokens."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPException
from typing import Any, TypeVar
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import msgspec
import trio

from cli.datadir import DataDir, RunFile
from protocol.errors import MoneyboardError
from runtime.clock import SystemClock
from runtime.settings import Settings
from runtime.tokens import load_private, mint
from storage.archive import Archive
from storage.connect import open_documents
from storage.documents import ArchiveUnavailableError
from storage.log import LogUnavailableError
from storage.log_redis import RedisLog

T = TypeVar("T")

RETRY_PAUSE_S = 0.2
RETRY_FOR_S = 120.0
"""How long a command waits for services that are being restarted."""

HTTP_TIMEOUT_S = 30.0


class Local:
    """The stores and the API of a run, for commands on the same machine.

    Args:
        data: its folder.
        run: what it wrote there.
        log, archive: opened; see ``opened``.
    """

    def __init__(self, data: DataDir, run: RunFile, log: RedisLog, archive: Archive) -> None:
        self.settings: Settings = run.settings
        self.log = log
        self.archive = archive
        self._data = data
        self._limiter = trio.CapacityLimiter(4)

    @property
    def http_url(self) -> str:
        """Where the API is."""
        return f"http://{self.settings.http_host}:{self.settings.http_port}"

    @property
    def ws_url(self) -> str:
        """Where the broker is."""
        return f"ws://{self.settings.ws_host}:{self.settings.ws_port}/"

    def token(self, subject: str, scope: str, lifetime_s: int = 3600) -> str:
        """Sign a token with the folder's development key."""
        key = load_private(self._data.keys)
        return mint(
            key,
            subject,
            scope,
            now_ms=SystemClock().now_ms(),
            lifetime_s=lifetime_s,
            issuer=self.settings.token_issuer,
            audience=self.settings.token_audience,
        )

    async def trying(self, call: Callable[[], T]) -> T:
        """Call in a worker thread, again while a store is away, for RETRY_FOR_S at most.

        Raises:
            LogUnavailableError, ArchiveUnavailableError: it stayed away.
        """
        give_up_at = trio.current_time() + RETRY_FOR_S
        while True:
            try:
                return await trio.to_thread.run_sync(call, limiter=self._limiter)
            except (LogUnavailableError, ArchiveUnavailableError):
                if trio.current_time() > give_up_at:
                    raise
            await trio.sleep(RETRY_PAUSE_S)

    def register(self, players: list[dict[str, str]]) -> None:
        """Register players through the API. Blocks.

        Raises:
            LogUnavailableError: the API is not up now; try again.
            MoneyboardError: it refuses.
        """
        body = b"\n".join(msgspec.json.encode(player) for player in players)
        request = Request(  # noqa: S310 - our own http URL
            f"{self.http_url}/v1/players",
            data=body,
            headers={
                "Authorization": f"Bearer {self.token('feed', 'players:write')}",
                "Content-Type": "application/x-ndjson",
            },
        )
        try:
            with urlopen(request, timeout=HTTP_TIMEOUT_S) as answer:  # noqa: S310 - as above
                found = msgspec.json.decode(answer.read())
        except HTTPError as error:
            text = error.read().decode(errors="replace")
            if error.code >= 500:  # noqa: PLR2004 - HTTP: the server's fault
                raise LogUnavailableError(text) from error
            raise MoneyboardError(f"registering players: {text}") from error
        except (URLError, HTTPException, OSError) as error:
            raise LogUnavailableError(str(error)) from error
        if found["refused"]:
            first = found["refused"][0]
            raise MoneyboardError(f"registering player {first['player']}: {first['reason']}")

    def read(self, path: str) -> Any:
        """Return what the API answers to a GET. Blocks.

        Raises:
            LogUnavailableError: it does not answer now; try again.
        """
        try:
            with urlopen(f"{self.http_url}{path}", timeout=HTTP_TIMEOUT_S) as answer:  # noqa: S310 - our own http URL
                return msgspec.json.decode(answer.read())
        except (URLError, HTTPException, OSError) as error:
            raise LogUnavailableError(f"{path}: {error}") from error

    def lag(self) -> int:
        """Return how many records the boards do not show yet, over all partitions. Blocks."""
        position = self.read("/readyz")["position"]
        heads = [self.log.head(partition) for partition in range(self.settings.partitions)]
        return sum(
            head.position.n - n for head, n in zip(heads, position, strict=True) if head is not None
        )


@contextmanager
def opened(data: DataDir) -> Iterator[Local]:
    """Open the stores of the run on a folder.

    Raises:
        ConfigurationError: nothing runs there.
        LogUnavailableError, ArchiveUnavailableError: a store does not answer.
    """
    run = data.running()
    log = RedisLog(run.settings.redis_url)
    archive = Archive(open_documents(run.settings.archive_url))
    try:
        yield Local(data, run, log, archive)
    finally:
        log.close()
        archive.close()
