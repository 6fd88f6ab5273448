"""The share of failures among the latest results."""

from __future__ import annotations

from collections import deque


class FailureWindow:
    """Remembers the last *size* results, and judges from *enough* of them on."""

    __slots__ = ("_enough", "_failures", "_results")

    def __init__(self, size: int = 200, enough: int = 50) -> None:
        if not 1 <= enough <= size:
            raise ValueError(f"{enough} of {size} results")
        self._enough = enough
        self._results: deque[bool] = deque(maxlen=size)
        self._failures = 0

    def add(self, *, failed: bool) -> None:
        """Note one result."""
        if len(self._results) == self._results.maxlen:
            self._failures -= self._results[0]
        self._results.append(failed)
        self._failures += failed

    @property
    def rate(self) -> float:
        """From 0 to 1; 0 where there is no result yet."""
        return self._failures / len(self._results) if self._results else 0.0

    @property
    def full_enough(self) -> bool:
        """Whether there are results enough to judge by."""
        return len(self._results) >= self._enough

    def too_many(self, limit: float) -> bool:
        """Whether more than *limit* (0 to 1) of the results are failures, as far as one can tell.

        >>> window = FailureWindow(size=4, enough=2)
        >>> window.add(failed=True)
        >>> window.too_many(0.5)
        False
        >>> window.add(failed=True)
        >>> window.too_many(0.5), window.too_many(1.0)
        (True, False)
        """
        return self.full_enough and self.rate > limit
