"""A broker on which an honest producer earns all the while."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio

from producer.client import connect
from protocol.events import MoneyEarned
from protocol.limits import Limits
from tests.arena import Arena, arena, partition, producer_id

HOME = partition("alice")
LIMITS = Limits(message_bytes=16 * 1024, batch_events=50, window_events=100, flush_events=50)
HONEST = producer_id(999)


def earned(player: str = "alice", amount: int = 5, at_ms: int = 0) -> MoneyEarned:
    return MoneyEarned(player, amount, at_ms)


@pytest.fixture
async def calm(tmp_path: Path) -> AsyncIterator[Arena]:
    """A broker on which an honest producer earns all the while, and must notice nothing."""
    async with (
        arena(tmp_path, limits=LIMITS) as found,
        connect(found.url, found.token("honest"), producer=HONEST) as money,
        trio.open_nursery() as nursery,
    ):
        sent = 0

        async def earn() -> None:
            nonlocal sent
            while True:
                await money.earn("dave", 1)
                sent += 1
                await money.flush()

        nursery.start_soon(earn)
        yield found
        nursery.cancel_scope.cancel()
        with trio.CancelScope(shield=True), trio.fail_after(10):
            await money.flush()
            assert sent > 0
            assert found.money()["dave"] == money.taken
            assert money.sessions == 1, "the honest producer was disconnected"
            assert money.refused == 0
