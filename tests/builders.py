"""Small makers of what tests need."""

import csv
import os
from pathlib import Path

import pytest

from protocol.events import Event, MoneyEarned, Piece, encode_piece, join_pieces
from protocol.log import Entry, Position, link
from protocol.partition import partition_of
from storage.log import Appended, Log, Offered

DATA = Path(__file__).parents[2] / "shared" / "data"
YEARS = range(2016, 2022)


def piece(producer: str, first: int, *events: Event) -> Piece:
    return Piece(producer, first, first + len(events) - 1, events)


def entry_after(
    before: Position, *pieces: Piece, season: int = 1, time_ms: int = 1_700_000_000_000
) -> Entry:
    body = join_pieces([encode_piece(found) for found in pieces])
    count = sum(len(found.events) for found in pieces)
    n = before.n + count
    chain = link(before.chain, n, count, season, time_ms, body)
    return Entry(n, count, season, time_ms, body, chain)


def append(log: Log, partition: int, found: Piece) -> Appended:
    offered = Offered(found.producer, found.first, found.last, encode_piece(found))
    result = log.append(partition, 0, [offered])
    assert isinstance(result, Appended)
    return result


def worlds_files() -> list[Path]:
    """The real input; where it is absent the test is skipped, in CI it fails."""
    files = [DATA / f"worlds-{year}.csv" for year in YEARS]
    if not all(file.exists() for file in files):
        reason = f"the real input is not at {DATA}"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return files


def feed_log(log: Log, partitions: int, producer: str, file: Path) -> None:
    """Append a file of real input, a piece a row."""
    seqs = dict.fromkeys(range(partitions), 0)
    with file.open(encoding="utf-8", newline="") as text:
        for row in csv.DictReader(text):
            partition = partition_of(row["player_id"], partitions)
            seqs[partition] += 1
            event = MoneyEarned(row["player_id"], int(row["earned"]), 0, row["game_id"])
            append(log, partition, piece(producer, seqs[partition], event))


WORLDS = {
    # season: players, earned, pool, paid, carried over, first three
    1: (
        *(86, 6_755_519, 135_110, 133_468, 1_642),
        (("faker", 258_679), ("bang", 258_551), ("duke", 232_520)),
    ),
    2: (
        *(129, 9_768_057, 197_003, 197_003, 0),
        (("rekkles", 230_349), ("mystic", 224_533), ("xiye", 210_817)),
    ),
    3: (
        *(131, 8_510_079, 170_201, 170_201, 0),
        (("hjarnan", 252_721), ("wunder", 234_603), ("perkz", 226_791)),
    ),
    4: (
        *(127, 9_239_962, 184_799, 184_799, 0),
        (("kobbe", 229_057), ("lwx", 197_253), ("humanoid", 196_078)),
    ),
    5: (
        *(113, 8_189_997, 163_799, 163_799, 0),
        (("huanfeng", 199_959), ("bin", 193_492), ("xiye", 169_802)),
    ),
    6: (
        *(113, 9_011_407, 180_228, 180_228, 0),
        (("flandre", 202_985), ("viper", 197_565), ("ghost", 192_076)),
    ),
}
"""What must come out of the real input."""
