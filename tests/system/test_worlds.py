"""Six real seasons through the whole system, by its own commands."""

import sqlite3
import subprocess
from pathlib import Path

import msgspec
import redis

from storage import keys
from tests.builders import WORLDS, worlds_files
from tests.mongo_server import mongo
from tests.system.conftest import MONEYBOARD, Store


def feed(store: Store, *files: Path) -> "subprocess.CompletedProcess[str]":
    return store.command("feed", "--season-per-file", *map(str, files))


def seasons_over_http(store: Store) -> dict[int, tuple[object, ...]]:
    found: dict[int, tuple[object, ...]] = {}
    for season in WORLDS:
        figures = store.get(f"/v1/seasons/{season}")
        first = store.get(f"/v1/seasons/{season}/standings?limit=3")["entries"]
        found[season] = (
            *(figures[name] for name in ("players", "earned", "pool", "paid", "carried_over")),
            tuple((entry["player"], entry["money"]) for entry in first),
        )
    return found


def log_ends(store: Store) -> list[int]:
    position: list[int] = store.get("/readyz")["position"]
    return position


class TestWorlds:
    """What comes out is what went in, to the last unit, and stays so."""

    def test_six_seasons_come_out_and_stay(self, store: Store) -> None:
        files = worlds_files()
        store.start()
        done = feed(store, *files)
        assert done.returncode == 0, done.stderr
        assert seasons_over_http(store) == WORLDS
        assert store.get("/v1/seasons/current")["season"] == 7
        assert store.differences() == 0

        before = log_ends(store)
        again = feed(store, *files)
        assert again.returncode == 0, again.stderr
        assert log_ends(store) == before, "a file that was fed again added or closed something"

        assert store.stop() == 0
        assert store.differences() == 0, "verify must work on a folder that is not running"
        store.start()
        assert seasons_over_http(store) == WORLDS
        self._finds_tampering(store)

    def _finds_tampering(self, store: Store) -> None:
        run = store.data.read_run()
        assert run is not None
        client = redis.Redis.from_url(run.settings.redis_url)
        client.hincrby(keys.prizes(0), "faker", 1)
        client.zincrby(keys.board(0, 6), -1, "rekkles")
        client.close()
        archive = sqlite3.connect(store.data.path / "archive.sqlite")
        where = "kind = 'settlement' AND n = 3"
        (document,) = archive.execute(f"SELECT document FROM documents WHERE {where}").fetchone()
        settlement = msgspec.msgpack.decode(document)
        settlement["paid"] += 1
        changed = msgspec.msgpack.encode(settlement)
        archive.execute(f"UPDATE documents SET document = ? WHERE {where}", (changed,))
        archive.commit()
        archive.close()
        assert store.differences() == 3


class TestMongo:
    """The same with MongoDB as the archive and the directory."""

    def test_a_season(self, store: Store) -> None:
        file = worlds_files()[0]
        with mongo() as url:
            store.start("--archive", f"{url}/moneyboard_{store.http_port}")
            done = feed(store, file)
            assert done.returncode == 0, done.stderr
            figures = store.get("/v1/seasons/1")
            names = ("players", "earned", "pool", "paid", "carried_over")
            assert tuple(figures[name] for name in names) == WORLDS[1][:5]
            assert store.get("/v1/players/faker")["name"] == "Faker"
            assert store.differences() == 0
            assert store.stop() == 0
        assert not list(store.data.path.glob("*.sqlite"))


class TestMalformedFile:
    """A malformed row is named, nothing of its file is sent, and what was sent stays right."""

    def test_the_line_and_the_reason(self, store: Store, tmp_path: Path) -> None:
        good, bad = worlds_files()[0], tmp_path / "bad.csv"
        lines = worlds_files()[1].read_text().splitlines(keepends=True)
        lines[7] = lines[7].rsplit(",", 1)[0] + ",-5\n"
        bad.write_text("".join(lines))
        store.start()
        done = feed(store, good, bad, worlds_files()[2])
        assert done.returncode == 1
        assert f"{bad}: line 8: earned '-5'" in done.stderr.replace("\n", " ")
        assert [season["season"] for season in store.get("/v1/seasons")["seasons"]] == [2, 1]
        assert store.get("/v1/leaderboard")["players"] == 0
        assert store.differences() == 0


class TestRun:
    """One run a folder, one line when it cannot."""

    def test_a_second_run_on_the_same_folder_is_refused(self, store: Store) -> None:
        store.start()
        second = subprocess.run(
            [*MONEYBOARD, *store.run_arguments], capture_output=True, text=True, check=False
        )
        assert second.returncode == 2
        assert "another moneyboard runs on this folder" in second.stderr
        assert second.stderr.count("\n") == 1

    def test_a_taken_port_is_one_line(self, store: Store, tmp_path: Path) -> None:
        store.start()
        other = Store(tmp_path / "other")
        other.ws_port = store.ws_port
        second = subprocess.run(
            [*MONEYBOARD, *other.run_arguments], capture_output=True, text=True, check=False
        )
        assert second.returncode == 2
        assert f"port {store.ws_port}" in second.stderr
        assert "--ws-port" in second.stderr
        assert second.stderr.count("\n") == 1

    def test_commands_without_a_run_say_so(self, store: Store) -> None:
        found = store.command("token", "--subject", "me", "--scope", "earn")
        assert found.returncode == 2
        assert "moneyboard run --data" in found.stderr
