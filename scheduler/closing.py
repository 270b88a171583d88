"""Closing a season: one SeasonClosed a partition, through the lane that makes it happen once."""

from enum import Enum

from protocol.events import Piece, SeasonClosed, encode_piece
from protocol.fence import Answer
from protocol.identity import SEASON_PRODUCER
from storage.log import Appended, Head, Log, LogUnavailableError, Offered, PieceAnswer


class Closed(Enum):
    """What became of a close."""

    CLOSED = "closed"
    ALREADY = "already"
    """It was closed before, by whomever."""
    NOT_YET = "not-yet"
    """An earlier season is still open: nothing was done."""


def close_season(log: Log, partitions: int, season: int) -> Closed:
    """Close a season in every partition. Repeating it, or two callers, close it once. Blocks.

    Raises:
        LogUnavailableError: an outage, or a partition that is not open; some partitions may be
            closed: call again.
    """
    heads = [_head(log, partition) for partition in range(partitions)]
    if any(head.season < season for head in heads):
        return Closed.NOT_YET
    found = {_close_partition(log, partition, season).answer for partition in range(partitions)}
    if Answer.GAP in found:
        return Closed.NOT_YET
    return Closed.CLOSED if Answer.APPENDED in found else Closed.ALREADY


def _head(log: Log, partition: int) -> Head:
    head = log.head(partition)
    if head is None:
        raise LogUnavailableError(f"partition {partition} is not open")
    return head


def _close_partition(log: Log, partition: int, season: int) -> PieceAnswer:
    head = _head(log, partition)
    data = encode_piece(Piece(SEASON_PRODUCER, season, season, (SeasonClosed(season),)))
    offered = Offered(SEASON_PRODUCER, season, season, data)
    result = log.append(partition, head.incarnation, [offered])
    if not isinstance(result, Appended):
        raise LogUnavailableError(f"partition {partition} was restored meanwhile")
    return result.answers[0]
