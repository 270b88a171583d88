"""The archive's ground in MongoDB: the archive of production, on a replica set.

Every write is ``w: majority, j: true``: when it returns it is on the disks of most members.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from typing import Any

import pymongo
from bson.binary import Binary
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import ConfigurationError as MongoConfigurationError
from pymongo.errors import DuplicateKeyError, InvalidURI, PyMongoError
from pymongo.uri_parser import parse_uri
from pymongo.write_concern import WriteConcern

from protocol.errors import ConfigurationError
from storage.documents import ArchiveUnavailableError, Document, Kind
from storage.documents_memory import checked_chunk

SELECTION_TIMEOUT_MS = 5_000
"""How long to look for a primary; an election takes 2 to 12 s, and callers try again."""

SOCKET_TIMEOUT_MS = 20_000
"""Longer than the slowest write here, a chunk of 8 MiB that most members sync."""

WRITE_TIMEOUT_MS = 10_000


@contextmanager
def outages() -> Iterator[None]:
    """Turn MongoDB's errors, other than a duplicate key, into ArchiveUnavailableError."""
    try:
        yield
    except DuplicateKeyError:
        raise
    except PyMongoError as error:
        raise ArchiveUnavailableError(f"{type(error).__name__}: {error}") from error


def open_database(url: str) -> Database[Document]:
    """Return the database that a ``mongodb://host/database`` URL names.

    Raises:
        ConfigurationError: the URL is wrong or names no database.
    """
    try:
        name = parse_uri(url, validate=True)["database"]
    except (InvalidURI, MongoConfigurationError, ValueError) as error:
        raise ConfigurationError(f"archive_url: {error}") from error
    if not name:
        raise ConfigurationError("archive_url: the URL names no database: mongodb://HOST/DATABASE")
    client: pymongo.MongoClient[Document] = pymongo.MongoClient(
        url,
        serverSelectionTimeoutMS=SELECTION_TIMEOUT_MS,
        socketTimeoutMS=SOCKET_TIMEOUT_MS,
        tz_aware=True,
    )
    concern = WriteConcern(w="majority", j=True, wtimeout=WRITE_TIMEOUT_MS)
    return client.get_database(name, write_concern=concern)


@contextmanager
def closed_on_error(database: Database[Document]) -> Iterator[None]:
    """Close the database's connections when the block raises."""
    try:
        yield
    except BaseException:
        database.client.close()
        raise


class MongoDocuments:
    """A ``storage.documents.Documents`` in a MongoDB database, a collection a kind.

    Args:
        url: ``mongodb://…/database``.
    """

    def __init__(self, url: str) -> None:
        self._database = open_database(url)
        self._collections: dict[Kind, Collection[Document]] = {
            kind: self._database[kind.value] for kind in Kind
        }
        self._chunks = self._database["chunks"]
        with closed_on_error(self._database), outages():
            for collection in self._collections.values():
                collection.create_index([("group", 1), ("n", 1)], unique=True)

    def insert(self, kind: Kind, group: int, n: int, document: Document) -> bool:
        """Insert if nothing has this key."""
        stored = {"_id": f"{group}:{n}", "group": group, "n": n, "document": document}
        with outages():
            try:
                self._collections[kind].insert_one(stored)
            except DuplicateKeyError:
                return False
        return True

    def get(self, kind: Kind, group: int, n: int) -> Document | None:
        """Return the document with this key."""
        with outages():
            return _document(self._collections[kind].find_one({"_id": f"{group}:{n}"}))

    def newest(self, kind: Kind, group: int, at_most: int | None = None) -> Document | None:
        """Return the document with the greatest n, not above ``at_most``."""
        query: dict[str, Any] = {"group": group}
        if at_most is not None:
            query["n"] = {"$lte": at_most}
        with outages():
            return _document(self._collections[kind].find_one(query, sort=[("n", -1)]))

    def scan(self, kind: Kind, group: int, from_n: int, limit: int) -> list[Document]:
        """Return up to ``limit`` documents with n at or above ``from_n``, by n ascending."""
        query = {"group": group, "n": {"$gte": from_n}}
        with outages():
            found = self._collections[kind].find(query, sort=[("n", 1)], limit=limit)
            return [item["document"] for item in found]

    def delete(self, kind: Kind, group: int, n: int) -> None:
        """Delete a document, if it is there."""
        with outages():
            self._collections[kind].delete_one({"_id": f"{group}:{n}"})

    def put_chunk(self, data: bytes) -> str:
        """Store bytes under their SHA-256 and return it in hexadecimal."""
        digest = sha256(data).hexdigest()
        with outages():
            try:
                self._chunks.insert_one({"_id": digest, "data": Binary(data)})
            except DuplicateKeyError:
                return digest
        return digest

    def chunk(self, digest: str) -> bytes:
        """Return a chunk."""
        with outages():
            found = self._chunks.find_one({"_id": digest})
        return checked_chunk(digest, bytes(found["data"]) if found else None)

    def close(self) -> None:
        """Close the connections."""
        self._database.client.close()


def _document(found: Document | None) -> Document | None:
    if found is None:
        return None
    document: Document = found["document"]
    return document
