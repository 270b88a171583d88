"""Real servers for the contract suites of this folder."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pymongo
import pytest
import redis

from tests.mongo_server import mongo
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


@pytest.fixture(scope="session")
def mongo_server() -> Iterator[str]:
    """A server that speaks MongoDB's protocol."""
    with mongo() as url:
        yield url


@pytest.fixture
def mongo_url(mongo_server: str) -> Iterator[str]:
    """A database of its own on it, dropped afterwards."""
    name = f"moneyboard_test_{uuid4().hex[:12]}"
    yield f"{mongo_server}/{name}"
    client: pymongo.MongoClient[dict[str, object]] = pymongo.MongoClient(mongo_server)
    client.drop_database(name)
    client.close()


@pytest.fixture(params=["sqlite", "mongo"])
def durable_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A store that outlives who opened it."""
    if request.param == "sqlite":
        return f"sqlite:{tmp_path / 'store.sqlite'}"
    url: str = request.getfixturevalue("mongo_url")
    return url


@pytest.fixture(params=["memory", "sqlite", "mongo"])
def any_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Any of the stores."""
    if request.param == "memory":
        return "memory:"
    if request.param == "sqlite":
        return f"sqlite:{tmp_path / 'store.sqlite'}"
    url: str = request.getfixturevalue("mongo_url")
    return url
