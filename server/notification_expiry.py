"""Tells people what has run out of its time while they look at it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from actors.ports import WallClock
from protocol.ids import Millis
from server.postgres.notification_inbox import NotificationInbox


class NotificationExpiry:
    """Work for rounds, on each node for those connected to it. What ran out before it began they
    were not shown.
    """

    ROUND_S: Final = 2.0
    AT_ONCE: Final = 1_000

    def __init__(
        self,
        inbox: NotificationInbox,
        gone: Callable[[int, Sequence[str]], None],
        *,
        clock: WallClock,
    ) -> None:
        """*gone* tells somebody that these are not to be shown any more."""
        self._inbox, self._gone, self._clock = inbox, gone, clock
        self._after: tuple[Millis, str] = (clock.now_ms(), "")

    async def round(self) -> float:
        """Seconds until the next one: none where there may be more."""
        now = self._clock.now_ms()
        found = await self._inbox.expired(self._after, until=now, most=self.AT_ONCE)
        for each in found:
            self._gone(each.recipient_no, [each.id])
            self._after = (each.expires_at, each.id)
        return 0.0 if len(found) == self.AT_ONCE else self.ROUND_S
