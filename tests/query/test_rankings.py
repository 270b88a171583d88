"""Leaderboard, players and neighbours over HTTP."""

from typing import Any

import pytest
from litestar.testing import TestClient

from protocol.events import MoneyEarned
from protocol.partition import partition_of
from query.cursor import BoardCursor, encode
from scheduler.closing import close_season
from storage.directory import Player
from tests.builders import append, piece
from tests.query.world import A, P, World, expect_problem


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

    def test_a_mark_needs_every_partition(self, world: World, client: TestClient[Any]) -> None:
        world.earn(**{f"p{n}": 100 - n for n in range(40)})
        world.mark(0, 1, 2)
        entries = client.get("/v1/leaderboard").json()["entries"]
        assert {entry["change"] for entry in entries} == {None}
        world.mark(3)
        entries = client.get("/v1/leaderboard").json()["entries"]
        assert {entry["change"] for entry in entries} == {0}

    def test_an_unchanged_board_is_a_304(self, world: World, client: TestClient[Any]) -> None:
        world.earn(a=5)
        etag = client.get("/v1/leaderboard").headers["etag"]
        again = client.get("/v1/leaderboard", headers={"If-None-Match": etag})
        assert (again.status_code, again.content) == (304, b"")
        world.earn(a=5)
        assert client.get("/v1/leaderboard", headers={"If-None-Match": etag}).status_code == 200

    @pytest.mark.parametrize(
        ("form", "status"), [("W/{}", 304), ('"x", {}', 304), ("*", 304), ('"x"', 200), ("", 200)]
    )
    def test_tags_are_compared_weakly(
        self, client: TestClient[Any], form: str, status: int
    ) -> None:
        etag = client.get("/v1/leaderboard").headers["etag"]
        headers = {"If-None-Match": form.format(etag)}
        assert client.get("/v1/leaderboard", headers=headers).status_code == status

    @pytest.mark.parametrize("limit", ["0", "-1", "1001", "x", "1.5"])
    def test_a_bad_limit(self, client: TestClient[Any], limit: str) -> None:
        assert "limit" in expect_problem(
            client.get("/v1/leaderboard", params={"limit": limit}), 400
        )

    @pytest.mark.parametrize("cursor", ["x", "!!!", "k6FzAQM", "A" * 300, ""])
    def test_a_bad_cursor(self, client: TestClient[Any], cursor: str) -> None:
        assert "cursor" in expect_problem(
            client.get("/v1/leaderboard", params={"cursor": cursor}), 400
        )

    @pytest.mark.parametrize("money", [2**53, -(2**53), 2**63])
    def test_a_cursor_of_more_money_than_there_can_be(
        self, client: TestClient[Any], money: int
    ) -> None:
        query = {"cursor": encode(BoardCursor(1, money, "a"))}
        assert "cursor" in expect_problem(client.get("/v1/leaderboard", params=query), 400)

    def test_a_cursor_of_another_season(self, world: World, client: TestClient[Any]) -> None:
        world.earn(a=5, b=6)
        cursor = client.get("/v1/leaderboard?limit=1").json()["cursor"]
        world.close(1)
        answer = client.get("/v1/leaderboard", params={"cursor": cursor})
        assert "season 1" in expect_problem(answer, 400)


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
        expect_problem(client.get("/v1/players/a/rank"), 404)

    @pytest.mark.parametrize("path", ["", "/rank", "/seasons"])
    @pytest.mark.parametrize("player", ["nobody", "no body", "x" * 65])
    def test_an_unknown_player(self, client: TestClient[Any], player: str, path: str) -> None:
        expect_problem(client.get(f"/v1/players/{player}{path}"), 404)

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

    def test_an_earning_between_two_reads(
        self, world: World, client: TestClient[Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        world.earn(a=5)
        read, earned = world.api.boards.money, [4, 3]

        async def then_earn(season: int, player: str) -> int | None:
            found = await read(season, player)
            if earned:
                world.earn(a=earned.pop())
            return found

        monkeypatch.setattr(world.api.boards, "money", then_earn)
        body = client.get("/v1/players/a/rank?above=0&below=0").json()
        assert (body["rank"], body["money"]) == (1, 12)
        assert [(entry["player"], entry["money"]) for entry in body["entries"]] == [("a", 12)]

    def test_a_player_who_never_stands_still(
        self, world: World, client: TestClient[Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        world.earn(a=5)
        read = world.api.boards.money

        async def then_earn(season: int, player: str) -> int | None:
            found = await read(season, player)
            world.earn(a=1)
            return found

        monkeypatch.setattr(world.api.boards, "money", then_earn)
        expect_problem(client.get("/v1/players/a/rank"), 503)

    @pytest.mark.parametrize("query", ["above=-1", "below=51", "above=x"])
    def test_bad_neighbours(self, world: World, client: TestClient[Any], query: str) -> None:
        world.earn(a=1)
        expect_problem(client.get(f"/v1/players/a/rank?{query}"), 400)

    def test_usernames(self, world: World, client: TestClient[Any]) -> None:
        world.directory.put([Player("a", "Anna"), Player("b", "anton")])
        assert client.get("/v1/players?username=anna").json()["players"][0]["player"] == "a"
        assert client.get("/v1/players?username=x").json() == {"players": []}
        assert len(client.get("/v1/players?prefix=an").json()["players"]) == 2
        expect_problem(client.get("/v1/players"), 400)
