"""A MongoDB server for tests: a given one, a mongod on PATH, or SecantusDB."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pymongo
import pytest
from pymongo.errors import PyMongoError

from cli.mongo import URL_VARIABLE, mongo_command
from protocol.errors import ConfigurationError
from tests.valkey_server import free_port

START_TRIES = 100


@contextmanager
def mongo() -> Iterator[str]:
    """Run a server for the block, or use the given one; gives its URL without a database."""
    if given := os.environ.get(URL_VARIABLE):
        yield given.rstrip("/")
        return
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="moneyboard-mongo-") as folder:
        try:
            command = mongo_command(Path(folder), port)
        except ConfigurationError as error:
            if os.environ.get("CI") == "true":
                pytest.fail(str(error))
            pytest.skip(str(error))
        with (Path(folder) / "out.log").open("wb") as out:
            server = subprocess.Popen(command, stdout=out, stderr=out)
        try:
            wait_until_up(f"mongodb://127.0.0.1:{port}")
            yield f"mongodb://127.0.0.1:{port}"
        finally:
            server.kill()
            server.wait()


def wait_until_up(url: str) -> None:
    for _ in range(START_TRIES):
        client: pymongo.MongoClient[dict[str, object]] = pymongo.MongoClient(
            url, serverSelectionTimeoutMS=500
        )
        try:
            client.admin.command("ping")
        except PyMongoError:
            continue
        else:
            return
        finally:
            client.close()
    pytest.fail("the MongoDB server does not answer")
