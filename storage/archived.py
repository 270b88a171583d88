"""What the archive keeps: plain values, the same for every adapter.

The store's promises live in ``storage.archive``; this module only names the shapes.
"""

from msgspec import Struct, field

from protocol.log import GENESIS, Position


class Layout(Struct, frozen=True):
    """How the store is laid out; decided once, when it is created.

    Attributes:
        partitions: P.
        hash: name of the partition hash.
        version: of this layout's meaning.
        created_ms: Unix time; season 1 opened then.
    """

    partitions: int
    hash: str
    version: int
    created_ms: int


class Tip(Struct, frozen=True):
    """Where the archive of a partition ends. ``season`` is what the next record belongs to."""

    position: Position = GENESIS
    season: int = 1
    time_ms: int = 0
    incarnation: int = 0


class Segment(Struct, frozen=True):
    """The manifest of consecutive archived entries, inserted after their chunk.

    Attributes:
        partition, first, last: the records it holds; the key is (partition, first).
        chain_before, chain_after: of the log before the first and after the last record.
        season_after: the season that the record after ``last`` belongs to.
        time_ms: of the last entry.
        incarnation: of the log that they were read from.
        chunk: the entries: zstd of msgpack of a list of ``protocol.log.Entry``.
        size: bytes of the chunk.
    """

    partition: int
    first: int
    last: int
    chain_before: str
    chain_after: str
    season_after: int
    time_ms: int
    incarnation: int
    chunk: str
    size: int


class PartitionState(Struct):
    """A fold of one partition's log: what a snapshot holds.

    The season is reset lazily: after SeasonClosed(s) the state still shows season s, whole, with
    ``closed`` set; the next record begins season s + 1 with empty money. A snapshot taken at the
    closing record is therefore the season's final board.

    Attributes:
        position, time_ms, incarnation: of the last entry folded.
        season: that ``money``, ``earned`` and ``earnings`` speak of.
        closed: whether the last record folded closed the season.
        money: player to minor units in the season.
        earned: the sum of ``money``.
        earnings: how many MoneyEarned records in the season.
        prizes: player to the sum of all prizes ever paid.
        fence: producer to the last seq of its lane.
    """

    position: Position = GENESIS
    season: int = 1
    closed: bool = False
    time_ms: int = 0
    incarnation: int = 0
    money: dict[str, int] = field(default_factory=dict)
    earned: int = 0
    earnings: int = 0
    prizes: dict[str, int] = field(default_factory=dict)
    fence: dict[str, int] = field(default_factory=dict)


class Snapshot(Struct, frozen=True):
    """The manifest of an archived ``PartitionState``; key (partition, n)."""

    partition: int
    n: int
    chain: str
    season: int
    closed: bool
    time_ms: int
    incarnation: int
    players: int
    earned: int
    chunks: tuple[str, ...]


class Award(Struct, frozen=True):
    """One prize of a settlement.

    Attributes:
        player: who is paid.
        partition: of the player.
        seq: in lane (prize-s, partition): awards of a partition are numbered 1, 2, 3 … by place.
        place: held or shared, 1 to 100.
        amount: minor units, may be 0.
    """

    player: str
    partition: int
    seq: int
    place: int
    amount: int


class Settlement(Struct, frozen=True):
    r"""What a closed season pays; inserted if absent, so there is one for ever.

    Money in minor units: ``pool = earned * 2 // 100 + carried_in`` and
    ``paid + carried_over == pool``.

    Attributes:
        opened_at_ms, closed_at_ms: Unix time.
        players: how many earned in the season.
        standings_digest: SHA-256 over ``"{player} {money}\n"`` of all players, by rank and id.
        awards: by place, then player id.
    """

    season: int
    opened_at_ms: int
    closed_at_ms: int
    players: int
    earned: int
    carried_in: int
    pool: int
    paid: int
    carried_over: int
    standings_digest: str
    awards: tuple[Award, ...]


class Standing(Struct, frozen=True, array_like=True):
    """A player's final result in a season: competition rank from 1, money, prize."""

    rank: int
    player: str
    money: int
    prize: int


class Standings(Struct, frozen=True):
    """The manifest of a season's archived standings, inserted last; the season is then closed.

    Attributes:
        season, players, digest: as in the settlement.
        by_rank: chunks of ``STANDINGS_CHUNK`` standings each, by rank and player id.
        by_player: chunks by ``crc32(player) % len(by_player)``, each sorted by player id.
    """

    season: int
    players: int
    digest: str
    by_rank: tuple[str, ...]
    by_player: tuple[str, ...]


STANDINGS_CHUNK = 2_000
"""Standings a chunk: about 60 KB before compression, so that one look-up stays small."""
