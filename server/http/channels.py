"""Team rooms as channels: what they are called, who is what in them, and those open to all."""

from __future__ import annotations

from msgspec import UNSET, structs

from actors.requests import Requests
from actors.rules.event_frames import RoomExtra
from protocol.errors import ProtocolError
from protocol.fields import FOREVER
from protocol.ids import Millis, UserId
from server.http.bodies import invalid
from server.http.names import name_of, normal
from server.http.room_schemas import (
    LONGEST_ROOM_NAME,
    Muted,
    NewMute,
    NewRole,
    PublicRoom,
    PublicRooms,
    PublicRoomsQuery,
    RoomChange,
)
from server.http.rooms import PATH, changed
from server.http.route import Answer, Call, NoQuery, Route
from server.http.schemas import Changed
from server.postgres.rooms import RoomStore
from server.postgres.users import UserStore


class ChannelRoutes:
    """The routes of channels."""

    def __init__(self, *, rooms: RoomStore, users: UserStore, requests: Requests) -> None:
        self._rooms, self._users, self._requests = rooms, users, requests

    async def change(self, call: Call[RoomChange, NoQuery]) -> Answer:
        """Change the name, the description, who finds the room, or whether it is archived."""
        asked = call.body
        if asked.name is not UNSET and not asked.name.strip():
            raise invalid("name", "must not be empty")
        name = UNSET if asked.name is UNSET else name_of(asked.name, longest=LONGEST_ROOM_NAME)
        extra = RoomExtra(**structs.asdict(asked) | {"name": name})
        return changed(await self._requests.change_room(call.caller, call.room, extra))

    async def change_role(self, call: Call[NewRole, NoQuery]) -> Answer:
        """Give a member another role."""
        name = normal(call.path["user"])
        person = (await self._users.named([name])).get(name)
        user = UserId(name) if person is None else person.user_id
        room = call.room
        return changed(await self._requests.change_role(call.caller, room, user, call.body.role))

    async def join(self, call: Call[None, NoQuery]) -> Answer:
        """Become a member of a public room."""
        return changed(await self._requests.join(call.caller, call.room))

    async def mute(self, call: Call[NewMute, NoQuery]) -> Answer:
        """Mute a room for oneself, on all devices."""
        until = call.body.until or FOREVER
        await self._set_mute(call, Millis(until))
        return Answer(200, Muted(muted=True, until=UNSET if until == FOREVER else until))

    async def unmute(self, call: Call[None, NoQuery]) -> Answer:
        """Hear a room again."""
        await self._set_mute(call, Millis(0))
        return Answer(200, Muted(muted=False))

    async def _set_mute(
        self, call: Call[NewMute, NoQuery] | Call[None, NoQuery], until: Millis
    ) -> None:
        room, user_no = call.room, call.caller.user_no
        if not await self._rooms.mute(room, user_no, until):
            raise ProtocolError(await self._rooms.absence(room, user_no))
        self._requests.room_muted(room, user_no, until)

    async def public(self, call: Call[None, PublicRoomsQuery]) -> Answer:
        """Rooms that everybody may join, newest first."""
        query = call.query
        found = await self._rooms.public(
            call.caller.user_no, name=query.q, after=query.after, limit=query.limit + 1
        )
        items = [
            PublicRoom(
                room.room,
                room.name,
                room.members,
                room.joined,
                UNSET if room.description is None else room.description,
            )
            for room in found[: query.limit]
        ]
        return Answer(200, PublicRooms(items, items[-1].id if len(found) > len(items) else UNSET))

    def routes(self) -> tuple[Route, ...]:
        """What this blueprint answers."""
        return (
            Route(
                method="GET",
                path=PATH + "/public",
                name="list_public_rooms",
                summary="Rooms that everybody may join",
                handler=self.public,
                query=PublicRoomsQuery,
                answers={200: PublicRooms},
            ),
            Route(
                method="POST",
                path=PATH + "/{room}/join",
                name="join_room",
                summary="Join a public room",
                handler=self.join,
                answers={200: Changed},
                refusals=(403,),
            ),
            Route(
                method="PUT",
                path=PATH + "/{room}/mute",
                name="mute_room",
                summary="Mute a room, for a while or for good",
                handler=self.mute,
                body=NewMute,
                answers={200: Muted},
                refusals=(403,),
            ),
            Route(
                method="DELETE",
                path=PATH + "/{room}/mute",
                name="unmute_room",
                summary="Hear a room again",
                handler=self.unmute,
                answers={200: Muted},
                refusals=(403,),
            ),
            Route(
                method="PATCH",
                path=PATH + "/{room}",
                name="change_room",
                summary="Change a room",
                handler=self.change,
                body=RoomChange,
                answers={200: Changed},
                refusals=(403,),
            ),
            Route(
                method="PATCH",
                path=PATH + "/{room}/members/{user}",
                name="change_role",
                summary="Give a member another role",
                handler=self.change_role,
                body=NewRole,
                answers={200: Changed},
                refusals=(403, 409),
            ),
        )
