"""The fence: what decides, for every piece, whether a lane takes it. Pure.

The one rule behind "exactly once": a lane takes exactly its next seqs. It is applied by the append
script inside the log server, by the log's twin in memory, and by the model that explores every
failure; the first is held to the second by the log's contract suite, the others call this.
"""

from enum import Enum


class Answer(Enum):
    """What became of a piece."""

    APPENDED = "appended"
    DUPLICATE = "duplicate"
    GAP = "gap"


def judge(before: int, first: int, last: int) -> Answer:
    """Return what a lane that ends at ``before`` makes of a piece with seqs first to last.

    A piece that overlaps the lane's end is a GAP as a whole: its sender splits it.
    """
    if first == before + 1:
        return Answer.APPENDED
    return Answer.DUPLICATE if last <= before else Answer.GAP
