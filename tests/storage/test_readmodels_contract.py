"""The read models' laws, on real Valkey and on their twin in memory."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest
import redis

from protocol.events import MoneyEarned, Piece, encode_piece
from protocol.log import GENESIS, Position
from protocol.money import SUM_LIMIT
from storage import keys
from storage.log import Log, Offered
from storage.log_memory import MemoryLog
from storage.log_redis import RedisLog
from storage.readmodels import (
    Applied,
    Changes,
    Checkpoint,
    Contents,
    ReadModels,
    SeasonChanges,
)
from storage.readmodels_memory import MemoryReadModels
from storage.readmodels_redis import RedisReadModels

A = "018f0000-0000-7000-8000-00000000000a"


class Store(NamedTuple):
    log: Log
    models: ReadModels


@pytest.fixture(params=["memory", "valkey"])
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    if request.param == "memory":
        log: Log = MemoryLog(4)
        yield Store(log, MemoryReadModels(log))
        return
    url = request.getfixturevalue("valkey_url")
    log, models = RedisLog(url), RedisReadModels(url)
    yield Store(log, models)
    log.close()
    models.close()


def grow(log: Log, seq: int, amount: int = 5) -> Checkpoint:
    """Append one earning; return the checkpoint after it."""
    log.open_partition(0)
    data = encode_piece(Piece(A, seq, seq, (MoneyEarned("p", amount, 0),)))
    log.append(0, 0, [Offered(A, seq, seq, data)])
    head = log.head(0)
    assert head is not None
    return Checkpoint(head.position, head.season, head.time_ms, head.incarnation)


def earned(money: dict[str, int], season: int = 1, prizes: dict[str, int] | None = None) -> Changes:
    changes = SeasonChanges(money, sum(money.values()), len(money))
    return Changes({season: changes}, prizes or {})


class TestApply:
    """Changes and checkpoint move together, from the checkpoint that was read, or not at all."""

    def test_changes_add_up(self, store: Store) -> None:
        first = grow(store.log, 1)
        second = grow(store.log, 2)
        assert store.models.checkpoint(0) is None
        assert (
            store.models.apply(0, Checkpoint(), first, earned({"p": 5, "q": 7})) is Applied.APPLIED
        )
        assert (
            store.models.apply(0, first, second, earned({"p": -2}, prizes={"p": 3}))
            is Applied.APPLIED
        )
        assert store.models.checkpoint(0) == second
        assert store.models.board(0, 1) == {"p": 3, "q": 7}
        assert store.models.totals(0, 1) == (10, 3)
        assert store.models.prizes(0) == {"p": 3}

    def test_a_batch_is_applied_once(self, store: Store) -> None:
        first = grow(store.log, 1)
        store.models.apply(0, Checkpoint(), first, earned({"p": 5}))
        again = store.models.apply(0, Checkpoint(), first, earned({"p": 5}))
        assert again is Applied.CHECKPOINT_MOVED
        assert store.models.board(0, 1) == {"p": 5}

    @pytest.mark.parametrize(
        "stale",
        [
            Checkpoint(Position(1, "f" * 40)),
            Checkpoint(Position(2, "f" * 40)),
        ],
    )
    def test_another_checkpoint_applies_nothing(self, store: Store, stale: Checkpoint) -> None:
        first, second = grow(store.log, 1), grow(store.log, 2)
        store.models.apply(0, Checkpoint(), first, earned({"p": 5}))
        found = store.models.apply(0, stale, second, earned({"p": 5}))
        assert found is Applied.CHECKPOINT_MOVED
        assert store.models.checkpoint(0) == first

    def test_partitions_and_seasons_are_apart(self, store: Store) -> None:
        first = grow(store.log, 1)
        both = Changes({1: SeasonChanges({"p": 5}, 5, 1), 2: SeasonChanges({"p": 6}, 6, 1)}, {})
        store.models.apply(0, Checkpoint(), first, both)
        assert store.models.board(0, 1) == {"p": 5}
        assert store.models.board(0, 2) == {"p": 6}
        assert store.models.board(1, 1) == {}
        store.models.drop_season(0, 1)
        assert store.models.board(0, 1) == {}
        assert store.models.totals(0, 1) == (0, 0)
        assert store.models.board(0, 2) == {"p": 6}

    def test_the_beginning_can_be_written_before_the_first_record(self, store: Store) -> None:
        store.log.open_partition(0)
        beginning = Checkpoint()
        assert store.models.apply(0, beginning, beginning, Changes({}, {})) is Applied.APPLIED
        assert store.models.checkpoint(0) == beginning


class TestLogCheck:
    """Nothing is applied that the log does not hold with the same chain."""

    @pytest.mark.parametrize("past", [0, 1])
    def test_another_chain(self, store: Store, past: int) -> None:
        first = grow(store.log, 1)
        for seq in range(2, 2 + past):
            grow(store.log, seq)
        other = Checkpoint(Position(first.position.n, "f" * 40), 1, first.time_ms)
        assert store.models.apply(0, Checkpoint(), other, earned({"p": 5})) is Applied.LOG_DIFFERS
        assert store.models.checkpoint(0) is None

    def test_a_log_that_is_behind(self, store: Store) -> None:
        grow(store.log, 1)
        ahead = Checkpoint(Position(9, "f" * 40))
        assert store.models.apply(0, Checkpoint(), ahead, earned({})) is Applied.LOG_DIFFERS

    def test_another_incarnation(self, store: Store) -> None:
        first = grow(store.log, 1)
        other = Checkpoint(first.position, 1, first.time_ms, incarnation=3)
        assert store.models.apply(0, Checkpoint(), other, earned({})) is Applied.LOG_DIFFERS

    def test_a_partition_without_a_log(self, store: Store) -> None:
        ahead = Checkpoint(GENESIS)
        assert store.models.apply(2, Checkpoint(), ahead, earned({})) is Applied.LOG_DIFFERS


class TestSums:
    """Sums stay exact below 2^53 and stop before it."""

    def _fill(self, store: Store, *amounts: int) -> Iterator[Applied]:
        before = Checkpoint()
        for seq, amount in enumerate(amounts, 1):
            after = grow(store.log, seq)
            applied = store.models.apply(0, before, after, earned({"p": amount}))
            yield applied
            before = after if applied is Applied.APPLIED else before

    def test_the_greatest_sum_is_exact(self, store: Store) -> None:
        assert list(self._fill(store, SUM_LIMIT - 2, 1)) == [Applied.APPLIED, Applied.APPLIED]
        assert store.models.board(0, 1) == {"p": SUM_LIMIT - 1}

    def test_one_more_applies_nothing(self, store: Store) -> None:
        found = list(self._fill(store, SUM_LIMIT - 1, 1))
        assert found == [Applied.APPLIED, Applied.SUM_TOO_LARGE]
        assert store.models.board(0, 1) == {"p": SUM_LIMIT - 1}

    def test_what_was_taken_back_makes_room(self, store: Store) -> None:
        found = list(self._fill(store, SUM_LIMIT - 1, -5, 3))
        assert found == [Applied.APPLIED] * 3
        assert store.models.board(0, 1) == {"p": SUM_LIMIT - 3}


def _damage_head(client: "redis.Redis") -> None:
    client.hset(keys.head(0), "chain", "f" * 40)


def _drop_head(client: "redis.Redis") -> None:
    client.delete(keys.head(0))


@pytest.mark.parametrize("damage", [_damage_head, _drop_head])
def test_a_damaged_head_applies_nothing(
    valkey_url: str, damage: Callable[["redis.Redis"], None]
) -> None:
    log, models = RedisLog(valkey_url), RedisReadModels(valkey_url)
    first = grow(log, 1)
    client = redis.Redis.from_url(valkey_url)
    damage(client)
    assert models.apply(0, Checkpoint(), first, earned({"p": 5})) is Applied.LOG_DIFFERS
    for closable in (client, log, models):
        closable.close()


class TestAnotherLog:
    """A batch of a log that is no more, whose numbers others have taken and lost to trimming."""

    def test_a_trimmed_end_is_only_believed_of_the_archive(self, store: Store) -> None:
        stale = grow(store.log, 1, amount=5)
        lost = Checkpoint(Position(1, "f" * 40), time_ms=stale.time_ms)
        second = grow(store.log, 2)
        store.log.mark_archived(0, 0, second.position, {A: 2})
        store.log.trim(0, 1)
        before = Checkpoint()
        assert store.models.apply(0, before, lost, earned({"p": 5})) is Applied.LOG_DIFFERS
        assert store.models.apply(0, before, stale, earned({"p": 5})) is Applied.LOG_DIFFERS
        found = store.models.apply(0, before, stale, earned({"p": 5}), archived=True)
        assert found is Applied.APPLIED


class TestReplace:
    """Read models are replaced whole, only in place of those that were found."""

    NEW = Checkpoint(Position(9, "c" * 40), season=3, time_ms=7, incarnation=1)
    CONTENTS = Contents(
        {2: SeasonChanges({"p": 5, "q": -1}, 4, 2), 3: SeasonChanges({}, 0, 0)}, {"p": 3}
    )

    def check(self, models: ReadModels) -> None:
        assert models.checkpoint(0) == self.NEW
        assert models.board(0, 2) == {"p": 5, "q": -1}
        assert models.totals(0, 2) == (4, 2)
        assert (models.board(0, 3), models.totals(0, 3)) == ({}, (0, 0))
        assert models.prizes(0) == {"p": 3}

    def test_what_was_missing(self, store: Store) -> None:
        assert store.models.replace(0, None, self.NEW, self.CONTENTS)
        self.check(store.models)

    def test_what_stood(self, store: Store) -> None:
        first = grow(store.log, 1)
        store.models.apply(0, Checkpoint(), first, earned({"z": 5}, season=2, prizes={"z": 1}))
        store.models.apply(0, first, grow(store.log, 2), earned({"z": 5}, season=3))
        before = store.models.checkpoint(0)
        assert store.models.replace(0, before, self.NEW, self.CONTENTS)
        self.check(store.models)

    def test_what_has_moved_is_left_alone(self, store: Store) -> None:
        first = grow(store.log, 1)
        store.models.apply(0, Checkpoint(), first, earned({"z": 5}))
        for before in (None, Checkpoint(), self.NEW):
            assert not store.models.replace(0, before, self.NEW, self.CONTENTS)
        assert store.models.checkpoint(0) == first
        assert store.models.board(0, 1) == {"z": 5}

    def test_a_large_board(self, store: Store) -> None:
        money = {f"player-{number}": number for number in range(12_000)}
        contents = Contents({1: SeasonChanges(money, sum(money.values()), 12_000)}, money)
        assert store.models.replace(0, None, self.NEW, contents)
        assert store.models.board(0, 1) == money
        assert store.models.prizes(0) == money
