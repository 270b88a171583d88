"""Entries, positions and the chain: what makes a log checkable.

Laws:

- Records of a partition are numbered from 1 without gaps; an entry holds ``count`` of them and
  its number ``n`` is that of its last record.
- ``chain`` of an entry covers the chain before it, its header and its body. Two logs with the
  same chain at the same n are the same log up to n.
- A position is (n, chain). A reader stores it with what it computed from it.
"""

from hashlib import sha1

from msgspec import Struct

FORMAT_VERSION = 1
"""The version of the entry's own layout: header fields and body framing."""

GENESIS_CHAIN = "0" * 40
"""The chain before the first record."""


class Position(Struct, frozen=True, array_like=True, order=True):
    """A place in a partition's log: after record n, whose entry has this chain."""

    n: int
    chain: str


GENESIS = Position(0, GENESIS_CHAIN)


class Entry(Struct, frozen=True, array_like=True):
    """One record batch of a partition's log.

    Attributes:
        n: number of the last record in it.
        count: how many records it holds, at least 1.
        season: the season that its records belong to.
        time_ms: the log server's Unix time in milliseconds; never falls within a partition.
        body: pieces, see ``protocol.events.decode_body``.
        chain: 40 hexadecimal digits, see ``link``.
        version: the format's version.
    """

    n: int
    count: int
    season: int
    time_ms: int
    body: bytes
    chain: str
    version: int = FORMAT_VERSION

    @property
    def position(self) -> Position:
        """The position after this entry."""
        return Position(self.n, self.chain)


def link(before: str, n: int, count: int, season: int, time_ms: int, body: bytes) -> str:
    """Return the chain after an entry: SHA-1 over the chain before, the header and the body.

    The header is ASCII: ``"{before} {version} {n} {count} {season} {time_ms} "``. SHA-1 because
    it is the digest that the log server computes inside its scripts; it guards against accident
    and silent rollback, not against who may write to the log server.
    """
    header = f"{before} {FORMAT_VERSION} {n} {count} {season} {time_ms} "
    return sha1(header.encode() + body, usedforsecurity=False).hexdigest()


def follows(before: Position, entry: Entry) -> bool:
    """Tell whether an entry is the one right after a position."""
    return entry.n - entry.count == before.n and entry.chain == link(
        before.chain, entry.n, entry.count, entry.season, entry.time_ms, entry.body
    )
