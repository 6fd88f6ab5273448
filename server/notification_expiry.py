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

    What is shown late, by a slow commit or by a node whose clock is wrong, may run out before what
    was told of already: each round looks at the last minute anew.
    """

    ROUND_S: Final = 2.0
    AGAIN_MS: Final = 60_000
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
        self._after = clock.now_ms()
        self._told: dict[str, Millis] = {}

    async def round(self) -> float:
        """Seconds until the next one: none where there may be more."""
        now = self._clock.now_ms()
        told = list(self._told)
        found = await self._inbox.expired(self._after, until=now, but=told, most=self.AT_ONCE)
        for each in found:
            self._gone(each.recipient_no, [each.id])
            self._told[each.id] = each.expires_at
        if len(found) == self.AT_ONCE:
            return 0.0
        self._after = after = max(self._after, Millis(now - self.AGAIN_MS))
        self._told = {id: at for id, at in self._told.items() if at > after}  # noqa: A001
        return self.ROUND_S
