"""One meeting as a file that calendars take."""

from __future__ import annotations

from collections.abc import AsyncIterator

import trio

from actors.meeting_records import PRESENT, Decision, Meeting, MeetingOption
from actors.rules.meeting_states import MeetingStatus
from protocol.errors import ErrorCode, ProtocolError
from protocol.ids import Millis
from server.calendars.writing import MEDIA_TYPE, Entry, Method, Place, calendar_of
from server.http.meeting_parts import ONE, MeetingDesk
from server.http.route import Call, NoQuery, Route, Streamed
from server.postgres.calendars import uid_of

PATH = ONE + "/calendar.ics"


class MeetingCalendarRoutes:
    """The route of that file."""

    def __init__(self, desk: MeetingDesk) -> None:
        self._desk = desk

    async def file(self, call: Call[None, NoQuery]) -> Streamed:
        """What was decided for a calendar to take in, or, cancelled after that, to take out."""
        meeting = await self._desk.found(call)
        decided = meeting.decision
        if decided is None or decided.starts_at is None or decided.ends_at is None:
            raise ProtocolError(ErrorCode.CONFLICT, "no time is decided")
        entry = _entry(meeting, decided, decided.starts_at, decided.ends_at)
        method: Method = "REQUEST" if entry.status == "CONFIRMED" else "CANCEL"
        text = await trio.to_thread.run_sync(
            lambda: calendar_of([entry], name=meeting.title, method=method)
        )
        headers = {
            "Content-Type": MEDIA_TYPE,
            "Content-Disposition": 'attachment; filename="meeting.ics"',
        }
        return Streamed(_whole(text), headers)

    def routes(self) -> tuple[Route, ...]:
        """What this blueprint answers."""
        return (
            Route(
                method="GET",
                path=PATH,
                name="meeting_calendar",
                summary="A meeting for one's calendar",
                handler=self.file,
                answers={200: None},
                refusals=(404, 409),
                sends_bytes=True,
            ),
        )


def _entry(meeting: Meeting, decided: Decision, starts: Millis, ends: Millis) -> Entry:
    time = meeting.options.get(decided.time or "")
    place = meeting.options.get(decided.place or "")
    people = [each for each in meeting.people.values() if each.standing in PRESENT]
    is_confirmed = meeting.status is MeetingStatus.CONFIRMED
    return Entry(
        uid=uid_of(meeting.id),
        sequence=meeting.sequence,
        starts_at=starts,
        ends_at=ends,
        zone=(time and time.zone) or meeting.zone,
        title=meeting.title,
        stamped_at=meeting.updated_at,
        status="CONFIRMED" if is_confirmed else "CANCELLED",
        place=None if place is None else _place(place),
        description=decided.reason,
        organizer=meeting.people[meeting.initiator].name,
        attendees=[each.name for each in people],
    )


def _place(option: MeetingOption) -> Place:
    return Place(
        name=option.name,
        address=option.address,
        latitude=option.latitude,
        longitude=option.longitude,
    )


async def _whole(text: bytes) -> AsyncIterator[bytes]:
    yield text
