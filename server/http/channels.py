"""Team rooms as channels: what they are called, who is what in them, and those open to all."""

from __future__ import annotations

from msgspec import UNSET, structs

from actors.rules.event_frames import RoomExtra
from protocol.ids import RoomId, UserId
from server.http.bodies import invalid
from server.http.names import name_of, normal
from server.http.ports import Node
from server.http.rooms import LONGEST_ROOM_NAME, PATH, changed
from server.http.route import Answer, Call, NoQuery, Route
from server.http.schemas import (
    Changed,
    NewRole,
    PublicRoom,
    PublicRooms,
    PublicRoomsQuery,
    RoomChange,
)
from server.postgres.rooms import RoomStore
from server.postgres.users import UserStore


class ChannelRoutes:
    """The routes of channels."""

    def __init__(self, *, rooms: RoomStore, users: UserStore, node: Node) -> None:
        self._rooms, self._users, self._node = rooms, users, node

    async def change(self, call: Call[RoomChange, NoQuery]) -> Answer:
        """Change the name, the description, who finds the room, or whether it is archived."""
        asked = call.body
        if asked.name is not UNSET and not asked.name.strip():
            raise invalid("name", "must not be empty")
        name = UNSET if asked.name is UNSET else name_of(asked.name, longest=LONGEST_ROOM_NAME)
        extra = RoomExtra(**structs.asdict(asked) | {"name": name})
        return changed(await self._node.change_room(call.caller, RoomId(call.path["room"]), extra))

    async def change_role(self, call: Call[NewRole, NoQuery]) -> Answer:
        """Give a member another role."""
        name = normal(call.path["user"])
        person = (await self._users.named([name])).get(name)
        user = UserId(name) if person is None else person.user_id
        room = RoomId(call.path["room"])
        return changed(await self._node.change_role(call.caller, room, user, call.body.role))

    async def join(self, call: Call[None, NoQuery]) -> Answer:
        """Become a member of a public room."""
        return changed(await self._node.join(call.caller, RoomId(call.path["room"])))

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
