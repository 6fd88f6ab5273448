"""Notifications that the bench asks for, as an admin over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

import trio

from bench.asking import ask
from bench.madang import Measured

BATCH, AT_ONCE = 500, 2
PATH: Final = "/api/notifications/send/batch"


class Told(NamedTuple):
    """Who is told, each in turn, and when each is *due*, in seconds since the epoch; else now."""

    ids: Sequence[str]
    due: Callable[[int], float] | None = None

    def batch(self, first: int, size: int) -> object:
        """A request."""
        return {"notifications": [self._one(number) for number in range(first, first + size)]}

    def _one(self, number: int) -> dict[str, object]:
        one: dict[str, object] = {
            "recipientId": self.ids[number % len(self.ids)],
            "type": "system.announcement",
            "title": "새 소식",
            "message": f"{number}번째 알림입니다",
        }
        if self.due is not None:
            one["scheduledAt"] = datetime.fromtimestamp(self.due(number), UTC).isoformat()
        return one


async def send_all(server: Measured, told: Told, count: int) -> None:
    """In requests of ``BATCH``, ``AT_ONCE`` at a time. Whoever is refused one raises."""
    firsts = iter(range(0, count, BATCH))

    async def some() -> None:
        for first in firsts:
            said = await ask(server, "POST", PATH, told.batch(first, min(BATCH, count - first)))
            refused = [each for each in said["results"] if "id" not in each]
            assert not refused, refused[0]

    async with trio.open_nursery() as nursery:
        for _ in range(AT_ONCE):
            nursery.start_soon(some)
