"""The AsyncAPI 3.0 document: one channel, whose address is the broker's, and both directions."""

from typing import Any

from protocol.description.catalogue import SENDERS, tag_of
from protocol.description.schemas import components
from protocol.messages import SUBPROTOCOL_JSON, SUBPROTOCOL_MSGPACK
from protocol.session import Role

VERSION = "1.0.0"
"""Of the protocol: the major number is the subprotocol's, the minor counts recorded releases
that only added to it."""


def asyncapi() -> dict[str, Any]:
    """Return the document, seen from the broker: it receives what clients send."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "moneyboard.v1",
            "version": VERSION,
            "description": (
                "How a game sends what its players earn. The normative text, with states, lanes, "
                "watermarks and limits, is docs/PROTOCOL.md."
            ),
        },
        "defaultContentType": "application/json",
        "servers": {
            "broker": {
                "host": "127.0.0.1:7400",
                "protocol": "ws",
                "description": f"Subprotocols {SUBPROTOCOL_MSGPACK} and {SUBPROTOCOL_JSON}.",
            }
        },
        "channels": {
            "session": {
                "address": "/",
                "description": "One WebSocket connection is one session.",
                "servers": [{"$ref": "#/servers/broker"}],
                "messages": {
                    kind.__name__: {"$ref": f"#/components/messages/{kind.__name__}"}
                    for kind in SENDERS
                },
                "bindings": {"ws": {"method": "GET", "bindingVersion": "0.1.0"}},
            }
        },
        "operations": {
            "fromClient": _operation("receive", Role.CLIENT),
            "fromBroker": _operation("send", Role.BROKER),
        },
        "components": {
            "messages": {
                kind.__name__: {
                    "name": tag_of(kind),
                    "title": kind.__name__,
                    "payload": {"$ref": f"#/components/schemas/{kind.__name__}"},
                }
                for kind in SENDERS
            },
            "schemas": components("#/components/schemas/{name}"),
        },
    }


def _operation(action: str, sender: Role) -> dict[str, Any]:
    return {
        "action": action,
        "channel": {"$ref": "#/channels/session"},
        "messages": [
            {"$ref": f"#/channels/session/messages/{kind.__name__}"}
            for kind, role in SENDERS.items()
            if role is sender
        ],
    }
