"""Closed seasons, straight from the archive: standings, prizes, a player's results."""

import asyncio
from collections import OrderedDict

from query.cursor import StandingsCursor, encode
from query.limits import RESULTS_CACHED
from query.names import Names, labels
from query.seasons import SeasonBook
from query.views import (
    PlayerSeasons,
    PrizeEntry,
    Prizes,
    SeasonResult,
    StandingEntry,
    Standings,
)
from storage.archive import Archive
from storage.archived import Standing


class History:
    """Answers about closed seasons.

    Args:
        archive: called in worker threads.
        book: which seasons are closed.
        names: players' names.
    """

    def __init__(self, archive: Archive, book: SeasonBook, names: Names) -> None:
        self._archive = archive
        self._book = book
        self._names = names
        self._cache: OrderedDict[str, tuple[int, list[tuple[int, Standing]]]] = OrderedDict()

    async def standings(self, season: int, offset: int, limit: int) -> Standings:
        """Return a page of a closed season's standings.

        Raises:
            ProblemError: 404, the season is not closed.
        """
        settlement = await self._book.require_closed(season)
        page = await asyncio.to_thread(self._archive.standings_page, season, offset, limit)
        names = await self._names.of(standing.player for standing in page)
        shown = offset + len(page)
        return Standings(
            season,
            settlement.players,
            [
                StandingEntry(
                    rank=standing.rank,
                    money=standing.money,
                    prize=standing.prize,
                    **labels(standing.player, names),
                )
                for standing in page
            ],
            encode(StandingsCursor(season, shown)) if shown < settlement.players else None,
        )

    async def prizes(self, season: int) -> Prizes:
        """Return a closed season's prizes.

        Raises:
            ProblemError: 404, the season is not closed.
        """
        settlement = await self._book.require_closed(season)
        names = await self._names.of(award.player for award in settlement.awards)
        entries = [
            PrizeEntry(place=award.place, amount=award.amount, **labels(award.player, names))
            for award in settlement.awards
        ]
        return Prizes(season, settlement.paid, entries)

    async def results(self, player: str) -> list[tuple[int, Standing]]:
        """Return a player's standings in closed seasons, newest first.

        Closed seasons never change, so only those that closed since the last time are read.
        """
        closed = await self._book.closed()
        seen, results = self._cache.get(player, (0, []))
        if seen < closed:
            results = await asyncio.to_thread(self._results, player, seen, closed) + results
            self._cache[player] = (closed, results)
            if len(self._cache) > RESULTS_CACHED:
                self._cache.popitem(last=False)
        return results

    async def seasons(self, player: str) -> PlayerSeasons:
        """Return a player's closed seasons."""
        results = await self.results(player)
        return PlayerSeasons(
            player,
            [
                SeasonResult(season, found.rank, found.money, found.prize)
                for season, found in results
            ],
        )

    def _results(self, player: str, seen: int, closed: int) -> list[tuple[int, Standing]]:
        found = (
            (season, self._archive.standing_of(season, player))
            for season in range(closed, seen, -1)
        )
        return [(season, standing) for season, standing in found if standing is not None]
