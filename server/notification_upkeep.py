"""What is over is forgotten, and what nobody sends any more is ended."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from actors.notification_records import Outside
from actors.ports import WallClock
from protocol.ids import Millis
from server.postgres.notification_log import NotificationLog
from server.postgres.notification_queue import PostgresNotifications

DAY_MS: Final = 86_400_000
KEPT_WINDOWS_MS: Final = DAY_MS
ABANDONED_MS: Final = DAY_MS
"""What was due so long where this node sends nothing: no other node sends there either, nor waits
for its provider to be well.
"""
AT_ONCE: Final = 1_000
ROUND_S: Final = 60.0


class NotificationUpkeep:
    """Work for rounds, on any number of nodes."""

    def __init__(
        self,
        queue: PostgresNotifications,
        log: NotificationLog,
        *,
        abandoned: Collection[Outside],
        kept_days: int,
        clock: WallClock,
    ) -> None:
        """*abandoned*: the platforms to which this node sends nothing."""
        self._queue, self._log, self._clock = queue, log, clock
        self._abandoned, self._kept_ms = abandoned, kept_days * DAY_MS

    async def round(self) -> float:
        """Seconds until the next one: none where there may be more."""
        now = self._clock.now_ms()
        before, due = Millis(now - self._kept_ms), Millis(now - ABANDONED_MS)
        gone = [
            await self._log.forget(before, most=AT_ONCE),
            await self._log.forget_ended(before, most=AT_ONCE),
            await self._log.forget_deleted(before, most=AT_ONCE),
            await self._log.forget_windows(Millis(now - KEPT_WINDOWS_MS), most=AT_ONCE),
        ]
        gone += [
            await self._queue.abandon(platform, before=due, now=now, most=AT_ONCE)
            for platform in self._abandoned
        ]
        return 0.0 if max(gone) >= AT_ONCE else ROUND_S
