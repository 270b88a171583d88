"""The archive's ground: insert-if-absent documents and chunks named by their content.

Three adapters: memory (tests), SQLite (embedded), MongoDB (production). They know nothing of
segments or seasons; ``storage.archive`` gives the documents their meaning, once for all three.
"""

from enum import StrEnum
from typing import Any, Protocol, TypeAlias


class Kind(StrEnum):
    """The kinds of documents. The two numbers of a key are said for each."""

    LAYOUT = "layout"
    """(0, 0)"""
    SEGMENT = "segment"
    """(partition, first n)"""
    SNAPSHOT = "snapshot"
    """(partition, n)"""
    CLOSING = "closing"
    """(partition, season): the snapshot taken where the season closed"""
    SETTLEMENT = "settlement"
    """(0, season)"""
    STANDINGS = "standings"
    """(0, season)"""


Document: TypeAlias = dict[str, Any]
"""Plain values only: str, int below 2^63, bool, None, bytes, list, dict with str keys."""

CHUNK_BYTES_MAX = 8 * 1024 * 1024
"""Half of MongoDB's limit on a document (16 MiB)."""


class Documents(Protocol):
    """A durable store of immutable documents. Every write is durable when it returns.

    An outage raises ``ArchiveUnavailableError``; the outcome of a write is then unknown, and
    repeating it is safe.
    """

    def insert(self, kind: Kind, group: int, n: int, document: Document) -> bool:
        """Insert if nothing has this key. False, and nothing done, when something has."""
        ...

    def get(self, kind: Kind, group: int, n: int) -> Document | None:
        """Return the document with this key."""
        ...

    def newest(self, kind: Kind, group: int, at_most: int | None = None) -> Document | None:
        """Return the document with the greatest n, not above ``at_most``."""
        ...

    def scan(self, kind: Kind, group: int, from_n: int, limit: int) -> list[Document]:
        """Return up to ``limit`` documents with n at or above ``from_n``, by n ascending."""
        ...

    def delete(self, kind: Kind, group: int, n: int) -> None:
        """Delete a document that a rule says is no longer needed (old snapshots)."""
        ...

    def put_chunk(self, data: bytes) -> str:
        """Store bytes under their SHA-256 and return it in hexadecimal. Repeating is harmless."""
        ...

    def chunk(self, digest: str) -> bytes:
        """Return a chunk.

        Raises:
            ArchiveError: it is missing, or its bytes do not match its name.
        """
        ...

    def close(self) -> None:
        """Release files and connections."""
        ...


class ArchiveUnavailableError(Exception):
    """The archive did not answer, or not in time."""
