"""The limit of a broker: trio-websocket that receives, decodes and acks, and does nothing else.

Run as a process: ``python -m tests.benchmarks.bare PORT``. It answers Hello with Welcome, each
Publish with an Ack, and ends with its process.
"""

import sys
from functools import partial

import trio
from trio_websocket import ConnectionClosed, WebSocketConnection, wrap_server_stream

from protocol.limits import DEFAULT_LIMITS
from protocol.messages import (
    SUBPROTOCOL_MSGPACK,
    Ack,
    Durability,
    Hello,
    Publish,
    Welcome,
    decode_client_message,
    encode,
)

WELCOME = Welcome("0", 4, "crc32", (), 10_000, 500, Durability.MEMORY, 2**40, 0)


async def converse(socket: WebSocketConnection) -> None:
    """Answer until the peer leaves."""
    while True:
        message = decode_client_message(await socket.get_message(), SUBPROTOCOL_MSGPACK)
        if isinstance(message, Publish):
            through = message.first + len(message.events) - 1
            answer: Ack | Welcome = Ack(message.partition, through, Durability.MEMORY)
        elif isinstance(message, Hello):
            answer = WELCOME
        else:
            return
        await socket.send_message(encode(answer, SUBPROTOCOL_MSGPACK))


async def connection(stream: trio.SocketStream) -> None:
    """Hold one connection."""
    try:
        async with trio.open_nursery() as nursery:
            request = await wrap_server_stream(
                nursery,
                stream,
                message_queue_size=DEFAULT_LIMITS.message_queue,
                max_message_size=DEFAULT_LIMITS.message_bytes,
                receive_buffer_size=None,
            )
            await converse(await request.accept(subprotocol=SUBPROTOCOL_MSGPACK))
            nursery.cancel_scope.cancel()
    except* (ConnectionClosed, OSError):
        pass
    finally:
        with trio.CancelScope(shield=True):
            await trio.aclose_forcefully(stream)


if __name__ == "__main__":
    trio.run(partial(trio.serve_tcp, connection, int(sys.argv[1]), host="127.0.0.1", backlog=1024))
