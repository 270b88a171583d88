"""JSON Schema (2020-12) of every message and event, from the msgspec types."""

import inspect
from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec import Struct

from protocol.description.catalogue import EVENTS, SENDERS
from protocol.session import Role

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schemas() -> dict[str, Any]:
    """Return one schema document: a message of either peer, or an event; parts in ``$defs``."""
    definitions = components("#/$defs/{name}")
    definitions["ClientMessage"] = _any_of(
        "What a client sends.", [k for k, role in SENDERS.items() if role is Role.CLIENT]
    )
    definitions["BrokerMessage"] = _any_of(
        "What a broker sends.", [k for k, role in SENDERS.items() if role is Role.BROKER]
    )
    definitions["Event"] = _any_of("What a record of the log is.", EVENTS)
    return {
        "$schema": DIALECT,
        "title": "moneyboard.v1",
        "description": "A message of the session protocol; events of the log are under $defs.",
        "anyOf": [{"$ref": "#/$defs/ClientMessage"}, {"$ref": "#/$defs/BrokerMessage"}],
        "$defs": dict(sorted(definitions.items())),
    }


def components(ref_template: str) -> dict[str, Any]:
    """Return the schema of each message, event and what they hold, by name.

    Args:
        ref_template: where one refers to another, with ``{name}``.
    """
    _, found = msgspec.json.schema_components([*SENDERS, *EVENTS], ref_template=ref_template)
    for schema in found.values():
        if "description" in schema:
            schema["description"] = inspect.cleandoc(schema["description"]).replace("``", "`")
    return found


def _any_of(description: str, kinds: Iterable[type[Struct]]) -> dict[str, Any]:
    references = [{"$ref": f"#/$defs/{kind.__name__}"} for kind in kinds]
    return {"description": description, "anyOf": references}
