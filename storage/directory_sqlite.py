"""The player directory in one SQLite file, apart from the archive's: it alone holds names."""

import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from storage.directory import Player
from storage.documents_sqlite import SqliteFile

IDS_A_QUERY = 500
"""Below SQLite's oldest limit on parameters (999)."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS players (
    id TEXT PRIMARY KEY, folded TEXT NOT NULL UNIQUE, username TEXT NOT NULL,
    name TEXT NOT NULL, country TEXT NOT NULL, team TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS producers (producer TEXT PRIMARY KEY, subject TEXT NOT NULL);
"""

COLUMNS = "id, username, name, country, team"

PUT = """
INSERT INTO players (id, folded, username, name, country, team) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET folded = excluded.folded, username = excluded.username,
    name = excluded.name, country = excluded.country, team = excluded.team
"""


class SqliteDirectory:
    """A ``storage.directory.Directory`` in a SQLite file.

    Args:
        path: the file; made when absent.
    """

    def __init__(self, path: Path) -> None:
        self._file = SqliteFile(path, SCHEMA)

    def put(self, players: Iterable[Player]) -> tuple[str, ...]:
        """Insert or replace players; return the ids refused as their username is taken."""
        refused = []
        with self._file.transaction() as connection:
            for player in players:
                row = (
                    player.id,
                    player.username.casefold(),
                    player.username,
                    player.name,
                    player.country,
                    player.team,
                )
                try:
                    connection.execute(PUT, row)
                except sqlite3.IntegrityError:
                    refused.append(player.id)
        return tuple(refused)

    def get(self, ids: Iterable[str]) -> dict[str, Player]:
        """Return the players that exist, by id."""
        wanted = list(ids)
        found: dict[str, Player] = {}
        for at in range(0, len(wanted), IDS_A_QUERY):
            part = wanted[at : at + IDS_A_QUERY]
            marks = ", ".join("?" * len(part))
            rows = self._file.rows(f"SELECT {COLUMNS} FROM players WHERE id IN ({marks})", *part)
            found.update({row[0]: Player(*row) for row in rows})
        return found

    def by_username(self, username: str) -> Player | None:
        """Return the player with this username, without regard to case."""
        rows = self._file.rows(
            f"SELECT {COLUMNS} FROM players WHERE folded = ?", username.casefold()
        )
        return Player(*rows[0]) if rows else None

    def search(self, prefix: str, limit: int) -> list[Player]:
        """Return players whose username starts with the prefix, by username ascending."""
        folded = prefix.casefold()
        bounds: tuple[Any, ...] = (folded, folded + "\U0010ffff", limit)
        rows = self._file.rows(
            f"SELECT {COLUMNS} FROM players WHERE folded >= ? AND folded < ?"
            " ORDER BY folded LIMIT ?",
            *bounds,
        )
        return [Player(*row) for row in rows]

    def bind_producer(self, producer: str, subject: str) -> str:
        """Bind a producer to a subject if it has none; return the subject that it has."""
        self._file.change(
            "INSERT INTO producers VALUES (?, ?) ON CONFLICT DO NOTHING", producer, subject
        )
        rows = self._file.rows("SELECT subject FROM producers WHERE producer = ?", producer)
        bound: str = rows[0][0]
        return bound

    def close(self) -> None:
        """Close the file."""
        self._file.close()
