"""A data folder: what ``moneyboard run`` keeps under ``--data``, and how other commands find it.

DIR/lock            held while a run is up
DIR/run.json        where a run listens, and its Valkey's password (readable by its owner alone)
DIR/keys/           development keys: private.pem, jwks.json
DIR/valkey/         the append-only file
DIR/archive.sqlite, DIR/directory.sqlite
DIR/logs/           a file a service
"""

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from msgspec import Struct

from protocol.errors import ConfigurationError
from runtime.settings import Settings


class RunFile(Struct, frozen=True):
    """What other commands need to know of a run.

    Attributes:
        settings: of all its services.
        valkey_port, valkey_password: of the embedded Valkey.
    """

    settings: Settings
    valkey_port: int
    valkey_password: str


class DataDir:
    """The files of a data folder.

    Args:
        path: the folder; made by ``create``.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.keys = self.path / "keys"
        self.valkey = self.path / "valkey"
        self.logs = self.path / "logs"
        self.run_file = self.path / "run.json"
        self._lock_file = self.path / "lock"

    @property
    def archive_url(self) -> str:
        """The embedded archive."""
        return f"sqlite:{self.path / 'archive.sqlite'}"

    @property
    def directory_url(self) -> str:
        """The embedded directory."""
        return f"sqlite:{self.path / 'directory.sqlite'}"

    def create(self) -> None:
        """Make the folder and those in it.

        Raises:
            ConfigurationError: it cannot be made or written.
        """
        try:
            for folder in (self.path, self.keys, self.valkey, self.logs):
                folder.mkdir(parents=True, exist_ok=True)
            probe = self.path / ".probe"
            probe.write_bytes(b"0" * 4096)
            probe.unlink()
        except OSError as error:
            raise ConfigurationError(f"--data {self.path}: {error.strerror or error}") from error

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder for one run.

        Raises:
            ConfigurationError: another run holds it.
        """
        with self._lock_file.open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise ConfigurationError(
                    f"--data {self.path}: another moneyboard runs on this folder"
                ) from error
            yield

    def is_running(self) -> bool:
        """Tell whether a run holds the folder now."""
        try:
            with self._lock_file.open("r+") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except OSError:
            return True
        return False

    def write_run(self, run: RunFile) -> None:
        """Write ``run.json``, whole or not at all."""
        draft = self.run_file.with_suffix(".new")
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(msgspec.json.encode(run))
        draft.replace(self.run_file)

    def read_run(self) -> RunFile | None:
        """Return what the last run wrote, None before the first."""
        try:
            return msgspec.json.decode(self.run_file.read_bytes(), type=RunFile)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.DecodeError) as error:
            raise ConfigurationError(f"{self.run_file}: {error}") from error

    def running(self) -> RunFile:
        """Return what the run that is up wrote.

        Raises:
            ConfigurationError: none is up.
        """
        run = self.read_run()
        if run is None or not self.is_running():
            raise ConfigurationError(
                f"--data {self.path}: nothing runs there; start it with "
                f"`moneyboard run --data {self.path}`"
            )
        return run


def new_password() -> str:
    """Return a password for an embedded Valkey."""
    return secrets.token_urlsafe(24)
