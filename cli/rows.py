"""Rows of a feed file: read, checked and turned into what is sent. Pure but for reading.

Columns: occurred_at (ISO 8601, UTC), game_id, player_id, player, team, earned.
"""

import csv
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from msgspec import Struct

from protocol.errors import MoneyboardError
from protocol.events import MoneyEarned
from protocol.identity import is_player_id, is_reference, uuid7
from protocol.money import AMOUNT_MAX

COLUMNS = ("occurred_at", "game_id", "player_id", "player", "team", "earned")
FIELD_MAX = 64


class MalformedRowError(MoneyboardError):
    """A row that cannot be sent: the text names file, line and reason."""


class Row(Struct, frozen=True):
    """One earning of a feed file."""

    player: str
    name: str
    team: str
    event: MoneyEarned


class Feed(Struct, frozen=True):
    """A feed file.

    Attributes:
        file: where it was read.
        producer: derived from the file's bytes and first time, so that the same file is the same
            producer, whose every event the log takes once.
        rows: its earnings, in order.
    """

    file: Path
    producer: str
    rows: Sequence[Row]


def read_feed(file: Path) -> Feed:
    """Read a feed file, whole.

    Raises:
        MalformedRowError: the file cannot be read, has no header, or a row is wrong.
    """
    try:
        data = file.read_bytes()
        text = data.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise MalformedRowError(f"{file}: {error}") from error
    lines = text.splitlines(keepends=True)
    reader = csv.reader(lines, strict=True)
    header = next(reader, [])
    if tuple(header) != COLUMNS:
        raise MalformedRowError(f"{file}: line 1: the columns must be {','.join(COLUMNS)}")
    rows = list(_rows(file, reader))
    first_ms = rows[0].event.earned_at_ms if rows else 0
    producer = uuid7(first_ms, sha256(data).digest())
    return Feed(file, producer, rows)


def _rows(file: Path, reader: Iterator[list[str]]) -> Iterator[Row]:
    """Yield rows until one is malformed, which is raised."""
    line = 1
    while True:
        line += 1
        try:
            fields = next(reader, None)
            if fields is None:
                return
            row = _row(fields)
        except (ValueError, csv.Error) as error:
            raise MalformedRowError(f"{file}: line {line}: {error}") from error
        yield row


def _row(fields: list[str]) -> Row:
    """Read one row.

    Raises:
        ValueError: the text says what is wrong.
    """
    if len(fields) != len(COLUMNS):
        raise ValueError(f"{len(fields)} columns, not {len(COLUMNS)}")
    occurred_at, game, player, name, team, earned = fields
    if not is_player_id(player):
        raise ValueError(f"player_id {player!r} is not 1 to 64 of A-Z a-z 0-9 . _ : -")
    if not earned.isascii() or not earned.isdigit() or not 0 < int(earned) <= AMOUNT_MAX:
        raise ValueError(f"earned {earned!r} is not a whole number from 1 to {AMOUNT_MAX}")
    if not is_reference(game):
        raise ValueError("game_id is too long or not printable")
    if not all(text.isprintable() and len(text) <= FIELD_MAX for text in (name, team)):
        raise ValueError("player or team is too long or not printable")
    return Row(player, name, team, MoneyEarned(player, int(earned), _time_ms(occurred_at), game))


def _time_ms(text: str) -> int:
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"occurred_at {text!r} is not ISO 8601") from error
    if found.tzinfo is None:
        raise ValueError(f"occurred_at {text!r} has no time zone")
    return int(found.astimezone(UTC).timestamp() * 1000)
