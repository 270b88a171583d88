"""The generated parts of docs/PROTOCOL.md: what the code says, as tables.

A part stands between ``<!-- generated: NAME -->`` and ``<!-- end -->``; ``just protocol`` writes
them anew, and a test fails when the document and the code differ.
"""

import ast
import inspect
import re
import textwrap
from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import get_args

import msgspec

from protocol.endings import ENDINGS
from protocol.errors import ErrorCode, RefusalCode
from protocol.limits import DEFAULT_LIMITS, Limits
from protocol.messages import BrokerMessage, ClientMessage
from protocol.session import TABLE, Role, State

_PART = re.compile(r"<!-- generated: (\w+) -->\n.*?<!-- end -->", re.DOTALL)


def regenerated(text: str) -> str:
    """Return the document with every generated part written anew.

    Raises:
        KeyError: the document names a part that there is not.
    """

    def write(found: re.Match[str]) -> str:
        name = found[1]
        return f"<!-- generated: {name} -->\n\n{PARTS[name]()}\n<!-- end -->"

    return _PART.sub(write, text)


def diagram() -> str:
    """Return the session's states as a Mermaid diagram."""
    steps: dict[tuple[State, State], list[str]] = {}
    for role in Role:
        for before, row in TABLE[role].items():
            for message, after in row.items():
                steps.setdefault((before, after), []).append(f"{message.__name__}")
    lines = [f"    [*] --> {State.GREETING.value}"]
    for (before, after), messages in steps.items():
        lines.append(f"    {before.value} --> {after.value}: {', '.join(messages)}")
    return "\n".join(["```mermaid", "stateDiagram-v2", *lines, "```", ""])


def states() -> str:
    """Return the table role, state, message to state."""
    rows = [
        (state.value, role.value, message.__name__, after.value)
        for state in State
        for role in Role
        for message, after in TABLE[role][state].items()
    ]
    return _table(("state", "sender", "message", "state after"), rows)


def messages() -> str:
    """Return all messages with their fields."""
    rows = []
    for sender, kinds in (("client", ClientMessage), ("broker", BrokerMessage)):
        for kind in get_args(kinds):
            fields = [
                field.name + ("" if field.required else " (optional)")
                for field in msgspec.structs.fields(kind)
            ]
            tag = kind.__struct_config__.tag
            rows.append((f"`{tag}`", sender, ", ".join(fields)))
    return _table(("type", "sender", "fields"), rows)


def errors() -> str:
    """Return the codes of Error: what each means, and what follows."""
    docs = _attribute_docs(ErrorCode)
    rows = [
        (
            f"`{code.value}`",
            docs[code.name],
            str(ENDINGS[code].close_code),
            ENDINGS[code].then.value,
        )
        for code in ErrorCode
        if code is not ErrorCode.UNKNOWN
    ]
    return _table(("code", "meaning", "close code", "then"), rows)


def refusals() -> str:
    """Return the codes of Refused."""
    docs = _attribute_docs(RefusalCode)
    rows = [
        (f"`{code.value}`", docs[code.name])
        for code in RefusalCode
        if code is not RefusalCode.UNKNOWN
    ]
    return _table(("code", "meaning"), rows)


def limits() -> str:
    """Return a broker's default limits with their reasons."""
    docs = _attribute_docs(Limits)
    rows = [
        (f"`{name}`", f"{getattr(DEFAULT_LIMITS, name):,}", docs[name])
        for name in DEFAULT_LIMITS.__struct_fields__
    ]
    return _table(("limit", "default", "what it bounds, and why so much"), rows)


PARTS: dict[str, Callable[[], str]] = {
    part.__name__: part for part in (diagram, states, messages, errors, refusals, limits)
}


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def _attribute_docs(kind: type) -> dict[str, str]:
    """Return the text below each attribute of a class, from its source."""
    (node,) = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    assert isinstance(node, ast.ClassDef)  # noqa: S101 - it is a class's source
    found = {}
    for statement, below in pairwise(node.body):
        match statement, below:
            case (
                ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                found[name] = " ".join(text.split()).replace("``", "`")
    return found
