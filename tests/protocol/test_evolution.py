"""Evolution: nothing that was released breaks, and the check that says so can fail."""

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import msgspec
import pytest

from protocol.description.release import Description, breaks, describe
from protocol.errors import RemoteProtocolError
from protocol.events import Event
from protocol.messages import (
    SUBPROTOCOL_JSON,
    SUBPROTOCOL_MSGPACK,
    BrokerMessage,
    ClientMessage,
    Message,
    decode_broker_message,
    decode_client_message,
)

RELEASES = sorted((Path(__file__).parents[2] / "docs" / "protocol" / "releases").glob("*.json"))


def read(file: Path) -> Description:
    found: Description = msgspec.json.decode(file.read_bytes())
    return found


def current() -> Description:
    return msgspec.json.decode(msgspec.json.encode(describe()))


def vectors_of(kind: str) -> list[Any]:
    """Every vector of a kind in every release."""
    return [
        pytest.param(vector, id=f"{file.stem}-{vector['name']}")
        for file in RELEASES
        for vector in read(file)["vectors"][kind]
    ]


def decode(sender: str, data: bytes | str, subprotocol: str) -> Message:
    if sender == "client":
        return decode_client_message(data, subprotocol)
    return decode_broker_message(data, subprotocol)


class TestReleases:
    """What was released is honoured."""

    def test_there_is_a_release(self) -> None:
        assert [file.stem for file in RELEASES] == ["1"]

    @pytest.mark.parametrize("file", RELEASES, ids=lambda file: file.stem)
    def test_nothing_breaks_it(self, file: Path) -> None:
        assert breaks(read(file), current()) == []

    @pytest.mark.parametrize("vector", vectors_of("messages"))
    def test_golden_messages_decode_to_the_same(self, vector: dict[str, Any]) -> None:
        expected = msgspec.convert(
            vector["json"], ClientMessage if vector["sender"] == "client" else BrokerMessage
        )
        text = decode(vector["sender"], vector["json_text"], SUBPROTOCOL_JSON)
        binary = decode(vector["sender"], bytes.fromhex(vector["msgpack_hex"]), SUBPROTOCOL_MSGPACK)
        assert text == binary == expected

    @pytest.mark.parametrize("vector", vectors_of("events"))
    def test_golden_events_decode_to_the_same(self, vector: dict[str, Any]) -> None:
        expected = msgspec.convert(vector["json"], Event)
        assert msgspec.msgpack.decode(bytes.fromhex(vector["msgpack_hex"]), type=Event) == expected
        assert msgspec.json.decode(vector["json_text"], type=Event) == expected

    @pytest.mark.parametrize("vector", vectors_of("bad"))
    def test_bad_messages_are_refused(self, vector: dict[str, Any]) -> None:
        data: tuple[bytes | str, str] = (
            (vector["json_text"], SUBPROTOCOL_JSON)
            if "json_text" in vector
            else (bytes.fromhex(vector["msgpack_hex"]), SUBPROTOCOL_MSGPACK)
        )
        with pytest.raises(RemoteProtocolError) as refused:
            decode(vector["sender"], *data)
        assert refused.value.code == "malformed"


def _drop_message(later: Description) -> None:
    del later["messages"]["gap"]


def _other_sender(later: Description) -> None:
    later["messages"]["gap"]["sender"] = "client"


def _drop_field(later: Description) -> None:
    later["messages"]["ack"]["fields"].pop()


def _make_optional(later: Description) -> None:
    later["messages"]["gap"]["fields"][1] |= {"required": False, "default": "0"}


def _other_default(later: Description) -> None:
    later["messages"]["ack"]["fields"][3]["default"] = "1"


def _other_type(later: Description) -> None:
    later["messages"]["gap"]["fields"][1]["type"] = "text"


def _new_required(later: Description) -> None:
    new = {"name": "epoch", "type": "integer", "required": True, "default": None}
    later["messages"]["gap"]["fields"].append(new)


def _swap_elements(later: Description) -> None:
    fields = later["events"]["17"]["fields"]
    fields[1], fields[2] = fields[2], fields[1]


def _insert_element(later: Description) -> None:
    new = {"name": "game", "type": "text", "required": False, "default": '""'}
    later["events"]["17"]["fields"].insert(1, new)


def _reuse_tag(later: Description) -> None:
    later["events"]["81"] = later["events"].pop("97")


def _drop_event(later: Description) -> None:
    del later["events"]["33"]


def _drop_step(later: Description) -> None:
    later["steps"].remove(["client", "draining", "renew", "draining"])


def _drop_code(later: Description) -> None:
    later["codes"]["RefusalCode"].remove("scope")


def _drop_subprotocol(later: Description) -> None:
    later["subprotocols"].remove("moneyboard.v1.json")


def _other_hash(later: Description) -> None:
    later["hash"] = "xxh3"


BREAKING = [
    _drop_message,
    _other_sender,
    _drop_field,
    _make_optional,
    _other_default,
    _other_type,
    _new_required,
    _swap_elements,
    _insert_element,
    _reuse_tag,
    _drop_event,
    _drop_step,
    _drop_code,
    _drop_subprotocol,
    _other_hash,
]


class TestCheck:
    """The rules, broken and kept."""

    @pytest.mark.parametrize("change", BREAKING, ids=lambda change: change.__name__.strip("_"))
    def test_a_breaking_change_is_found(self, change: Callable[[Description], None]) -> None:
        later = deepcopy(current())
        change(later)
        assert breaks(current(), later)

    def test_additions_break_nothing(self) -> None:
        later = deepcopy(current())
        new = {"name": "later", "type": "text", "required": False, "default": '""'}
        for part in ("messages", "events"):
            for kind in later[part].values():
                kind["fields"].append(new)
        later["messages"]["hint"] = {"name": "Hint", "sender": "broker", "fields": []}
        later["events"]["18"] = {"name": "MoneyEarned2", "fields": []}
        later["steps"].append(["broker", "open", "hint", "open"])
        later["codes"]["ErrorCode"].append("too-late")
        later["subprotocols"].append("moneyboard.v1.cbor")
        assert breaks(current(), later) == []

    def test_a_code_of_a_later_version_is_read_as_unknown(self) -> None:
        text = '{"type":"error","code":"from-the-future"}'
        assert decode_broker_message(text, SUBPROTOCOL_JSON).code == "unknown"
        text = '{"type":"refused","partition":0,"seq":1,"code":"from-the-future"}'
        assert decode_broker_message(text, SUBPROTOCOL_JSON).code == "unknown"
