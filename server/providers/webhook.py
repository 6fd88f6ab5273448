"""Alerts to whoever watches over the server, as webhooks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec
import trio

from actors.ports import WallClock
from actors.supervisor import Log
from server.providers.endpoints import Endpoint
from server.providers.posting import Poster
from server.providers.signing import signature

MOST_WAITING = 100
WAITS_S = (1.0, 5.0, 30.0)


class Alert(NamedTuple):
    """What is told. Every attempt has the same id and body."""

    id: str
    event: str
    body: bytes


class Webhook:
    """Tells *endpoint*, one alert after the other, signed with each of *secrets*.

    What waits is bounded: of one key there is the newest alone, and where there are too many keys
    the oldest goes. ``sent``, ``failed``, ``replaced`` and ``dropped`` count what became of them.
    """

    def __init__(  # noqa: PLR0913 - where to, and all that chance and time decide
        self,
        poster: Poster,
        endpoint: Endpoint,
        secrets: Sequence[bytes],
        *,
        clock: WallClock,
        new_id: Callable[[], str],
        log: Log,
        waits: Sequence[float] = WAITS_S,
        most_waiting: int = MOST_WAITING,
    ) -> None:
        self._poster, self._endpoint, self._secrets = poster, endpoint, secrets
        self._clock, self._new_id, self._log = clock, new_id, log
        self._waits, self._most_waiting = waits, most_waiting
        self._waiting: dict[str, Alert] = {}
        self._news = trio.Event()
        self.sent = self.failed = self.replaced = self.dropped = 0

    def alert(self, key: str, event: str, **data: object) -> None:
        """Tell soon that *event* is so of *key*, instead of what still waits to be told of it.

        *data* must be what JSON can hold; no personal data and no texts of messages.
        """
        now_ms = self._clock.now_ms()
        at = datetime.fromtimestamp(now_ms / 1000, UTC).isoformat(timespec="milliseconds")
        told = {"type": event, "timestamp": at, "data": {"key": key, **data}}
        if key in self._waiting:
            self.replaced += 1
        elif len(self._waiting) >= self._most_waiting:
            del self._waiting[next(iter(self._waiting))]
            self.dropped += 1
        self._waiting[key] = Alert(f"msg_{self._new_id()}", event, msgspec.json.encode(told))
        self._news.set()

    async def run(self) -> None:
        """Tell what is to be told, until cancelled."""
        while True:
            while self._waiting:
                key = next(iter(self._waiting))
                await self._tell(key, self._waiting.pop(key))
            self._news = trio.Event()
            await self._news.wait()

    async def _tell(self, key: str, alert: Alert) -> None:
        answered: int | None = None
        for wait in (0.0, *self._waits):
            await trio.sleep(wait)
            if key in self._waiting:
                self.replaced += 1
                return
            answered = await self._post(alert)
            if answered is not None and answered // 100 == 2:  # noqa: PLR2004 - of success
                self.sent += 1
                return
        self.failed += 1
        self._log.warning("alert_failed", alert=alert.event, answered=answered)

    async def _post(self, alert: Alert) -> int | None:
        seconds = self._clock.now_ms() // 1000
        headers = {
            "webhook-id": alert.id,
            "webhook-timestamp": str(seconds),
            "webhook-signature": signature(self._secrets, alert.id, seconds, alert.body),
        }
        return (await self._poster.post(self._endpoint, headers, alert.body)).status
