"""When one is busy: times that one says, and those of a calendar that one brings."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from actors.ports import WallClock
from protocol.errors import ErrorCode, ProtocolError
from protocol.ids import Millis
from server.calendars.importing import Importing
from server.calendars.reader import Asked
from server.calendars.reading import LARGEST, LONGEST_TITLE, UNSEEMLY
from server.http.auth import rate_limited
from server.http.bodies import invalid
from server.http.errors import UnsupportedMediaType
from server.http.notification_schemas import Time, millis, utc
from server.http.ports import Limits, Rate
from server.http.raw_bodies import whole_body
from server.http.route import Answer, Call, NoQuery, Route
from server.postgres.calendars import BEGINNING, BUSY_MOST, BusyTime, Calendars
from server.postgres.users import UserStore

PATH: Final = "/api/calendar"
PAGE_DEFAULT, PAGE_MOST = 100, 500
YEAR_MS: Final = 366 * 86_400_000
"""How far a calendar is read, and how long one time may be."""
CHANGES: Final = Rate(per_second=1, burst=120)
"""Times that a user says or takes back."""
IMPORTS: Final = Rate(per_second=1 / 60, burst=5)
"""Calendars that a user brings: each is some seconds of work."""
UPLOAD_S: Final = 30.0
CURSOR: Final = re.compile(r"(-?[0-9]{1,15})\.([0-9]{1,15})")
NUMBER: Final = re.compile(r"[0-9]{1,15}")


class NewBusy(msgspec.Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A time that one has not, up to a year; others are told that, and nothing else."""

    starts_at: Time
    ends_at: Time
    title: Annotated[str, Meta(max_length=LONGEST_TITLE)] = ""


class BusyShown(msgspec.Struct, rename="camel"):
    """A time that one has not: because one said so (``own``), by a calendar (``import``), or for a
    meeting that was confirmed, whose time goes with it.
    """

    id: str
    starts_at: datetime
    ends_at: datetime
    title: str
    source: Literal["own", "import", "meeting"]


class BusyQuery(msgspec.Struct):
    """``from`` now, and ``to`` a year later, unless it is said otherwise. ``cursor`` is that of the
    page before, for the same times.
    """

    start: Time | None = msgspec.field(name="from", default=None)
    end: Time | None = msgspec.field(name="to", default=None)
    cursor: Annotated[str, Meta(min_length=1, max_length=40)] | None = None
    limit: Annotated[int, Meta(ge=1, le=PAGE_MOST)] = PAGE_DEFAULT


class BusyPage(msgspec.Struct):
    """What overlaps these times, by when it starts."""

    items: list[BusyShown]
    cursor: str | UnsetType = UNSET


class Imported(msgspec.Struct, rename="camel"):
    """How many times were added. ``leftOut``: events that could not be read or were too much work,
    and times beyond as many as one may have. ``until``: how far it was read.
    """

    added: int
    left_out: int
    until: datetime


class BusyRoutes:
    """The routes of busy times, each user's own."""

    def __init__(
        self, calendars: Calendars, *, users: UserStore, limits: Limits, clock: WallClock
    ) -> None:
        self._calendars, self._users = calendars, users
        self._limits, self._clock = limits, clock
        self._importing = Importing()

    async def page(self, call: Call[None, BusyQuery]) -> Answer:
        """When one is busy."""
        query, now = call.query, self._clock.now_ms()
        start = now if query.start is None else millis(query.start)
        end = start + YEAR_MS if query.end is None else millis(query.end)
        after = BEGINNING if query.cursor is None else _place(query.cursor)
        found = await self._calendars.busy(
            call.caller.user_no, start, Millis(end), after=after, limit=query.limit + 1
        )
        items, last = found[: query.limit], found[query.limit - 1 : query.limit]
        more = len(found) > query.limit
        cursor = f"{last[0].starts_at}.{last[0].busy_no}" if more else UNSET
        return Answer(200, BusyPage([_shown(each) for each in items], cursor))

    async def add(self, call: Call[NewBusy, NoQuery]) -> Answer:
        """Say that one has no time then. Of what one says and brings 5,000 times are kept."""
        said, now = call.body, self._clock.now_ms()
        start, end = millis(said.starts_at), millis(said.ends_at)
        if not start < end <= start + YEAR_MS:
            raise invalid("endsAt", "must be later than startsAt, by a year at most")
        if abs(start - now) > YEAR_MS:
            raise invalid("startsAt", "must be within a year")
        await self._take(call, "busy", CHANGES)
        title = UNSEEMLY.sub(" ", said.title).strip()
        return Answer(
            201, _shown(await self._calendars.add(call.caller.user_no, start, end, title))
        )

    async def remove(self, call: Call[None, NoQuery]) -> Answer:
        """Take back what one has said, or one time of a calendar."""
        await self._take(call, "busy", CHANGES)
        number = call.path["busy"]
        is_number = NUMBER.fullmatch(number) is not None
        if not is_number or not await self._calendars.remove(call.caller.user_no, int(number)):
            raise ProtocolError(ErrorCode.NOT_FOUND)
        return Answer(204)

    async def bring(self, call: Call[None, NoQuery]) -> Answer:
        """A calendar (``text/calendar``, at most 1 MiB), in the place of the one before: what it
        says of the next year. Times without a zone are meant in one's own.
        """
        if call.mimetype != "text/calendar":
            raise UnsupportedMediaType("the body must have the Content-Type text/calendar")
        await self._take(call, "calendars", IMPORTS)
        person = await self._users.by_id(call.caller.user_id)
        if person is None:
            raise ProtocolError(ErrorCode.UNAUTHENTICATED)
        data = await whole_body(call.content, most=LARGEST, within_s=UPLOAD_S)
        now = self._clock.now_ms()
        until = Millis(now + YEAR_MS)
        asked = Asked(data, now, until, BUSY_MOST, person.time_zone)
        found = await self._importing.read(person.user_no, asked)
        added = await self._calendars.replace_imported(person.user_no, found.items)
        left_out = found.left_out + len(found.items) - added
        return Answer(200, Imported(added, left_out, utc(until)))

    async def _take(self, call: Call[Any, NoQuery], what: str, rate: Rate) -> None:
        wait = await self._limits.take(f"{what}:{call.caller.user_no}", rate)
        if wait:
            raise rate_limited(wait)

    def routes(self) -> tuple[Route, ...]:
        """What this blueprint answers."""
        busy = PATH + "/busy"
        return (
            Route(
                method="POST",
                path=busy,
                name="add_busy",
                summary="Say when one has no time",
                handler=self.add,
                body=NewBusy,
                answers={201: BusyShown},
                refusals=(409,),
            ),
            Route(
                method="GET",
                path=busy,
                name="list_busy",
                summary="When one has no time",
                handler=self.page,
                query=BusyQuery,
                answers={200: BusyPage},
            ),
            Route(
                method="DELETE",
                path=busy + "/{busy}",
                name="remove_busy",
                summary="Take such a time back",
                handler=self.remove,
                answers={204: None},
            ),
            Route(
                method="POST",
                path=PATH + "/import",
                name="import_calendar",
                summary="Bring a calendar",
                handler=self.bring,
                answers={200: Imported},
                refusals=(415,),
                takes_bytes=True,
            ),
        )


def _place(cursor: str) -> tuple[int, int]:
    found = CURSOR.fullmatch(cursor)
    if found is None:
        raise invalid("cursor", "must be the `cursor` of a page")
    return int(found[1]), int(found[2])


def _shown(each: BusyTime) -> BusyShown:
    return BusyShown(
        str(each.busy_no),
        utc(each.starts_at),
        utc(each.ends_at),
        each.title,
        each.source,  # type: ignore[arg-type] # one of the three
    )
