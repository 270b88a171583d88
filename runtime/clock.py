"""Wall clocks, passed in, so that no decision reads the machine's time by itself."""

import time
from typing import Protocol


class Clock(Protocol):
    """Tells Unix time in milliseconds."""

    def now_ms(self) -> int:
        """Return the time now."""
        ...


class SystemClock:
    """The machine's clock."""

    def now_ms(self) -> int:
        """Return the machine's Unix time in milliseconds."""
        return time.time_ns() // 1_000_000


class ManualClock:
    """A clock that a test moves."""

    def __init__(self, now_ms: int = 0) -> None:
        self._now_ms = now_ms

    def now_ms(self) -> int:
        """Return the time that it was last set to."""
        return self._now_ms

    def advance(self, ms: int) -> None:
        """Move on by ``ms`` milliseconds."""
        self._now_ms += ms
