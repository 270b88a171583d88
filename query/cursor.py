"""Cursors: where a page ended, opaque to clients. Pure."""

from base64 import urlsafe_b64decode, urlsafe_b64encode

import msgspec
from msgspec import Struct

from protocol.identity import is_player_id
from protocol.money import SUM_LIMIT
from query.limits import CURSOR_MAX


class CursorError(Exception):
    """The text is no cursor of this kind."""


class BoardCursor(Struct, frozen=True, array_like=True, tag="b"):
    """The last player of a board's page: the next one begins behind (money, player)."""

    season: int
    money: int
    player: str


class StandingsCursor(Struct, frozen=True, array_like=True, tag="s"):
    """How many standings the pages so far have shown."""

    season: int
    offset: int


def encode(cursor: BoardCursor | StandingsCursor) -> str:
    """Return a cursor as text for a URL."""
    return urlsafe_b64encode(msgspec.msgpack.encode(cursor)).decode().rstrip("=")


def decode(text: str) -> BoardCursor | StandingsCursor:
    """Read a cursor.

    Raises:
        CursorError: it is none.
    """
    if len(text) > CURSOR_MAX:
        raise CursorError
    try:
        data = urlsafe_b64decode(text + "=" * (-len(text) % 4))
        found = msgspec.msgpack.decode(data, type=BoardCursor | StandingsCursor)
    except (ValueError, msgspec.DecodeError) as error:
        raise CursorError from error
    if isinstance(found, BoardCursor) and not (
        is_player_id(found.player) and abs(found.money) < SUM_LIMIT
    ):
        raise CursorError
    if isinstance(found, StandingsCursor) and not 0 <= found.offset < 2**31:
        raise CursorError
    return found
