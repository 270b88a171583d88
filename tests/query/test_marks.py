"""Loading marks beside the rankings."""

import asyncio
import threading
from typing import Any

import pytest

from query.marks import Marks
from tests.query.world import P, World


class TestMarks:
    """A ranking does not wait for a mark that takes long to load."""

    def test_the_mark_before_counts_until_the_next_is_loaded(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("query.marks.MARK_WAIT_S", 0.0)
        may_load = threading.Event()
        original = world.archive.load_snapshot

        def slowly(snapshot: Any) -> Any:
            assert may_load.wait(timeout=60)
            return original(snapshot)

        monkeypatch.setattr(world.archive, "load_snapshot", slowly)
        marks = Marks(world.archive, P, lambda: 1.0)
        world.earn(a=9, b=8)
        world.mark()

        async def ask() -> None:
            assert await marks.ranks(1) == {}
            may_load.set()
            assert marks._loading is not None
            await asyncio.wait({marks._loading})
            assert await marks.ranks(1) == {"a": 1, "b": 2}
            assert await marks.ranks(2) == {}

        asyncio.run(ask())
