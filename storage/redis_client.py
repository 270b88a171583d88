"""Connections to Redis or Valkey for the synchronous adapters, and their errors in one word."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from protocol.errors import ConfigurationError
from storage.log import LogUnavailableError

SOCKET_TIMEOUT_S = 5.0
"""Longer than any blocking read here (250 ms) and than a WAITAOF (DURABLE_TIMEOUT_MS)."""

STAGED_S = 3_600
"""How long a half filled key stays: far longer than filling one takes."""

STAGED_BATCH = 5_000
"""Fields a step: some milliseconds in the server, so that others wait no longer."""

_UNAVAILABLE = (
    redis.ConnectionError,
    redis.TimeoutError,
    redis.exceptions.ReadOnlyError,
    redis.exceptions.OutOfMemoryError,
    redis.exceptions.TryAgainError,
    redis.exceptions.ClusterDownError,
)


def connect(url: str) -> "redis.Redis":
    """Return a client. Nothing is sent yet.

    One retry gets over connections that a restart of the server left dead; it is safe, as the
    fence and the checkpoint make every write here repeatable.

    Raises:
        ConfigurationError: the URL is not one of Redis.
    """
    try:
        return redis.Redis.from_url(
            url,
            socket_timeout=SOCKET_TIMEOUT_S,
            socket_connect_timeout=SOCKET_TIMEOUT_S,
            retry=Retry(NoBackoff(), 1),
            protocol=2,
        )
    except ValueError as error:
        raise ConfigurationError(f"redis_url: {error}") from error


def require_no_eviction(client: "redis.Redis") -> None:
    """Refuse a server that may throw keys away when memory is short.

    Raises:
        ConfigurationError: its maxmemory-policy is not noeviction.
        LogUnavailableError: it does not answer.
    """
    with outages():
        policy = client.config_get("maxmemory-policy").get("maxmemory-policy", "noeviction")
    if policy != "noeviction":
        raise ConfigurationError(
            f"redis_url: the server's maxmemory-policy is {policy}; money needs noeviction"
        )


@contextmanager
def outages() -> Iterator[None]:
    """Turn the client's errors of connection into LogUnavailableError."""
    try:
        yield
    except _UNAVAILABLE as error:
        raise LogUnavailableError(f"{type(error).__name__}: {error}") from error


def fill_hash(client: "redis.Redis", key: str, values: Mapping[str, int]) -> None:
    """Fill a hash that is to be renamed, in bounded steps; it expires if that never happens."""
    for batch in _batches(values):
        with client.pipeline(transaction=False) as pipe:
            pipe.hset(key, mapping=batch)
            pipe.expire(key, STAGED_S)
            pipe.execute()


def fill_board(client: "redis.Redis", key: str, scores: Mapping[str, int]) -> None:
    """Fill a sorted set likewise."""
    for batch in _batches(scores):
        with client.pipeline(transaction=False) as pipe:
            pipe.zadd(key, batch)
            pipe.expire(key, STAGED_S)
            pipe.execute()


def _batches(values: Mapping[str, int]) -> Iterator[dict[Any, Any]]:
    items = iter(values.items())
    while batch := dict(islice(items, STAGED_BATCH)):
        yield batch


@cache
def script(name: str) -> str:
    """Return the text of a Lua script in this package."""
    return (Path(__file__).parent / f"{name}.lua").read_text()
