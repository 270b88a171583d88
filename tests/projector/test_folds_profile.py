"""The profile's fold: prizes, and a career over all seasons."""

from projector.folds.profile import Career, add_prizes, career
from protocol.events import MoneyEarned, PrizeAwarded
from storage.archived import Standing


class TestPrizes:
    """Prizes add up over seasons; earnings are none."""

    def test_they_add_up(self) -> None:
        prizes = {"p": 1}
        add_prizes(
            prizes,
            [PrizeAwarded("p", 1, 1, 5), MoneyEarned("p", 9, 0), PrizeAwarded("q", 2, 3, 7)],
        )
        assert prizes == {"p": 6, "q": 7}


class TestCareer:
    """The money of all seasons, the open one included; the best rank of the closed ones."""

    def test_over_seasons(self) -> None:
        standings = [Standing(4, "p", 100, 7), Standing(2, "p", 50, 0)]
        assert career(standings, 25) == Career(175, 2, 2)

    def test_before_the_first_close(self) -> None:
        assert career([], 25) == Career(25, None, 0)
