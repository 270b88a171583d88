"""The laws of the archive's ground, on memory, SQLite and MongoDB."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from protocol.errors import ArchiveError, ConfigurationError
from storage.connect import open_documents
from storage.documents import CHUNK_BYTES_MAX, ArchiveUnavailableError, Documents, Kind


@pytest.fixture
def documents(any_url: str) -> Iterator[Documents]:
    found = open_documents(any_url)
    yield found
    found.close()


class TestInsert:
    """The first document of a key stands for ever."""

    def test_a_document_comes_back_as_it_was(self, documents: Documents) -> None:
        document = {"text": "ä", "number": 2**62, "none": None, "bytes": b"\0\xff", "list": [1, {}]}
        assert documents.insert(Kind.SEGMENT, 3, 7, document)
        assert documents.get(Kind.SEGMENT, 3, 7) == document

    def test_a_second_one_changes_nothing(self, documents: Documents) -> None:
        assert documents.insert(Kind.SETTLEMENT, 0, 1, {"paid": 1})
        assert not documents.insert(Kind.SETTLEMENT, 0, 1, {"paid": 2})
        assert documents.get(Kind.SETTLEMENT, 0, 1) == {"paid": 1}

    def test_of_many_callers_one_wins(self, documents: Documents) -> None:
        def insert(caller: int) -> bool:
            return documents.insert(Kind.SEGMENT, 0, 1, {"caller": caller})

        with ThreadPoolExecutor(8) as pool:
            won = list(pool.map(insert, range(8)))
        assert won.count(True) == 1
        assert documents.get(Kind.SEGMENT, 0, 1) == {"caller": won.index(True)}

    def test_kinds_and_groups_are_apart(self, documents: Documents) -> None:
        documents.insert(Kind.SEGMENT, 0, 1, {"a": 1})
        assert documents.get(Kind.SNAPSHOT, 0, 1) is None
        assert documents.get(Kind.SEGMENT, 1, 1) is None
        assert documents.insert(Kind.SEGMENT, 1, 1, {"a": 2})


class TestFinding:
    """Documents are found by number, in order."""

    def test_the_newest(self, documents: Documents) -> None:
        for n in (1, 30, 7, 2):
            documents.insert(Kind.SNAPSHOT, 0, n, {"n": n})
        documents.insert(Kind.SNAPSHOT, 1, 99, {"n": 99})
        assert documents.newest(Kind.SNAPSHOT, 0) == {"n": 30}
        assert documents.newest(Kind.SNAPSHOT, 0, 29) == {"n": 7}
        assert documents.newest(Kind.SNAPSHOT, 0, 7) == {"n": 7}
        assert documents.newest(Kind.SNAPSHOT, 0, 0) is None

    def test_a_scan(self, documents: Documents) -> None:
        for n in (1, 30, 7, 2):
            documents.insert(Kind.SEGMENT, 0, n, {"n": n})
        assert documents.scan(Kind.SEGMENT, 0, 2, 2) == [{"n": 2}, {"n": 7}]
        assert documents.scan(Kind.SEGMENT, 0, 31, 9) == []

    def test_what_was_deleted_is_gone(self, documents: Documents) -> None:
        documents.insert(Kind.SNAPSHOT, 0, 1, {"n": 1})
        documents.delete(Kind.SNAPSHOT, 0, 1)
        documents.delete(Kind.SNAPSHOT, 0, 1)
        assert documents.get(Kind.SNAPSHOT, 0, 1) is None


class TestChunks:
    """A chunk is named by its content."""

    @pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES_MAX])
    def test_bytes_come_back(self, documents: Documents, size: int) -> None:
        data = b"x" * size
        digest = documents.put_chunk(data)
        assert documents.put_chunk(data) == digest
        assert documents.chunk(digest) == data

    def test_a_missing_chunk_is_an_error(self, documents: Documents) -> None:
        with pytest.raises(ArchiveError, match="missing"):
            documents.chunk("0" * 64)


class TestDurable:
    """What was written is there for who opens the store next."""

    def test_reopening(self, durable_url: str) -> None:
        first = open_documents(durable_url)
        first.insert(Kind.SEGMENT, 0, 1, {"n": 1})
        digest = first.put_chunk(b"data")
        first.close()
        second = open_documents(durable_url)
        assert second.get(Kind.SEGMENT, 0, 1) == {"n": 1}
        assert second.chunk(digest) == b"data"
        second.close()

    def test_two_openers_see_each_other(self, durable_url: str) -> None:
        first, second = open_documents(durable_url), open_documents(durable_url)
        assert first.insert(Kind.SEGMENT, 0, 1, {"n": 1})
        assert not second.insert(Kind.SEGMENT, 0, 1, {"n": 2})
        first.close()
        second.close()


class TestOpening:
    """What cannot be opened says so, and names the setting."""

    @pytest.mark.parametrize("url", ["", "postgres://x/y", "mongodb://x:y:z/", "mongodb://host"])
    def test_a_wrong_url(self, url: str) -> None:
        with pytest.raises(ConfigurationError, match="archive_url"):
            open_documents(url)

    def test_a_folder_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(ArchiveUnavailableError):
            open_documents(f"sqlite:{tmp_path / 'no' / 'store.sqlite'}")

    def test_a_file_that_is_no_store(self, tmp_path: Path) -> None:
        file = tmp_path / "store.sqlite"
        file.write_bytes(b"hello" * 1000)
        with pytest.raises(ArchiveUnavailableError):
            open_documents(f"sqlite:{file}")

    def test_a_server_that_is_gone(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("storage.documents_mongo.SELECTION_TIMEOUT_MS", 100)
        with pytest.raises(ArchiveUnavailableError):
            open_documents("mongodb://127.0.0.1:1/database")
