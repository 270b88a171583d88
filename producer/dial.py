"""Opening and closing the client's connection, and telling one error from a group of many."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import SplitResult, urlsplit

import trio

from protocol.errors import ConfigurationError

CONNECT_S = 10.0
"""For TCP, TLS and the session's greeting together, and for a polite end."""

ClientStream = trio.SocketStream | trio.SSLStream[trio.SocketStream]


def checked_address(url: str) -> SplitResult:
    """Return a WebSocket URL's parts.

    Raises:
        ConfigurationError: it is none.
    """
    address = urlsplit(url)
    if address.scheme not in {"ws", "wss"} or not address.hostname:
        raise ConfigurationError(f"{url!r} is not a ws:// or wss:// URL")
    return address


@asynccontextmanager
async def connected(address: SplitResult) -> AsyncIterator[ClientStream]:
    """Hold a TCP or TLS connection; closed by force, as a cut send leaves it unusable.

    Raises:
        OSError: nobody listens there.
        trio.TooSlowError: nobody answers.
    """
    host, secure = address.hostname or "", address.scheme == "wss"
    port = address.port or (443 if secure else 80)
    with trio.fail_after(CONNECT_S):
        stream: ClientStream
        if secure:
            stream = await trio.open_ssl_over_tcp_stream(host, port)
        else:
            stream = await trio.open_tcp_stream(host, port)
    try:
        yield stream
    finally:
        with trio.CancelScope(shield=True):  # closing by force does not wait
            await trio.aclose_forcefully(stream)


def only_error(group: BaseExceptionGroup[BaseException]) -> BaseException | None:
    """Return a group's exception if it is one alone, however deep."""
    if len(group.exceptions) != 1:
        return None
    inner = group.exceptions[0]
    return only_error(inner) if isinstance(inner, BaseExceptionGroup) else inner
