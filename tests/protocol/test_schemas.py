"""The generated descriptions, held to the validators of their own standards."""

import shutil
from pathlib import Path
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator

from cli.describe import DOCS, described, to_text
from protocol.description.asyncapi import asyncapi
from protocol.description.examples import BAD
from protocol.description.schemas import schemas
from protocol.description.vectors import vectors
from tests.node import install, needs_node, run_node

HERE = Path(__file__).parent

SENDER_SCHEMAS = {"client": "ClientMessage", "broker": "BrokerMessage"}

NOT_IN_SCHEMA = {"empty text", "cut text", "text after", "not json"}
"""Bad vectors that no schema sees, as they are not JSON at all."""


def validator(name: str) -> Draft202012Validator:
    document = schemas()
    return Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": document["$defs"]})


def plain(value: object) -> Any:
    return msgspec.json.decode(msgspec.json.encode(value))


def test_the_files_are_what_the_code_says() -> None:
    for file, text in described(DOCS).items():
        assert file.read_text() == text, f"{file.name}: run `just protocol`"


class TestJsonSchema:
    """The schemas are valid and take the good vectors alone."""

    def test_the_document_is_a_schema(self) -> None:
        Draft202012Validator.check_schema(schemas())

    @pytest.mark.parametrize("vector", plain(vectors())["messages"], ids=lambda v: v["name"])
    def test_a_message_of_its_sender(self, vector: dict[str, Any]) -> None:
        validator(SENDER_SCHEMAS[vector["sender"]]).validate(vector["json"])

    @pytest.mark.parametrize("vector", plain(vectors())["events"], ids=lambda v: v["name"])
    def test_an_event(self, vector: dict[str, Any]) -> None:
        validator("Event").validate(vector["json"])
        validator(vector["event"]).validate(vector["json"])

    @pytest.mark.parametrize(
        "bad", [bad for bad in BAD if bad.json_text is not None], ids=lambda bad: bad.name
    )
    def test_a_bad_message(self, bad: Any) -> None:
        if bad.name in NOT_IN_SCHEMA:
            with pytest.raises(msgspec.DecodeError):
                msgspec.json.decode(bad.json_text)
        else:
            value = msgspec.json.decode(bad.json_text)
            assert not validator(SENDER_SCHEMAS[bad.sender.value]).is_valid(value)


@needs_node
class TestAsyncApi:
    """The document passes the validator that AsyncAPI's project keeps."""

    @pytest.fixture(scope="class")
    @staticmethod
    def checker(tmp_path_factory: pytest.TempPathFactory) -> Path:
        folder = tmp_path_factory.mktemp("asyncapi")
        for name in ("package.json", "check.mjs"):
            shutil.copy(HERE / "asyncapi" / name, folder)
        install(folder)
        return folder

    def test_it_is_valid(self, checker: Path) -> None:
        found = run_node(checker, "check.mjs", str(DOCS / "protocol" / "asyncapi.json"))
        assert (found.returncode, found.stdout, found.stderr) == (0, "", "")

    def test_a_broken_one_is_found(self, checker: Path) -> None:
        broken = asyncapi()
        broken["operations"]["fromClient"]["messages"][0]["$ref"] = "#/components/messages/Nothing"
        (checker / "broken.json").write_text(to_text(broken))
        found = run_node(checker, "check.mjs", "broken.json")
        assert found.returncode == 1
        assert found.stdout
