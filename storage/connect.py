"""Opening the archive and the directory by URL: ``sqlite:PATH``, ``mongodb://…``, ``memory:``."""

from pathlib import Path

from protocol.errors import ConfigurationError
from storage.directory import Directory
from storage.directory_memory import MemoryDirectory
from storage.directory_mongo import MongoDirectory
from storage.directory_sqlite import SqliteDirectory
from storage.documents import Documents
from storage.documents_memory import MemoryDocuments
from storage.documents_mongo import MongoDocuments
from storage.documents_sqlite import SqliteDocuments

MONGO_SCHEMES = ("mongodb://", "mongodb+srv://")
SQLITE_SCHEME = "sqlite:"
MEMORY_URL = "memory:"


def open_documents(url: str) -> Documents:
    """Open the archive's store of documents.

    Raises:
        ConfigurationError: the URL has none of the known forms.
        ArchiveUnavailableError: it does not answer, or the file cannot be opened.
    """
    if url.startswith(MONGO_SCHEMES):
        return MongoDocuments(url)
    if url.startswith(SQLITE_SCHEME):
        return SqliteDocuments(Path(url.removeprefix(SQLITE_SCHEME)))
    if url == MEMORY_URL:
        return MemoryDocuments()
    raise ConfigurationError(f"archive_url: {_forms(url)}")


def open_directory(url: str) -> Directory:
    """Open the player directory; raises as ``open_documents``."""
    if url.startswith(MONGO_SCHEMES):
        return MongoDirectory(url)
    if url.startswith(SQLITE_SCHEME):
        return SqliteDirectory(Path(url.removeprefix(SQLITE_SCHEME)))
    if url == MEMORY_URL:
        return MemoryDirectory()
    raise ConfigurationError(f"directory_url: {_forms(url)}")


def _forms(url: str) -> str:
    return f"{url!r} is not mongodb://host/database, sqlite:PATH or memory:"
