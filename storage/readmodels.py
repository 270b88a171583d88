"""The read models' writing side: compare-and-set of the checkpoint with what it stands for.

Laws:

- Changes are applied and the checkpoint moved in one atomic step, and only if the checkpoint is
  still the one that was read from; so two projectors on one partition are harmless.
- The log must still hold the entry that the changes end at, with the same chain. Only changes that
  were read from the archive may end at an entry that the log has trimmed.
"""

from enum import Enum
from typing import Protocol

from msgspec import Struct

from protocol.log import GENESIS, Position


class Checkpoint(Struct, frozen=True):
    """What a partition's read models reflect.

    Attributes:
        position: of the last entry applied.
        season: that the next record belongs to.
        time_ms: of the last entry applied; 0 before the first.
        incarnation: of the log that was read.
    """

    position: Position = GENESIS
    season: int = 1
    time_ms: int = 0
    incarnation: int = 0


class SeasonChanges(Struct):
    """What a batch adds to one season of one partition."""

    money: dict[str, int]
    """Player to minor units, negative where reversals outweigh earnings."""
    earned: int = 0
    """Minor units: the sum over ``money``."""
    earnings: int = 0
    """How many MoneyEarned records."""


class Changes(Struct):
    """What a batch of entries changes in one partition's read models."""

    seasons: dict[int, SeasonChanges]
    prizes: dict[str, int]
    """Player to prize money."""


class Contents(Struct, frozen=True):
    """The whole of one partition's read models.

    Attributes:
        seasons: the open season and those that may still be shown, each whole.
        prizes: player to the sum of all prizes ever paid.
    """

    seasons: dict[int, SeasonChanges]
    prizes: dict[str, int]


class Applied(Enum):
    """What became of an apply."""

    APPLIED = "applied"
    CHECKPOINT_MOVED = "checkpoint-moved"
    """Another projector was here: read the checkpoint again."""
    LOG_DIFFERS = "log-differs"
    """The log no longer holds the entry that the changes end at."""
    SUM_TOO_LARGE = "sum-too-large"
    """A sum would reach 2^53: nothing was applied, the partition must stop."""


class ReadModels(Protocol):
    """Boards, totals, prizes and checkpoints. Raises LogUnavailableError on an outage."""

    def checkpoint(self, partition: int) -> Checkpoint | None:
        """Return what the partition's read models reflect; None before the first apply."""
        ...

    def apply(
        self,
        partition: int,
        before: Checkpoint,
        after: Checkpoint,
        changes: Changes,
        *,
        archived: bool = False,
    ) -> Applied:
        """Apply changes and move the checkpoint from ``before`` to ``after``, or do nothing.

        Args:
            partition: which.
            before: the checkpoint that must stand.
            after: the checkpoint that stands then.
            changes: of the entries in between.
            archived: they came from the archive, so that the log may have trimmed the last of
                them; from the log itself they are then read again, as it may be another log.
        """
        ...

    def replace(
        self,
        partition: int,
        before: Checkpoint | None,
        after: Checkpoint,
        contents: Contents,
    ) -> bool:
        """Replace a partition's read models, if the checkpoint is still ``before``.

        The log need not hold ``after``: whoever goes on from there finds out.
        """
        ...

    def board(self, partition: int, season: int) -> dict[str, int]:
        """Return every player's money in the season (checks and tests; large)."""
        ...

    def totals(self, partition: int, season: int) -> tuple[int, int]:
        """Return (earned, earnings) of the season."""
        ...

    def prizes(self, partition: int) -> dict[str, int]:
        """Return every player's prize money (checks and tests; large)."""
        ...

    def drop_season(self, partition: int, season: int) -> None:
        """Delete the board and totals of a season that is archived."""
        ...
