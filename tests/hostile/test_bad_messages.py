"""Every wrong message gets its named error or refusal, and the other connections notice nothing."""

import socket
import struct
from pathlib import Path

import msgspec
import pytest
import trio
from trio_websocket import ConnectionRejected
from wsproto import ConnectionType, WSConnection
from wsproto.events import BytesMessage, Request

from protocol.errors import ErrorCode, RefusalCode
from protocol.events import EarningReversed, MoneyEarned
from protocol.limits import Limits
from protocol.messages import (
    SUBPROTOCOL_JSON,
    SUBPROTOCOL_MSGPACK,
    Ack,
    Bye,
    Error,
    Gap,
    Hello,
    Message,
    Publish,
    Refused,
    Renew,
    encode,
)
from protocol.money import AMOUNT_MAX
from tests.arena import NOW_MS, Arena, Talk, arena, partition, producer_id, raw_connection
from tests.hostile.conftest import HOME, LIMITS, earned


class TestMessages:
    """What is no message of this protocol ends the session with a named error."""

    @pytest.mark.parametrize(
        ("data", "code", "closes"),
        [
            (b"\x00garbage\xff", ErrorCode.MALFORMED, 1002),
            (b"", ErrorCode.MALFORMED, 1002),
            (b"\x81" * 5_000, ErrorCode.MALFORMED, 1002),
            (msgspec.msgpack.encode({"type": "nonsense"}), ErrorCode.MALFORMED, 1002),
            (msgspec.msgpack.encode({"type": "welcome"}), ErrorCode.MALFORMED, 1002),
            (msgspec.msgpack.encode([1, 2, 3]), ErrorCode.MALFORMED, 1002),
            (
                msgspec.msgpack.encode(
                    {"type": "publish", "partition": "0", "first": 1, "events": []}
                ),
                ErrorCode.MALFORMED,
                1002,
            ),
            (
                msgspec.msgpack.encode(
                    {"type": "publish", "partition": 0, "first": 1, "events": [[0x1F, "x", 1, 1]]}
                ),
                ErrorCode.MALFORMED,
                1002,
            ),
            (
                msgspec.msgpack.encode(
                    {"type": "publish", "partition": 0, "first": 1, "events": [[0x11, "a", 1.5, 1]]}
                ),
                ErrorCode.MALFORMED,
                1002,
            ),
            (
                msgspec.msgpack.encode(
                    {"type": "publish", "partition": 0, "first": 1, "events": [[0x31, 1]]}
                ),
                ErrorCode.MALFORMED,
                1002,
            ),
            ("text", ErrorCode.MALFORMED, 1002),
        ],
        ids=[
            *("garbage", "empty", "nested", "unknown-type", "broker's-message", "not-a-map"),
            *("wrong-type", "unknown-event-version", "float-amount", "reserved-event", "text"),
        ],
    )
    async def test_malformed(
        self, calm: Arena, data: bytes | str, code: ErrorCode, closes: int
    ) -> None:
        async with calm.session() as talk:
            await talk.socket.send_message(data)
            assert (await talk.expect(Error)).code is code
            assert await talk.closed() == closes

    async def test_json_that_is_none(self, calm: Arena) -> None:
        async with calm.session(subprotocol=SUBPROTOCOL_JSON) as talk:
            await talk.socket.send_message('{"type":"publish","partition":')
            assert (await talk.expect(Error)).code is ErrorCode.MALFORMED

    async def test_binary_on_a_json_session(self, calm: Arena) -> None:
        async with calm.session(subprotocol=SUBPROTOCOL_JSON) as talk:
            await talk.socket.send_message(b'{"type":"bye"}')
            assert (await talk.expect(Error)).code is ErrorCode.MALFORMED

    async def test_a_message_over_the_limit_closes_with_1009(self, calm: Arena) -> None:
        async with calm.session() as talk:
            await talk.socket.send_message(b"\0" * (LIMITS.message_bytes + 1))
            assert await talk.closed() == 1009

    @pytest.mark.parametrize("events", [0, LIMITS.batch_events + 1])
    async def test_a_batch_of_no_or_too_many_events(self, calm: Arena, events: int) -> None:
        async with calm.session() as talk:
            await talk.send(Publish(HOME, 1, (earned(),) * events))
            assert (await talk.expect(Error)).code is ErrorCode.TOO_LARGE

    @pytest.mark.parametrize("number", [-1, 4, 2**40])
    async def test_a_partition_that_there_is_not(self, calm: Arena, number: int) -> None:
        async with calm.session() as talk:
            await talk.send(Publish(number, 1, (earned(),)))
            assert (await talk.expect(Error)).code is ErrorCode.PARTITION_UNKNOWN

    @pytest.mark.parametrize("first", [0, -5, 2**53, 2**63 - 1])
    async def test_a_seq_that_cannot_be(self, calm: Arena, first: int) -> None:
        async with calm.session() as talk:
            await talk.send(Publish(HOME, first, (earned(),)))
            assert (await talk.expect(Error)).code is ErrorCode.SEQ_INVALID


class TestOrder:
    """Messages out of their order end the session."""

    @pytest.mark.parametrize("message", [Publish(0, 1, (earned(),)), Bye(), Renew("x")])
    async def test_before_hello(self, calm: Arena, message: Publish | Bye | Renew) -> None:
        async with calm.socket() as socket_:
            talk = Talk(socket_)
            await talk.send(message)
            assert (await talk.expect(Error)).code is ErrorCode.UNEXPECTED_MESSAGE
            assert await talk.closed() == 1002

    async def test_a_second_hello(self, calm: Arena) -> None:
        async with calm.session() as talk:
            await talk.send(Hello(calm.token(), producer_id(1)))
            assert (await talk.expect(Error)).code is ErrorCode.UNEXPECTED_MESSAGE

    async def test_after_bye(self, calm: Arena) -> None:
        async with calm.session() as talk:
            await talk.send(Bye())
            assert await talk.closed() == 1000

    async def test_a_seq_that_jumps_is_a_gap(self, calm: Arena) -> None:
        async with calm.session() as talk:
            await talk.send(Publish(HOME, 7, (earned(),)))
            assert await talk.expect(Gap) == Gap(HOME, 0)
            await talk.send(Publish(HOME, 1, (earned(),)))
            assert (await talk.expect(Ack)).through == 1

    async def test_a_replay_is_acked_and_counted_once(self, calm: Arena) -> None:
        async with calm.session() as talk:
            for _ in range(3):
                await talk.send(Publish(HOME, 1, (earned(), earned())))
                assert (await talk.expect(Ack)).through == 2
        assert calm.money()["alice"] == 10

    async def test_an_overlap_is_trimmed(self, calm: Arena) -> None:
        async with calm.session() as talk:
            await talk.send(Publish(HOME, 1, (earned(amount=1), earned(amount=2))))
            assert (await talk.expect(Ack)).through == 2
            events = (earned(amount=2), earned(amount=4))
            await talk.send(Publish(HOME, 2, events))
            while (await talk.expect(Ack)).through < 3:
                pass
        assert calm.money()["alice"] == 7


class TestRefusals:
    """A wrong event is void and told by its seq; the ones around it go on."""

    @pytest.mark.parametrize(
        ("event", "code"),
        [
            (earned(amount=0), RefusalCode.AMOUNT_NOT_POSITIVE),
            (earned(amount=-5), RefusalCode.AMOUNT_NOT_POSITIVE),
            (earned(amount=AMOUNT_MAX + 1), RefusalCode.AMOUNT_TOO_LARGE),
            (earned(amount=2**63), RefusalCode.AMOUNT_TOO_LARGE),
            (earned("al ice"), RefusalCode.PLAYER_INVALID),
            (earned("x" * 65), RefusalCode.PLAYER_INVALID),
            (earned(""), RefusalCode.PLAYER_INVALID),
            (earned("bob"), RefusalCode.PARTITION_WRONG),
            (earned(at_ms=-1), RefusalCode.TIME_INVALID),
            (earned(at_ms=NOW_MS + 10**9), RefusalCode.TIME_INVALID),
            (MoneyEarned("alice", 5, 0, "x" * 129), RefusalCode.REFERENCE_INVALID),
            (MoneyEarned("alice", 5, 0, "\0"), RefusalCode.REFERENCE_INVALID),
            (EarningReversed("alice", 5, 0), RefusalCode.SCOPE),
        ],
        ids=lambda value: value.value if isinstance(value, RefusalCode) else "",
    )
    async def test_a_wrong_event(
        self, calm: Arena, event: MoneyEarned | EarningReversed, code: RefusalCode
    ) -> None:
        assert partition("bob") != HOME
        async with calm.session() as talk:
            for _ in range(2):  # a resend is told the same
                await talk.send(Publish(HOME, 1, (earned(), event, earned())))
                assert await talk.expect(Refused) == Refused(HOME, 2, code)
                assert (await talk.expect(Ack)).through == 3
        assert calm.money()["alice"] == 10

    async def test_an_unknown_player(self, calm: Arena) -> None:
        async with calm.session() as talk:
            await talk.send(Publish(partition("nobody"), 1, (earned("nobody"),)))
            assert (await talk.expect(Refused)).code is RefusalCode.PLAYER_UNKNOWN

    async def test_another_player_with_a_players_own_token(self, calm: Arena) -> None:
        token = calm.token("bob", "earn")
        async with calm.session(token=token) as talk:
            await talk.send(Publish(HOME, 1, (earned("alice"),)))
            assert (await talk.expect(Refused)).code is RefusalCode.PLAYER_FOREIGN
            await talk.send(Publish(partition("bob"), 1, (earned("bob"),)))
            assert (await talk.expect(Ack)).partition in {HOME, partition("bob")}
        assert "alice" not in calm.money()


class TestSockets:
    """What is no WebSocket of ours is turned away, and takes nothing with it."""

    @pytest.mark.parametrize("offered", ["moneyboard.v9.msgpack", "chat"])
    async def test_an_unknown_subprotocol_is_rejected(self, calm: Arena, offered: str) -> None:
        with pytest.raises(ExceptionGroup) as rejected:
            async with calm.socket(offered):
                pytest.fail("accepted")
        assert rejected.group_contains(ConnectionRejected)

    async def test_garbage_then_a_reset(self, calm: Arena) -> None:
        def attack() -> None:
            for _ in range(200):
                with raw_connection(calm.port) as peer:
                    peer.sendall(b"GARBAGE\r\n\r\n")
                    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

        await trio.to_thread.run_sync(attack, limiter=trio.CapacityLimiter(1))
        async with calm.session() as talk:
            await talk.send(Publish(HOME, 1, (earned(),)))
            assert (await talk.expect(Ack)).through == 1

    async def test_a_plain_http_request(self, calm: Arena) -> None:
        def ask() -> bytes:
            with raw_connection(calm.port) as peer:
                peer.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                return peer.recv(100)

        answer = await trio.to_thread.run_sync(ask, limiter=trio.CapacityLimiter(1))
        assert answer == b"" or answer.startswith(b"HTTP/1.1 4")


async def test_a_silent_handshake_and_a_silent_hello_are_cut(tmp_path: Path) -> None:
    limits = Limits(handshake_s=0.2, hello_s=0.2)

    def wait_for_end(port: int) -> bytes:
        with raw_connection(port) as peer:
            peer.sendall(b"GET / HTTP/1.1\r\n")
            return peer.recv(100)

    async with arena(tmp_path, limits=limits) as found:
        limiter = trio.CapacityLimiter(1)
        assert await trio.to_thread.run_sync(wait_for_end, found.port, limiter=limiter) == b""
        async with found.socket() as socket_:
            assert (await Talk(socket_).expect(Error)).code is ErrorCode.TIMEOUT


async def test_a_peer_that_never_reads_is_bounded_and_cut(tmp_path: Path) -> None:
    limits = Limits(window_events=100, batch_events=50, flush_events=50, send_s=0.5)
    bound = 3 * limits.window_events
    async with arena(tmp_path, limits=limits) as found:
        stream = await trio.open_tcp_stream("127.0.0.1", found.port)
        peer = WSConnection(ConnectionType.CLIENT)
        offer = [SUBPROTOCOL_MSGPACK]
        await stream.send_all(peer.send(Request(host="x", target="/", subprotocols=offer)))
        peer.receive_data(await stream.receive_some())
        list(peer.events())

        async def send(message: Message) -> None:
            data = encode(message, SUBPROTOCOL_MSGPACK)
            assert isinstance(data, bytes)
            await stream.send_all(peer.send(BytesMessage(data)))

        await send(Hello(found.token(), producer_id(1)))
        pending = 0

        async def flood() -> None:
            nonlocal pending
            for first in range(1, 10**7, 50):
                await send(Publish(HOME, first, (earned(amount=0),) * 50))
                for session in found.broker.sessions:
                    pending = max(pending, session._answers.refusals)

        with trio.fail_after(30), pytest.raises(trio.BrokenResourceError):
            await flood()
        await trio.aclose_forcefully(stream)
        assert 0 < pending <= bound


async def test_a_silent_producer_is_cut(tmp_path: Path) -> None:
    limits = Limits(window_events=100, batch_events=50, flush_events=50, idle_s=0.3)
    async with arena(tmp_path, limits=limits) as found, found.session() as talk:
        await talk.send(Publish(HOME, 1, (earned(),)))
        assert (await talk.expect(Ack)).through == 1
        assert (await talk.expect(Error)).code is ErrorCode.TIMEOUT


async def test_connections_from_one_address_are_bounded(tmp_path: Path) -> None:
    async with arena(tmp_path, limits=Limits(connections_an_address=2)) as found:
        async with found.socket(), found.socket():
            with pytest.raises(ExceptionGroup) as rejected:
                async with found.socket():
                    pytest.fail("accepted")
            assert rejected.group_contains(ConnectionRejected)
        async with found.session():
            pass


def test_encoding_is_what_the_subprotocol_says() -> None:
    assert isinstance(encode(Bye(), SUBPROTOCOL_MSGPACK), bytes)
    assert isinstance(encode(Bye(), SUBPROTOCOL_JSON), str)
