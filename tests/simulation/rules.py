"""The rules that carry exactly-once, each of which can be broken, to see that it is needed."""

from enum import Enum


class Broken(Enum):
    """A rule that is not obeyed, and how."""

    CONTIGUITY = "contiguity not checked: whatever is above the lane's end is appended"
    FENCE_FIRST = "the fence moves before XADD, which then fails"
    DROP_AT_ACK = "the outbox drops an event when it is acked"
    MARK_FROM_FENCE = "the archived mark is taken from the live fence"
    NO_VOID = "a refused event leaves no void record"
    NO_CLAIM = "a restore is not claimed in the archive"
    NO_CHAIN = "segments are archived without the chain check"
    FORGET_UNARCHIVED = "the fence forgets lanes that are not wholly archived"
    CHECKPOINT_FIRST = "the checkpoint moves before the changes are applied"
    NO_COMPARE = "changes are applied without comparing the checkpoint"
    NO_INCARNATION = "the incarnation is not checked at an append"
    OVERWRITE = "the archiver overwrites a segment instead of inserting it if absent"
    RESEND_FROM_ACKED = "the outbox resends from its first unacked event"
    GAP_REST = "a gap is answered, but the rest of the batch is accepted"
    TRIM_UNARCHIVED = "records are trimmed that are not archived"
    NO_FENCE_RESTORED = "a restore does not restore the fence"
    NO_LOOK_UP = "an old id that the fence forgot appends without a look into the archive"
    STALE_LOOK_UP = "what was looked up in the archive is believed however old it is"
    COUNTED_LOOK_UP = "a look-up is believed while as many lanes were forgotten as when it was made"
    TRIMMED_UNCHECKED = "changes that end at a trimmed entry are applied without its chain"
    MARK_GAPS = "marks are published over a gap in the marks"
    ARCHIVE_UNREPLICATED = "records are archived that no replica has"
