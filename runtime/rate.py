"""Rate limits as pure token buckets, which say how long a sender must wait."""


class Bucket:
    """A bucket that fills at ``rate`` units a second and holds a second's worth.

    Args:
        rate: units a second, above zero.
        now_s: the time at which it is full.
    """

    def __init__(self, rate: float, now_s: float) -> None:
        self._rate = rate
        self._level = rate
        self._at_s = now_s

    def take(self, units: float, now_s: float) -> float:
        """Take units and return the seconds to wait before going on, 0 when there were enough.

        The level may go below zero, so that a large take is allowed and paid for by the wait.
        """
        self._level = min(self._rate, self._level + (now_s - self._at_s) * self._rate)
        self._at_s = now_s
        self._level -= units
        return max(0.0, -self._level / self._rate)
