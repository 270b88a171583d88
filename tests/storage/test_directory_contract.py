"""The player directory's laws, on memory, SQLite and MongoDB."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from storage.connect import open_directory
from storage.directory import Directory, Player

ALICE = Player("p1", "Alice", "Alice A.", "DE", "Reds")
BOB = Player("p2", "bob")


@pytest.fixture
def directory(any_url: str) -> Iterator[Directory]:
    found = open_directory(any_url)
    yield found
    found.close()


class TestPlayers:
    """Players are found by id and by username; usernames are unique without regard to case."""

    def test_players_come_back(self, directory: Directory) -> None:
        assert directory.put([ALICE, BOB]) == ()
        assert directory.get(["p1", "p2", "p3"]) == {"p1": ALICE, "p2": BOB}
        assert directory.by_username("aLICE") == ALICE
        assert directory.by_username("carol") is None

    def test_nothing_is_fine(self, directory: Directory) -> None:
        assert directory.put([]) == ()
        assert directory.get([]) == {}

    def test_a_taken_username_refuses_only_that_player(self, directory: Directory) -> None:
        directory.put([ALICE])
        refused = directory.put([Player("p9", "ALICE"), BOB])
        assert refused == ("p9",)
        assert directory.get(["p9", "p2", "p1"]) == {"p2": BOB, "p1": ALICE}

    def test_a_player_may_change_its_username(self, directory: Directory) -> None:
        directory.put([ALICE])
        renamed = Player("p1", "alicia")
        assert directory.put([renamed]) == ()
        assert directory.by_username("alice") is None
        assert directory.by_username("Alicia") == renamed
        assert directory.put([Player("p3", "alice")]) == ()

    def test_many_at_once(self, directory: Directory) -> None:
        many = [Player(f"p{n}", f"user{n:05d}") for n in range(3_000)]
        assert directory.put(many) == ()
        assert len(directory.get(player.id for player in many)) == 3_000

    def test_usernames_by_prefix(self, directory: Directory) -> None:
        directory.put([Player(name, name) for name in ("anna", "Anton", "a.b", "bert")])
        found = [player.username for player in directory.search("AN", 9)]
        assert found == ["anna", "Anton"]
        assert [player.username for player in directory.search("a", 1)] == ["a.b"]
        assert directory.search("^a", 9) == []


class TestProducers:
    """A producer belongs to the subject that used it first."""

    def test_the_first_subject_stays(self, directory: Directory) -> None:
        assert directory.bind_producer("x", "game-1") == "game-1"
        assert directory.bind_producer("x", "game-2") == "game-1"
        assert directory.bind_producer("y", "game-2") == "game-2"

    def test_of_many_callers_one_subject_wins(self, directory: Directory) -> None:
        with ThreadPoolExecutor(8) as pool:
            found = set(pool.map(lambda n: directory.bind_producer("x", f"s{n}"), range(8)))
        assert len(found) == 1


def test_what_was_put_outlives_the_opener(durable_url: str) -> None:
    first = open_directory(durable_url)
    first.put([ALICE])
    first.bind_producer("x", "game-1")
    first.close()
    second = open_directory(durable_url)
    assert second.get(["p1"]) == {"p1": ALICE}
    assert second.bind_producer("x", "game-2") == "game-1"
    second.close()
