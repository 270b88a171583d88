"""The cache of names, and of a player's closed seasons."""

import asyncio
from typing import Any

import pytest
from litestar.testing import TestClient

from query.names import Names
from storage.directory import Player
from storage.directory_memory import MemoryDirectory
from tests.query.world import World


class Counting(MemoryDirectory):
    """A directory that tells which ids it was asked for, and what happens meanwhile."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[set[str]] = []
        self.meanwhile = lambda: None

    def get(self, ids: Any) -> dict[str, Player]:
        self.asked.append(set(ids))
        self.meanwhile()
        return super().get(self.asked[-1])


class TestNames:
    """A name is asked for once within its time to live, unless it was changed here."""

    def test_only_what_is_not_known_is_asked(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("query.names.NAMES_TTL_S", 5.0)
        directory, now_s = Counting(), [1.0]
        directory.put([Player("a", "anna"), Player("b", "ben")])
        names = Names(directory, lambda: now_s[0])

        async def ask() -> None:
            assert set(await names.of(["a", "nobody"])) == {"a"}
            assert set(await names.of(["a", "b", "nobody"])) == {"a", "b"}
            names.forget(["a"])
            assert set(await names.of(["a", "b"])) == {"a", "b"}
            now_s[0] = 5.9
            assert set(await names.of(["b"])) == {"b"}
            now_s[0] = 6.0
            assert set(await names.of(["b"])) == {"b"}

        asyncio.run(ask())
        assert directory.asked == [{"a", "nobody"}, {"b"}, {"a"}, {"b"}]

    def test_what_is_forgotten_meanwhile_is_answered_all_the_same(self) -> None:
        directory = Counting()
        directory.put([Player("a", "anna"), Player("b", "ben")])
        names = Names(directory, lambda: 1.0)

        async def ask() -> None:
            await names.of(["a"])
            directory.meanwhile = lambda: names.forget(["a"])
            assert set(await names.of(["a", "b"])) == {"a", "b"}

        asyncio.run(ask())

    def test_the_cache_is_bounded(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("query.names.NAMES_CACHED", 3)
        directory = MemoryDirectory()
        ids = [f"p{n}" for n in range(10)]
        directory.put([Player(id_, id_) for id_ in ids])
        names = Names(directory, lambda: 1.0)
        assert set(asyncio.run(names.of(ids))) == set(ids)
        assert len(names._cache) == 3


class TestClosedSeasons:
    """A closed season is read from the archive once for a player."""

    def test_only_new_seasons_are_read(
        self, world: World, client: TestClient[Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        read: list[int] = []
        original = world.archive.standing_of

        def reading(season: int, player: str) -> Any:
            read.append(season)
            return original(season, player)

        monkeypatch.setattr(world.archive, "standing_of", reading)
        for season, wanted in ((1, [1]), (2, [2])):
            world.earn(a=5)
            world.close(season)
            for _ in range(3):
                found = client.get("/v1/players/a/seasons").json()["seasons"]
                assert [item["season"] for item in found] == list(range(season, 0, -1))
            assert read == wanted
            read.clear()
