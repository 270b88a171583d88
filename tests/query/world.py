"""A whole store in memory with the API over it."""

from pathlib import Path
from typing import Any

from projector.folds.state import changes, checkpoint_after
from projector.source import read_batch
from protocol.events import MoneyEarned
from protocol.partition import HASH_NAME, partition_of
from query.api import Api
from runtime.calendar import Calendar
from runtime.clock import ManualClock
from runtime.tokens import JWKS_FILE, Verifier, generate_keys, load_private, mint
from scheduler.archiver import Archiver
from scheduler.closing import close_season
from scheduler.seasons import SeasonMachine, Step
from scheduler.snapshots import Snapshotter
from storage.archive import Archive
from storage.archived import Layout
from storage.boards_memory import MemoryBoards
from storage.directory_memory import MemoryDirectory
from storage.documents_memory import MemoryDocuments
from storage.log_memory import MemoryLog
from storage.readmodels import Checkpoint
from storage.readmodels_memory import MemoryReadModels
from tests.builders import append, piece

P = 4
A = "018f0000-0000-7000-8000-00000000000a"
OPENED_MS = 1_700_000_000_000


class World:
    """A whole store in memory with the API over it."""

    def __init__(self, folder: Path) -> None:
        generate_keys(folder)
        self.key = load_private(folder)
        self.clock = ManualClock(OPENED_MS)
        self.log = MemoryLog(P, now_ms=self.clock.now_ms)
        self.models = MemoryReadModels(self.log)
        self.archive = Archive(MemoryDocuments())
        self.directory = MemoryDirectory()
        self.layout = self.archive.layout(Layout(P, HASH_NAME, 1, OPENED_MS))
        calendar = Calendar("0 0 * * *", "UTC")
        verifier = Verifier(folder / JWKS_FILE, "moneyboard", "moneyboard")
        boards = MemoryBoards(self.models, self.log, P)
        self.api = Api(boards, self.archive, self.directory, verifier, calendar, self.clock, P)
        self._machine = SeasonMachine(
            self.log, self.models, self.archive, self.layout, Calendar("never", "UTC")
        )
        self._archivers = [Archiver(self.log, self.archive, k, 1_000_000) for k in range(P)]
        self._snapshotters = [Snapshotter(self.archive, k) for k in range(P)]
        for partition in range(P):
            self.log.open_partition(partition)

    def earn(self, **money: int) -> None:
        for player, amount in money.items():
            partition = partition_of(player, P)
            last, _ = self.log.lanes(partition, [A])[0]
            append(self.log, partition, piece(A, last + 1, MoneyEarned(player, amount, 0)))
        self.project()

    def project(self, *partitions: int) -> None:
        for partition in partitions or range(P):
            before = self.models.checkpoint(partition)
            if before is None:
                before = Checkpoint()
                self.models.apply(partition, before, before, changes([]))
            while (batch := read_batch(self.log, self.archive, partition, before)).entries:
                after = checkpoint_after(before, batch.entries)
                self.models.apply(
                    partition, before, after, changes(batch.entries), archived=batch.archived
                )
                before = after

    def mark(self, *partitions: int) -> None:
        """Archive everything and take a snapshot of every partition, or of some."""
        for archiver in self._archivers:
            archiver.step()
        for partition in partitions or range(P):
            self._snapshotters[partition].step(self.clock.now_ms(), 0)

    def close(self, season: int) -> None:
        """Close a season, settle it and project."""
        self.clock.advance(1_000)
        close_season(self.log, P, season)
        while self.archive.closed_seasons() < season:
            self.mark()
            while self._machine.step(self.clock.now_ms()) not in {Step.WAIT, Step.NOTHING}:
                pass
        self.project()

    def token(self, subject: str = "studio", scope: str = "players:write") -> dict[str, str]:
        token = mint(self.key, subject, scope, now_ms=self.clock.now_ms())
        return {"Authorization": f"Bearer {token}"}


def expect_problem(answer: Any, status: int) -> str:
    """Check that an answer is a problem document; return its detail."""
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert set(body) == {"title", "status", "detail", "type"}
    assert body["status"] == status
    return str(body["detail"])
