"""The HTTP upgrade that a WebSocket begins with (RFC 6455, section 4). Pure.

Heads are built from lines and read into lines, so that wrong ones can be written as easily.
"""

from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from hashlib import sha1

from msgspec import Struct

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
KEY = b64encode(bytes(range(16))).decode()
"""The suite's own Sec-WebSocket-Key: 16 bytes; that it is always the same tells a cache, too."""

KEY_BYTES = 16
VERSION = "13"
END = b"\r\n\r\n"
HEAD_BYTES_MAX = 64 * 1024
SWITCHING = 101


class Head(Struct, frozen=True):
    """A request's or an answer's head.

    Attributes:
        first: the first line.
        headers: names in lower case; the values of a repeated header are joined by commas.
    """

    first: str
    headers: dict[str, str]

    @property
    def status(self) -> int:
        """An answer's status, 0 where the first line is none of an answer."""
        words = self.first.split()
        is_answer = len(words) > 1 and words[0].startswith("HTTP/") and words[1].isdecimal()
        return int(words[1]) if is_answer else 0

    def words(self, name: str) -> list[str]:
        """Return the comma-separated words of a header."""
        return [word.strip() for word in self.headers.get(name, "").split(",") if word.strip()]


def parse(data: bytes) -> Head:
    """Read a head, without the empty line at its end."""
    first, *lines = data.decode("latin-1").split("\r\n")
    headers: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        key = name.strip().lower()
        headers[key] = f"{headers[key]}, {value.strip()}" if key in headers else value.strip()
    return Head(first, headers)


def accept_of(key: str) -> str:
    """Return the Sec-WebSocket-Accept that belongs to a key."""
    digest = sha1(key.encode("latin-1") + GUID, usedforsecurity=False).digest()
    return b64encode(digest).decode()


def request(
    host: str,
    path: str,
    subprotocols: tuple[str, ...],
    *,
    line: str = "",
    **changes: str | None,
) -> bytes:
    """Write a request.

    Args:
        host: the Host header.
        path: what is asked for.
        subprotocols: offered; none leaves the header out.
        line: the first line, in place of the right one.
        changes: headers by their names with ``_`` for ``-``; None leaves one out.
    """
    headers: dict[str, str | None] = {
        "host": host,
        "upgrade": "websocket",
        "connection": "Upgrade",
        "sec-websocket-key": KEY,
        "sec-websocket-version": VERSION,
        "sec-websocket-protocol": ", ".join(subprotocols) or None,
    }
    headers |= {name.replace("_", "-"): value for name, value in changes.items()}
    return written(line or f"GET {path} HTTP/1.1", headers)


def answer(head: Head, subprotocol: str, **changes: str | None) -> bytes:
    """Write the answer that accepts a request; ``changes`` as for ``request``."""
    headers: dict[str, str | None] = {
        "upgrade": "websocket",
        "connection": "Upgrade",
        "sec-websocket-accept": accept_of(head.headers.get("sec-websocket-key", "")),
        "sec-websocket-protocol": subprotocol,
    }
    headers |= {name.replace("_", "-"): value for name, value in changes.items()}
    return written("HTTP/1.1 101 Switching Protocols", headers)


def written(line: str, headers: dict[str, str | None]) -> bytes:
    """Write a head; headers that are None are left out."""
    lines = [line, *(f"{name}: {value}" for name, value in headers.items() if value is not None)]
    return "\r\n".join(lines).encode("latin-1") + END


def wrong_request(head: Head) -> str:
    """Return what is wrong with a client's request, nothing when it is right."""
    method, _, rest = head.first.partition(" ")
    rules = (
        (method == "GET" and rest.endswith(" HTTP/1.1"), f"the first line is {head.first!r}"),
        ("host" in head.headers, "there is no Host"),
        (head.headers.get("upgrade", "").lower() == "websocket", "Upgrade is not websocket"),
        (
            "upgrade" in (word.lower() for word in head.words("connection")),
            "Connection does not name Upgrade",
        ),
        (head.headers.get("sec-websocket-version") == VERSION, "the version is not 13"),
        (_is_key(head.headers.get("sec-websocket-key", "")), "the key is not 16 bytes in base64"),
    )
    return next((text for holds, text in rules if not holds), "")


def wrong_answer(head: Head, offered: tuple[str, ...]) -> str:
    """Return what is wrong with a broker's answer that accepts the suite's request."""
    chosen = head.headers.get("sec-websocket-protocol")
    rules = (
        (head.status == SWITCHING, f"the status is {head.status}, not 101"),
        (head.headers.get("upgrade", "").lower() == "websocket", "Upgrade is not websocket"),
        (
            "upgrade" in (word.lower() for word in head.words("connection")),
            "Connection does not name Upgrade",
        ),
        (
            head.headers.get("sec-websocket-accept") == accept_of(KEY),
            "Sec-WebSocket-Accept does not belong to the key",
        ),
        (chosen in offered, f"the subprotocol {chosen!r} was not offered"),
        (
            "sec-websocket-extensions" not in head.headers,
            "an extension is used that was not offered",
        ),
    )
    return next((text for holds, text in rules if not holds), "")


def _is_key(text: str) -> bool:
    try:
        return len(b64decode(text, validate=True)) == KEY_BYTES
    except (Base64Error, ValueError):
        return False
