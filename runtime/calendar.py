"""When seasons end: a cron expression with a time zone. Pure: the time is passed in."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from croniter import croniter
from croniter.croniter import CroniterError

from protocol.errors import ConfigurationError

NEVER = "never"


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
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ConfigurationError(f"season_time_zone: no zone {time_zone!r}") from error
        self._expression = None if expression == NEVER else expression
        if self._expression is not None and not croniter.is_valid(self._expression):
            raise ConfigurationError(f"season_calendar: {expression!r} is no cron expression")

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
