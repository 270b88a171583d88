"""The boards' twin in memory, over the read models' and the log's twins."""

from protocol.partition import partition_of
from storage.boards import SeasonTotals, Window
from storage.log_memory import MemoryLog
from storage.readmodels import Checkpoint
from storage.readmodels_memory import MemoryReadModels


class MemoryBoards:
    """A ``storage.boards.Boards`` over memory twins.

    Args:
        models, log: the twins.
        partitions: P.
    """

    def __init__(self, models: MemoryReadModels, log: MemoryLog, partitions: int) -> None:
        self._models = models
        self._log = log
        self._partitions = partitions

    async def checkpoints(self) -> list[Checkpoint | None]:
        """Return what each partition's read models reflect."""
        return [self._models.checkpoint(k) for k in range(self._partitions)]

    async def windows(
        self, season: int, money: int, player: str, *, before: int, after: int
    ) -> list[Window]:
        """Return each partition's window around (money, player)."""
        place = (-money, player)
        found = []
        for partition in range(self._partitions):
            board = self._models.board(partition, season)
            ordered = sorted(board.items(), key=lambda item: (-item[1], item[0]))
            at = sum((-item[1], item[0]) < place for item in ordered)
            found.append(
                Window(
                    sum(item[1] > money for item in ordered),
                    at,
                    ordered[max(0, at - before) : at],
                    ordered[at : at + after],
                )
            )
        return found

    async def money(self, season: int, player: str) -> int | None:
        """Return a player's money in the season."""
        return self._models.board(partition_of(player, self._partitions), season).get(player)

    async def totals(self, season: int) -> SeasonTotals:
        """Return the season's totals."""
        boards = [self._models.board(k, season) for k in range(self._partitions)]
        totals = [self._models.totals(k, season) for k in range(self._partitions)]
        return SeasonTotals(
            sum(len(board) for board in boards),
            sum(earned for earned, _ in totals),
            sum(earnings for _, earnings in totals),
        )

    async def prizes(self, player: str) -> int:
        """Return the sum of all prizes ever paid to the player."""
        return self._models.prizes(partition_of(player, self._partitions)).get(player, 0)

    async def lags(self) -> list[int]:
        """Return how many records of each partition are not projected yet."""
        found = []
        for partition in range(self._partitions):
            head, checkpoint = self._log.head(partition), self._models.checkpoint(partition)
            n = head.position.n if head else 0
            found.append(n - (checkpoint.position.n if checkpoint else 0))
        return found

    async def close(self) -> None:
        """Nothing to release."""
