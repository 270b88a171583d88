"""What the routes share: the answers' parts, tokens, and responses that can be cached."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from hashlib import blake2b
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.enums import MediaType
from msgspec import Struct

from query.history import History
from query.limits import BOARD_TTL_S
from query.marks import Marks
from query.names import Names
from query.problems import ProblemError
from query.rankings import Rankings
from query.registry import Registry
from query.seasons import SeasonBook
from runtime.calendar import Calendar
from runtime.clock import Clock
from runtime.tokens import Claims, TokenError, Verifier
from storage.archive import Archive
from storage.boards import Boards
from storage.directory import Directory

SCHEME = "bearer"
CACHED_MAX = 256
"""Encoded answers kept: pages that many ask for at the same moment."""

AnyRequest = Request[Any, Any, Any]


class Encoded(Struct, frozen=True):
    """An answer as bytes, with its entity tag and when it must be made anew."""

    body: bytes
    etag: str
    expires_s: float


class Api:
    """The parts that answers are made of.

    Args:
        boards, archive, directory: the stores; the latter two are called in worker threads.
        verifier: of tokens.
        calendar: when seasons end.
        clock: wall time.
        partitions: P.
    """

    def __init__(
        self,
        boards: Boards,
        archive: Archive,
        directory: Directory,
        verifier: Verifier,
        calendar: Calendar,
        clock: Clock,
        partitions: int,
    ) -> None:
        self.boards = boards
        self.directory = directory
        self.names = Names(directory, time.monotonic)
        self.book = SeasonBook(boards, archive, calendar, clock)
        self.history = History(archive, self.book, self.names)
        marks = Marks(archive, partitions, time.monotonic)
        self.rankings = Rankings(boards, self.book, self.history, self.names, marks)
        self.registry = Registry(directory, self.names)
        self._verifier = verifier
        self._clock = clock
        self._encoded: dict[str, Encoded] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    def claims(self, request: AnyRequest) -> Claims:
        """Return what the request's bearer token says.

        Raises:
            ProblemError: 401.
        """
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != SCHEME:
            raise ProblemError(401, "send Authorization: Bearer TOKEN")
        try:
            return self._verifier.verify(token.strip(), self._clock.now_ms())
        except TokenError as error:
            raise ProblemError(401, error.text) from error

    async def fresh(
        self, request: AnyRequest, key: str, make: Callable[[], Awaitable[Struct]]
    ) -> Response[Any]:
        """Answer with what ``make`` returns, encoded once for all who ask within BOARD_TTL_S.

        A request whose If-None-Match names the answer gets a 304.
        """
        found = self._encoded.get(key)
        if found is None or found.expires_s <= time.monotonic():
            if len(self._locks) > CACHED_MAX:
                self._locks.clear()
                self._encoded.clear()
            async with self._locks.setdefault(key, asyncio.Lock()):
                found = self._encoded.get(key)
                if found is None or found.expires_s <= time.monotonic():
                    found = encoded(await make())
                    self._encoded[key] = found
        headers = {"etag": found.etag, "cache-control": "public, max-age=1"}
        if names_tag(request.headers.get("if-none-match", ""), found.etag):
            return Response(None, status_code=304, headers=headers)
        return Response(found.body, media_type=MediaType.JSON, headers=headers)


def names_tag(header: str, etag: str) -> bool:
    """Tell whether an If-None-Match names the tag: RFC 9110's weak comparison, or ``*``."""
    named = (part.strip().removeprefix("W/") for part in header.split(","))
    return any(part in {etag, "*"} for part in named)


def encoded(answer: Struct) -> Encoded:
    """Encode an answer; it is fresh for BOARD_TTL_S from now."""
    body = msgspec.json.encode(answer)
    tag = blake2b(body, digest_size=12).hexdigest()
    return Encoded(body, f'"{tag}"', time.monotonic() + BOARD_TTL_S)
