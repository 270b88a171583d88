"""The archive's ground in memory: the same laws, for tests and simulations."""

from copy import deepcopy
from hashlib import sha256
from threading import Lock

from protocol.errors import ArchiveError
from storage.documents import Document, Kind


class MemoryDocuments:
    """A ``storage.documents.Documents`` that lives as long as the object."""

    def __init__(self) -> None:
        self._documents: dict[tuple[Kind, int], dict[int, Document]] = {}
        self._chunks: dict[str, bytes] = {}
        self._lock = Lock()

    def insert(self, kind: Kind, group: int, n: int, document: Document) -> bool:
        """Insert if nothing has this key."""
        with self._lock:
            found = self._documents.setdefault((kind, group), {})
            if n in found:
                return False
            found[n] = deepcopy(document)
            return True

    def get(self, kind: Kind, group: int, n: int) -> Document | None:
        """Return the document with this key."""
        with self._lock:
            return deepcopy(self._documents.get((kind, group), {}).get(n))

    def newest(self, kind: Kind, group: int, at_most: int | None = None) -> Document | None:
        """Return the document with the greatest n, not above ``at_most``."""
        with self._lock:
            found = self._documents.get((kind, group), {})
            numbers = [n for n in found if at_most is None or n <= at_most]
            return deepcopy(found[max(numbers)]) if numbers else None

    def scan(self, kind: Kind, group: int, from_n: int, limit: int) -> list[Document]:
        """Return up to ``limit`` documents with n at or above ``from_n``, by n ascending."""
        with self._lock:
            found = self._documents.get((kind, group), {})
            return [deepcopy(found[n]) for n in sorted(found) if n >= from_n][:limit]

    def delete(self, kind: Kind, group: int, n: int) -> None:
        """Delete a document, if it is there."""
        with self._lock:
            self._documents.get((kind, group), {}).pop(n, None)

    def put_chunk(self, data: bytes) -> str:
        """Store bytes under their SHA-256 and return it in hexadecimal."""
        digest = sha256(data).hexdigest()
        with self._lock:
            self._chunks[digest] = data
        return digest

    def chunk(self, digest: str) -> bytes:
        """Return a chunk."""
        with self._lock:
            data = self._chunks.get(digest)
        return checked_chunk(digest, data)

    def close(self) -> None:
        """Nothing to release."""


def checked_chunk(digest: str, data: bytes | None) -> bytes:
    """Return a chunk's bytes if they are there and match its name.

    Raises:
        ArchiveError: otherwise.
    """
    if data is None:
        raise ArchiveError(f"chunk {digest} is missing")
    if sha256(data).hexdigest() != digest:
        raise ArchiveError(f"chunk {digest} does not match its name")
    return data
