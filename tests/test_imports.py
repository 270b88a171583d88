"""The architecture's import table holds."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

MAY_IMPORT = {
    "protocol": set[str](),
    "storage": {"protocol"},
    "runtime": {"protocol"},
    "producer": {"protocol", "storage", "runtime"},
    "projector": {"protocol", "storage", "runtime"},
    "query": {"protocol", "storage", "projector.folds", "runtime"},
    "scheduler": {"protocol", "storage", "projector.folds", "runtime"},
    "cli": {
        *("protocol", "storage", "runtime", "producer", "projector", "query", "scheduler"),
    },
}

PROTOCOL_MAY = {"msgspec"}
IMPURE = {"time", "datetime", "socket", "os", "random", "threading", "asyncio", "pathlib"}
"""Modules of the standard library that read a clock or do I/O."""


def imported(file: Path) -> Iterator[str]:
    """Every module that a file imports, by its full name."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import"
            module = node.module or ""
            children = (f"{module}.{alias.name}" for alias in node.names)
            yield from (
                child if (ROOT / (child.replace(".", "/") + ".py")).exists() else module
                for child in children
            )


def files_of(package: str) -> list[Path]:
    found = sorted((ROOT / package).rglob("*.py"))
    assert found, f"{package} holds no modules"
    return found


@pytest.mark.parametrize("package", sorted(MAY_IMPORT))
def test_a_package_imports_only_what_the_table_allows(package: str) -> None:
    allowed = {package, *MAY_IMPORT[package]}
    wrong = [
        f"{file.relative_to(ROOT)} imports {name}"
        for file in files_of(package)
        for name in imported(file)
        if name.split(".")[0] in {*MAY_IMPORT, "tests"}
        and not any(name == found or name.startswith(f"{found}.") for found in allowed)
    ]
    assert wrong == []


def test_the_protocol_is_pure() -> None:
    wrong = [
        f"{file.relative_to(ROOT)} imports {name}"
        for file in files_of("protocol")
        for name in imported(file)
        if name.split(".")[0] in IMPURE
        or (
            name.split(".")[0] not in {"protocol", *PROTOCOL_MAY}
            and (ROOT / ".venv").exists()
            and any((ROOT / ".venv").glob(f"lib/*/site-packages/{name.split('.')[0]}"))
        )
    ]
    assert wrong == []


def test_folds_are_pure() -> None:
    wrong = [
        f"{file.relative_to(ROOT)} imports {name}"
        for file in files_of("projector/folds")
        for name in imported(file)
        if name.split(".")[0] in {*IMPURE, "trio", "redis", "pymongo", "runtime"}
    ]
    assert wrong == []
