"""Positions and the chain."""

from hashlib import sha1

import pytest
from msgspec.structs import replace

from protocol.log import GENESIS, Entry, Position, follows, link

BODY = b"\xdd\x00\x00\x00\x00"


def entry(before: Position = GENESIS, n: int = 2, count: int = 2) -> Entry:
    chain = link(before.chain, n, count, 1, 1_700_000_000_000, BODY)
    return Entry(n, count, 1, 1_700_000_000_000, BODY, chain)


class TestLink:
    """The chain is SHA-1 over the chain before, the header in ASCII and the body."""

    def test_the_digest_is_what_the_docstring_says(self) -> None:
        text = "0" * 40 + " 1 2 2 1 1700000000000 "
        expected = sha1(text.encode() + BODY, usedforsecurity=False).hexdigest()
        assert entry().chain == expected

    def test_golden(self) -> None:
        assert link("0" * 40, 1, 1, 1, 0, b"") == "d9506f87e5d4d1b4db78dadc43cda91304873951"


class TestFollows:
    """An entry follows a position by number and by chain, and nothing else does."""

    def test_the_next_entry(self) -> None:
        first = entry()
        assert follows(GENESIS, first)
        assert follows(first.position, entry(first.position, 5, 3))

    @pytest.mark.parametrize("field", ["n", "count", "season", "time_ms"])
    def test_a_changed_header(self, field: str) -> None:
        found = entry()
        assert not follows(GENESIS, replace(found, **{field: getattr(found, field) + 1}))

    def test_a_changed_body_or_chain(self) -> None:
        assert not follows(GENESIS, replace(entry(), body=BODY + b"\x00"))
        assert not follows(GENESIS, replace(entry(), chain="f" * 40))

    def test_a_fork(self) -> None:
        assert not follows(Position(0, "f" * 40), entry())

    def test_a_gap(self) -> None:
        first = entry()
        assert not follows(first.position, entry(first.position, 6, 3))
