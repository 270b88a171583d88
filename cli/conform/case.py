"""What a case is, and what may become of it. Pure.

A case is an async function that says what it observed, or raises ``FailedError`` or
``NotApplicableError``. Its docstring describes it; ``Part.case`` gives it all else. Its id is the
part's name and the function's: ``lanes/a-jump-is-a-gap``.
"""

from collections.abc import Awaitable, Callable
from enum import Enum
from typing import Generic, TypeVar

from msgspec import Struct

from protocol.messages import SUBPROTOCOLS

T = TypeVar("T")
C = TypeVar("C", bound=Callable[..., Awaitable[str]])

ONCE = ("",)
"""For cases in which no message is encoded: run once, not once an encoding."""


class Verdict(Enum):
    """What became of a case."""

    PASS = "PASS"
    FAIL = "FAIL"
    NOT_APPLICABLE = "NOT APPLICABLE"


class FailedError(Exception):
    """The peer did not do what the case expects; the text says what was observed."""


class NotApplicableError(Exception):
    """The case cannot be run against this peer, or not as it was called; the text says why."""


class Case(Struct, frozen=True, Generic[T]):
    """One claim about a peer.

    Attributes:
        id: part/name.
        title: what is tried, in a few words.
        statements: of docs/PROTOCOL.md, that it helps to prove; empty for rules of RFC 6455 alone.
        description: what it does.
        expectation: what a right peer does.
        run: returns what was observed.
        encodings: the subprotocols that it runs with.
    """

    id: str
    title: str
    statements: tuple[str, ...]
    description: str
    expectation: str
    run: Callable[[T], Awaitable[str]]
    encodings: tuple[str, ...] = SUBPROTOCOLS


class Outcome(Struct, frozen=True):
    """What became of a case in one encoding.

    Attributes:
        id, title, statements, description, expectation: of the case.
        encoding: a subprotocol, empty for a case that has none.
        verdict: what became of it.
        observed: what was seen, for a person.
        seconds: how long it took.
    """

    id: str
    title: str
    statements: tuple[str, ...]
    description: str
    expectation: str
    encoding: str
    verdict: Verdict
    observed: str
    seconds: float


class Part(Generic[T]):
    """The cases about one part of the protocol.

    Args:
        name: the first half of their ids.
        title: for people.
    """

    def __init__(self, name: str, title: str) -> None:
        self.name = name
        self.title = title
        self.cases: list[Case[T]] = []

    def case(
        self, title: str, *statements: str, expects: str, encodings: tuple[str, ...] = SUBPROTOCOLS
    ) -> Callable[[C], C]:
        """Return what makes a function a case of this part."""

        def keep(function: C) -> C:
            name = function.__name__.replace("_", "-")
            description = " ".join((function.__doc__ or title).split())
            self.add(name, title, statements, description, expects, function, encodings)
            return function

        return keep

    def add(
        self,
        name: str,
        title: str,
        statements: tuple[str, ...],
        description: str,
        expects: str,
        run: Callable[[T], Awaitable[str]],
        encodings: tuple[str, ...] = SUBPROTOCOLS,
    ) -> None:
        """Add a case, for parts whose cases come from a table."""
        self.cases.append(
            Case(f"{self.name}/{name}", title, statements, description, expects, run, encodings)
        )


def require(holds: bool, observed: str) -> None:
    """Fail the case with what was observed, unless something holds."""
    if not holds:
        raise FailedError(observed)
