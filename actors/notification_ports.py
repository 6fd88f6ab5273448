"""What notifications need from outside."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Protocol

from actors.notification_records import (
    Attempt,
    Begun,
    Decision,
    Enqueued,
    LegResult,
    NewNotification,
    OutgoingNotification,
    Outside,
    Placed,
    Platform,
    WaitingLeg,
)
from protocol.ids import Millis

Decide = Callable[[Sequence[WaitingLeg]], Sequence[Decision]]


class NotificationQueue(Protocol):
    """The queue of notifications. Every method may raise StoreUnavailable; where something is done
    once, OutcomeUnknown, too.
    """

    async def enqueue(self, new: Sequence[NewNotification]) -> Sequence[Enqueued]:
        """Keep them, with a leg for each platform. One with the dedupe key of another of the same
        sender and recipient is that other one. One that is pending and has the collapse key of a
        new one is cancelled.
        """

    async def place(self, decide: Decide, *, now: Millis, most: int) -> Placed:
        """Have legs that are due decided, urgent ones first, and do what was decided: all or
        nothing, and no leg by two nodes. Legs that are held back by the same key come together,
        even 1,000 above *most*. What cannot be read of one is its ``fault``, and no other's.
        *decide* is called in the transaction and must not wait.
        """

    async def begin(
        self, platform: Outside, *, now: Millis, until: Millis, most: int, lease: int
    ) -> Begun:
        """Legs to be sent now, for this node alone *until* then. Legs whose node was lost are
        ``unknown``; those that were read meanwhile, or are out of date, are left out, and
        one that cannot be read fails.
        """

    async def record(self, results: Sequence[LegResult], *, at: Millis) -> Collection[Platform]:
        """What became of attempts, of those legs that are still its lease's; where the turn of the
        next of a fallback has come: it waits to be placed now. May be told twice.
        """


class NotificationProvider(Protocol):
    """One platform that is somebody else's."""

    async def send(self, message: OutgoingNotification) -> Attempt:
        """Try once to send it, or to take it back. Raises nothing of network or provider; of an
        attempt that is cancelled nobody knows the outcome.
        """


class Online(Protocol):
    """Who is here."""

    def __call__(self, user: str) -> bool:
        """Whether *user* looks at the page on this node now."""
