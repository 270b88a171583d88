"""The client over real sockets: exactly once, whatever connections do."""

from pathlib import Path

import pytest
import trio

from producer.client import connect
from producer.refusal import SessionRefusedError
from protocol.errors import ErrorCode, RefusalCode
from protocol.events import MoneyEarned
from protocol.log import Position
from protocol.messages import SUBPROTOCOL_JSON, SUBPROTOCOL_MSGPACK, Refused
from tests.arena import PARTITIONS, Arena, arena, partition, producer_id


def archive_everything(found: Arena, producer: str) -> None:
    """Mark all of the log as archived."""
    for k in range(PARTITIONS):
        head = found.log.head(k)
        assert head is not None
        last, _ = found.log.lanes(k, [producer])[0]
        found.log.mark_archived(k, 0, Position(head.position.n, "x"), {producer: last})


class TestDelivery:
    """What was taken is in the log once, in order."""

    @pytest.mark.parametrize("subprotocol", [SUBPROTOCOL_MSGPACK, SUBPROTOCOL_JSON])
    async def test_earnings_are_in_the_log_after_flush(
        self, tmp_path: Path, subprotocol: str
    ) -> None:
        async with (
            arena(tmp_path) as found,
            connect(found.url, found.token(), subprotocol=subprotocol) as money,
        ):
            for amount in range(1, 101):
                await money.earn("alice", amount)
                await money.earn("bob", 1)
            await money.flush()
            assert money.unacked == 0
            assert found.money() == {"alice": 5050, "bob": 100}

    async def test_leaving_the_block_flushes(self, tmp_path: Path) -> None:
        async with arena(tmp_path) as found:
            async with connect(found.url, found.token()) as money:
                await money.publish_many([MoneyEarned("alice", 5, 0)] * 2_000)
            assert found.money() == {"alice": 10_000}

    async def test_the_same_outbox_again_adds_nothing(self, tmp_path: Path) -> None:
        async with arena(tmp_path) as found:
            for _ in range(2):
                async with connect(found.url, found.token(), producer=producer_id(7)) as money:
                    await money.publish_many([MoneyEarned("alice", 5, 0)] * 700)
            assert found.money() == {"alice": 3_500}

    async def test_what_is_archived_is_not_sent_again(self, tmp_path: Path) -> None:
        async with arena(tmp_path) as found:
            for round_ in range(2):
                async with connect(found.url, found.token(), producer=producer_id(7)) as money:
                    await money.publish_many([MoneyEarned("alice", 5, 0)] * 30)
                    if round_:
                        assert money.unarchived == 0
                archive_everything(found, producer_id(7))
            assert found.money() == {"alice": 150}

    async def test_archived_waits_for_the_archive(self, tmp_path: Path) -> None:
        async with (
            arena(tmp_path) as found,
            connect(found.url, found.token(), producer=producer_id(7)) as money,
        ):
            await money.earn("alice", 5)
            await money.flush()
            assert money.unarchived == 1
            archive_everything(found, producer_id(7))
            with trio.fail_after(5):
                await money.archived()
            assert money.unarchived == 0

    async def test_earn_waits_while_too_much_is_unarchived(self, tmp_path: Path) -> None:
        async with (
            arena(tmp_path) as found,
            connect(found.url, found.token(), producer=producer_id(7), unarchived_max=10) as money,
            trio.open_nursery() as nursery,
        ):
            nursery.start_soon(money.publish_many, [MoneyEarned("alice", 5, 0)] * 15)
            with trio.fail_after(5):
                while found.money() != {"alice": 50}:
                    await trio.lowlevel.checkpoint()
            assert money.unarchived == 10
            archive_everything(found, producer_id(7))
            with trio.fail_after(5):
                while found.money() != {"alice": 75}:
                    await trio.lowlevel.checkpoint()

    async def test_a_rolling_restart_loses_and_doubles_nothing(self, tmp_path: Path) -> None:
        async with arena(tmp_path) as first, connect(first.url, first.token()) as money:
            await money.publish_many([MoneyEarned("alice", 1, 0)] * 3_000)
            first.shutdown.set()
            with trio.fail_after(5):
                await first.stopped.wait()
            await money.publish_many([MoneyEarned("alice", 1, 0)] * 500)
            async with arena(tmp_path, log=first.log, port=first.port):
                with trio.fail_after(10):
                    await money.flush()
                assert money.sessions == 2
                assert first.money() == {"alice": 3_500}


class TestRefusal:
    """Refused earnings are told one by one; a refused session is raised."""

    async def test_refused_earnings(self, tmp_path: Path) -> None:
        told: list[Refused] = []
        async with arena(tmp_path) as found:
            async with connect(found.url, found.token(), on_refused=told.append) as money:
                await money.earn("alice", 5)
                await money.earn("alice", 0)
                await money.earn("nobody", 5)
                await money.earn("alice", 6)
            assert found.money() == {"alice": 11}
        codes = {item.code: (item.partition, item.seq) for item in told}
        assert codes[RefusalCode.AMOUNT_NOT_POSITIVE] == (partition("alice"), 2)
        assert codes[RefusalCode.PLAYER_UNKNOWN][0] == partition("nobody")
        assert money.refused == 2

    async def test_a_wrong_token_is_raised(self, tmp_path: Path) -> None:
        async with arena(tmp_path) as found:
            with pytest.raises(SessionRefusedError) as refused:
                async with connect(found.url, "not a token"):
                    pytest.fail("entered")
            assert refused.value.code is ErrorCode.TOKEN_INVALID

    async def test_a_producer_of_another_subject_is_raised(self, tmp_path: Path) -> None:
        async with arena(tmp_path) as found:
            async with connect(found.url, found.token("game-1"), producer=producer_id(7)):
                pass
            with pytest.raises(SessionRefusedError, match="producer-foreign"):
                async with connect(found.url, found.token("game-2"), producer=producer_id(7)):
                    pytest.fail("entered")

    async def test_an_expired_token_is_replaced_where_a_function_gives_one(
        self, tmp_path: Path
    ) -> None:
        async with arena(tmp_path) as found:
            lifetimes = iter([-100, 60])

            def token() -> str:
                return found.token(lifetime_s=next(lifetimes))

            async with connect(found.url, token) as money:
                await money.earn("alice", 5)
            assert found.money() == {"alice": 5}
