"""Prize pool, seasons, standings and prizes over HTTP."""

from typing import Any

import pytest
from litestar.testing import TestClient

from storage.directory import Player
from tests.query.world import OPENED_MS, World, expect_problem


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

    @pytest.mark.parametrize("season", ["0", "2", "99", "01", "x", "-1", "1.0", "9" * 30, "٣"])
    @pytest.mark.parametrize("path", ["", "/standings", "/prizes"])
    def test_an_unknown_season(self, client: TestClient[Any], season: str, path: str) -> None:
        expect_problem(client.get(f"/v1/seasons/{season}{path}"), 404)

    @pytest.mark.parametrize("path", ["standings", "prizes"])
    def test_an_open_season_has_no_results(self, client: TestClient[Any], path: str) -> None:
        assert "not closed" in expect_problem(client.get(f"/v1/seasons/1/{path}"), 404)

    def test_a_boards_cursor_on_standings(self, world: World, client: TestClient[Any]) -> None:
        world.earn(a=1, b=2)
        cursor = client.get("/v1/leaderboard?limit=1").json()["cursor"]
        world.close(1)
        expect_problem(client.get(f"/v1/seasons/1/standings?cursor={cursor}"), 400)
