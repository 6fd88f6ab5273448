"""How many frames one connection may send, and its user on all connections together."""

from __future__ import annotations

from actors.rules.token_bucket import TokenBucket
from protocol.codec import FrameError
from protocol.frames import ClientFrame, WatchPresence
from protocol.limits import LIMITED_MOST, NAMES_A_FRAME

CALM_S = 5.0  # without a refusal, after which earlier ones are forgotten


class FrameRate:
    """Two token buckets, and how often the client went on although there was no token."""

    __slots__ = ("_own", "_refused", "_refused_at", "of_user")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._own = TokenBucket(rate, burst, now)
        self.of_user: TokenBucket | None = None  # once the user is known
        self._refused = 0
        self._refused_at = 0.0

    def wait(self, frame: ClientFrame | FrameError, now: float) -> float:
        """0.0 when *frame* is within the rate, else the seconds until it would be."""
        cost = _cost(frame)
        wait = self._own.take(now, cost)
        if not wait and self.of_user is not None:
            wait = self.of_user.take(now, cost)
        return wait

    def refused(self, now: float) -> bool:
        """Count a refusal; True when there were too many without a pause."""
        if now > self._refused_at + CALM_S:
            self._refused = 0
        self._refused, self._refused_at = self._refused + 1, now
        return self._refused > LIMITED_MOST


def _cost(frame: ClientFrame | FrameError) -> float:
    """What *frame* takes of a bucket: each person watched is a look at that person's actor."""
    if type(frame) is not WatchPresence:
        return 1
    return 1 + (len(frame.watch or ()) + len(frame.unwatch or ())) / NAMES_A_FRAME
