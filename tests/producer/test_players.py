"""Known players: hits are remembered within a bound, misses never."""

from collections.abc import Iterable

import trio

from producer.players import KnownPlayers
from storage.directory import Player
from storage.directory_memory import MemoryDirectory


class CountingDirectory(MemoryDirectory):
    """A directory that remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    def get(self, ids: Iterable[str]) -> dict[str, Player]:
        wanted = sorted(ids)
        self.asked += wanted
        return super().get(wanted)


def directory(*names: str) -> CountingDirectory:
    found = CountingDirectory()
    found.put([Player(name, name) for name in names])
    return found


def known(found: CountingDirectory, size: int = 100) -> KnownPlayers:
    return KnownPlayers(found, size, trio.CapacityLimiter(1))


class TestKnownPlayers:
    """A cache of hits in two generations."""

    async def test_a_hit_is_asked_once(self) -> None:
        source = directory("a", "b")
        players = known(source)
        assert await players.among(["a", "b", "a"]) == {"a", "b"}
        assert await players.among(["b"]) == {"b"}
        assert source.asked == ["a", "b"]
        assert players.recent == {"a", "b"}

    async def test_a_miss_is_asked_again_so_that_a_registration_counts_at_once(self) -> None:
        source = directory()
        players = known(source)
        assert await players.among(["a"]) == set()
        source.put([Player("a", "a")])
        assert await players.among(["a"]) == {"a"}

    async def test_a_busy_player_stays_and_an_idle_one_is_forgotten(self) -> None:
        names = [f"p{number:02}" for number in range(40)]
        source = directory("busy", "idle", *names)
        players = known(source, size=8)
        await players.among(["busy", "idle"])
        for name in names:
            await players.among([name, "busy"])
        assert source.asked.count("busy") == 1
        await players.among(["idle"])
        assert source.asked.count("idle") == 2

    async def test_the_bound_holds(self) -> None:
        names = [f"p{number:03}" for number in range(200)]
        players = known(directory(*names), size=10)
        for name in names:
            await players.among([name])
            assert len(players.recent) <= 5
