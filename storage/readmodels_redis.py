"""The read models on Redis or Valkey: boards as sorted sets, changed by one script a batch."""

from typing import Any
from uuid import uuid4

from protocol.log import Position
from storage import keys
from storage.readmodels import Applied, Changes, Checkpoint, Contents
from storage.redis_client import connect, fill_board, fill_hash, outages, script


class RedisReadModels:
    """A ``storage.readmodels.ReadModels`` on a Redis-protocol server, in the log's own slots.

    Args:
        url: ``redis://…``, the same server as the log's.
    """

    def __init__(self, url: str) -> None:
        self._client = connect(url)
        self._apply = self._client.register_script(script("apply"))
        self._replace = self._client.register_script(script("replace"))

    def checkpoint(self, partition: int) -> Checkpoint | None:
        """Return what the partition's read models reflect."""
        names = ["n", "chain", "season", "time_ms", "incarnation"]
        with outages():
            found: list[Any] = self._client.hmget(keys.checkpoint(partition), names)
        if found[0] is None:
            return None
        n, chain, season, time_ms, incarnation = found
        position = Position(int(n), chain.decode())
        return Checkpoint(position, int(season), int(time_ms), int(incarnation))

    def apply(
        self,
        partition: int,
        before: Checkpoint,
        after: Checkpoint,
        changes: Changes,
        *,
        archived: bool = False,
    ) -> Applied:
        """Apply changes and move the checkpoint, or do nothing."""
        names = [
            keys.checkpoint(partition),
            keys.log(partition),
            keys.head(partition),
            keys.prizes(partition),
        ]
        arguments: list[str | int] = [
            before.position.n,
            before.position.chain,
            before.incarnation,
            after.position.n,
            after.position.chain,
            after.season,
            after.time_ms,
            after.incarnation,
            int(archived),
            len(changes.seasons),
        ]
        for season, added in changes.seasons.items():
            names += [keys.board(partition, season), keys.totals(partition, season)]
            moved = sum(abs(delta) for delta in added.money.values())
            arguments += [added.earned, added.earnings, moved, len(added.money)]
            for player, delta in added.money.items():
                arguments += [-delta, player]
        arguments.append(len(changes.prizes))
        for player, amount in changes.prizes.items():
            arguments += [amount, player]
        with outages():
            answer: Any = self._apply(keys=names, args=arguments)
        return Applied(answer.decode())

    def replace(
        self,
        partition: int,
        before: Checkpoint | None,
        after: Checkpoint,
        contents: Contents,
    ) -> bool:
        """Fill all beside what stands, then switch it in by one script."""
        token = uuid4().hex
        prizes = keys.prizes(partition)
        names = [keys.checkpoint(partition), prizes, keys.staged(prizes, token)]
        arguments: list[str | int] = (
            ["", "", ""]
            if before is None
            else [before.position.n, before.position.chain, before.incarnation]
        )
        arguments += [
            after.position.n,
            after.position.chain,
            after.season,
            after.time_ms,
            after.incarnation,
        ]
        with outages():
            fill_hash(self._client, keys.staged(prizes, token), contents.prizes)
            for season, found in contents.seasons.items():
                board = keys.board(partition, season)
                scores = {player: -money for player, money in found.money.items()}
                fill_board(self._client, keys.staged(board, token), scores)
                names += [board, keys.staged(board, token), keys.totals(partition, season)]
                moved = sum(abs(money) for money in found.money.values())
                arguments += [found.earned, found.earnings, moved]
            done = self._replace(keys=names, args=arguments)
            self._client.unlink(names[2], *names[4::3])
        return bool(done)

    def board(self, partition: int, season: int) -> dict[str, int]:
        """Return every player's money in the season."""
        with outages():
            found: Any = self._client.zrange(keys.board(partition, season), 0, -1, withscores=True)
        return {player.decode(): -int(score) for player, score in found}

    def totals(self, partition: int, season: int) -> tuple[int, int]:
        """Return (earned, earnings) of the season."""
        with outages():
            found: Any = self._client.hmget(keys.totals(partition, season), ["earned", "earnings"])
        return int(found[0] or 0), int(found[1] or 0)

    def prizes(self, partition: int) -> dict[str, int]:
        """Return every player's prize money."""
        with outages():
            found: Any = self._client.hgetall(keys.prizes(partition))
        return {player.decode(): int(amount) for player, amount in found.items()}

    def drop_season(self, partition: int, season: int) -> None:
        """Delete the board and totals of a season that is archived."""
        with outages():
            self._client.unlink(keys.board(partition, season), keys.totals(partition, season))

    def close(self) -> None:
        """Release connections."""
        self._client.close()
