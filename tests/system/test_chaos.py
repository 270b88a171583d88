"""The six real seasons while every service is killed at random moments: the same figures."""

import random
import subprocess
import threading

import pytest

from tests.builders import WORLDS, worlds_files
from tests.system.conftest import MONEYBOARD, Store
from tests.system.test_worlds import seasons_over_http

VICTIMS = ("valkey", "broker", "projector", "scheduler", "query")
PAUSE_S = (0.5, 2.0)
KILLS = 16
"""Enough for every service; then the feed is left to finish, however slow the machine is."""

SUPERVISOR_AT = {4, 9}
"""Which of the kills are of the supervisor itself."""

FEED_S = 240


class Killer(threading.Thread):
    """Kills services, and twice the supervisor, at moments drawn from a seed."""

    def __init__(self, store: Store, seed: int) -> None:
        super().__init__(name="killer")
        self._store = store
        self._random = random.Random(seed)
        self._done = threading.Event()
        self.kills: list[str] = []

    def run(self) -> None:
        while len(self.kills) < KILLS and not self._done.wait(self._random.uniform(*PAUSE_S)):
            if len(self.kills) in SUPERVISOR_AT:
                self._store.kill()
                self._store.start()
                self.kills.append("supervisor")
                continue
            victim = self._random.choice(VICTIMS)
            if self._store.kill_service(victim):
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
        [*command, "--rate", "300", *map(str, files)],
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
    assert len(killer.kills) == KILLS, "the feed ended before all services were killed"
    assert set(killer.kills) == {*VICTIMS, "supervisor"}, killer.kills
    store.kill()
    store.start()
    assert seasons_over_http(store) == WORLDS
    assert store.differences() == 0
