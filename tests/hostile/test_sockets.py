"""What a WebSocket peer can see of the broker, and two sessions of one producer."""

from contextlib import suppress
from pathlib import Path

import trio
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, Ping, Pong, Request
from wsproto.extensions import PerMessageDeflate

from protocol.limits import DEFAULT_LIMITS, Limits
from protocol.messages import SUBPROTOCOL_MSGPACK, Ack, Gap, Publish, Refused
from tests.arena import Arena, arena, producer_id
from tests.hostile.conftest import HOME, earned


async def opened(found: Arena, peer: WSConnection, request: Request) -> trio.SocketStream:
    """Send an upgrade by hand; return the stream it goes over."""
    stream = await trio.open_tcp_stream("127.0.0.1", found.port)
    await stream.send_all(peer.send(request))
    peer.receive_data(await stream.receive_some())
    return stream


class TestUpgrade:
    """What is negotiated is the subprotocol, and nothing else."""

    async def test_deflate_is_not_negotiated(self, calm: Arena) -> None:
        peer = WSConnection(ConnectionType.CLIENT)
        offer = Request(
            host="x",
            target="/",
            subprotocols=[SUBPROTOCOL_MSGPACK],
            extensions=[PerMessageDeflate()],
        )
        stream = await opened(calm, peer, offer)
        (accepted,) = peer.events()
        assert isinstance(accepted, AcceptConnection)
        assert accepted.extensions == []
        assert accepted.subprotocol == SUBPROTOCOL_MSGPACK
        await trio.aclose_forcefully(stream)

    async def test_a_ping_is_answered(self, calm: Arena) -> None:
        peer = WSConnection(ConnectionType.CLIENT)
        request = Request(host="x", target="/", subprotocols=[SUBPROTOCOL_MSGPACK])
        stream = await opened(calm, peer, request)
        list(peer.events())
        await stream.send_all(peer.send(Ping(b"are you there")))
        with trio.fail_after(5):
            peer.receive_data(await stream.receive_some())
        assert list(peer.events()) == [Pong(b"are you there")]
        await trio.aclose_forcefully(stream)

    async def test_too_many_frames_without_a_message_are_cut(self, calm: Arena) -> None:
        peer = WSConnection(ConnectionType.CLIENT)
        request = Request(host="x", target="/", subprotocols=[SUBPROTOCOL_MSGPACK])
        stream = await opened(calm, peer, request)
        list(peer.events())
        pings = b"".join(peer.send(Ping()) for _ in range(DEFAULT_LIMITS.idle_frames + 1))
        with trio.fail_after(5), suppress(trio.BrokenResourceError):
            await stream.send_all(pings)
            while await stream.receive_some():
                pass
        await trio.aclose_forcefully(stream)


class TestTwoSessions:
    """A producer may have two sessions; the log takes each event once, whoever sends it."""

    async def test_the_lane_is_one(self, calm: Arena) -> None:
        async with calm.session() as first, calm.session() as second:
            await first.send(Publish(HOME, 1, (earned(), earned())))
            assert (await first.expect(Ack)).through == 2
            await second.send(Publish(HOME, 1, (earned(), earned(), earned())))
            assert (await second.expect(Ack)).through == 3
            await first.send(Publish(HOME, 5, (earned(),)))
            assert (await first.expect(Gap)).last == 3
            await first.send(Publish(HOME, 4, (earned(),)))
            assert (await first.expect(Ack)).through == 4
        assert calm.money()["alice"] == 20


class TestRate:
    """A sender above its rate is slowed, never refused."""

    async def test_the_second_batch_waits(self, tmp_path: Path) -> None:
        limits = Limits(rate_events=100, batch_events=100)
        async with arena(tmp_path, limits=limits) as found, found.session(producer_id(1)) as talk:
            begun = trio.current_time()
            for first in (1, 101, 201):
                await talk.send(Publish(HOME, first, (earned(),) * 100))
            through = 0
            while through < 300:
                through = (await talk.expect(Ack)).through
            assert trio.current_time() - begun > 1.9

    async def test_refused_events_are_slower(self, tmp_path: Path) -> None:
        limits = Limits(rate_refused=100, batch_events=100)
        async with arena(tmp_path, limits=limits) as found, found.session(producer_id(1)) as talk:
            begun = trio.current_time()
            for first in (1, 101, 201):
                await talk.send(Publish(HOME, first, (earned(amount=0),) * 100))
            refused = 0
            while refused < 300:
                refused += isinstance(await talk.receive(), Refused)
            assert trio.current_time() - begun > 1.9
