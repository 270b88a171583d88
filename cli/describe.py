"""Writes what docs/ has of the protocol from the code: ``python -m cli.describe``.

``--release N`` records the protocol as released version N, once and for ever.
"""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from protocol.description.asyncapi import asyncapi
from protocol.description.release import describe
from protocol.description.schemas import schemas
from protocol.description.tables import regenerated
from protocol.description.vectors import vectors

DOCS = Path(__file__).parents[1] / "docs"

SPECIFICATION = "PROTOCOL.md"

FILES: dict[str, Callable[[], Any]] = {
    "protocol/asyncapi.json": asyncapi,
    "protocol/schemas.json": schemas,
    "protocol/vectors.json": vectors,
}
"""File under docs/ to what it holds."""


def to_text(value: object) -> str:
    """Return a value as the JSON that is kept in the tree."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n"


def described(docs: Path) -> dict[Path, str]:
    """Return each generated file with the text that it should have."""
    specification = docs / SPECIFICATION
    found = {docs / name: to_text(make()) for name, make in FILES.items()}
    return found | {specification: regenerated(specification.read_text())}


def main() -> int:
    """Write the files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--release", type=int, help="record this protocol as released version N")
    arguments = parser.parse_args()
    for file, text in described(DOCS).items():
        file.write_text(text)
    if arguments.release is not None:
        with (DOCS / "protocol" / "releases" / f"{arguments.release}.json").open("x") as record:
            record.write(to_text(describe()))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
