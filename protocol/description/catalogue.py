"""Every message and event of the protocol, with who sends it, as the other descriptions use it."""

from typing import get_args

from msgspec import Struct

from protocol.events import Event
from protocol.messages import BrokerMessage, ClientMessage, Message
from protocol.session import Role

SENDERS: dict[type[Message], Role] = {
    **dict.fromkeys(get_args(ClientMessage), Role.CLIENT),
    **dict.fromkeys(get_args(BrokerMessage), Role.BROKER),
}
"""Message to its sender, in the order of the specification."""

EVENTS: tuple[type[Event], ...] = get_args(Event)
"""All events that a log may hold."""


def tag_of(kind: type[Struct]) -> str | int:
    """Return what tells this type from the others on the wire."""
    tag = kind.__struct_config__.tag
    assert tag is not None  # noqa: S101 - every message and event has one
    return tag


def event_version(kind: type[Event]) -> int:
    """Return an event's version: its tag is kind * 16 + version."""
    return int(tag_of(kind)) % 16
