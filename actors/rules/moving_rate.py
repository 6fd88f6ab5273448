"""How many a second, of the latest seconds."""

from __future__ import annotations

from collections import deque


class MovingRate:
    """Counts what happened in each of the last *seconds*."""

    __slots__ = ("_counts", "_seconds")

    def __init__(self, seconds: int = 10) -> None:
        self._seconds = seconds
        self._counts: deque[tuple[int, int]] = deque(maxlen=seconds)  # (second, count)

    def add(self, count: int, now: float) -> None:
        """So many at *now* (seconds, never going back)."""
        second = int(now)
        if self._counts and self._counts[-1][0] == second:
            second, before = self._counts.pop()
            count += before
        self._counts.append((second, count))

    def per_second(self, now: float) -> float:
        """Of the last seconds, the present one included.

        >>> rate = MovingRate(10)
        >>> rate.add(30, 0.5), rate.add(20, 4.0), rate.add(10, 4.9)
        (None, None, None)
        >>> rate.per_second(5.0), rate.per_second(12.0), rate.per_second(60.0)
        (6.0, 3.0, 0.0)
        """
        since = int(now) - self._seconds
        return sum(count for second, count in self._counts if second > since) / self._seconds
