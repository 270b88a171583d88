"""Health, metrics, the page, errors, the OpenAPI document."""

from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient
from structlog.testing import capture_logs

from query.app import SECURITY_HEADERS, create_app
from scheduler.closing import close_season
from storage.directory import Player
from storage.documents import ArchiveUnavailableError
from storage.log import LogUnavailableError
from tests.query.world import P, World, expect_problem


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
            expect_problem(answer, 503)
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
        expect_problem(client.get("/v2/leaderboard"), 404)
        answer = client.delete("/v1/leaderboard")
        expect_problem(answer, 405)
        assert "GET" in answer.headers["allow"]

    @pytest.mark.parametrize("path", ["/v1/seasons", "/v2/leaderboard", "/v1/seasons/99"])
    def test_every_answer_has_the_security_headers(
        self, client: TestClient[Any], path: str
    ) -> None:
        headers = client.get(path).headers
        assert {name: headers[name] for name in SECURITY_HEADERS} == SECURITY_HEADERS
        assert headers.get_list("x-content-type-options") == ["nosniff"]

    def test_texts_name_their_charset_once(self, client: TestClient[Any]) -> None:
        assert client.get("/").headers["content-type"] == "text/html; charset=utf-8"

    def test_a_bug_tells_nothing_of_the_inside(
        self, world: World, client: TestClient[Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def broken() -> None:
            raise RuntimeError("secret")

        monkeypatch.setattr(world.api.boards, "checkpoints", broken)
        assert "secret" not in expect_problem(client.get("/v1/seasons"), 500)

    def test_the_log_of_a_bug_shows_no_token(
        self,
        world: World,
        client: TestClient[Any],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        def broken(_: object) -> None:
            raise RuntimeError("inside")

        monkeypatch.setattr(world.directory, "put", broken)
        headers = world.token()
        body = {"username": "anna"}
        with capture_logs() as lines:
            expect_problem(client.put("/v1/players/a", json=body, headers=headers), 500)
        text = str(lines)
        assert "RuntimeError: inside" in text
        assert headers["Authorization"].removeprefix("Bearer ")[:40] not in text
        assert all("exc_info" not in line for line in lines)


class TestOutages:
    """Without Redis nothing live is told; without the archive what is live goes on."""

    @pytest.mark.parametrize(
        "path",
        ["leaderboard", "prizepool", "seasons", "seasons/1", "players/a", "players/a/rank"],
    )
    def test_redis_is_away(
        self, world: World, client: TestClient[Any], monkeypatch: pytest.MonkeyPatch, path: str
    ) -> None:
        async def away() -> None:
            raise LogUnavailableError("refused")

        monkeypatch.setattr(world.api.boards, "checkpoints", away)
        for address in (f"/v1/{path}", "/readyz"):
            answer = client.get(address)
            expect_problem(answer, 503)
            assert answer.headers["retry-after"] == "1"
        assert client.get("/healthz").status_code == 200
        assert client.get("/").status_code == 200

    def test_the_board_goes_on_without_archive_and_directory(
        self, world: World, client: TestClient[Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def away(*_: object) -> None:
            raise ArchiveUnavailableError("refused")

        world.directory.put([Player("a", "anna", "Anna")])
        world.earn(a=9, b=8)
        world.mark()
        known = client.get("/v1/leaderboard").json()["entries"]
        assert [(e["name"], e["change"]) for e in known] == [("Anna", 0), ("", 0)]
        monkeypatch.setattr(world.directory, "get", away)
        monkeypatch.setattr(world.archive, "newest_snapshot", away)
        assert client.get("/v1/leaderboard").json()["entries"] == known
        world.earn(c=10)
        entries = client.get("/v1/leaderboard").json()["entries"]
        assert [(e["player"], e["name"], e["change"]) for e in entries] == [
            ("c", "", None),
            ("a", "Anna", -1),
            ("b", "", -1),
        ]
        expect_problem(client.get("/v1/players/a"), 503)  # who it is cannot be told now
