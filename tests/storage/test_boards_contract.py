"""The boards' laws, on real Valkey and on their twin in memory."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from protocol.events import MoneyEarned, Piece, encode_piece
from protocol.partition import partition_of
from storage.boards import Boards
from storage.boards_memory import MemoryBoards
from storage.boards_redis import RedisBoards
from storage.log import Log, Offered
from storage.log_memory import MemoryLog
from storage.log_redis import RedisLog
from storage.readmodels import Changes, Checkpoint, ReadModels, SeasonChanges
from storage.readmodels_memory import MemoryReadModels
from storage.readmodels_redis import RedisReadModels

P = 4
A = "018f0000-0000-7000-8000-00000000000a"


class Store:
    """Read models that a test fills, and boards to read them."""

    def __init__(self, log: Log, models: ReadModels, boards: Callable[[], Boards]) -> None:
        self.log, self.models, self._boards = log, models, boards

    def fill(self, money: dict[str, int], prizes: dict[str, int] | None = None) -> None:
        for partition in range(P):
            self.log.open_partition(partition)
            data = encode_piece(Piece(A, 1, 1, (MoneyEarned("p", 1, 0),)))
            self.log.append(partition, 0, [Offered(A, 1, 1, data)])
            head = self.log.head(partition)
            assert head is not None
            mine = {
                name: sum_ for name, sum_ in money.items() if partition_of(name, P) == partition
            }
            paid = {k: v for k, v in (prizes or {}).items() if partition_of(k, P) == partition}
            changes = Changes({1: SeasonChanges(mine, sum(mine.values()), len(mine))}, paid)
            after = Checkpoint(head.position, 1, head.time_ms)
            self.models.apply(partition, Checkpoint(), after, changes)

    def ask(self, question: Callable[[Boards], Awaitable[Any]]) -> Any:
        """Ask on a loop of its own: the adapter belongs to the loop that it is used on."""

        async def run() -> Any:
            boards = self._boards()
            try:
                return await question(boards)
            finally:
                await boards.close()

        return asyncio.run(run())


@pytest.fixture(params=["memory", "valkey"])
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    if request.param == "memory":
        log = MemoryLog(P)
        models = MemoryReadModels(log)
        yield Store(log, models, lambda: MemoryBoards(models, log, P))
        return
    url = request.getfixturevalue("valkey_url")
    redis_log, redis_models = RedisLog(url), RedisReadModels(url)
    yield Store(redis_log, redis_models, lambda: RedisBoards(url, P))
    redis_log.close()
    redis_models.close()


MONEY = {f"player-{n}": 100 - n // 7 for n in range(120)}
"""Many ties, over all partitions."""


class TestWindows:
    """A window is a stretch of the order: money descending, then id ascending."""

    def test_every_place_of_every_partition(self, store: Store) -> None:
        store.fill(MONEY)
        places = [(money, player) for player, money in MONEY.items()]
        places += [(2**53, ""), (0, "x"), (95, "player-4"), (95, "zzz"), (95, "")]
        for money, player in random.Random(1).sample(places, 40):
            windows = store.ask(
                lambda boards, money=money, player=player: boards.windows(
                    1, money, player, before=3, after=4
                )
            )
            for partition, window in enumerate(windows):
                ordered = sorted(
                    (-sum_, name)
                    for name, sum_ in MONEY.items()
                    if partition_of(name, P) == partition
                )
                at = sum(item < (-money, player) for item in ordered)
                whole = [(name, -sum_) for sum_, name in ordered]
                assert window.before == whole[max(0, at - 3) : at]
                assert window.after == whole[at : at + 4]
                assert window.place == at
                assert window.more == sum(-sum_ > money for sum_, _ in ordered)

    def test_nothing_before_and_nothing_after(self, store: Store) -> None:
        store.fill(MONEY)
        windows = store.ask(lambda boards: boards.windows(1, 90, "", before=0, after=0))
        assert all(window.before == window.after == [] for window in windows)
        assert sum(window.more for window in windows) == sum(m > 90 for m in MONEY.values())

    def test_an_empty_board(self, store: Store) -> None:
        store.fill({})
        windows = store.ask(lambda boards: boards.windows(1, 90, "", before=5, after=5))
        assert [tuple(window) for window in windows] == [(0, 0, [], [])] * P

    def test_the_greatest_money_is_exact(self, store: Store) -> None:
        store.fill({"rich": 2**53 - 1, "less": 2**53 - 2})
        windows = store.ask(lambda boards: boards.windows(1, 2**53, "", before=0, after=2))
        found = sorted(item for window in windows for item in window.after)
        assert found == [("less", 2**53 - 2), ("rich", 2**53 - 1)]


class TestFigures:
    """A player's figures and a season's."""

    def test_figures(self, store: Store) -> None:
        store.fill(MONEY, prizes={"player-3": 7})
        assert store.ask(lambda boards: boards.money(1, "player-3")) == 100
        assert store.ask(lambda boards: boards.money(1, "nobody")) is None
        assert store.ask(lambda boards: boards.money(2, "player-3")) is None
        assert store.ask(lambda boards: boards.prizes("player-3")) == 7
        assert store.ask(lambda boards: boards.prizes("player-4")) == 0
        totals = store.ask(lambda boards: boards.totals(1))
        assert tuple(totals) == (120, sum(MONEY.values()), 120)

    def test_checkpoints_and_lag(self, store: Store) -> None:
        assert store.ask(lambda boards: boards.checkpoints()) == [None] * P
        store.fill(MONEY)
        found = store.ask(lambda boards: boards.checkpoints())
        assert found == [store.models.checkpoint(k) for k in range(P)]
        data = encode_piece(Piece(A, 2, 2, (MoneyEarned("p", 1, 0),)))
        store.log.append(2, 0, [Offered(A, 2, 2, data)])
        assert store.ask(lambda boards: boards.lags()) == [0, 0, 1, 0]
