"""The log's laws, on real Valkey and on its twin in memory."""

import threading
from collections.abc import Iterator

import pytest
import redis

from protocol.errors import ConfigurationError, RefusalCode
from protocol.events import Event, MoneyEarned, Piece, SeasonClosed, Void, decode_body, encode_piece
from protocol.fence import Answer
from protocol.identity import RESTORE_PRODUCER, SEASON_PRODUCER
from protocol.log import GENESIS, Position, follows
from protocol.messages import Durability
from scheduler.restorer import restored_entry
from storage import keys
from storage.archived import Tip
from storage.log import (
    Appended,
    Head,
    Log,
    LogUnavailableError,
    Offered,
    OtherIncarnation,
    Restoration,
)
from storage.log_memory import MemoryLog
from storage.log_redis import RedisLog
from tests.valkey_server import valkey

A = "018f0000-0000-7000-8000-00000000000a"
B = "018f0000-0000-7000-8000-00000000000b"
PARTITIONS = 4


@pytest.fixture(params=["memory", "valkey"])
def log(request: pytest.FixtureRequest) -> Iterator[Log]:
    found: Log
    if request.param == "memory":
        found = MemoryLog(PARTITIONS)
    else:
        found = RedisLog(request.getfixturevalue("valkey_url"))
    yield found
    found.close()


def offer(producer: str, first: int, *amounts: int, voids: tuple[int, ...] = ()) -> Offered:
    """A piece of earnings of player ``p``; seqs in ``voids`` are void events instead."""
    events: list[Event] = [
        Void(RefusalCode.PLAYER_UNKNOWN) if seq in voids else MoneyEarned("p", amount, 0)
        for seq, amount in enumerate(amounts, first)
    ]
    last = first + len(events) - 1
    data = encode_piece(Piece(producer, first, last, tuple(events)))
    marks = tuple((seq, RefusalCode.PLAYER_UNKNOWN) for seq in voids)
    return Offered(producer, first, last, data, marks)


def close_of(season: int) -> Offered:
    data = encode_piece(Piece(SEASON_PRODUCER, season, season, (SeasonClosed(season),)))
    return Offered(SEASON_PRODUCER, season, season, data)


def answers(log: Log, *offered: Offered, partition: int = 0) -> list[tuple[Answer, int]]:
    result = log.append(partition, 0, list(offered))
    assert isinstance(result, Appended)
    return [(found.answer, found.last) for found in result.answers]


class TestFence:
    """A lane's next seqs are appended, known ones are duplicates, all else is a gap."""

    def test_the_next_seqs_are_appended(self, log: Log) -> None:
        log.open_partition(0)
        assert answers(log, offer(A, 1, 5, 6)) == [(Answer.APPENDED, 2)]
        assert answers(log, offer(A, 3, 7)) == [(Answer.APPENDED, 3)]

    def test_known_seqs_are_duplicates_and_change_nothing(self, log: Log) -> None:
        log.open_partition(0)
        answers(log, offer(A, 1, 5, 6, 7))
        before = log.head(0)
        assert answers(log, offer(A, 1, 5, 6, 7), offer(A, 2, 6)) == [
            (Answer.DUPLICATE, 3),
            (Answer.DUPLICATE, 3),
        ]
        assert log.head(0) == before

    @pytest.mark.parametrize("first", [2, 3, 2**53 - 1])
    def test_a_jump_is_a_gap_and_changes_nothing(self, log: Log, first: int) -> None:
        before = log.open_partition(0)
        assert answers(log, offer(A, first, 5)) == [(Answer.GAP, 0)]
        assert log.head(0) == before

    def test_an_overlap_is_a_gap(self, log: Log) -> None:
        log.open_partition(0)
        answers(log, offer(A, 1, 5, 6))
        assert answers(log, offer(A, 2, 6, 7)) == [(Answer.GAP, 2)]

    def test_lanes_are_apart(self, log: Log) -> None:
        log.open_partition(0)
        log.open_partition(1)
        answers(log, offer(A, 1, 5))
        assert answers(log, offer(B, 1, 5)) == [(Answer.APPENDED, 1)]
        assert answers(log, offer(A, 1, 5), partition=1) == [(Answer.APPENDED, 1)]
        assert log.lanes(0, [A, B, "nobody"]) == [(1, 0), (1, 0), (0, 0)]

    def test_one_call_moves_a_lane_piece_by_piece(self, log: Log) -> None:
        log.open_partition(0)
        assert answers(log, offer(A, 1, 5), offer(A, 2, 6), offer(A, 2, 6), offer(A, 9, 1)) == [
            (Answer.APPENDED, 1),
            (Answer.APPENDED, 2),
            (Answer.DUPLICATE, 2),
            (Answer.GAP, 2),
        ]

    def test_of_many_callers_with_the_same_piece_one_appends(self, log: Log) -> None:
        log.open_partition(0)
        found: list[Answer] = []

        def send() -> None:
            found.extend(answer for answer, _ in answers(log, offer(A, 1, 5)))

        threads = [threading.Thread(target=send) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(found, key=lambda answer: answer.value) == [
            Answer.APPENDED,
            *[Answer.DUPLICATE] * 7,
        ]


class TestVoids:
    """A refused event keeps its seq, and a resend is told the same refusal."""

    def test_a_duplicate_names_the_voids_of_its_range_only(self, log: Log) -> None:
        log.open_partition(0)
        answers(log, offer(A, 1, 5, 6, 7, voids=(1, 3)), offer(B, 1, 5, voids=(1,)))
        answers(log, offer(A, 4, 8, voids=(4,)))
        result = log.append(0, 0, [offer(A, 2, 6, 7)])
        assert isinstance(result, Appended)
        assert result.answers[0].voids == ((3, RefusalCode.PLAYER_UNKNOWN),)

    def test_the_lane_goes_on_behind_a_void(self, log: Log) -> None:
        log.open_partition(0)
        assert answers(log, offer(A, 1, 5, voids=(1,))) == [(Answer.APPENDED, 1)]
        assert answers(log, offer(A, 2, 5)) == [(Answer.APPENDED, 2)]


class TestIncarnation:
    """Who knows another incarnation appends nothing."""

    def test_a_partition_that_was_never_opened(self, log: Log) -> None:
        assert log.head(0) is None
        assert log.append(0, 0, [offer(A, 1, 5)]) == OtherIncarnation(None)

    def test_another_incarnation(self, log: Log) -> None:
        before = log.open_partition(0)
        assert log.append(0, 7, [offer(A, 1, 5)]) == OtherIncarnation(0)
        assert log.mark_archived(0, 7, GENESIS, {A: 1}) is False
        assert log.head(0) == before


class TestEntries:
    """What was appended is read back in order, numbered without gaps and chained."""

    def test_numbers_chain_and_pieces(self, log: Log) -> None:
        log.open_partition(0)
        answers(log, offer(A, 1, 5, 6), offer(A, 9, 1), offer(B, 1, 7))
        answers(log, offer(A, 3, 8))
        entries = log.read(0, 0, count=10)
        assert [(entry.n, entry.count, entry.season) for entry in entries] == [(3, 3, 1), (4, 1, 1)]
        assert follows(GENESIS, entries[0])
        assert follows(entries[0].position, entries[1])
        assert [(piece.producer, piece.first) for piece in decode_body(entries[0].body)] == [
            (A, 1),
            (B, 1),
        ]
        head = log.head(0)
        assert head is not None
        assert head.position == entries[1].position
        assert head.time_ms == entries[1].time_ms >= entries[0].time_ms > 0

    def test_reading_goes_on_from_a_number(self, log: Log) -> None:
        log.open_partition(0)
        for seq in range(1, 6):
            answers(log, offer(A, seq, 5))
        assert [entry.n for entry in log.read(0, 2, count=2)] == [3, 4]
        assert log.read(0, 5, count=2, block_ms=1) == []

    def test_one_entry_by_its_number(self, log: Log) -> None:
        log.open_partition(0)
        answers(log, offer(A, 1, 5, 6))
        found = log.entry(0, 2)
        assert found is not None
        assert found.count == 2
        assert log.entry(0, 1) is None

    def test_a_partition_opens_once(self, log: Log) -> None:
        log.open_partition(0)
        answers(log, offer(A, 1, 5))
        assert log.open_partition(0) == log.head(0)


class TestSeasons:
    """A close is accepted while its season is open, once, and alone in its entry."""

    def test_records_after_a_close_belong_to_the_next_season(self, log: Log) -> None:
        log.open_partition(0)
        answers(log, offer(A, 1, 5))
        assert answers(log, close_of(1)) == [(Answer.APPENDED, 1)]
        answers(log, offer(A, 2, 5))
        assert [entry.season for entry in log.read(0, 0, count=9)] == [1, 1, 2]

    def test_a_season_closes_once(self, log: Log) -> None:
        log.open_partition(0)
        answers(log, close_of(1))
        assert answers(log, close_of(1)) == [(Answer.DUPLICATE, 1)]
        assert answers(log, close_of(3)) == [(Answer.GAP, 1)]

    def test_a_close_comes_alone(self, log: Log) -> None:
        before = log.open_partition(0)
        with pytest.raises((ValueError, redis.ResponseError), match="alone"):
            log.append(0, 0, [offer(A, 1, 5), close_of(1)])
        assert log.head(0) == before


class TestArchivedMarks:
    """Marks tell what the archive holds; only that is trimmed."""

    def test_marks_never_move_back(self, log: Log) -> None:
        log.open_partition(0)
        answers(log, offer(A, 1, 5, 6, 7))
        log.mark_archived(0, 0, Position(3, "x"), {A: 3})
        log.mark_archived(0, 0, Position(1, "x"), {A: 1, B: 4})
        head = log.head(0)
        assert head is not None
        assert head.archived_n == 3
        assert log.lanes(0, [A, B]) == [(3, 3), (0, 4)]

    def test_only_archived_entries_are_trimmed(self, log: Log) -> None:
        log.open_partition(0)
        for seq in range(1, 6):
            answers(log, offer(A, seq, 5))
        assert log.trim(0, 5) == 0
        log.mark_archived(0, 0, Position(3, "x"), {A: 3})
        assert log.trim(0, 2) == 2
        assert log.trim(0, 5) == 1
        assert [entry.n for entry in log.read(0, 0, count=9)] == [4, 5]


class TestLostMarks:
    """A failover may lose a mark; what comes after it must not hide that."""

    def test_marks_are_not_published_over_a_gap(self, log: Log) -> None:
        log.open_partition(0)
        answers(log, offer(A, 1, 5))
        answers(log, offer(B, 1, 5))
        assert not log.mark_archived(0, 0, Position(2, "x"), {B: 1}, after_n=1)
        head = log.head(0)
        assert head is not None
        assert (head.archived_n, log.lanes(0, [A, B])) == (0, [(1, 0), (1, 0)])
        assert log.mark_archived(0, 0, Position(1, "x"), {A: 1}, after_n=0)
        assert log.mark_archived(0, 0, Position(2, "x"), {B: 1}, after_n=1)
        assert log.lanes(0, [A, B]) == [(1, 1), (1, 1)]


class TestRedisLog:
    """What only the real server can show."""

    def test_a_failed_xadd_moves_neither_fence_nor_head(self, valkey_url: str) -> None:
        log = RedisLog(valkey_url)
        before = log.open_partition(0)
        client = redis.Redis.from_url(valkey_url)
        client.xadd(keys.log(0), {"stray": "entry"}, id="100-0")
        with pytest.raises(redis.ResponseError, match="XADD"):
            log.append(0, 0, [offer(A, 1, 5)])
        assert log.lanes(0, [A]) == [(0, 0)]
        assert log.head(0) == before
        client.close()
        log.close()

    def test_fsynced_is_claimed_when_the_disk_confirmed(self, valkey_url: str) -> None:
        log = RedisLog(valkey_url, durability=Durability.FSYNCED)
        log.open_partition(0)
        for offered in (offer(A, 1, 5), offer(A, 1, 5)):
            result = log.append(0, 0, [offered])
            assert isinstance(result, Appended)
            assert result.durability is Durability.FSYNCED
        log.close()

    def test_replicated_is_not_claimed_without_a_replica(
        self, valkey_url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("storage.log_redis.DURABLE_TIMEOUT_MS", 1)
        log = RedisLog(valkey_url, durability=Durability.REPLICATED)
        log.open_partition(0)
        result = log.append(0, 0, [offer(A, 1, 5)])
        assert isinstance(result, Appended)
        assert result.durability is Durability.MEMORY
        assert not log.replicated(0)
        log.close()

    def test_a_replica_that_has_it_confirms(self) -> None:
        with valkey() as primary:
            port = primary.rpartition(":")[2].partition("/")[0]
            with valkey("--replicaof", f"127.0.0.1 {port}"):
                log = RedisLog(primary, durability=Durability.REPLICATED)
                log.open_partition(0)
                durability, seq = Durability.MEMORY, 0
                while durability is not Durability.REPLICATED:  # the replica still connects
                    seq += 1
                    result = log.append(0, 0, [offer(A, seq, 5)])
                    assert isinstance(result, Appended)
                    durability = result.durability
                assert log.replicated(0)
                log.close()

    def test_the_script_is_loaded_again_after_a_restart(self, valkey_url: str) -> None:
        log = RedisLog(valkey_url)
        log.open_partition(0)
        client = redis.Redis.from_url(valkey_url)
        client.script_flush()
        client.close()
        assert answers(log, offer(A, 1, 5)) == [(Answer.APPENDED, 1)]
        log.close()

    def test_a_server_that_evicts_is_refused(self) -> None:
        with (
            valkey("--maxmemory-policy", "allkeys-lru") as url,
            pytest.raises(ConfigurationError, match="noeviction"),
        ):
            RedisLog(url)

    def test_a_server_that_is_gone_is_unavailable(self) -> None:
        with valkey() as url:
            log = RedisLog(url)
            log.open_partition(0)
        with pytest.raises(LogUnavailableError):
            log.append(0, 0, [offer(A, 1, 5)])
        log.close()


def restoration(incarnation: int, fence: dict[str, int], at: int = 10) -> Restoration:
    """A restoration of partition 0 to a log of ``at`` records, the Restored record next."""
    tip = Tip(Position(at, "c" * 40), season=3, time_ms=7, incarnation=incarnation - 1)
    entry = restored_entry(tip, incarnation, 9)
    return Restoration(entry, incarnation, {**fence, RESTORE_PRODUCER: incarnation})


class TestRestore:
    """A log is replaced whole, only in place of the one that was found."""

    @pytest.mark.parametrize("lost", [True, False], ids=["lost", "another"])
    def test_the_log_goes_on_after_the_restored_entry(self, log: Log, lost: bool) -> None:
        head = None
        if not lost:
            log.open_partition(0)
            log.append(0, 0, [offer(A, 1, 5, 6, voids=(2,)), offer(B, 1, 7)])
            head = log.head(0)
        restored = restoration(1, {A: 4})
        assert log.restore(0, head, restored)
        assert log.head(0) == Head(restored.entry.position, 3, 9, 1, 11)
        assert log.read(0, 0, count=9) == [restored.entry]
        assert log.lanes(0, [A, B]) == [(4, 4), (0, 0)]
        assert log.append(0, 0, [offer(A, 5, 5)]) == OtherIncarnation(1)
        found = log.append(0, 1, [offer(A, 2, 5), offer(A, 5, 5), offer(B, 2, 1)])
        assert isinstance(found, Appended)
        assert [answer.answer for answer in found.answers] == [
            Answer.DUPLICATE,
            Answer.APPENDED,
            Answer.GAP,
        ]
        assert found.answers[0].voids == ()
        (entry,) = log.read(0, 11, count=9)
        assert follows(restored.entry.position, entry)
        assert entry.season == 3

    def test_a_log_that_has_changed_since_is_left_alone(self, log: Log) -> None:
        log.open_partition(0)
        found = log.head(0)
        answers(log, offer(A, 1, 5))
        moved = log.head(0)
        for head in (found, None):
            assert not log.restore(0, head, restoration(1, {}))
        assert log.head(0) == moved
        assert log.lanes(0, [A]) == [(1, 0)]

    def test_of_two_restorers_the_second_does_nothing(self, log: Log) -> None:
        assert log.restore(0, None, restoration(1, {A: 4}))
        log.append(0, 1, [offer(A, 5, 5)])
        assert not log.restore(0, None, restoration(1, {A: 4}))
        assert log.lanes(0, [A]) == [(5, 4)]

    def test_a_large_fence(self, log: Log) -> None:
        fence = {f"producer-{number}": number for number in range(1, 12_000)}
        assert log.restore(0, None, restoration(1, fence))
        assert log.lanes(0, ["producer-1", "producer-11999"]) == [(1, 1), (11_999, 11_999)]


class TestStagedKeys:
    """What a restore fills beside the log is gone afterwards, or expires."""

    def test_nothing_is_left(self, valkey_url: str) -> None:
        log = RedisLog(valkey_url)
        log.restore(0, None, restoration(1, {A: 4}))
        log.restore(0, None, restoration(2, {A: 4}))
        log.close()
        client = redis.Redis.from_url(valkey_url)
        found = {key.decode(): client.ttl(key) for key in client.keys("*")}
        client.close()
        names = {keys.head(0), keys.fence(0), keys.log(0), keys.archived(0)}
        assert found == dict.fromkeys(names, -1)
