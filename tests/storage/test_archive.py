"""The archive's promises: consecutive segments, one settlement, standings last."""

from collections.abc import Iterator

import pytest

from protocol.errors import ArchiveError, ConfigurationError
from protocol.events import MoneyEarned, SeasonClosed
from protocol.identity import SEASON_PRODUCER
from protocol.log import GENESIS, Entry, Position
from protocol.partition import HASH_NAME
from storage.archive import Archive, require_partitions
from storage.archived import STANDINGS_CHUNK, Layout, PartitionState, Settlement, Standing
from storage.connect import open_documents
from storage.documents import Kind
from storage.documents_memory import MemoryDocuments
from tests.builders import entry_after, piece

A = "018f0000-0000-7000-8000-00000000000a"


@pytest.fixture
def archive(any_url: str) -> Iterator[Archive]:
    found = Archive(open_documents(any_url))
    yield found
    found.close()


def entries_after(before: Position, count: int, first: int = 1) -> list[Entry]:
    found: list[Entry] = []
    for seq in range(first, first + count):
        found.append(entry_after(before, piece(A, seq, MoneyEarned("p", seq, 0))))
        before = found[-1].position
    return found


class TestSegments:
    """Segments continue one another; nothing overlaps, forks or is skipped."""

    def test_entries_come_back_from_any_of_their_ends(self, archive: Archive) -> None:
        entries = entries_after(GENESIS, 6)
        assert archive.append_segment(0, 0, entries[:2])
        assert archive.append_segment(0, 0, entries[2:])
        assert archive.tip(0).position == entries[-1].position
        for at in range(7):
            after = entries[at - 1].position if at else GENESIS
            assert list(archive.entries(0, after)) == entries[at:]

    def test_of_two_archivers_with_other_boundaries_one_wins(self, archive: Archive) -> None:
        entries = entries_after(GENESIS, 6)
        assert archive.append_segment(0, 0, entries[:4])
        assert not archive.append_segment(0, 0, entries[:2])
        assert not archive.append_segment(0, 0, entries[:4])
        assert not archive.append_segment(0, 0, entries[2:5])
        assert archive.append_segment(0, 0, entries[4:])
        assert list(archive.entries(0, GENESIS)) == entries

    def test_a_fork_is_refused(self, archive: Archive) -> None:
        entries = entries_after(GENESIS, 2)
        archive.append_segment(0, 0, entries)
        other = entries_after(Position(2, "f" * 40), 1, 3)
        with pytest.raises(ArchiveError, match="does not follow"):
            archive.append_segment(0, 0, other)

    def test_a_gap_is_refused(self, archive: Archive) -> None:
        entries = entries_after(GENESIS, 4)
        archive.append_segment(0, 0, entries[:2])
        with pytest.raises(ArchiveError, match="does not follow"):
            archive.append_segment(0, 0, entries[3:])

    @pytest.mark.parametrize(
        "after", [Position(2, "f" * 40), Position(3, "f" * 40), Position(9, "f" * 40)]
    )
    def test_a_position_that_the_archive_contradicts(
        self, archive: Archive, after: Position
    ) -> None:
        archive.append_segment(0, 0, entries_after(GENESIS, 3))
        with pytest.raises(ArchiveError):
            list(archive.entries(0, after))

    def test_the_tip_knows_the_season_after_a_close(self, archive: Archive) -> None:
        close = entry_after(GENESIS, piece(SEASON_PRODUCER, 1, SeasonClosed(1)), time_ms=77)
        archive.append_segment(0, 0, [close])
        tip = archive.tip(0)
        assert (tip.season, tip.time_ms) == (2, 77)

    def test_partitions_are_apart(self, archive: Archive) -> None:
        archive.append_segment(0, 0, entries_after(GENESIS, 3))
        assert archive.tip(1).position == GENESIS
        assert list(archive.entries(1, GENESIS)) == []

    def test_a_chunk_that_was_changed_is_noticed(self) -> None:
        documents = MemoryDocuments()
        archive = Archive(documents)
        archive.append_segment(0, 0, entries_after(GENESIS, 3))
        (digest,) = documents._chunks
        documents._chunks[digest] += b"x"
        with pytest.raises(ArchiveError, match="name"):
            list(archive.entries(0, GENESIS))


class TestSnapshots:
    """A state comes back whole; one that closed a season is found by it."""

    def state(self, n: int, *, closed: bool = False) -> PartitionState:
        money = {f"player-{k}": k for k in range(n)}
        return PartitionState(
            position=Position(n, "c" * 40), money=money, closed=closed, fence={A: n}
        )

    def test_a_state_comes_back(self, archive: Archive) -> None:
        snapshot = archive.put_snapshot(0, self.state(500))
        assert archive.newest_snapshot(0) == snapshot
        assert archive.load_snapshot(snapshot) == self.state(500)

    def test_a_large_state_is_cut_into_chunks(
        self, archive: Archive, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("storage.archive.CHUNK_BYTES_MAX", 1_000)
        snapshot = archive.put_snapshot(0, self.state(5_000))
        assert len(snapshot.chunks) > 3
        assert archive.load_snapshot(snapshot) == self.state(5_000)

    def test_pruning_keeps_the_newest_and_the_closing_ones(self, archive: Archive) -> None:
        closing = archive.put_snapshot(0, self.state(1, closed=True))
        for n in range(2, 8):
            archive.put_snapshot(0, self.state(n))
        archive.prune_snapshots(0, 2)
        newest = archive.newest_snapshot(0)
        assert newest is not None
        assert newest.n == 7
        assert archive.newest_snapshot(0, 5) is None
        assert archive.closing_snapshot(0, 1) == closing
        assert archive.load_snapshot(closing) == self.state(1, closed=True)


class TestSeasons:
    """One settlement a season, and a season is closed by its standings."""

    def settlement(self, paid: int) -> Settlement:
        return Settlement(1, 0, 9, 2, 100, 0, 2, paid, 2 - paid, "d", ())

    def test_the_first_settlement_stands(self, archive: Archive) -> None:
        assert archive.settle(self.settlement(1)) == self.settlement(1)
        assert archive.settle(self.settlement(2)) == self.settlement(1)

    def test_standings_by_page_and_by_player(self, archive: Archive) -> None:
        many = 2 * STANDINGS_CHUNK + 5
        standings = [Standing(n + 1, f"player-{n:05d}", many - n, n % 3) for n in range(many)]
        assert archive.closed_seasons() == 0
        assert archive.standings_page(1, 0, 5) == []
        archive.put_standings(1, "digest", standings)
        assert archive.closed_seasons() == 1
        around = STANDINGS_CHUNK - 2
        assert archive.standings_page(1, around, 5) == standings[around : around + 5]
        assert archive.standings_page(1, many - 1, 5) == standings[-1:]
        assert archive.standings_page(1, many, 5) == []
        assert archive.standing_of(1, "player-03999") == standings[3999]
        assert archive.standing_of(1, "nobody") is None

    def test_a_season_without_players(self, archive: Archive) -> None:
        archive.put_standings(1, "digest", [])
        assert archive.closed_seasons() == 1
        assert archive.standing_of(1, "p") is None


class TestLayout:
    """The layout is decided once."""

    def test_the_first_layout_stands(self, archive: Archive) -> None:
        assert archive.known_layout() is None
        first = Layout(4, HASH_NAME, 1, 7)
        assert archive.layout(first) == first
        assert archive.layout(Layout(8, HASH_NAME, 1, 9)) == first

    def test_another_number_of_partitions_is_refused(self) -> None:
        with pytest.raises(ConfigurationError, match=r"partitions: .* created with 4, not 8"):
            require_partitions(Layout(4, HASH_NAME, 1, 0), 8)


def test_kinds_have_names_of_their_own() -> None:
    assert len({kind.value for kind in Kind}) == len(Kind)
