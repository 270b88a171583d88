"""The log on Redis or Valkey: one stream a partition, one script an append.

The script (``append.lua``) and WAIT or WAITAOF travel in one pipeline, so on one connection:
both commands hold for the connection that wrote, and only for what it wrote.
"""

from typing import Any
from uuid import uuid4

import redis

from protocol.errors import ConfigurationError, RefusalCode
from protocol.fence import Answer
from protocol.log import FORMAT_VERSION, GENESIS_CHAIN, Entry, Position
from protocol.messages import Durability
from storage import keys
from storage.log import Appended, Head, Offered, OtherIncarnation, PieceAnswer, Restoration
from storage.redis_client import connect, fill_hash, outages, require_no_eviction, script

DURABLE_TIMEOUT_MS = 2_000
"""How long WAIT and WAITAOF may take before an Ack claims less. With ``appendfsync everysec`` a
sync takes up to 1 s; twice that leaves room for a slow disk."""


class RedisLog:
    """A ``storage.log.Log`` on a Redis-protocol server.

    Args:
        url: ``redis://…``.
        durability: what ``append`` waits for.
        replicas: how many replicas must confirm where that is REPLICATED.

    Raises:
        ConfigurationError: wrong URL, or the server may evict keys.
        LogUnavailableError: the server does not answer.
    """

    def __init__(
        self, url: str, *, durability: Durability = Durability.MEMORY, replicas: int = 1
    ) -> None:
        self._client = connect(url)
        self._durability = durability
        self._replicas = replicas
        require_no_eviction(self._client)
        with outages():
            self._append_sha = self._client.script_load(script("append"))
            self._mark = self._client.register_script(script("mark_archived"))
            self._restore = self._client.register_script(script("restore_log"))

    def open_partition(self, partition: int, season: int = 1) -> Head:
        """Create the partition's head if there is none; see ``storage.log.Log``."""
        with outages():
            with self._client.pipeline(transaction=True) as pipe:
                key = keys.head(partition)
                fields = {
                    "chain": GENESIS_CHAIN,
                    "season": season,
                    "time_ms": 0,
                    "incarnation": 0,
                    "archived": 0,
                    "n": 0,
                }
                for name, value in fields.items():
                    pipe.hsetnx(key, name, str(value))
                pipe.execute()
            head = self.head(partition)
        if head is None:
            raise redis.ResponseError("the head vanished while it was made")
        return head

    def head(self, partition: int) -> Head | None:
        """Return where the log ends."""
        names = ["n", "chain", "season", "time_ms", "incarnation", "archived"]
        with outages():
            found: list[Any] = self._client.hmget(keys.head(partition), names)
        if found[0] is None:
            return None
        n, chain, season, time_ms, incarnation, archived = found
        return Head(
            Position(int(n), chain.decode()),
            int(season),
            int(time_ms),
            int(incarnation),
            int(archived or 0),
        )

    def append(
        self, partition: int, incarnation: int, offered: list[Offered]
    ) -> Appended | OtherIncarnation:
        """Append pieces as one entry, each if its lane allows it."""
        arguments: list[str | int | bytes] = [incarnation, FORMAT_VERSION, len(offered)]
        for piece in offered:
            arguments += [piece.producer, piece.first, piece.last, piece.data, len(piece.voids)]
            for seq, code in piece.voids:
                arguments += [f"{seq:016d}", code.value]
        with outages():
            try:
                reply, confirmed = self._run(partition, arguments)
            except redis.exceptions.NoScriptError:
                self._client.script_load(script("append"))
                reply, confirmed = self._run(partition, arguments)
        if reply[0] == b"missing":
            return OtherIncarnation(None)
        if reply[0] == b"incarnation":
            return OtherIncarnation(int(reply[1]))
        return Appended(
            tuple([_piece_answer(found) for found in reply[3:]]),
            Position(int(reply[1]), reply[2].decode()),
            self._durability if confirmed else Durability.MEMORY,
        )

    def _run(self, partition: int, arguments: list[str | int | bytes]) -> tuple[Any, bool]:
        """Run the append script, then wait as the durability says."""
        with self._client.pipeline(transaction=False) as pipe:
            pipe.evalsha(
                self._append_sha,
                4,
                keys.head(partition),
                keys.fence(partition),
                keys.log(partition),
                keys.voids(partition),
                *arguments,
            )
            if self._durability is Durability.REPLICATED:
                pipe.wait(self._replicas, DURABLE_TIMEOUT_MS)
            elif self._durability is Durability.FSYNCED:
                pipe.waitaof(1, 0, DURABLE_TIMEOUT_MS)
            replies = pipe.execute(raise_on_error=False)
        for reply in replies:
            if isinstance(reply, redis.ResponseError) and "WAITAOF" in str(reply):
                raise ConfigurationError(f"durability: {reply}")
            if isinstance(reply, Exception):
                raise reply
        if self._durability is Durability.MEMORY:
            return replies[0], True
        if self._durability is Durability.REPLICATED:
            return replies[0], int(replies[1]) >= self._replicas
        return replies[0], int(replies[1][0]) >= 1

    def read(self, partition: int, after_n: int, *, count: int, block_ms: int = 0) -> list[Entry]:
        """Return up to ``count`` entries after ``after_n``, waiting up to ``block_ms``."""
        key = keys.log(partition)
        with outages():
            found: Any = self._client.xread(
                {key: f"{after_n}-0"}, count=count, block=block_ms or None
            )
        return [_entry(*item) for item in found[0][1]] if found else []

    def entry(self, partition: int, n: int) -> Entry | None:
        """Return the entry that ends at n."""
        with outages():
            found: Any = self._client.xrange(keys.log(partition), f"{n}-0", f"{n}-0")
        return _entry(*found[0]) if found else None

    def replicated(self, partition: int) -> bool:
        """Write, and wait for the replicas: what was read before is then on them, too."""
        if self._durability is not Durability.REPLICATED:
            return True
        with outages(), self._client.pipeline(transaction=False) as pipe:
            pipe.hincrby(keys.head(partition), "writes", 1)
            pipe.wait(self._replicas, DURABLE_TIMEOUT_MS)
            _, confirmed = pipe.execute()
        return int(confirmed) >= self._replicas

    def lanes(self, partition: int, producers: list[str]) -> list[tuple[int, int]]:
        """Return (last seq in the log, last seq in the archive) of each producer's lane."""
        if not producers:
            return []
        with outages(), self._client.pipeline(transaction=False) as pipe:
            pipe.hmget(keys.fence(partition), producers)
            pipe.hmget(keys.archived(partition), producers)
            logged, archived = pipe.execute()
        return [(int(a or 0), int(b or 0)) for a, b in zip(logged, archived, strict=True)]

    def mark_archived(
        self,
        partition: int,
        incarnation: int,
        position: Position,
        lanes: dict[str, int],
        *,
        after_n: int = 0,
    ) -> bool:
        """Publish what the archive holds; marks never move backwards."""
        arguments: list[str | int] = [incarnation, after_n, position.n]
        for producer, last in lanes.items():
            arguments += [producer, last]
        with outages():
            done = self._mark(keys=[keys.head(partition), keys.archived(partition)], args=arguments)
        return bool(done)

    def trim(self, partition: int, up_to_n: int) -> int:
        """Forget archived entries that end at or before ``up_to_n``."""
        head = self.head(partition)
        if head is None:
            return 0
        limit = min(up_to_n, head.archived_n)
        with outages():
            gone: Any = self._client.xtrim(
                keys.log(partition), minid=f"{limit + 1}-0", approximate=False
            )
        return int(gone)

    def restore(self, partition: int, found: Head | None, restored: Restoration) -> bool:
        """Fill the fence beside the one that stands, then switch all in by one script."""
        staged = keys.staged(keys.fence(partition), uuid4().hex)
        entry = restored.entry
        before = (
            ("", "", "")
            if found is None
            else (found.position.n, found.position.chain, found.incarnation)
        )
        with outages():
            fill_hash(self._client, staged, restored.fence)
            done = self._restore(
                keys=[
                    keys.head(partition),
                    keys.fence(partition),
                    keys.log(partition),
                    keys.archived(partition),
                    keys.voids(partition),
                    staged,
                ],
                args=[
                    *before,
                    restored.incarnation,
                    entry.version,
                    entry.n,
                    entry.count,
                    entry.season,
                    entry.time_ms,
                    entry.body,
                    entry.chain,
                ],
            )
            self._client.unlink(staged)
        return bool(done)

    def close(self) -> None:
        """Release connections."""
        self._client.close()


def _piece_answer(found: list[Any]) -> PieceAnswer:
    voids = []
    for member in found[2:]:
        _, seq, code = member.decode().split(":")
        voids.append((int(seq), RefusalCode(code)))
    return PieceAnswer(Answer(found[0].decode()), int(found[1]), tuple(voids))


def _entry(entry_id: bytes, fields: dict[bytes, bytes]) -> Entry:
    return Entry(
        int(entry_id.split(b"-")[0]),
        int(fields[b"c"]),
        int(fields[b"s"]),
        int(fields[b"t"]),
        fields[b"b"],
        fields[b"h"].decode(),
        int(fields[b"v"]),
    )
