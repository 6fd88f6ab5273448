"""Whether a provider of notifications may be asked now: not while it rests, nor while it is ill."""

from __future__ import annotations

from typing import Final

import trio

from actors.notification_records import Attempt
from actors.rules.circuit_breaker import Circuit, CircuitBreaker


class ProviderGate:
    """Lets nobody through while the provider has asked for a rest of all, or its circuit is open;
    then one tries.
    """

    REST_S: Final = 1.0  # where a provider asked for a rest without saying how long
    REST_MOST_S: Final = 300.0

    def __init__(self, breaker: CircuitBreaker) -> None:
        self._breaker = breaker
        self._rests_until = 0.0

    @property
    def state(self) -> Circuit:
        """What the breaker is doing."""
        return self._breaker.state

    def shut_s(self) -> float:
        """For how long nobody is let through."""
        until = max(self._rests_until, self._breaker.opens_at or 0.0)
        return max(0.0, until - trio.current_time())

    def room(self) -> int | None:
        """How many may be let through; None: any number."""
        if self.shut_s():
            return 0
        return None if self._breaker.state is Circuit.CLOSED else 1

    def enter(self) -> int:
        """Some are let through: the turn that they belong to."""
        self._breaker.may_send(trio.current_time())  # while it is open, this is the one that tries
        return self._breaker.turn

    def unused(self, turn: int) -> None:
        """There was nobody to be let through."""
        if turn == self._breaker.turn:
            self._breaker.unused(trio.current_time())

    def heard(self, turn: int, attempt: Attempt) -> bool:
        """What became of one of them; whether that changes who is let through."""
        now, was = trio.current_time(), self._breaker.state
        if attempt.of_all:
            asked = attempt.retry_after_ms
            rest = self.REST_S if asked is None else min(asked / 1000, self.REST_MOST_S)
            self._rests_until = max(self._rests_until, now + rest)
        if turn == self._breaker.turn:  # else it is of before, and tells nothing of now
            self._judge(attempt, now)
        return self._breaker.state is not was

    def _judge(self, attempt: Attempt, now: float) -> None:
        is_ill = attempt.kind in {"again", "unknown"} and attempt.reason != "limited"
        if not attempt.was_asked:
            self._breaker.unused(now)
        elif is_ill and not attempt.of_one:
            self._breaker.failed(now)
        else:
            self._breaker.succeeded(now)
