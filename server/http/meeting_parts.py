"""What the routes of meetings have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Protocol

from actors.meeting_commands import MeetingCommand
from actors.meeting_draft import News
from actors.meeting_records import Meeting
from actors.notification_records import NewNotification
from actors.ports import WallClock
from actors.requests import Caller
from protocol.errors import ErrorCode, ProtocolError
from protocol.ids import Millis
from server.http.auth import rate_limited
from server.http.meeting_rooms import MeetingRooms
from server.http.meeting_schemas import MeetingShown
from server.http.meeting_shown import meeting_shown
from server.http.notification_recipients import Recipients
from server.http.ports import Limits, Rate
from server.http.route import Call
from server.postgres.calendars import Calendars
from server.postgres.meetings import PostgresMeetings

PATH: Final = "/api/meetings"
ONE: Final = PATH + "/{meeting}"


class Coordinating(Protocol):
    """The meetings of this node."""

    async def ask(self, meeting: str, command: MeetingCommand) -> Meeting:
        """What the meeting is after *command*. Raises ProtocolError."""

    def called(self, meeting: Meeting) -> None:
        """There is a new one."""

    def worded(self, news: News, meeting: Meeting) -> NewNotification:
        """What somebody is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeetingParts:
    """What they are put together from."""

    coordinating: Coordinating
    store: PostgresMeetings
    rooms: MeetingRooms
    recipients: Recipients
    calendars: Calendars


class MeetingDesk:
    """Finds meetings, shows them, and counts what is asked of them."""

    def __init__(self, store: PostgresMeetings, *, limits: Limits, clock: WallClock) -> None:
        self._store, self._limits, self._clock = store, limits, clock

    def now(self) -> Millis:
        """The server's time."""
        return self._clock.now_ms()

    async def found(self, call: Call[Any, Any]) -> Meeting:
        """The meeting that the path names. Raises ProtocolError for whom it does not exist."""
        meeting = await self._store.get(call.caller.user_no, call.path["meeting"])
        if meeting is None:
            raise ProtocolError(ErrorCode.NOT_FOUND)
        return meeting

    def shown(self, meeting: Meeting, caller: Caller) -> MeetingShown:
        """All of it, and what the caller has at its times."""
        return meeting_shown(meeting, caller.user_no, now=self.now())

    async def take(self, caller: Caller, what: str, rate: Rate) -> None:
        """Count one more. Raises ProtocolError where it is too much."""
        if wait := await self._limits.take(f"{what}:{caller.user_no}", rate):
            raise rate_limited(wait)
