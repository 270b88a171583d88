"""The season machine: looks at what is archived and does the next thing.

Laws:

- There is no stored progress. ``next_step`` decides from a View of log and archive alone, so every
  step may be killed anywhere, done twice, or done by two schedulers.
- open → SeasonClosed archived in all partitions → closing snapshots → settlement → prizes archived
  → standings archived → closed.
- The calendar is asked once: an end that was missed closes the season now, and the next one opens
  now.
"""

from enum import Enum

from msgspec import Struct

from protocol.events import Piece, PrizeAwarded, encode_piece
from protocol.identity import prize_producer
from runtime.calendar import Calendar
from runtime.logging import logger
from scheduler.closing import close_season
from scheduler.settlement import final_standings, settle
from storage.archive import Archive
from storage.archived import Award, Layout, PartitionState, Settlement
from storage.log import Appended, Log, LogUnavailableError, Offered
from storage.readmodels import ReadModels

PIECE_AWARDS = 100
"""Prizes a piece: a season has 100 places, and ties at the last one may add some."""


DROP_SEASONS = 8
"""How many seasons back boards are dropped again, in case a projector was behind at the time."""


class Step(Enum):
    """What to do next for a season."""

    NOTHING = "nothing"
    CLOSE = "close"
    WAIT = "wait"
    """For the archiver or the snapshots."""
    SETTLE = "settle"
    PAY = "pay"
    ARCHIVE_STANDINGS = "archive-standings"


class View(Struct, frozen=True):
    """What log and archive show of the oldest season that is not closed.

    Attributes:
        season: its number.
        due: whether the calendar says that it should have ended.
        open_seasons: the season that each partition's next record belongs to.
        snapshots: whether every partition has its closing snapshot.
        settled: whether the settlement stands.
        paid: whether every award is in the log.
        paid_archived: whether every award is archived.
    """

    season: int
    due: bool
    open_seasons: tuple[int, ...]
    snapshots: bool
    settled: bool
    paid: bool
    paid_archived: bool


def next_step(view: View) -> Step:
    """Return what to do next."""
    closed = [open_season > view.season for open_season in view.open_seasons]
    if not all(closed):
        return Step.CLOSE if view.due or any(closed) else Step.NOTHING
    if not view.settled:
        return Step.SETTLE if view.snapshots else Step.WAIT
    if not view.paid:
        return Step.PAY
    return Step.ARCHIVE_STANDINGS if view.paid_archived else Step.WAIT


class SeasonMachine:
    """Drives seasons over a log and an archive. All methods block.

    Args:
        log, models, archive: what it looks at and writes.
        layout: of the store.
        calendar: when seasons end.
    """

    def __init__(
        self, log: Log, models: ReadModels, archive: Archive, layout: Layout, calendar: Calendar
    ) -> None:
        self._log = log
        self._models = models
        self._archive = archive
        self._layout = layout
        self._partitions = range(layout.partitions)
        self._calendar = calendar
        self._logger = logger(part="seasons")

    def step(self, now_ms: int) -> Step:
        """Look, do the next thing, and return what it was.

        Raises:
            LogUnavailableError, ArchiveUnavailableError: an outage; try again.
            ArchiveError: the archive contradicts itself.
        """
        view = self.look(now_ms)
        step = next_step(view)
        if step is Step.CLOSE:
            closed = close_season(self._log, self._layout.partitions, view.season)
            self._logger.info("season-close", season=view.season, became=closed.value)
        elif step is Step.SETTLE:
            settlement = self._settle(view.season)
            self._logger.info(
                "season-settled",
                season=view.season,
                players=settlement.players,
                earned=settlement.earned,
                paid=settlement.paid,
            )
        elif step is Step.PAY:
            self._pay(view.season)
        elif step is Step.ARCHIVE_STANDINGS:
            self._archive_standings(view.season)
            self._logger.info("season-closed", season=view.season)
        return step

    def look(self, now_ms: int) -> View:
        """Return what log and archive show of the oldest season that is not closed."""
        season = self._archive.closed_seasons() + 1
        end_ms = self._calendar.season_end_ms(self.opened_at_ms(season))
        heads = [self._log.head(partition) for partition in self._partitions]
        if any(head is None for head in heads):
            raise LogUnavailableError("a partition is not open")
        settlement = self._archive.settlement(season)
        logged, archived = self._awards_known(settlement)
        return View(
            season=season,
            due=end_ms is not None and end_ms <= now_ms,
            open_seasons=tuple(head.season for head in heads if head is not None),
            snapshots=all(
                self._archive.closing_snapshot(partition, season) for partition in self._partitions
            ),
            settled=settlement is not None,
            paid=logged,
            paid_archived=archived,
        )

    def opened_at_ms(self, season: int) -> int:
        """Return when a season opened: when the one before closed, or the store was created."""
        before = self._archive.settlement(season - 1)
        return self._layout.created_ms if before is None else before.closed_at_ms

    def _awards_known(self, settlement: Settlement | None) -> tuple[bool, bool]:
        """Tell whether all awards are in the log, and whether all are archived."""
        if settlement is None:
            return False, False
        producer = prize_producer(settlement.season)
        logged = archived = True
        for partition in self._partitions:
            wanted = len(_awards_of(settlement, partition))
            in_log, in_archive = self._log.lanes(partition, [producer])[0]
            logged = logged and in_log >= wanted
            archived = archived and in_archive >= wanted
        return logged, archived

    def _settle(self, season: int) -> Settlement:
        before = self._archive.settlement(season - 1)
        settlement = settle(
            season,
            self._closing_states(season),
            opened_at_ms=self.opened_at_ms(season),
            carried_in=0 if before is None else before.carried_over,
        )
        return self._archive.settle(settlement)

    def _closing_states(self, season: int) -> list[PartitionState]:
        states = []
        for partition in self._partitions:
            snapshot = self._archive.closing_snapshot(partition, season)
            if snapshot is None:
                raise LogUnavailableError(f"season {season}: a closing snapshot is missing")
            states.append(self._archive.load_snapshot(snapshot))
        return states

    def _pay(self, season: int) -> None:
        """Append the awards that are not in the log yet; the fence refuses any that are."""
        settlement = self._archive.settlement(season)
        assert settlement is not None  # noqa: S101 - next_step pays what is settled
        producer = prize_producer(season)
        for partition in self._partitions:
            awards = _awards_of(settlement, partition)
            last, _ = self._log.lanes(partition, [producer])[0]
            for at in range(last, len(awards), PIECE_AWARDS):
                self._append(partition, _piece(producer, season, awards[at : at + PIECE_AWARDS]))

    def _append(self, partition: int, piece: Piece) -> None:
        head = self._log.head(partition)
        if head is None:
            raise LogUnavailableError(f"partition {partition} is not open")
        offered = Offered(piece.producer, piece.first, piece.last, encode_piece(piece))
        result = self._log.append(partition, head.incarnation, [offered])
        if not isinstance(result, Appended):
            raise LogUnavailableError(f"partition {partition} was restored meanwhile")

    def _archive_standings(self, season: int) -> None:
        settlement = self._archive.settlement(season)
        assert settlement is not None  # noqa: S101 - next_step archives what is settled
        standings = final_standings(settlement, self._closing_states(season))
        self._archive.put_standings(season, settlement.standings_digest, standings)
        self._drop_boards(season - 1)

    def _drop_boards(self, newest: int) -> None:
        """Delete boards of archived seasons that the projectors are past; ``newest`` and before."""
        for partition in self._partitions:
            checkpoint = self._models.checkpoint(partition)
            past = 0 if checkpoint is None else checkpoint.season - 1
            for season in range(max(1, newest - DROP_SEASONS), min(newest, past) + 1):
                self._models.drop_season(partition, season)


def _awards_of(settlement: Settlement, partition: int) -> list[Award]:
    """Return a partition's awards by seq."""
    return sorted(
        (award for award in settlement.awards if award.partition == partition),
        key=lambda award: award.seq,
    )


def _piece(producer: str, season: int, awards: list[Award]) -> Piece:
    events = tuple(
        PrizeAwarded(award.player, season, award.place, award.amount) for award in awards
    )
    return Piece(producer, awards[0].seq, awards[-1].seq, events)
