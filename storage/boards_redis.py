"""The boards on Redis or Valkey, read with redis.asyncio: one pipeline a question."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import redis
import redis.asyncio
from redis.asyncio.client import Pipeline
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from protocol.log import Position
from protocol.partition import partition_of
from storage import keys
from storage.boards import SeasonTotals, Window
from storage.readmodels import Checkpoint
from storage.redis_client import SOCKET_TIMEOUT_S, outages, script

CONNECTIONS_MAX = 64
"""Connections of one query process; more requests wait for one."""

CHECKPOINT_FIELDS = ["n", "chain", "season", "time_ms", "incarnation"]


class RedisBoards:
    """A ``storage.boards.Boards`` on a Redis-protocol server.

    Args:
        url: ``redis://…``.
        partitions: P.
    """

    def __init__(self, url: str, partitions: int) -> None:
        pool = redis.asyncio.BlockingConnectionPool.from_url(
            url,
            max_connections=CONNECTIONS_MAX,
            timeout=SOCKET_TIMEOUT_S,
            socket_timeout=SOCKET_TIMEOUT_S,
            socket_connect_timeout=SOCKET_TIMEOUT_S,
            retry=Retry(NoBackoff(), 1),
            protocol=2,
        )
        self._client = redis.asyncio.Redis.from_pool(pool)
        self._partitions = partitions

    async def checkpoints(self) -> list[Checkpoint | None]:
        """Return what each partition's read models reflect."""
        async with self._pipeline() as pipe:
            for partition in range(self._partitions):
                pipe.hmget(keys.checkpoint(partition), CHECKPOINT_FIELDS)
            return [_checkpoint(found) for found in await pipe.execute()]

    async def windows(
        self, season: int, money: int, player: str, *, before: int, after: int
    ) -> list[Window]:
        """Return each partition's window around (money, player)."""
        text = script("window")
        async with self._pipeline() as pipe:
            for partition in range(self._partitions):
                board = keys.board(partition, season)
                pipe.eval(text, 1, board, str(-money), player, str(before), str(after))
            return [
                Window(int(more), int(place), _items(above), _items(below))
                for more, place, above, below in await pipe.execute()
            ]

    async def money(self, season: int, player: str) -> int | None:
        """Return a player's money in the season."""
        with outages():
            score = await self._client.zscore(self._board_of(player, season), player)
        return None if score is None else -int(score)

    async def totals(self, season: int) -> SeasonTotals:
        """Return the season's totals."""
        async with self._pipeline() as pipe:
            for partition in range(self._partitions):
                pipe.zcard(keys.board(partition, season))
                pipe.hmget(keys.totals(partition, season), ["earned", "earnings"])
            found = await pipe.execute()
        return SeasonTotals(
            sum(found[::2]),
            sum(int(earned or 0) for earned, _ in found[1::2]),
            sum(int(earnings or 0) for _, earnings in found[1::2]),
        )

    async def prizes(self, player: str) -> int:
        """Return the sum of all prizes ever paid to the player."""
        partition = partition_of(player, self._partitions)
        with outages():
            found: Any = await self._client.hget(keys.prizes(partition), player)
        return int(found or 0)

    async def lags(self) -> list[int]:
        """Return how many records of each partition are not projected yet."""
        async with self._pipeline() as pipe:
            for partition in range(self._partitions):
                pipe.hget(keys.head(partition), "n")
                pipe.hget(keys.checkpoint(partition), "n")
            found = await pipe.execute()
        return [
            int(n or 0) - int(done or 0) for n, done in zip(found[::2], found[1::2], strict=True)
        ]

    async def close(self) -> None:
        """Release connections."""
        await self._client.aclose(close_connection_pool=True)

    @asynccontextmanager
    async def _pipeline(self) -> AsyncIterator[Pipeline]:
        with outages():
            async with self._client.pipeline(transaction=False) as pipe:
                yield pipe

    def _board_of(self, player: str, season: int) -> str:
        return keys.board(partition_of(player, self._partitions), season)


def _checkpoint(found: list[bytes | None]) -> Checkpoint | None:
    n, chain, season, time_ms, incarnation = found
    if n is None or chain is None:
        return None
    position = Position(int(n), chain.decode())
    return Checkpoint(position, int(season or 1), int(time_ms or 0), int(incarnation or 0))


def _items(flat: list[bytes]) -> list[tuple[str, int]]:
    return [(flat[at].decode(), -int(flat[at + 1])) for at in range(0, len(flat), 2)]
