"""Real Valkey for the contract suites of this folder."""

from collections.abc import Iterator

import pytest
import redis

from tests.valkey_server import valkey


@pytest.fixture(scope="session")
def valkey_server() -> Iterator[str]:
    """A Valkey with an append-only file, so that WAITAOF has something to wait for."""
    with valkey("--appendonly", "yes", "--appendfsync", "everysec") as url:
        yield url


@pytest.fixture
def valkey_url(valkey_server: str) -> str:
    """The same Valkey, emptied."""
    client = redis.Redis.from_url(valkey_server)
    client.flushall()
    client.close()
    return valkey_server
