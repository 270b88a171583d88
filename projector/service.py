"""The projector: folds each partition's log into the read models, with a checkpoint.

The loop is read, fold, apply. Where it stands is only ever the checkpoint in the store: a crash
anywhere repeats at most one batch, which the compare-and-set then refuses. Read models that are
missing, or whose log is no more, are filled anew from the archive.
"""

from collections.abc import Callable, Sequence
from typing import TypeVarTuple

import trio
from structlog.typing import FilteringBoundLogger

from projector.folds.state import changes, checkpoint_after
from projector.refill import refill
from projector.source import read_batch
from protocol.errors import LogMismatchError, MoneyboardError
from runtime.logging import logger
from storage.archive import Archive
from storage.documents import ArchiveUnavailableError
from storage.log import Log, LogUnavailableError
from storage.readmodels import Applied, Checkpoint, ReadModels

OUTAGE_PAUSE_S = 0.25
"""Between tries while the log or the archive is away."""

OPENING_PAUSE_S = 0.1
"""Between looks for a partition that the scheduler has not opened yet."""

Ts = TypeVarTuple("Ts")


async def run_projector(
    log: Log,
    models: ReadModels,
    archive: Archive,
    *,
    partitions: Sequence[int],
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Project the given partitions until cancelled.

    Started when every partition has a checkpoint.

    Raises:
        UnreadableRecordError: a record that this version cannot decode.
        MoneyboardError: a sum would pass 2^53.
        Each ends the whole service, inside an exception group. Cancelling leaves at most one
        apply under way, which is atomic.
    """
    limiter = trio.CapacityLimiter(len(partitions))
    async with trio.open_nursery() as nursery:
        async with trio.open_nursery() as starting:
            for partition in partitions:
                projection = Projection(log, models, archive, partition, limiter)
                starting.start_soon(nursery.start, projection.run)
        task_status.started()


class Projection:
    """The projection of one partition."""

    def __init__(
        self,
        log: Log,
        models: ReadModels,
        archive: Archive,
        partition: int,
        limiter: trio.CapacityLimiter,
    ) -> None:
        self._log = log
        self._models = models
        self._archive = archive
        self._partition = partition
        self._limiter = limiter
        self._logger: FilteringBoundLogger = logger(partition=str(partition))

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Project until cancelled; started when there is a checkpoint. Raises as the service."""
        checkpoint: Checkpoint | None = None
        announced = stale = False
        while True:
            try:
                if checkpoint is None:
                    checkpoint = await self._in_thread(self.begin, stale)
                    if checkpoint is None:
                        await trio.sleep(OPENING_PAUSE_S)
                        continue
                    stale = False
                    if not announced:
                        self._logger.info("projecting", after=checkpoint.position.n)
                        task_status.started()
                        announced = True
                checkpoint = await self._in_thread(self.step, checkpoint)
            except LogMismatchError as error:
                self._logger.warning("log-mismatch", error=str(error))
                checkpoint, stale = None, True
                await trio.sleep(OUTAGE_PAUSE_S)
            except (LogUnavailableError, ArchiveUnavailableError) as error:
                self._logger.warning("outage", error=str(error))
                checkpoint = None
                await trio.sleep(OUTAGE_PAUSE_S)

    async def _in_thread(
        self, call: Callable[[*Ts], Checkpoint | None], *arguments: *Ts
    ) -> Checkpoint | None:
        return await trio.to_thread.run_sync(call, *arguments, limiter=self._limiter)

    def begin(self, stale: bool = False) -> Checkpoint | None:
        """Return the checkpoint, after filling the read models from the archive if they need it.

        Args:
            stale: the log contradicts the checkpoint that stands.

        Returns:
            None while the partition is not opened, or when another projector was here: try again.

        Raises:
            LogMismatchError: the log must be restored first.
        """
        found = self._models.checkpoint(self._partition)
        if found is not None and not stale:
            return found
        if self._log.head(self._partition) is None:
            return None
        if refill(self._log, self._models, self._archive, self._partition, found):
            self._logger.info("refilled", before=None if found is None else found.position.n)
        return self._models.checkpoint(self._partition)

    def step(self, checkpoint: Checkpoint) -> Checkpoint | None:
        """Project one batch after the checkpoint; return the next checkpoint.

        None when another projector moved it, or the log changed under the batch: read it again.
        Blocks.
        """
        entries, archived = read_batch(self._log, self._archive, self._partition, checkpoint)
        if not entries:
            return checkpoint
        after = checkpoint_after(checkpoint, entries)
        applied = self._models.apply(
            self._partition, checkpoint, after, changes(entries), archived=archived
        )
        if applied is Applied.APPLIED:
            return after
        if applied is Applied.CHECKPOINT_MOVED:
            self._logger.info("checkpoint-moved", before=checkpoint.position.n)
            return None
        if applied is Applied.LOG_DIFFERS and not archived:
            self._logger.info("log-differs", after=checkpoint.position.n)
            return None  # trimmed meanwhile, or another log: reading again tells which
        if applied is Applied.LOG_DIFFERS:
            raise LogMismatchError(
                f"partition {self._partition}: the log changed under the batch "
                f"that ends at {after.position.n}"
            )
        raise MoneyboardError(
            f"partition {self._partition}: a sum would pass 2^53 by record {after.position.n}"
        )
