"""Errors over HTTP: RFC 9457 problem documents, for all that can go wrong."""

import traceback
from collections.abc import Callable
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException
from msgspec import Struct

from runtime.logging import logger
from storage.documents import ArchiveUnavailableError
from storage.log import LogUnavailableError

PROBLEM_TYPE = "application/problem+json"
RETRY_AFTER_S = 1
"""When to come back after a 503: the supervisor restarts a server within a second."""

TITLES = {
    400: "Bad request",
    401: "A token is needed",
    403: "The token does not allow this",
    404: "Not found",
    405: "Method not allowed",
    409: "Conflict",
    413: "Too large",
    415: "Unsupported media type",
    500: "Internal error",
    503: "Not available now",
}


class Problem(Struct, frozen=True):
    """An RFC 9457 problem document."""

    title: str
    status: int
    detail: str
    type: str = "about:blank"


class ProblemError(Exception):
    """Raised by a handler to answer with a problem document."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


def problem_response(status: int, detail: str) -> Response[bytes]:
    """Return a problem document as a response."""
    problem = Problem(TITLES.get(status, "Error"), status, detail)
    headers = {"retry-after": str(RETRY_AFTER_S)} if status == 503 else {}  # noqa: PLR2004 - HTTP
    if status == 401:  # noqa: PLR2004 - HTTP
        headers["www-authenticate"] = "Bearer"
    return Response(
        msgspec.json.encode(problem), status_code=status, media_type=PROBLEM_TYPE, headers=headers
    )


def on_problem(_: Request[Any, Any, Any], error: ProblemError) -> Response[bytes]:
    """Answer what a handler raised on purpose."""
    return problem_response(error.status, error.detail)


def on_http_error(_: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    """Answer what the framework raised: unknown paths, wrong methods, wrong parameters."""
    response = problem_response(error.status_code, _detail(error))
    for name, value in (error.headers or {}).items():  # Allow of a 405
        response.headers.setdefault(name, value)
    return response


def on_unreadable(_: Request[Any, Any, Any], __: Exception) -> Response[bytes]:
    """Answer a body that is no JSON in a way that the framework does not expect."""
    return problem_response(400, "the body is not readable: JSON in UTF-8 is wanted")


def on_outage(_: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Answer while Redis or the archive is away."""
    logger(part="http").warning("outage", error=str(error))
    return problem_response(503, "a store does not answer; try again")


def on_bug(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Answer what nobody expected, without a word about the inside.

    The log gets the traceback as text: with its variables it would show the caller's token.
    """
    text = "".join(traceback.format_exception(error))
    logger(part="http").error("failed", path=request.url.path, traceback=text)
    return problem_response(500, "something failed here; it has been logged")


EXCEPTION_HANDLERS: dict[
    int | type[Exception], Callable[[Request[Any, Any, Any], Any], Response[Any]]
] = {
    ProblemError: on_problem,
    HTTPException: on_http_error,
    LogUnavailableError: on_outage,
    ArchiveUnavailableError: on_outage,
    Exception: on_bug,
}

UNREADABLE_HANDLERS: dict[
    int | type[Exception], Callable[[Request[Any, Any, Any], Any], Response[Any]]
] = {UnicodeDecodeError: on_unreadable, RecursionError: on_unreadable}
"""Of routes that take a body: what decoding one raises besides msgspec's own errors."""


def _detail(error: HTTPException) -> str:
    extra = getattr(error, "extra", None)
    if isinstance(extra, list) and extra:
        return "; ".join(f"{item.get('key')}: {item.get('message')}" for item in extra)
    return error.detail or TITLES.get(error.status_code, "")
