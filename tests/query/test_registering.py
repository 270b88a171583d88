"""Registering and changing players over HTTP."""

from typing import Any, ClassVar

import msgspec
import pytest
from litestar.testing import TestClient

from query.limits import BODY_BYTES_MAX
from storage.directory import Player
from tests.query.world import World, expect_problem


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
        expect_problem(client.put("/v1/players/b", json=self.BODY, headers=own), 403)
        expect_problem(client.post("/v1/players", content=b"", headers=own), 403)

    @pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer x"}, {"Authorization": "x"}])
    def test_without_a_token(self, client: TestClient[Any], headers: dict[str, str]) -> None:
        answer = client.put("/v1/players/a", json=self.BODY, headers=headers)
        expect_problem(answer, 401)
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
        expect_problem(answer, 400)

    def test_a_taken_username(self, world: World, client: TestClient[Any]) -> None:
        world.directory.put([Player("b", "Anna")])
        expect_problem(client.put("/v1/players/a", json=self.BODY, headers=world.token()), 409)

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

    def test_lines_are_counted_as_they_were_sent(
        self, world: World, client: TestClient[Any]
    ) -> None:
        lines = [
            b'{"id": "a", "username": "anna"}',
            b"",
            b'{"id": "b", "username": "\xff"}',
            b"[" * 5_000,
            b'{"id": "a", "username": "other"}',
        ]
        body = b"\n".join(lines)
        found = client.post("/v1/players", content=body, headers=world.token()).json()
        assert found["registered"] == 1
        assert [item["line"] for item in found["refused"]] == [3, 4, 5]
        assert found["refused"][-1]["reason"] == "the player is in line 1 already"
        assert client.get("/v1/players/a").json()["username"] == "anna"

    @pytest.mark.parametrize("body", [b"", b"{", b'{"username":"\xff"}', b"[" * 100_000, b"null"])
    def test_an_unreadable_body(self, world: World, client: TestClient[Any], body: bytes) -> None:
        headers = world.token() | {"content-type": "application/json"}
        expect_problem(client.put("/v1/players/a", content=body, headers=headers), 400)

    def test_a_body_past_the_limit(self, world: World, client: TestClient[Any]) -> None:
        body = b" " * (BODY_BYTES_MAX + 1)
        expect_problem(client.post("/v1/players", content=body, headers=world.token()), 413)

    def test_the_scheme_is_read_without_regard_to_case(
        self, world: World, client: TestClient[Any]
    ) -> None:
        token = world.token()["Authorization"].removeprefix("Bearer ")
        headers = {"Authorization": f"bearer {token}"}
        assert client.put("/v1/players/a", json=self.BODY, headers=headers).status_code == 200

    def test_too_many_players(
        self, world: World, client: TestClient[Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("query.registry.REGISTER_MAX", 1)
        expect_problem(client.post("/v1/players", content=b"{}\n{}", headers=world.token()), 413)
