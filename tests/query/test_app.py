"""Health, metrics, the page, errors, the OpenAPI document."""

from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient

from query.app import create_app
from scheduler.closing import close_season
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
        expect_problem(client.delete("/v1/leaderboard"), 405)

    def test_a_bug_tells_nothing_of_the_inside(
        self, world: World, client: TestClient[Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def broken() -> None:
            raise RuntimeError("secret")

        monkeypatch.setattr(world.api.boards, "checkpoints", broken)
        assert "secret" not in expect_problem(client.get("/v1/seasons"), 500)
