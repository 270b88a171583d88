"""The API over memory twins."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient

from query.app import create_app
from tests.query.world import World


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    for module in ("query.api.BOARD_TTL_S", "query.marks.MARK_TTL_S", "query.names.NAMES_TTL_S"):
        monkeypatch.setattr(module, 0.0)
    monkeypatch.setattr("query.marks.MARK_WAIT_S", 60.0)
    found = World(tmp_path)
    found.project()
    return found


@pytest.fixture
def client(world: World) -> Iterator[TestClient[Any]]:
    with TestClient(create_app(world.api), raise_server_exceptions=False) as found:
        yield found
