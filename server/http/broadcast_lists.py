"""First pages of broadcasts, kept for five minutes (specification 000) or until they change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from actors.ports import WallClock
from protocol.ids import UserId
from server.cache import Cache, Kept
from server.http.broadcast_schemas import (
    PAGE_DEFAULT,
    Broadcasts,
    BroadcastsQuery,
    as_of,
    page,
    received,
    sent,
)
from server.postgres.broadcast_views import BroadcastViews

KEPT_S: Final = 300


class BroadcastLists:
    """Pages of what users sent and received; the first of the usual length from the cache."""

    def __init__(self, views: BroadcastViews, cache: Cache, *, clock: WallClock) -> None:
        self._views, self._clock = views, clock
        self._sent: Kept[Broadcasts] = Kept(cache, "broadcasts-sent", Broadcasts, kept_s=KEPT_S)
        self._received: Kept[Broadcasts] = Kept(
            cache, "broadcasts-received", Broadcasts, kept_s=KEPT_S
        )

    async def sent(self, user_no: int, query: BroadcastsQuery) -> Broadcasts:
        """A user's own. Raises ProtocolError."""

        async def read() -> Broadcasts:
            after, limit = query.after, query.limit
            rows = await self._views.sent(user_no, after=after, limit=limit + 1)
            return page([sent(row) for row in rows], limit)

        found = await (self._sent.of(user_no, read) if _is_first(query) else read())
        now = self._clock.now_ms()
        return Broadcasts([as_of(each, now) for each in found.items], found.next)

    async def received(self, user_no: int, query: BroadcastsQuery) -> Broadcasts:
        """What a user received. Raises ProtocolError."""

        async def read() -> Broadcasts:
            after, limit = query.after, query.limit
            rows = await self._views.received(user_no, after=after, limit=limit + 1)
            return page([received(row) for row in rows], limit)

        return await (self._received.of(user_no, read) if _is_first(query) else read())

    async def changed(self, user_nos: Sequence[int]) -> None:
        """Something changed in the lists of these."""
        await self._sent.forget(user_nos)
        await self._received.forget(user_nos)

    async def renamed(self, user: UserId) -> None:
        """Who received something of this user is shown another name."""
        await self._received.forget(await self._views.recipients_of(user))


def _is_first(query: BroadcastsQuery) -> bool:
    return query.after is None and query.limit == PAGE_DEFAULT
