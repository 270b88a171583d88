"""When seasons end: by cron, in a time zone, also where its clocks change."""

from datetime import UTC, datetime, timedelta

import pytest

from protocol.errors import ConfigurationError
from runtime.calendar import CLOSE_BEFORE_END_MS, Calendar


def ms(text: str) -> int:
    """Unix milliseconds of an ISO time, UTC where it names no offset."""
    time = datetime.fromisoformat(text)
    time = time if time.tzinfo else time.replace(tzinfo=UTC)
    return (time - datetime.fromtimestamp(0, UTC)) // timedelta(milliseconds=1)


class TestNextEnd:
    """The first end strictly after a time."""

    @pytest.mark.parametrize(
        ("expression", "after", "end"),
        [
            ("0 0 * * 1", "2026-11-22T12:00", "2026-11-23T00:00"),
            ("0 0 * * 1", "2026-11-23T00:00", "2026-11-30T00:00"),
            ("0 0 * * 1", "2026-11-22T23:59:59.999", "2026-11-23T00:00"),
            ("*/15 * * * *", "2026-11-23T10:07:12", "2026-11-23T10:15"),
            ("* * * * * */20", "2026-11-23T10:07:12", "2026-11-23T10:07:20"),
            ("0 0 29 2 *", "2026-03-01T00:00", "2028-02-29T00:00"),
        ],
    )
    def test_in_utc(self, expression: str, after: str, end: str) -> None:
        assert Calendar(expression, "UTC").next_end_ms(ms(after)) == ms(end)

    @pytest.mark.parametrize(
        ("expression", "after", "end"),
        [
            ("0 0 * * 1", "2026-03-28T12:00+01:00", "2026-03-30T00:00+02:00"),
            ("30 2 * * *", "2026-03-28T12:00+01:00", "2026-03-29T03:00+02:00"),
            ("0 0 * * 1", "2026-10-24T12:00+02:00", "2026-10-26T00:00+01:00"),
        ],
        ids=["over the change to summer", "in the hour that is left out", "over the change back"],
    )
    def test_where_the_clocks_change(self, expression: str, after: str, end: str) -> None:
        assert Calendar(expression, "Europe/Berlin").next_end_ms(ms(after)) == ms(end)

    def test_never(self) -> None:
        calendar = Calendar("never", "UTC")
        assert calendar.next_end_ms(0) is None
        assert calendar.season_end_ms(0) is None


class TestSeasonEnd:
    """A season that opened just before an end was opened by it, on a clock that is behind."""

    def test_the_next_end(self) -> None:
        calendar = Calendar("0 0 * * 1", "UTC")
        assert calendar.season_end_ms(ms("2026-11-24T12:00")) == ms("2026-11-30T00:00")
        assert calendar.season_end_ms(ms("2026-11-23T00:00:02")) == ms("2026-11-30T00:00")

    def test_a_close_stamped_just_before_its_end_is_not_followed_by_another(self) -> None:
        calendar = Calendar("0 0 * * 1", "UTC")
        assert calendar.season_end_ms(ms("2026-11-22T23:59:59.900")) == ms("2026-11-30T00:00")

    def test_further_before_the_end_is_a_season_of_its_own(self) -> None:
        calendar = Calendar("0 0 * * 1", "UTC")
        end_ms = ms("2026-11-23T00:00")
        assert calendar.season_end_ms(end_ms - CLOSE_BEFORE_END_MS) == ms("2026-11-30T00:00")
        assert calendar.season_end_ms(end_ms - CLOSE_BEFORE_END_MS - 1) == end_ms

    def test_short_seasons_keep_their_ends(self) -> None:
        calendar = Calendar("* * * * * */20", "UTC")
        assert calendar.season_end_ms(ms("2026-11-23T10:00:03")) == ms("2026-11-23T10:00:20")
        assert calendar.season_end_ms(ms("2026-11-23T10:00:19.9")) == ms("2026-11-23T10:00:40")


class TestRefusals:
    """What cannot be a calendar is refused at once, with the key's name."""

    @pytest.mark.parametrize(
        "expression",
        ["", "weekly", "@weekly", "0 0 * *", "0 0 * * 1 0 2030", "61 0 * * *", "0 0 30 2 *"],
    )
    def test_expressions(self, expression: str) -> None:
        with pytest.raises(ConfigurationError, match="season_calendar"):
            Calendar(expression, "UTC")

    @pytest.mark.parametrize("zone", ["", "Mars/Olympus", "Europe", "../UTC", "/etc/localtime"])
    def test_zones(self, zone: str) -> None:
        with pytest.raises(ConfigurationError, match="season_time_zone"):
            Calendar("never", zone)
