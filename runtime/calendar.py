"""When seasons end: a cron expression with a time zone. Pure: the time is passed in."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from croniter import croniter
from croniter.croniter import CroniterError

from protocol.errors import ConfigurationError

NEVER = "never"

FIELDS = (5, 6)
"""Of a cron expression: minute, hour, day, month, weekday, and second."""

CLOSE_BEFORE_END_MS = 60_000
"""How long before an end a close still counts as that end, half the way to the next at most.

The season's times are the log server's. Where its clock is behind the scheduler's, a season that
was closed at its end is stamped just before it, and the next one must not end at once.
"""


class Calendar:
    """The ends of seasons.

    Args:
        expression: five cron fields, or six with seconds last, or ``never``.
        time_zone: an IANA name.

    Raises:
        ConfigurationError: the text names the key.
    """

    def __init__(self, expression: str, time_zone: str) -> None:
        try:
            self._zone = ZoneInfo(time_zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ConfigurationError(f"season_time_zone: no zone {time_zone!r}") from error
        self._expression = None if expression == NEVER else expression
        if self._expression is None:
            return
        if len(expression.split()) not in FIELDS or not croniter.is_valid(expression):
            raise ConfigurationError(f"season_calendar: {expression!r} is no cron expression")
        self.next_end_ms(0)

    def season_end_ms(self, opened_at_ms: int) -> int | None:
        """Return when a season ends that opened at a time, Unix milliseconds; None for ``never``.

        The first end after it, or the second where the first is so near that the season before
        was closed for it; see ``CLOSE_BEFORE_END_MS``.
        """
        first_ms = self.next_end_ms(opened_at_ms)
        if first_ms is None or first_ms - opened_at_ms > CLOSE_BEFORE_END_MS:
            return first_ms
        second_ms = self.next_end_ms(first_ms)
        if second_ms is None or 2 * (first_ms - opened_at_ms) >= second_ms - first_ms:
            return first_ms
        return second_ms

    def next_end_ms(self, after_ms: int) -> int | None:
        """Return the first end strictly after a time, Unix milliseconds; None for ``never``.

        Raises:
            ConfigurationError: the expression names a time that does not exist (30 February).
        """
        if self._expression is None:
            return None
        after = datetime.fromtimestamp(after_ms / 1000, UTC).astimezone(self._zone)
        try:
            found: datetime = croniter(self._expression, after).get_next(datetime)
        except CroniterError as error:
            raise ConfigurationError(f"season_calendar: {error}") from error
        return int(found.timestamp() * 1000)
