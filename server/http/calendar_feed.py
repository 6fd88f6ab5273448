"""One's meetings at a secret address, where calendars look for them."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from functools import partial
from typing import Final

import msgspec
import trio
from msgspec import UNSET, UnsetType

from actors.ports import WallClock
from protocol.errors import ErrorCode, ProtocolError
from server.calendars.writing import MEDIA_TYPE, Entry, calendar_of
from server.http.auth import rate_limited
from server.http.calendar import PATH as CALENDAR
from server.http.calendar import BusyRoutes
from server.http.notification_schemas import utc
from server.http.ports import Limits, Rate
from server.http.route import Access, Answer, Call, NoQuery, Route, Streamed
from server.ids import IdSource
from server.postgres.calendars import Calendars
from server.postgres.users import UserStore

PATH: Final = CALENDAR + "/feed"
NAME: Final = "Madang"
TOKEN_BYTES: Final = 32
LOOKS: Final = Rate(per_second=1, burst=60)
"""Calendars that one address looks at, and addresses of calendars that it tries."""
MADE: Final = Rate(per_second=0.1, burst=10)
"""Addresses that a user makes."""


class Feed(msgspec.Struct, kw_only=True, rename="camel"):
    """Whether there is an address, and since when."""

    exists: bool
    created_at: datetime | UnsetType = UNSET


class NewFeed(msgspec.Struct, rename="camel"):
    """The path of the address, which is not told again. Whoever has it sees one's meetings."""

    path: str
    created_at: datetime


class FeedRoutes:
    """The routes of that address."""

    def __init__(
        self, calendars: Calendars, *, limits: Limits, clock: WallClock, new_token: IdSource
    ) -> None:
        self._calendars, self._limits = calendars, limits
        self._clock, self._new_token = clock, new_token

    async def show(self, call: Call[None, NoQuery]) -> Answer:
        """Whether calendars have an address to look at."""
        since = await self._calendars.feed_since(call.caller.user_no)
        made = UNSET if since is None else utc(since)
        return Answer(200, Feed(exists=since is not None, created_at=made))

    async def make(self, call: Call[None, NoQuery]) -> Answer:
        """A new address; the one before is worth nothing any more."""
        wait = await self._limits.take(f"calendar-feeds:{call.caller.user_no}", MADE)
        if wait:
            raise rate_limited(wait)
        token, now = self._new_token(), self._clock.now_ms()
        await self._calendars.make_feed(call.caller.user_no, token, at=now)
        return Answer(201, NewFeed(f"{PATH}/{token}.ics", utc(now)))

    async def drop(self, call: Call[None, NoQuery]) -> Answer:
        """Have no address any more."""
        await self._calendars.drop_feed(call.caller.user_no)
        return Answer(204)

    async def read(self, call: Call[None, NoQuery]) -> Answer | Streamed:
        """One's meetings that are confirmed and have a time, and for 30 days those that were
        cancelled. Calendars look every now and then: with ``If-None-Match`` it costs next to
        nothing.
        """
        wait = await self._limits.take(f"calendar-looks:{call.address}", LOOKS)
        if wait:
            raise rate_limited(wait)
        user_no = await self._calendars.feed_of(call.path["token"])
        if user_no is None:
            raise ProtocolError(ErrorCode.NOT_FOUND)
        entries = await self._calendars.entries(user_no, now=self._clock.now_ms())
        headers = {
            "Content-Type": MEDIA_TYPE,
            "Content-Disposition": 'inline; filename="madang.ics"',
            "Cache-Control": "private, no-cache",
            "ETag": _etag(entries),
        }
        if headers["ETag"] in call.headers.get("If-None-Match", ""):
            return Answer(304, None, headers)
        written = partial(calendar_of, entries, name=NAME)
        return Streamed(_whole(await trio.to_thread.run_sync(written)), headers)

    def routes(self) -> tuple[Route, ...]:
        """What this blueprint answers."""
        return (
            Route(
                method="GET",
                path=PATH,
                name="show_calendar_feed",
                summary="Whether one's calendar has an address",
                handler=self.show,
                answers={200: Feed},
            ),
            Route(
                method="POST",
                path=PATH,
                name="make_calendar_feed",
                summary="A secret address of one's calendar",
                handler=self.make,
                answers={201: NewFeed},
            ),
            Route(
                method="DELETE",
                path=PATH,
                name="drop_calendar_feed",
                summary="End the address of one's calendar",
                handler=self.drop,
                answers={204: None},
            ),
            Route(
                method="GET",
                path=PATH + "/{token}.ics",
                name="read_calendar_feed",
                summary="One's meetings, for calendars",
                access=Access.ANYBODY,
                handler=self.read,
                answers={200: None, 304: None},
                refusals=(429, 503),
                text=MEDIA_TYPE,
                headers={"If-None-Match": "the ``ETag`` of the answer before"},
            ),
        )


def calendar_routes(
    calendars: Calendars, *, users: UserStore, limits: Limits, clock: WallClock
) -> list[Route]:
    """All that can be asked of one's calendar."""
    new_token = partial(secrets.token_urlsafe, TOKEN_BYTES)
    feed = FeedRoutes(calendars, limits=limits, clock=clock, new_token=new_token)
    return [
        *BusyRoutes(calendars, users=users, limits=limits, clock=clock).routes(),
        *feed.routes(),
    ]


def _etag(entries: Sequence[Entry]) -> str:
    return f'"{hashlib.sha256(msgspec.json.encode(entries)).hexdigest()[:32]}"'


async def _whole(data: bytes) -> AsyncIterator[bytes]:
    yield data
