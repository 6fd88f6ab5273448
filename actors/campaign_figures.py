"""How the campaigns of this node do, by channel and by job (specification 002)."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from actors.rules.failure_window import FailureWindow
from actors.rules.moving_rate import MovingRate


class Sends:
    """What one channel has sent since the start of the node; times in seconds."""

    SAMPLES = 1_000

    def __init__(self) -> None:
        self.succeeded = self.failed = 0
        self.window = FailureWindow()
        self._rate = MovingRate()
        self._seconds: deque[float] = deque(maxlen=self.SAMPLES)

    def took(self, seconds: float) -> None:
        """One send, or one call that delivers many in the app, took so long."""
        self._seconds.append(seconds)

    def settled(self, succeeded: int, failed: int, now: float) -> None:
        """So many are settled now."""
        self.succeeded, self.failed = self.succeeded + succeeded, self.failed + failed
        self._rate.add(succeeded, now)
        for _ in range(failed):
            self.window.add(failed=True)
        for _ in range(succeeded):
            self.window.add(failed=False)

    def per_second(self, now: float) -> float:
        """Messages a second of late."""
        return self._rate.per_second(now)

    @property
    def mean_s(self) -> float:
        """Of the last sends; 0 where there is none."""
        return sum(self._seconds) / len(self._seconds) if self._seconds else 0.0

    @property
    def p95_s(self) -> float:
        """What 95 % of the last sends took at most; 0 where there is none."""
        in_order = sorted(self._seconds)
        return in_order[-(-95 * len(in_order) // 100) - 1] if in_order else 0.0


class ChannelFigures(NamedTuple):
    """One channel as it is now. Counters are since the start of the node."""

    succeeded: int
    failed: int
    per_second: float
    mean_s: float
    p95_s: float
    failure_rate: float
    active: int
    idle: int
    queue: int
    completed: int
    refused: int


class JobFigures(NamedTuple):
    """One job that this node has."""

    channel: str
    per_second: float
    failure_rate: float
    total: int
    done: int
