"""The rooms of meetings: who takes part in one is in its room."""

from __future__ import annotations

from collections.abc import Iterable

from actors.meeting_records import Meeting
from actors.requests import Caller, Requests
from protocol.ids import UserId


class MeetingRooms:
    """Lets people in and out; each may be done again."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests

    def made(self, meeting: Meeting) -> None:
        """Tell the people of a new meeting of its room."""
        members = [each.user_id for each in meeting.people.values()]
        self._requests.room_created(meeting.room, members)

    async def enter(self, meeting: Meeting, users: Iterable[UserId]) -> None:
        """Have *users* in the room, where the initiator is at home. Raises ProtocolError."""
        host = meeting.people[meeting.initiator]
        caller = Caller(host.user_no, host.user_id, host.name, "user")
        for user in users:
            await self._requests.add_member(caller, meeting.room, user)

    async def leave(self, meeting: Meeting, caller: Caller) -> None:
        """Have the caller leave it. Raises ProtocolError."""
        await self._requests.remove_member(caller, meeting.room, caller.user_id)
