"""A whole Valkey is lost, or comes back as it was long ago, while games send: no money is lost."""

import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import trio

from cli.local import opened
from producer.client import MoneyClient, connect
from protocol.events import MoneyEarned, Restored, decode_body
from protocol.log import GENESIS
from tests.arena import producer_id
from tests.system.conftest import Store

PRODUCERS = 10
PLAYERS = [f"player-{number}" for number in range(200)]
PHASE_EVENTS = 2_000
WITHIN_S = 60


class Games:
    """Producers with outboxes in memory that live through all of it."""

    def __init__(self, store: Store) -> None:
        with opened(store.data) as local:
            self.url = local.ws_url
            self.tokens = [local.token(f"game-{k}", "earn:any") for k in range(PRODUCERS)]
        self.earned: Counter[str] = Counter()
        self.clients: list[MoneyClient] = []
        self.left = 0
        self.stop = trio.Event()

    async def play(self, number: int) -> None:
        async with connect(self.url, self.tokens[number], producer=producer_id(number)) as money:
            self.clients.append(money)
            while not self.stop.is_set():
                player = PLAYERS[(money.taken * 7 + number) % len(PLAYERS)]
                self.earned[player] += 1 + number
                await money.earn(player, 1 + number)
                if money.taken % 50 == 0:
                    await money.flush()
            await money.archived()
            assert money.refused == 0
        self.left += 1

    async def more(self) -> None:
        """Wait until so many more events are told to be in the log."""
        goal = self.told() + PHASE_EVENTS
        with trio.fail_after(WITHIN_S):
            while self.told() < goal:
                await trio.sleep(0.02)

    def told(self) -> int:
        return sum(client.taken - client.unacked for client in self.clients)


def recorded(store: Store) -> tuple[Counter[str], list[int]]:
    """All money, and the incarnations begun, counted from the archive's records."""
    money: Counter[str] = Counter()
    restored = []
    with opened(store.data) as local:
        for partition in range(local.settings.partitions):
            lanes: Counter[str] = Counter()
            for entry in local.archive.entries(partition, GENESIS):
                for piece in decode_body(entry.body):
                    assert piece.first == lanes[piece.producer] + 1
                    lanes[piece.producer] = piece.last
                    for event in piece.events:
                        if isinstance(event, Restored):
                            restored.append(event.incarnation)
                        else:
                            assert isinstance(event, MoneyEarned)
                            money[event.player] += event.amount
    return money, restored


async def test_what_was_ever_told_is_there_exactly_once(store: Store, tmp_path: Path) -> None:
    valkey, old = store.data.valkey, tmp_path / "long-ago"
    await trio.to_thread.run_sync(store.start)
    with opened(store.data) as local:
        local.register([{"id": player, "username": player} for player in PLAYERS])
    games = Games(store)

    async def again(change: Callable[[], object]) -> None:
        await trio.to_thread.run_sync(store.kill)
        await trio.to_thread.run_sync(change)
        await trio.to_thread.run_sync(store.start)
        await games.more()

    async with trio.open_nursery() as nursery:
        for number in range(PRODUCERS):
            nursery.start_soon(games.play, number)
        await games.more()
        await again(lambda: shutil.copytree(valkey, old))
        await again(lambda: shutil.rmtree(valkey))
        await again(lambda: put_back(old, valkey))
        await again(lambda: shutil.rmtree(valkey))
        games.stop.set()
        with trio.fail_after(WITHIN_S):
            while games.left < PRODUCERS:
                await trio.sleep(0.02)
    money, restored = await trio.to_thread.run_sync(recorded, store)
    assert money == games.earned
    assert sorted(set(restored)) == [1, 2, 3]
    assert await trio.to_thread.run_sync(store.differences) == 0


def put_back(old: Path, valkey: Path) -> None:
    shutil.rmtree(valkey)
    shutil.copytree(old, valkey)
