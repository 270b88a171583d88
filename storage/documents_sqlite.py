"""The archive's ground in one SQLite file: the embedded default.

WAL lets readers and the one writer work side by side, in any number of processes; FULL makes each
commit durable when it returns.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import Any

import msgspec

from storage.documents import ArchiveUnavailableError, Document, Kind
from storage.documents_memory import checked_chunk

BUSY_TIMEOUT_S = 10.0
"""How long a writer waits for another process's commit before it counts as an outage."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS documents (
    kind TEXT NOT NULL, grp INTEGER NOT NULL, n INTEGER NOT NULL, document BLOB NOT NULL,
    PRIMARY KEY (kind, grp, n)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS chunks (digest TEXT PRIMARY KEY, data BLOB NOT NULL);
"""


class SqliteFile:
    """One connection to a SQLite file, for any thread, one at a time.

    Args:
        path: the file; its folder must exist.
        schema: statements that create what is missing.

    Raises:
        ArchiveUnavailableError: the file cannot be opened or is no database.
    """

    def __init__(self, path: Path, schema: str) -> None:
        self._lock = Lock()
        self._path = path
        with self._outages():
            self._connection = sqlite3.connect(
                path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
            )
            try:
                self._connection.execute("PRAGMA journal_mode = WAL")
                self._connection.execute("PRAGMA synchronous = FULL")
                self._connection.executescript(schema)
            except BaseException:
                self._connection.close()
                raise

    @contextmanager
    def _outages(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.IntegrityError):
                raise
            raise ArchiveUnavailableError(f"{self._path}: {error}") from error

    def rows(self, statement: str, *parameters: Any) -> list[Any]:
        """Run a statement and return its rows."""
        with self._lock, self._outages():
            return self._connection.execute(statement, parameters).fetchall()

    def change(self, statement: str, *parameters: Any) -> int:
        """Run a statement durably and return how many rows it changed."""
        with self._lock, self._outages():
            return self._connection.execute(statement, parameters).rowcount

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Hold the write lock for the block; commit at its end, roll back when it raises."""
        with self._lock, self._outages():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()


class SqliteDocuments:
    """A ``storage.documents.Documents`` in a SQLite file.

    Args:
        path: the file; made when absent.
    """

    def __init__(self, path: Path) -> None:
        self._file = SqliteFile(path, SCHEMA)

    def insert(self, kind: Kind, group: int, n: int, document: Document) -> bool:
        """Insert if nothing has this key."""
        statement = "INSERT INTO documents VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"
        encoded = msgspec.msgpack.encode(document)
        return self._file.change(statement, kind.value, group, n, encoded) == 1

    def get(self, kind: Kind, group: int, n: int) -> Document | None:
        """Return the document with this key."""
        where = "kind = ? AND grp = ? AND n = ?"
        found = self._file.rows(
            f"SELECT document FROM documents WHERE {where}", kind.value, group, n
        )
        return msgspec.msgpack.decode(found[0][0]) if found else None

    def newest(self, kind: Kind, group: int, at_most: int | None = None) -> Document | None:
        """Return the document with the greatest n, not above ``at_most``."""
        limit = 2**63 - 1 if at_most is None else at_most
        found = self._file.rows(
            "SELECT document FROM documents WHERE kind = ? AND grp = ? AND n <= ?"
            " ORDER BY n DESC LIMIT 1",
            kind.value,
            group,
            limit,
        )
        return msgspec.msgpack.decode(found[0][0]) if found else None

    def scan(self, kind: Kind, group: int, from_n: int, limit: int) -> list[Document]:
        """Return up to ``limit`` documents with n at or above ``from_n``, by n ascending."""
        found = self._file.rows(
            "SELECT document FROM documents WHERE kind = ? AND grp = ? AND n >= ?"
            " ORDER BY n LIMIT ?",
            kind.value,
            group,
            from_n,
            limit,
        )
        return [msgspec.msgpack.decode(row[0]) for row in found]

    def delete(self, kind: Kind, group: int, n: int) -> None:
        """Delete a document, if it is there."""
        where = "kind = ? AND grp = ? AND n = ?"
        self._file.change(f"DELETE FROM documents WHERE {where}", kind.value, group, n)

    def put_chunk(self, data: bytes) -> str:
        """Store bytes under their SHA-256 and return it in hexadecimal."""
        digest = sha256(data).hexdigest()
        self._file.change("INSERT INTO chunks VALUES (?, ?) ON CONFLICT DO NOTHING", digest, data)
        return digest

    def chunk(self, digest: str) -> bytes:
        """Return a chunk."""
        found = self._file.rows("SELECT data FROM chunks WHERE digest = ?", digest)
        return checked_chunk(digest, found[0][0] if found else None)

    def close(self) -> None:
        """Close the file."""
        self._file.close()
