"""What is known of seasons: the open one from the read models, past ones from the archive."""

import asyncio

from msgspec import Struct

from projector.folds.prizepool import place_amounts, pool
from query.problems import ProblemError
from query.views import PlaceNow, PrizePool, Season, SeasonState
from runtime.calendar import Calendar
from runtime.clock import Clock
from storage.archive import Archive
from storage.archived import Settlement
from storage.boards import Boards


class Shown(Struct, frozen=True):
    """The season that answers speak of, and how far the read models are.

    Attributes:
        season: the lowest that any partition is in.
        position: the last record projected, by partition.
        closing: whether some partition is past it already.
    """

    season: int
    position: list[int]
    closing: bool


class SeasonBook:
    """Answers about seasons.

    Args:
        boards: the read models.
        archive: settlements; called in worker threads. What is settled never changes, so it is
            kept in memory.
        calendar: when seasons end.
        clock: wall time.
    """

    def __init__(self, boards: Boards, archive: Archive, calendar: Calendar, clock: Clock) -> None:
        self._boards = boards
        self._archive = archive
        self._calendar = calendar
        self._clock = clock
        self._settlements: dict[int, Settlement] = {}
        self._created_ms: int | None = None

    async def shown(self) -> Shown:
        """Return the season that answers speak of.

        Raises:
            ProblemError: 503, some partition is not projected yet.
        """
        points = await self._boards.checkpoints()
        found = [point for point in points if point is not None]
        if len(found) < len(points):
            raise ProblemError(503, "the read models are being filled")
        seasons = {point.season for point in found}
        return Shown(min(seasons), [point.position.n for point in found], len(seasons) > 1)

    async def settlement(self, season: int) -> Settlement | None:
        """Return a season's settlement."""
        if season not in self._settlements:
            found = await asyncio.to_thread(self._archive.settlement, season)
            if found is None:
                return None
            self._settlements[season] = found
        return self._settlements[season]

    async def closed(self) -> int:
        """Return the number of the last closed season, 0 before the first."""
        return await asyncio.to_thread(self._archive.closed_seasons)

    async def prize_pool(self) -> PrizePool:
        """Return the shown season's pool and what each place would pay now."""
        shown = await self.shown()
        totals = await self._boards.totals(shown.season)
        carried_in = await self._carried_in(shown.season)
        money = pool(totals.earned, carried_in or 0)
        opened_at_ms = await self._opened_at_ms(shown.season)
        return PrizePool(
            season=shown.season,
            earned=totals.earned,
            pool=money,
            carry_over=carried_in,
            ends_at_ms=self._ends_at_ms(opened_at_ms),
            time_ms=self._clock.now_ms(),
            places=[PlaceNow(at, paid) for at, paid in enumerate(place_amounts(money), 1)],
        )

    async def all(self) -> list[Season]:
        """Return all seasons, newest first."""
        shown, closed = await self.shown(), await self.closed()
        newest = max(shown.season, closed)
        return [await self._season(n, shown, closed) for n in range(newest, 0, -1)]

    async def one(self, season: int | None) -> Season:
        """Return a season; None means the shown one.

        Raises:
            ProblemError: 404, there is no such season yet.
        """
        shown, closed = await self.shown(), await self.closed()
        wanted = shown.season if season is None else season
        if not 1 <= wanted <= max(shown.season, closed):
            raise ProblemError(404, f"there is no season {wanted}")
        return await self._season(wanted, shown, closed)

    async def require_closed(self, season: int) -> Settlement:
        """Return a closed season's settlement.

        Raises:
            ProblemError: 404, there is no such season, or it is not closed.
        """
        found = await self.one(season)
        settlement = await self.settlement(season)
        if settlement is None or found.state != "closed":
            raise ProblemError(404, f"season {season} is not closed yet")
        return settlement

    async def _season(self, season: int, shown: Shown, closed: int) -> Season:
        settlement = await self.settlement(season)
        if settlement is not None:
            return Season(
                season=season,
                state="closed" if season <= closed else "closing",
                opened_at_ms=settlement.opened_at_ms,
                closed_at_ms=settlement.closed_at_ms,
                ends_at_ms=None,
                players=settlement.players,
                earned=settlement.earned,
                pool=settlement.pool,
                carried_in=settlement.carried_in,
                paid=settlement.paid,
                carried_over=settlement.carried_over,
            )
        totals = await self._boards.totals(season)
        carried_in = await self._carried_in(season)
        opened_at_ms = await self._opened_at_ms(season)
        is_open = season == shown.season and not shown.closing
        state: SeasonState = "open" if is_open else "closing"
        return Season(
            season=season,
            state=state,
            opened_at_ms=opened_at_ms,
            closed_at_ms=None,
            ends_at_ms=self._ends_at_ms(opened_at_ms) if is_open else None,
            players=totals.players,
            earned=totals.earned,
            pool=pool(totals.earned, carried_in or 0),
            carried_in=carried_in,
            paid=None,
            carried_over=None,
        )

    async def _carried_in(self, season: int) -> int | None:
        """Return what the season before carried over, None while it is not settled."""
        if season == 1:
            return 0
        before = await self.settlement(season - 1)
        return None if before is None else before.carried_over

    async def _opened_at_ms(self, season: int) -> int | None:
        """Return when a season opened, None while that is not archived."""
        if season > 1:
            before = await self.settlement(season - 1)
            return None if before is None else before.closed_at_ms
        if self._created_ms is None:
            layout = await asyncio.to_thread(self._archive.known_layout)
            self._created_ms = None if layout is None else layout.created_ms
        return self._created_ms

    def _ends_at_ms(self, opened_at_ms: int | None) -> int | None:
        return None if opened_at_ms is None else self._calendar.season_end_ms(opened_at_ms)
