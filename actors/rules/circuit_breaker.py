"""When to leave somebody alone who fails: a circuit breaker."""

from __future__ import annotations

from enum import StrEnum


class Circuit(StrEnum):
    """What a breaker is doing."""

    CLOSED = "closed"  # everything goes through
    OPEN = "open"  # nothing does
    HALF_OPEN = "half_open"  # one is on its way, to see


class CircuitBreaker:
    """Opens after so many *failures* in a row; times are in seconds, by the caller's clock.

    It stays open for *first*, then lets one through. Does that fail, it stays open twice as long,
    *most* at the most; does it succeed, all is as at the beginning. Of one through that is never
    heard of again, another is let through after as long a wait.
    """

    __slots__ = (
        "_failures",
        "_first",
        "_in_a_row",
        "_most",
        "_opens_at",
        "_probing",
        "_turn",
        "_wait",
    )

    def __init__(self, *, failures: int = 5, first: float = 10.0, most: float = 300.0) -> None:
        self._failures, self._first, self._most = failures, first, most
        self._wait = first
        self._in_a_row = 0
        self._opens_at: float | None = None
        self._probing = False
        self._turn = 0

    @property
    def turn(self) -> int:
        """Another whenever it opens, lets one through, or closes: what was sent in another turn
        tells nothing of this one.
        """
        return self._turn

    @property
    def opens_at(self) -> float | None:
        """When it will let the next one through; None: it is closed, and lets all through."""
        return self._opens_at

    @property
    def state(self) -> Circuit:
        """What it is doing."""
        if self._opens_at is None:
            return Circuit.CLOSED
        return Circuit.HALF_OPEN if self._probing else Circuit.OPEN

    def may_send(self, now: float) -> bool:
        """Whether to send. True while it is not closed is said to one, who says how it went.

        >>> breaker = CircuitBreaker(failures=1)
        >>> breaker.failed(0.0)
        >>> breaker.may_send(9.9), breaker.may_send(10.0), breaker.may_send(10.0)
        (False, True, False)
        """
        if self._opens_at is None:
            return True
        if now < self._opens_at:
            return False
        self._probing, self._opens_at = True, now + self._wait
        self._turn += 1
        return True

    def unused(self, now: float) -> None:
        """The one that was let through was not sent after all: the next may be, at once."""
        if self._probing:
            self._probing, self._opens_at = False, now
            self._turn += 1

    def succeeded(self, _now: float) -> None:
        """One came through. While it is open that is one sent before, and tells nothing."""
        self._in_a_row = 0
        if self._probing:
            self._probing, self._opens_at, self._wait = False, None, self._first
            self._turn += 1

    def failed(self, now: float) -> None:
        """One did not come through. While it is open that is one sent before."""
        if self._probing:
            self._wait = min(self._wait * 2, self._most)
            self._probing, self._opens_at = False, now + self._wait
            self._turn += 1
        elif self._opens_at is None:
            self._in_a_row += 1
            if self._in_a_row >= self._failures:
                self._in_a_row, self._opens_at = 0, now + self._wait
                self._turn += 1
