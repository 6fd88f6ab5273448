"""Who of a room is online."""

from __future__ import annotations

import msgspec
from msgspec import UNSET, UnsetType

from actors.online import Attendance
from protocol.fields import SeenState
from protocol.limits import CURSORS_MOST
from server.http.rooms import PATH
from server.http.route import Answer, Call, NoQuery, Route
from server.postgres.attendance import AttendanceStore


class PersonOnline(msgspec.Struct):
    """A member who is not offline."""

    user: str
    state: SeenState


class RoomPresence(msgspec.Struct):
    """How many members are not offline, of how many; in rooms of up to 200 also who they are."""

    online: int
    members: int
    people: list[PersonOnline] | UnsetType = UNSET


class AttendanceRoutes:
    """The route of a room's presence."""

    def __init__(self, *, store: AttendanceStore, attendance: Attendance) -> None:
        self._store, self._attendance = store, attendance

    async def show(self, call: Call[None, NoQuery]) -> Answer:
        """A large room shows counts and no people, a blind one nothing here."""
        count, members = await self._store.members(
            call.room, call.caller.user_no, most=CURSORS_MOST
        )
        if members is None:
            return Answer(200, RoomPresence(self._attendance.of(call.room), count))
        states = await self._attendance.states(members)
        people = [PersonOnline(user, state) for user, state in states.items()]
        return Answer(200, RoomPresence(len(people), count, people))

    def routes(self) -> tuple[Route, ...]:
        """What this blueprint answers."""
        return (
            Route(
                method="GET",
                path=PATH + "/{room}/presence",
                name="show_room_presence",
                summary="Who of a room is online",
                handler=self.show,
                answers={200: RoomPresence},
                refusals=(403,),
            ),
        )
