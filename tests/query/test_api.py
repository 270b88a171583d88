"""The HTTP API over memory twins: every route, every wrong request."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import pytest
from litestar.testing import TestClient

from projector.folds.state import changes, checkpoint_after
from projector.source import read_batch
from protocol.events import MoneyEarned
from protocol.partition import HASH_NAME, partition_of
from query.api import Api
from query.app import create_app
from runtime.calendar import Calendar
from runtime.clock import ManualClock
from runtime.tokens import JWKS_FILE, Verifier, generate_keys, load_private, mint
from scheduler.archiver import Archiver
from scheduler.closing import close_season
from scheduler.seasons import SeasonMachine, Step
from scheduler.snapshots import Snapshotter
from storage.archive import Archive
from storage.archived import Layout
from storage.boards_memory import MemoryBoards
from storage.directory import Player
from storage.directory_memory import MemoryDirectory
from storage.documents_memory import MemoryDocuments
from storage.log_memory import MemoryLog
from storage.readmodels import Checkpoint
from storage.readmodels_memory import MemoryReadModels
from tests.builders import append, piece

P = 4
A = "018f0000-0000-7000-8000-00000000000a"
OPENED_MS = 1_700_000_000_000


class World:
    """A whole store in memory with the API over it."""

    def __init__(self, folder: Path) -> None:
        generate_keys(folder)
        self.key = load_private(folder)
        self.clock = ManualClock(OPENED_MS)
        self.log = MemoryLog(P, now_ms=self.clock.now_ms)
        self.models = MemoryReadModels(self.log)
        self.archive = Archive(MemoryDocuments())
        self.directory = MemoryDirectory()
        self.layout = self.archive.layout(Layout(P, HASH_NAME, 1, OPENED_MS))
        calendar = Calendar("0 0 * * *", "UTC")
        verifier = Verifier(folder / JWKS_FILE, "moneyboard", "moneyboard")
        boards = MemoryBoards(self.models, self.log, P)
        self.api = Api(boards, self.archive, self.directory, verifier, calendar, self.clock, P)
        self._machine = SeasonMachine(
            self.log, self.models, self.archive, self.layout, Calendar("never", "UTC")
        )
        self._archivers = [Archiver(self.log, self.archive, k, 1_000_000) for k in range(P)]
        self._snapshotters = [Snapshotter(self.archive, k) for k in range(P)]
        for partition in range(P):
            self.log.open_partition(partition)

    def earn(self, **money: int) -> None:
        for player, amount in money.items():
            partition = partition_of(player, P)
            last, _ = self.log.lanes(partition, [A])[0]
            append(self.log, partition, piece(A, last + 1, MoneyEarned(player, amount, 0)))
        self.project()

    def project(self, *partitions: int) -> None:
        for partition in partitions or range(P):
            before = self.models.checkpoint(partition)
            if before is None:
                before = Checkpoint()
                self.models.apply(partition, before, before, changes([]))
            while entries := read_batch(self.log, self.archive, partition, before):
                after = checkpoint_after(before, entries)
                self.models.apply(partition, before, after, changes(entries))
                before = after

    def mark(self) -> None:
        """Archive everything and take a snapshot of every partition."""
        for archiver, snapshotter in zip(self._archivers, self._snapshotters, strict=True):
            archiver.step()
            snapshotter.step(self.clock.now_ms(), 0)

    def close(self, season: int) -> None:
        """Close a season, settle it and project."""
        self.clock.advance(1_000)
        close_season(self.log, P, season)
        while self.archive.closed_seasons() < season:
            self.mark()
            while self._machine.step(self.clock.now_ms()) not in {Step.WAIT, Step.NOTHING}:
                pass
        self.project()

    def token(self, subject: str = "studio", scope: str = "players:write") -> dict[str, str]:
        token = mint(self.key, subject, scope, now_ms=self.clock.now_ms())
        return {"Authorization": f"Bearer {token}"}


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    for module in ("query.api.BOARD_TTL_S", "query.marks.MARK_TTL_S", "query.names.NAMES_TTL_S"):
        monkeypatch.setattr(module, 0.0)
    found = World(tmp_path)
    found.project()
    return found


@pytest.fixture
def client(world: World) -> Iterator[TestClient[Any]]:
    with TestClient(create_app(world.api), raise_server_exceptions=False) as found:
        yield found


def problem(answer: Any, status: int) -> str:
    """Check that an answer is a problem document; return its detail."""
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert set(body) == {"title", "status", "detail", "type"}
    assert body["status"] == status
    return str(body["detail"])


class TestLeaderboard:
    """Money descending, ties share a rank, pages neither skip nor repeat."""

    def test_ranks_names_and_figures(self, world: World, client: TestClient[Any]) -> None:
        world.directory.put([Player("a", "anna", "Anna", "DE", "Reds")])
        world.earn(a=5, b=9, c=5, d=1)
        body = client.get("/v1/leaderboard").json()
        assert body["season"] == 1
        assert body["players"] == 4
        assert sum(body["position"]) == 4
        assert [(e["rank"], e["player"], e["money"]) for e in body["entries"]] == [
            (1, "b", 9),
            (2, "a", 5),
            (2, "c", 5),
            (4, "d", 1),
        ]
        assert body["entries"][1] | {"rank": 0} == {
            "rank": 0,
            "player": "a",
            "username": "anna",
            "name": "Anna",
            "country": "DE",
            "team": "Reds",
            "money": 5,
            "change": None,
        }

    @pytest.mark.parametrize("limit", [1, 2, 7, 50])
    def test_pages_hold_everyone_once(
        self, world: World, client: TestClient[Any], limit: int
    ) -> None:
        money = {f"p{n}": 100 - n // 6 for n in range(50)}
        world.earn(**money)
        found, cursor = [], None
        while True:
            query = {"limit": limit} | ({"cursor": cursor} if cursor else {})
            body = client.get("/v1/leaderboard", params=query).json()
            found += [(entry["rank"], entry["player"]) for entry in body["entries"]]
            cursor = body["cursor"]
            if cursor is None:
                break
        ordered = sorted(money, key=lambda player: (-money[player], player))
        wanted = [(1 + sum(m > money[p] for m in money.values()), p) for p in ordered]
        assert found == wanted

    def test_changes_since_the_mark(self, world: World, client: TestClient[Any]) -> None:
        world.earn(a=9, b=8, c=7)
        world.mark()
        world.earn(c=5, d=1)
        entries = client.get("/v1/leaderboard").json()["entries"]
        assert [(e["player"], e["change"]) for e in entries] == [
            ("c", 2),
            ("a", -1),
            ("b", -1),
            ("d", None),
        ]

    def test_an_unchanged_board_is_a_304(self, world: World, client: TestClient[Any]) -> None:
        world.earn(a=5)
        etag = client.get("/v1/leaderboard").headers["etag"]
        again = client.get("/v1/leaderboard", headers={"If-None-Match": etag})
        assert (again.status_code, again.content) == (304, b"")
        world.earn(a=5)
        assert client.get("/v1/leaderboard", headers={"If-None-Match": etag}).status_code == 200

    @pytest.mark.parametrize("limit", ["0", "-1", "1001", "x", "1.5"])
    def test_a_bad_limit(self, client: TestClient[Any], limit: str) -> None:
        assert "limit" in problem(client.get("/v1/leaderboard", params={"limit": limit}), 400)

    @pytest.mark.parametrize("cursor", ["x", "!!!", "k6FzAQM", "A" * 300, ""])
    def test_a_bad_cursor(self, client: TestClient[Any], cursor: str) -> None:
        assert "cursor" in problem(client.get("/v1/leaderboard", params={"cursor": cursor}), 400)

    def test_a_cursor_of_another_season(self, world: World, client: TestClient[Any]) -> None:
        world.earn(a=5, b=6)
        cursor = client.get("/v1/leaderboard?limit=1").json()["cursor"]
        world.close(1)
        answer = client.get("/v1/leaderboard", params={"cursor": cursor})
        assert "season 1" in problem(answer, 400)


class TestClosing:
    """While a season closes partition by partition, no answer mixes two seasons."""

    def test_the_lowest_season_is_shown_whole(self, world: World, client: TestClient[Any]) -> None:
        players = {f"p{n}": n + 1 for n in range(40)}
        world.earn(**players)
        close_season(world.log, P, 1)
        world.project(0, 1, 2)  # partition 3 is behind
        for player in players:
            partition = partition_of(player, P)
            last, _ = world.log.lanes(partition, [A])[0]
            append(world.log, partition, piece(A, last + 1, MoneyEarned(player, 1_000, 0)))
        world.project(0, 1, 2)
        body = client.get("/v1/leaderboard").json()
        assert (body["season"], body["players"]) == (1, 40)
        assert {e["player"]: e["money"] for e in body["entries"]} == players
        assert client.get("/v1/prizepool").json()["season"] == 1
        assert client.get("/v1/seasons/current").json()["state"] == "closing"
        world.project(3)
        assert client.get("/v1/leaderboard").json()["season"] == 2


class TestPlayers:
    """A profile joins the directory, the board and closed seasons."""

    def test_a_profile(self, world: World, client: TestClient[Any]) -> None:
        world.directory.put([Player("a", "anna", "Anna", "DE")])
        world.earn(a=5_000, b=10_000)
        world.close(1)
        world.earn(a=7)
        body = client.get("/v1/players/a").json()
        assert body == {
            "player": "a",
            "username": "anna",
            "name": "Anna",
            "country": "DE",
            "team": "",
            "season": 2,
            "money": 7,
            "rank": 1,
            "change": None,
            "career": 5_007,
            "prizes": 45,  # 15 % of 2 % of 15,000
            "best_rank": 2,
            "seasons": 1,
        }
        assert client.get("/v1/players/a/seasons").json() == {
            "player": "a",
            "seasons": [{"season": 1, "rank": 2, "money": 5_000, "prize": 45}],
        }

    def test_a_registered_player_without_money(self, world: World, client: TestClient[Any]) -> None:
        world.directory.put([Player("a", "anna")])
        body = client.get("/v1/players/a").json()
        assert (body["money"], body["rank"], body["best_rank"]) == (0, None, None)
        assert client.get("/v1/players/a/seasons").json()["seasons"] == []
        problem(client.get("/v1/players/a/rank"), 404)

    @pytest.mark.parametrize("path", ["", "/rank", "/seasons"])
    @pytest.mark.parametrize("player", ["nobody", "no body", "x" * 65])
    def test_an_unknown_player(self, client: TestClient[Any], player: str, path: str) -> None:
        problem(client.get(f"/v1/players/{player}{path}"), 404)

    def test_neighbours(self, world: World, client: TestClient[Any]) -> None:
        money = {f"p{n}": 100 - n // 3 for n in range(30)}
        world.earn(**money)
        ordered = sorted(money, key=lambda player: (-money[player], player))
        for at in (0, 1, 10, 28, 29):
            body = client.get(f"/v1/players/{ordered[at]}/rank?above=3&below=2").json()
            assert [entry["player"] for entry in body["entries"]] == ordered[
                max(0, at - 3) : at + 3
            ]
            for entry in body["entries"]:
                assert entry["rank"] == 1 + sum(m > entry["money"] for m in money.values())
            assert body["rank"] == 1 + sum(m > money[ordered[at]] for m in money.values())

    @pytest.mark.parametrize("query", ["above=-1", "below=51", "above=x"])
    def test_bad_neighbours(self, world: World, client: TestClient[Any], query: str) -> None:
        world.earn(a=1)
        problem(client.get(f"/v1/players/a/rank?{query}"), 400)

    def test_usernames(self, world: World, client: TestClient[Any]) -> None:
        world.directory.put([Player("a", "Anna"), Player("b", "anton")])
        assert client.get("/v1/players?username=anna").json()["players"][0]["player"] == "a"
        assert client.get("/v1/players?username=x").json() == {"players": []}
        assert len(client.get("/v1/players?prefix=an").json()["players"]) == 2
        problem(client.get("/v1/players"), 400)


class TestSeasons:
    """Open and closed seasons, their standings and prizes."""

    def test_the_pool_now(self, world: World, client: TestClient[Any]) -> None:
        world.earn(a=10_000)
        body = client.get("/v1/prizepool").json()
        assert (body["season"], body["earned"], body["pool"], body["carry_over"]) == (
            *(1, 10_000, 200),
            0,
        )
        assert body["places"][0] == {"place": 1, "amount": 40}
        assert sum(place["amount"] for place in body["places"]) == 200
        assert body["ends_at_ms"] > body["time_ms"] == world.clock.now_ms()

    def test_a_closed_season(self, world: World, client: TestClient[Any]) -> None:
        world.directory.put([Player("b", "ben", "Ben")])
        world.earn(a=5_000, b=10_000)
        world.close(1)
        first = client.get("/v1/seasons/1").json()
        assert first == {
            "season": 1,
            "state": "closed",
            "opened_at_ms": OPENED_MS,
            "closed_at_ms": OPENED_MS + 1_000,
            "ends_at_ms": None,
            "players": 2,
            "earned": 15_000,
            "pool": 300,
            "carried_in": 0,
            "paid": 105,
            "carried_over": 195,
        }
        current = client.get("/v1/seasons/current").json()
        assert current == client.get("/v1/seasons/2").json()
        assert (current["state"], current["carried_in"], current["paid"]) == ("open", 195, None)
        assert client.get("/v1/seasons").json() == {"seasons": [current, first]}
        standings = client.get("/v1/seasons/1/standings?limit=1").json()
        assert standings["entries"][0]["name"] == "Ben"
        rest = client.get(f"/v1/seasons/1/standings?cursor={standings['cursor']}").json()
        assert [(e["rank"], e["player"], e["prize"]) for e in rest["entries"]] == [(2, "a", 45)]
        assert rest["cursor"] is None
        prizes = client.get("/v1/seasons/1/prizes").json()
        assert [(e["place"], e["player"], e["amount"]) for e in prizes["entries"]] == [
            (1, "b", 60),
            (2, "a", 45),
        ]

    @pytest.mark.parametrize("season", ["0", "2", "99", "x", "-1", "1.0", "9" * 30, "٣"])
    @pytest.mark.parametrize("path", ["", "/standings", "/prizes"])
    def test_an_unknown_season(self, client: TestClient[Any], season: str, path: str) -> None:
        problem(client.get(f"/v1/seasons/{season}{path}"), 404)

    @pytest.mark.parametrize("path", ["standings", "prizes"])
    def test_an_open_season_has_no_results(self, client: TestClient[Any], path: str) -> None:
        assert "not closed" in problem(client.get(f"/v1/seasons/1/{path}"), 404)

    def test_a_boards_cursor_on_standings(self, world: World, client: TestClient[Any]) -> None:
        world.earn(a=1, b=2)
        cursor = client.get("/v1/leaderboard?limit=1").json()["cursor"]
        world.close(1)
        problem(client.get(f"/v1/seasons/1/standings?cursor={cursor}"), 400)


class TestRegistering:
    """Players are written with the right scope, and wrong details are told."""

    BODY: ClassVar = {"username": "anna", "name": "Ännä", "country": "DE", "team": "Reds"}

    def test_one_player(self, world: World, client: TestClient[Any]) -> None:
        answer = client.put("/v1/players/a", json=self.BODY, headers=world.token())
        assert answer.json() == {"player": "a", **self.BODY}
        assert client.get("/v1/players/a").json()["name"] == "Ännä"

    def test_a_player_writes_itself_and_nobody_else(
        self, world: World, client: TestClient[Any]
    ) -> None:
        own = world.token("a", "earn")
        assert client.put("/v1/players/a", json=self.BODY, headers=own).status_code == 200
        problem(client.put("/v1/players/b", json=self.BODY, headers=own), 403)
        problem(client.post("/v1/players", content=b"", headers=own), 403)

    @pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer x"}, {"Authorization": "x"}])
    def test_without_a_token(self, client: TestClient[Any], headers: dict[str, str]) -> None:
        answer = client.put("/v1/players/a", json=self.BODY, headers=headers)
        problem(answer, 401)
        assert answer.headers["www-authenticate"] == "Bearer"

    @pytest.mark.parametrize(
        "change",
        [
            {"username": ""},
            {"username": "a b"},
            {"username": "x" * 33},
            {"name": "x" * 65},
            {"name": "\u0000"},
            {"country": "de"},
            {"country": "DEU"},
            {"team": "x" * 65},
            {"unknown": "x"},
            {"username": 5},
        ],
    )
    def test_wrong_details(
        self, world: World, client: TestClient[Any], change: dict[str, object]
    ) -> None:
        answer = client.put("/v1/players/a", json=self.BODY | change, headers=world.token())
        problem(answer, 400)

    def test_a_taken_username(self, world: World, client: TestClient[Any]) -> None:
        world.directory.put([Player("b", "Anna")])
        problem(client.put("/v1/players/a", json=self.BODY, headers=world.token()), 409)

    def test_many_players(self, world: World, client: TestClient[Any]) -> None:
        lines = [
            {"id": "a", "username": "anna"},
            {"id": "b", "username": "ANNA"},
            {"id": "no good", "username": "x"},
            {"id": "c"},
            {"id": "d", "username": "dora", "country": "FR"},
        ]
        body = b"\n".join(msgspec.json.encode(line) for line in lines) + b"\n"
        found = client.post("/v1/players", content=body, headers=world.token()).json()
        assert found["registered"] == 2
        assert [item["line"] for item in found["refused"]] == [2, 3, 4]
        assert client.get("/v1/players/d").json()["country"] == "FR"

    def test_too_many_players(
        self, world: World, client: TestClient[Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("query.registry.REGISTER_MAX", 1)
        problem(client.post("/v1/players", content=b"{}\n{}", headers=world.token()), 413)


class TestHouse:
    """Health, metrics, the page, and what is none of these."""

    def test_ready_only_when_all_partitions_are_projected(
        self, tmp_path: Path, client: TestClient[Any]
    ) -> None:
        assert client.get("/healthz").json() == {"status": "ok"}
        assert client.get("/readyz").json()["position"] == [0] * P
        fresh = World(tmp_path / "fresh")
        with TestClient(create_app(fresh.api)) as other:
            answer = other.get("/readyz")
            problem(answer, 503)
            assert answer.headers["retry-after"] == "1"

    def test_metrics(self, world: World, client: TestClient[Any]) -> None:
        close_season(world.log, P, 1)
        text = client.get("/metrics").text
        assert 'moneyboard_projection_lag_records{partition="3"} 1.0' in text
        assert "moneyboard_season 1.0" in text

    @pytest.mark.parametrize("path", ["/", "/docs", "/page/app.css", "/page/app.js"])
    def test_the_page_is_served_under_a_strict_policy(
        self, client: TestClient[Any], path: str
    ) -> None:
        answer = client.get(path)
        assert answer.status_code == 200
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "http://" not in answer.text.replace("http://www.w3.org", "")
        assert "https://" not in answer.text

    def test_the_openapi_document_names_every_route(self, client: TestClient[Any]) -> None:
        paths = client.get("/openapi/openapi.json").json()["paths"]
        assert set(paths) == {
            "/v1/leaderboard",
            "/v1/players",
            "/v1/players/{player}",
            "/v1/players/{player}/rank",
            "/v1/players/{player}/seasons",
            "/v1/prizepool",
            "/v1/seasons",
            "/v1/seasons/{season}",
            "/v1/seasons/{season}/standings",
            "/v1/seasons/{season}/prizes",
        }

    def test_unknown_paths_and_methods(self, client: TestClient[Any]) -> None:
        problem(client.get("/v2/leaderboard"), 404)
        problem(client.delete("/v1/leaderboard"), 405)

    def test_a_bug_tells_nothing_of_the_inside(
        self, world: World, client: TestClient[Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def broken() -> None:
            raise RuntimeError("secret")

        monkeypatch.setattr(world.api.boards, "checkpoints", broken)
        assert "secret" not in problem(client.get("/v1/seasons"), 500)
