"""What a released version of the protocol was, and whether this code still honours it. Pure.

The rules of evolution, for all that was ever released as ``moneyboard.v1``:

- A message keeps its type, its sender and its fields with their types; a field that was required
  stays so, one with a default keeps it. New fields have defaults.
- An event keeps its tag and its elements in their order; new ones are appended and have defaults.
  A tag is never used for another event. What needs more is a new version of the event.
- Every step of the session's table stays allowed; states and messages may be added.
- Codes, subprotocols and the partition hash stay.
- The golden vectors of the release decode to the same values, and what it refused is refused.
"""

from typing import Any

import msgspec
from msgspec import Struct

from protocol.description.catalogue import EVENTS, SENDERS, tag_of
from protocol.description.vectors import vectors
from protocol.errors import ErrorCode, RefusalCode
from protocol.log import FORMAT_VERSION
from protocol.messages import SUBPROTOCOLS, Durability
from protocol.partition import HASH_NAME
from protocol.session import TABLE

Description = dict[str, Any]
"""A release as JSON: ``describe`` makes it, ``breaks`` reads it."""


def describe() -> Description:
    """Describe the protocol as this code has it."""
    return {
        "subprotocols": list(SUBPROTOCOLS),
        "hash": HASH_NAME,
        "entry_format": FORMAT_VERSION,
        "messages": {
            str(tag_of(kind)): {
                "name": kind.__name__,
                "sender": role.value,
                "fields": _fields(kind),
            }
            for kind, role in SENDERS.items()
        },
        "events": {
            str(tag_of(kind)): {"name": kind.__name__, "fields": _fields(kind)} for kind in EVENTS
        },
        "steps": [
            [role.value, before.value, str(tag_of(kind)), after.value]
            for role, rows in TABLE.items()
            for before, row in rows.items()
            for kind, after in row.items()
        ],
        "codes": {
            enum.__name__: [str(member.value) for member in enum]
            for enum in (ErrorCode, RefusalCode, Durability)
        },
        "vectors": vectors(),
    }


def breaks(released: Description, current: Description) -> list[str]:
    """Return how the current description breaks a released one, a line each; none is well."""
    found = [
        f"{key} was {released[key]!r}"
        for key in ("hash", "entry_format")
        if current[key] != released[key]
    ]
    found += _missing("subprotocol", released["subprotocols"], current["subprotocols"])
    for enum, codes in released["codes"].items():
        found += _missing(enum, codes, current["codes"].get(enum, []))
    found += _missing("step", released["steps"], current["steps"])
    for tag, message in released["messages"].items():
        found += _message_breaks(tag, message, current["messages"].get(tag))
    for tag, event in released["events"].items():
        found += _event_breaks(tag, event, current["events"].get(tag))
    return found


def _missing(what: str, released: list[Any], current: list[Any]) -> list[str]:
    return [f"{what} {item!r} is gone" for item in released if item not in current]


def _message_breaks(tag: str, released: Description, current: Description | None) -> list[str]:
    if current is None:
        return [f"message {tag} is gone"]
    found = [
        f"message {tag}: {key} was {released[key]!r}"
        for key in ("name", "sender")
        if current[key] != released[key]
    ]
    now = {field["name"]: field for field in current["fields"]}
    known = {field["name"] for field in released["fields"]}
    found += [
        f"message {tag}: {field['name']} was {field!r}"
        for field in released["fields"]
        if now.get(field["name"]) != field
    ]
    return found + _without_default(f"message {tag}", current["fields"], known)


def _event_breaks(tag: str, released: Description, current: Description | None) -> list[str]:
    if current is None:
        return [f"event {tag} is gone"]
    if current["name"] != released["name"]:
        return [f"tag {tag} was {released['name']}"]
    found = []
    for place, field in enumerate(released["fields"]):
        if current["fields"][place : place + 1] != [field]:
            found.append(f"event {tag}: element {place} was {field!r}")
    known = {field["name"] for field in released["fields"]}
    return found + _without_default(f"event {tag}", current["fields"], known)


def _without_default(what: str, fields: list[Description], known: set[str]) -> list[str]:
    return [
        f"{what}: the new {field['name']} has no default"
        for field in fields
        if field["name"] not in known and field["required"]
    ]


def _fields(kind: type[Struct]) -> list[Description]:
    """Describe a type's fields; a default is told as JSON text, None where there is none."""
    inspected = msgspec.inspect.type_info(kind)
    assert isinstance(inspected, msgspec.inspect.StructType)  # noqa: S101 - only structs come here
    return [
        {
            "name": field.encode_name,
            "type": _type_name(field.type),
            "required": field.required,
            "default": None if field.required else msgspec.json.encode(field.default).decode(),
        }
        for field in inspected.fields
    ]


def _type_name(found: msgspec.inspect.Type) -> str:
    """Return a name for a type that changes when what it takes on the wire changes."""
    match found:
        case msgspec.inspect.VarTupleType(item_type=item):
            return f"array of {_type_name(item)}"
        case msgspec.inspect.UnionType(types=types):
            return " or ".join(sorted(_type_name(one) for one in types))
        case msgspec.inspect.StructType(cls=cls) if cls.__struct_config__.tag is None:
            inner = ", ".join(f"{f.encode_name} {_type_name(f.type)}" for f in found.fields)
            return f"{cls.__name__}({inner})"
        case msgspec.inspect.StructType(cls=cls) | msgspec.inspect.EnumType(cls=cls):
            return cls.__name__
        case msgspec.inspect.IntType():
            return "integer"
        case msgspec.inspect.StrType():
            return "text"
        case _:
            raise TypeError(f"{found} has no name on the wire yet")
