"""The read models' twin in memory: the same laws, for tests and simulations."""

from threading import Lock

from msgspec import Struct, field

from protocol.money import SUM_LIMIT
from storage.log import Log
from storage.readmodels import Applied, Changes, Checkpoint, Contents


class _Season(Struct):
    money: dict[str, int] = field(default_factory=dict)
    earned: int = 0
    earnings: int = 0


class MemoryReadModels:
    """A ``storage.readmodels.ReadModels`` beside a log that it checks positions against."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._lock = Lock()
        self._checkpoints: dict[int, Checkpoint] = {}
        self._seasons: dict[tuple[int, int], _Season] = {}
        self._prizes: dict[int, dict[str, int]] = {}

    def checkpoint(self, partition: int) -> Checkpoint | None:
        """Return what the partition's read models reflect."""
        with self._lock:
            return self._checkpoints.get(partition)

    def apply(
        self,
        partition: int,
        before: Checkpoint,
        after: Checkpoint,
        changes: Changes,
        *,
        archived: bool = False,
    ) -> Applied:
        """Apply changes and move the checkpoint, or do nothing."""
        with self._lock:
            stands = self._checkpoints.get(partition, Checkpoint())
            if (stands.position, stands.incarnation) != (before.position, before.incarnation):
                return Applied.CHECKPOINT_MOVED
            if not self._log_holds(partition, after, archived):
                return Applied.LOG_DIFFERS
            seasons = {
                season: self._added(partition, season, changes) for season in changes.seasons
            }
            if any(_too_large(season) for season in seasons.values()):
                return Applied.SUM_TOO_LARGE
            for season, value in seasons.items():
                self._seasons[partition, season] = value
            prizes = self._prizes.setdefault(partition, {})
            for player, amount in changes.prizes.items():
                prizes[player] = prizes.get(player, 0) + amount
            self._checkpoints[partition] = after
            return Applied.APPLIED

    def replace(
        self,
        partition: int,
        before: Checkpoint | None,
        after: Checkpoint,
        contents: Contents,
    ) -> bool:
        """Replace a partition's read models, if the checkpoint is still ``before``."""
        with self._lock:
            stands = self._checkpoints.get(partition)
            if (stands and (stands.position, stands.incarnation)) != (
                before and (before.position, before.incarnation)
            ):
                return False
            for season, found in contents.seasons.items():
                value = _Season(dict(found.money), found.earned, found.earnings)
                self._seasons[partition, season] = value
            self._prizes[partition] = dict(contents.prizes)
            self._checkpoints[partition] = after
            return True

    def board(self, partition: int, season: int) -> dict[str, int]:
        """Return every player's money in the season."""
        with self._lock:
            return dict(self._seasons.get((partition, season), _Season()).money)

    def totals(self, partition: int, season: int) -> tuple[int, int]:
        """Return (earned, earnings) of the season."""
        with self._lock:
            found = self._seasons.get((partition, season), _Season())
            return found.earned, found.earnings

    def prizes(self, partition: int) -> dict[str, int]:
        """Return every player's prize money."""
        with self._lock:
            return dict(self._prizes.get(partition, {}))

    def drop_season(self, partition: int, season: int) -> None:
        """Delete the board and totals of a season that is archived."""
        with self._lock:
            self._seasons.pop((partition, season), None)

    def _added(self, partition: int, season: int, changes: Changes) -> _Season:
        stands = self._seasons.get((partition, season), _Season())
        added = changes.seasons[season]
        money = dict(stands.money)
        for player, delta in added.money.items():
            money[player] = money.get(player, 0) + delta
        return _Season(money, stands.earned + added.earned, stands.earnings + added.earnings)

    def _log_holds(self, partition: int, after: Checkpoint, archived: bool) -> bool:
        head = self._log.head(partition)
        if head is None or head.incarnation != after.incarnation:
            return False
        if head.position.n <= after.position.n:
            return head.position == after.position
        entry = self._log.entry(partition, after.position.n)
        if entry is None:
            return archived and head.archived_n >= after.position.n
        return entry.chain == after.position.chain


def _too_large(season: _Season) -> bool:
    return season.earned >= SUM_LIMIT or any(
        abs(sum_) >= SUM_LIMIT for sum_ in season.money.values()
    )
