"""A file whose content a running service follows."""

from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from protocol.errors import ConfigurationError
from runtime.logging import logger

T = TypeVar("T")


class Reread(Generic[T]):
    """What a file says, read again when the file changes.

    A new content that cannot be read is logged once and leaves the one before in force.

    Args:
        file: read at once.
        parse: makes the value of the text; raises ValueError for one that is not usable.
        setting: the setting that named the file, for error texts.

    Raises:
        ConfigurationError: the file cannot be read at first.
    """

    def __init__(self, file: Path, parse: Callable[[str], T], setting: str) -> None:
        self._file = file
        self._parse = parse
        self._setting = setting
        self._stamp = self._stamp_now()
        try:
            self._value = parse(file.read_text())
        except (OSError, ValueError) as error:
            raise ConfigurationError(f"{setting}: {file}: {error}") from error

    def value(self) -> T:
        """Return what the file says now, or said last when it could be read."""
        stamp = self._stamp_now()
        if stamp != self._stamp:
            self._stamp = stamp
            try:
                self._value = self._parse(self._file.read_text())
            except (OSError, ValueError) as error:
                logger().error("file-unusable", setting=self._setting, error=str(error))
            else:
                logger().info("file-reread", setting=self._setting)
        return self._value

    def _stamp_now(self) -> tuple[int, int, int] | None:
        """Return what changes with the file's content; None while there is no file."""
        try:
            status = self._file.stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_size, status.st_ino
