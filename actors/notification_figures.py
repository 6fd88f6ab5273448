"""How the notifications of this node do."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Collection
from typing import Final

from actors.notification_records import AttemptKind, Decision, DecisionKind, WaitingLeg
from protocol.ids import Millis


class Latencies:
    """How long something took, in seconds, since the start of the node."""

    BOUNDS: Final = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
    """Up to which each of ``counts`` but the last counts."""

    def __init__(self) -> None:
        self.counts = [0] * (len(self.BOUNDS) + 1)
        self.seconds = 0.0

    def took(self, seconds: float) -> None:
        """One more."""
        self.counts[bisect_left(self.BOUNDS, seconds)] += 1
        self.seconds += seconds


class RoutingFigures:
    """What was decided since the start of the node, and what waits for it."""

    def __init__(self) -> None:
        self.decided: Counter[tuple[DecisionKind, str]] = Counter()  # by reason, too
        self.shown = 0
        self.waits = Latencies()  # of legs, from when they were due
        self._next_due: Millis | None = None

    def placed(
        self, legs: Collection[WaitingLeg], decisions: Collection[Decision], now: Millis
    ) -> None:
        """These were decided at *now*."""
        self.decided.update((each.kind, each.reason) for each in decisions)
        for leg in legs:
            self.waits.took(max(0, now - leg.due_at) / 1000)

    def left(self, next_due: Millis | None) -> None:
        """When the next of those that are left is due."""
        self._next_due = next_due

    def lag_s(self, now: Millis) -> float:
        """For how long the oldest that is known of has been due, in seconds."""
        return 0.0 if self._next_due is None else max(0, now - self._next_due) / 1000


class SendingFigures:
    """What was sent to one platform since the start of the node."""

    def __init__(self) -> None:
        self.attempts: Counter[tuple[AttemptKind, str]] = Counter()  # by reason, too
        self.latencies = Latencies()

    def tried(self, kind: AttemptKind, reason: str, seconds: float) -> None:
        """One attempt, and what became of it."""
        self.attempts[kind, reason] += 1
        self.latencies.took(seconds)

    def count(self, *kinds: AttemptKind) -> int:
        """How many came out as one of these."""
        return sum(count for (kind, _), count in self.attempts.items() if kind in kinds)
