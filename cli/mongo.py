"""A MongoDB server for the demo: one that is given, one on PATH, or the development server."""

import os
import shutil
import sys
from pathlib import Path

from cli.supervisor import Child
from cli.valkey import LOOPBACK
from protocol.errors import ConfigurationError

URL_VARIABLE = "MONEYBOARD_TEST_MONGO_URL"
DATABASE = "moneyboard"


def mongo_url(port: int) -> str:
    """Return the URL of a server on this machine."""
    return f"mongodb://{LOOPBACK}:{port}/{DATABASE}"


def mongo_command(folder: Path, port: int) -> list[str]:
    """Return the command that starts a server on a folder.

    Raises:
        ConfigurationError: there is none on this machine.
    """
    if mongod := shutil.which("mongod"):
        return [mongod, "--bind_ip", LOOPBACK, "--port", str(port), "--dbpath", str(folder)]
    beside = os.pathsep.join([os.environ.get("PATH", ""), str(Path(sys.executable).parent)])
    if secantus := shutil.which("secantusd-py", path=beside):
        where = ["--host", LOOPBACK, "--port", str(port), "--storage-path", str(folder)]
        return [secantus, *where, "--sync-on-commit", "--log-level", "ERROR"]
    raise ConfigurationError(
        f"--mongo: set {URL_VARIABLE}, or install mongod or SecantusDB (`uv sync` does)"
    )


def demo_mongo(folder: Path, port: int) -> tuple[str, list[Child]]:
    """Return the archive's URL, and the server to start for it if none is given.

    Raises:
        ConfigurationError: there is no server.
    """
    if given := os.environ.get(URL_VARIABLE):
        return f"{given.rstrip('/')}/{DATABASE}", []
    storage = folder / "mongo"
    storage.mkdir(parents=True, exist_ok=True)
    command = mongo_command(storage, port)
    return mongo_url(port), [Child("mongo", command, dict(os.environ), folder / "logs/mongo.log")]
