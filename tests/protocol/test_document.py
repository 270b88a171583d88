"""docs/PROTOCOL.md agrees with the code, and each of its statements with the tests."""

import ast
import re
from pathlib import Path

import msgspec
import pytest

from protocol.description.tables import PARTS, regenerated
from protocol.errors import ErrorCode
from protocol.events import MoneyEarned
from protocol.limits import Limits
from protocol.messages import (
    SUBPROTOCOL_JSON,
    SUBPROTOCOL_MSGPACK,
    Bye,
    Error,
    Publish,
    decode_client_message,
)
from storage.log import Appended, LogUnavailableError, Offered, OtherIncarnation
from storage.log_memory import MemoryLog
from tests.arena import PARTITIONS, arena, partition

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "PROTOCOL.md"

STATEMENT = re.compile(
    r"^\*\*([A-Z]\d+)\*\* (.*?)(?=^\*\*[A-Z]\d+\*\*|^## |^<!--|\Z)", re.MULTILINE | re.DOTALL
)


def statements() -> dict[str, str]:
    return dict(STATEMENT.findall(DOCUMENT.read_text()))


def named_tests(file: Path) -> set[str]:
    """Every test of a file, as pytest names it."""
    found = set()
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.ClassDef):
            found |= {
                f"{node.name}::{item.name}"
                for item in node.body
                if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef)
            }
    return {f"{file.relative_to(ROOT)}::{name}" for name in found}


class TestDocument:
    """Tables come from the code; statements are numbered, normative and proven."""

    def test_the_generated_parts_are_what_the_code_says(self) -> None:
        text = DOCUMENT.read_text()
        assert text == regenerated(text), "run `just protocol`"
        assert all(f"<!-- generated: {name} -->" in text for name in PARTS)

    def test_there_are_statements_each_with_its_own_number(self) -> None:
        numbers = re.findall(r"^\*\*([A-Z]\d+)\*\*", DOCUMENT.read_text(), re.MULTILINE)
        assert len(numbers) == len(set(numbers)) == len(statements()) > 20

    @pytest.mark.parametrize("number", sorted(statements()))
    def test_a_statement_names_tests_that_there_are(self, number: str) -> None:
        named = re.findall(r"`(tests/[^`]+)`", statements()[number])
        assert named, f"{number} names no test"
        for name in named:
            assert name in named_tests(ROOT / name.split("::")[0]), name


class TestMessages:
    """Later versions may add keys."""

    def test_unknown_keys_are_ignored(self) -> None:
        value = {"type": "bye", "later": [1, 2]}
        binary = msgspec.msgpack.encode(value)
        assert decode_client_message(binary, SUBPROTOCOL_MSGPACK) == Bye()
        text = msgspec.json.encode(value).decode()
        assert decode_client_message(text, SUBPROTOCOL_JSON) == Bye()


class AwayLog(MemoryLog):
    """A log that never answers an append."""

    def append(
        self, partition: int, incarnation: int, offered: list[Offered]
    ) -> Appended | OtherIncarnation:
        del partition, incarnation, offered
        raise LogUnavailableError("away")


class TestWindow:
    """What is sent and not yet answered is bounded."""

    async def test_more_than_twice_the_window_is_an_error(self, tmp_path: Path) -> None:
        limits = Limits(window_events=10, batch_events=10, flush_events=10, drain_s=0.1)
        events = (MoneyEarned("alice", 1, 0),) * 10
        log = AwayLog(PARTITIONS)
        async with arena(tmp_path, limits=limits, log=log) as found, found.session() as talk:
            for batch in range(3):
                await talk.send(Publish(partition("alice"), 10 * batch + 1, events))
            assert (await talk.expect(Error)).code is ErrorCode.WINDOW_EXCEEDED
            assert await talk.closed() == 1008
