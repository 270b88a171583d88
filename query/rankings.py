"""The open season's rankings, from the boards.

Laws:

- The season shown is the lowest that any partition's checkpoint is in, and every board read is that
  season's: no answer mixes two, also while a season closes partition by partition.
- Rank is 1 + how many players, over all partitions, have strictly more money.
"""

from collections.abc import Sequence

from projector.folds.profile import career
from query.cursor import BoardCursor, encode
from query.history import History
from query.limits import WINDOW_TRIES
from query.marks import Marks, change
from query.names import Names, labels
from query.problems import ProblemError
from query.ranking import TOP_MONEY, merged_after, merged_before, page_ranks
from query.seasons import SeasonBook
from query.views import BoardEntry, Leaderboard, Profile, RankWindow
from storage.boards import Boards, Window


class Rankings:
    """Answers about the open season.

    Args:
        boards: the read models.
        book: what is known of seasons.
        history: closed seasons, for careers.
        names: players' names.
        marks: for rank changes.
    """

    def __init__(
        self, boards: Boards, book: SeasonBook, history: History, names: Names, marks: Marks
    ) -> None:
        self._boards = boards
        self._book = book
        self._history = history
        self._names = names
        self._marks = marks

    async def leaderboard(self, limit: int, cursor: BoardCursor | None) -> Leaderboard:
        """Return a page of the board, from the top or from behind a cursor.

        Raises:
            ProblemError: 400, the cursor is of another season.
        """
        shown = await self._book.shown()
        if cursor is not None and cursor.season != shown.season:
            raise ProblemError(400, f"the cursor is of season {cursor.season}; begin again")
        money = TOP_MONEY if cursor is None else cursor.money
        behind = "" if cursor is None else cursor.player + "\0"  # the least id that is greater
        windows = await self._boards.windows(shown.season, money, behind, before=0, after=limit)
        items = merged_after(windows, limit)
        skipped = sum(window.place for window in windows)
        tied = bool(items) and items[0][1] == money
        first_rank = 1 + (sum(window.more for window in windows) if tied else skipped)
        totals = await self._boards.totals(shown.season)
        entries = await self._entries(shown.season, items, page_ranks(items, first_rank, skipped))
        more = bool(items) and skipped + len(items) < totals.players
        next_cursor = BoardCursor(shown.season, items[-1][1], items[-1][0]) if more else None
        return Leaderboard(
            season=shown.season,
            position=shown.position,
            players=totals.players,
            entries=entries,
            cursor=None if next_cursor is None else encode(next_cursor),
        )

    async def window(self, player: str, above: int, below: int) -> RankWindow:
        """Return a player's place and neighbours.

        Raises:
            ProblemError: 404, the player is not on the board; 503, its place would not stand still.
        """
        shown = await self._book.shown()
        money, windows = await self._around(shown.season, player, above, below)
        before = merged_before(windows, above)
        items = before + merged_after(windows, below + 1)
        skipped = sum(window.place for window in windows) - len(before)
        first_rank = await self._rank(shown.season, items[0][1])
        entries = await self._entries(shown.season, items, page_ranks(items, first_rank, skipped))
        rank = 1 + sum(window.more for window in windows)
        return RankWindow(shown.season, rank, player, money, entries)

    async def profile(self, player: str) -> Profile:
        """Return a player's profile.

        Raises:
            ProblemError: 404, neither the directory nor any board knows the player.
        """
        shown = await self._book.shown()
        names = await self._names.of([player])
        money = await self._boards.money(shown.season, player)
        results = await self._history.results(player)
        if player not in names and money is None and not results:
            raise ProblemError(404, f"there is no player {player}")
        rank = None if money is None else await self._rank(shown.season, money)
        mark = await self._marks.ranks(shown.season)
        past = [standing for season, standing in results if season < shown.season]
        made = career(past, money or 0)
        return Profile(
            season=shown.season,
            money=money or 0,
            rank=rank,
            change=None if rank is None else change(mark, player, rank),
            career=made.money,
            prizes=await self._boards.prizes(player),
            best_rank=made.best_rank,
            seasons=made.seasons,
            **labels(player, names),
        )

    async def _around(
        self, season: int, player: str, above: int, below: int
    ) -> tuple[int, list[Window]]:
        """Return a player's money and the windows around it, both of one moment."""
        for _ in range(WINDOW_TRIES):
            money = await self._boards.money(season, player)
            if money is None:
                raise ProblemError(404, f"{player} has earned nothing in season {season}")
            windows = await self._boards.windows(
                season, money, player, before=above, after=below + 1
            )
            if any(window.after[:1] == [(player, money)] for window in windows):
                return money, windows
        raise ProblemError(503, f"{player} earns faster than its place can be read")

    async def _rank(self, season: int, money: int) -> int:
        windows = await self._boards.windows(season, money, "", before=0, after=0)
        return 1 + sum(window.more for window in windows)

    async def _entries(
        self, season: int, items: Sequence[tuple[str, int]], ranks: Sequence[int]
    ) -> list[BoardEntry]:
        names = await self._names.shown(player for player, _ in items)
        mark = await self._marks.ranks(season)
        return [
            BoardEntry(
                rank=rank,
                money=money,
                change=change(mark, player, rank),
                **labels(player, names),
            )
            for (player, money), rank in zip(items, ranks, strict=True)
        ]
