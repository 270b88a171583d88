"""The six real seasons while every service is killed at random moments: the same figures."""

import random
import subprocess
import threading

import pytest

from tests.builders import WORLDS, worlds_files
from tests.system.conftest import MONEYBOARD, Store
from tests.system.test_worlds import seasons_over_http

VICTIMS = ("valkey", "broker", "projector", "scheduler", "query")
SUPERVISOR = "supervisor"
AGAIN_S = 0.05
PAUSE_S = (0.5, 1.6)
ROUNDS = 3
"""Each kills every service once, in an order drawn from the seed, and then the supervisor; after
that the feed is left to finish, however slow the machine is."""

RATE = 200
"""Earnings a second: the feed takes longer than the kills on a fast machine, too."""

FEED_S = 240


class Killer(threading.Thread):
    """Kills services and the supervisor at moments drawn from a seed."""

    def __init__(self, store: Store, seed: int) -> None:
        super().__init__(name="killer")
        self._store = store
        self._random = random.Random(seed)
        self._done = threading.Event()
        self.kills: list[str] = []

    def run(self) -> None:
        for _ in range(ROUNDS):
            for victim in [*self._random.sample(VICTIMS, len(VICTIMS)), SUPERVISOR]:
                if self._done.wait(self._random.uniform(*PAUSE_S)):
                    return
                self._kill(victim)

    def _kill(self, victim: str) -> None:
        if victim == SUPERVISOR:
            self._store.kill()
            self._store.start()
        else:
            while not self._store.kill_service(victim):  # it is being started again
                if self._done.wait(AGAIN_S):
                    return
        self.kills.append(victim)

    def stop(self) -> None:
        self._done.set()
        self.join()


@pytest.mark.parametrize("seed", [2016])
def test_killing_every_service_changes_nothing(store: Store, seed: int) -> None:
    files = worlds_files()
    store.start()
    killer = Killer(store, seed)
    command = [*MONEYBOARD, "feed", "--data", str(store.data.path), "--season-per-file"]
    feed = subprocess.Popen(
        [*command, "--rate", str(RATE), *map(str, files)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    killer.start()
    try:
        _, errors = feed.communicate(timeout=FEED_S)
    finally:
        killer.stop()
        feed.kill()
        feed.wait()
    assert feed.returncode == 0, errors[-3000:]
    wanted = ROUNDS * (len(VICTIMS) + 1)
    assert len(killer.kills) == wanted, f"the feed ended first: {killer.kills}"
    store.kill()
    store.start()
    assert seasons_over_http(store) == WORLDS
    assert store.differences() == 0
