"""Rooms: making them, seeing them, and who is in them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import msgspec
from asyncpg import UniqueViolationError
from msgspec import UNSET, structs

from actors.requests import Requests
from protocol.errors import ErrorCode, ProtocolError
from protocol.frames import Ok, RoomSummary
from protocol.ids import RoomId, UserId
from server.http.bodies import invalid
from server.http.idempotency import LONGEST_KEY, Repeats
from server.http.matching import MatchingRooms
from server.http.names import name_of, normal
from server.http.people import check_may_join
from server.http.room_schemas import (
    LONGEST_ROOM_NAME,
    FormerMember,
    NewMember,
    NewRoom,
    RoomDetail,
    RoomMember,
    Rooms,
    RoomsQuery,
)
from server.http.route import Answer, Call, NoQuery, Route
from server.http.schemas import Changed
from server.ids import IdSource
from server.postgres.blocks import BlockStore
from server.postgres.idempotency import Asked
from server.postgres.people_rows import Person
from server.postgres.rooms import NewRoom as RoomToMake
from server.postgres.rooms import RoomStore
from server.postgres.users import UserStore

PATH = "/api/v1/chats/rooms"


class RoomRoutes:
    """The routes of rooms. To a stranger a room does not exist."""

    def __init__(  # noqa: PLR0913 - making a room asks them all
        self,
        *,
        rooms: RoomStore,
        users: UserStore,
        blocks: BlockStore,
        requests: Requests,
        matching: MatchingRooms,
        repeats: Repeats,
        new_id: IdSource,
    ) -> None:
        self._rooms = rooms
        self._matching = matching
        self._users = users
        self._blocks = blocks
        self._requests = requests
        self._repeats = repeats
        self._new_id = new_id

    async def create(self, call: Call[NewRoom, NoQuery]) -> Answer:
        """A new room, or the direct room that these two have."""

        async def work(asked: Asked | None) -> Answer:
            room = RoomId(self._new_id() if asked is None else self._repeats.id_of(asked))
            if call.body.type == "matching":
                return await self._matching.create(call, room)
            if call.body.groups is not None or call.body.mode == "blind":
                raise invalid("type", "only a matching room has groups and the mode blind")
            others = await self._others(call)
            if call.body.type == "direct":
                return await self._open_direct(call, others)
            return await self._create_team(call, room, others)

        return _located(await self._repeats.once(call, "create_room", work))

    async def _create_team(
        self, call: Call[NewRoom, NoQuery], room: RoomId, others: Sequence[Person]
    ) -> Answer:
        name = name_of(call.body.name or _name_by(others), longest=LONGEST_ROOM_NAME)
        numbers = [call.caller.user_no, *(person.user_no for person in others)]
        if await self._blocks.apart(call.caller.user_no, numbers[1:]):
            raise ProtocolError(ErrorCode.BLOCKED)
        made = RoomToMake(
            room,
            name,
            call.body.description or None,
            numbers,
            call.body.visibility or "private",
        )
        # It is there already when this same request made it before: some may have left since then.
        with suppress(UniqueViolationError):
            await self._rooms.create(made)
            self._tell(call, room, others)
        return await self._answer(call, room, created=True)

    async def _open_direct(self, call: Call[NewRoom, NoQuery], others: Sequence[Person]) -> Answer:
        if len(others) != 1:
            raise invalid("members", "a direct room is with exactly one other person")
        room, created = await self._rooms.open_direct(call.caller.user_no, others[0].user_no)
        if created:
            self._tell(call, room, others)
        return await self._answer(call, room, created=created)

    def _tell(self, call: Call[NewRoom, NoQuery], room: RoomId, others: Sequence[Person]) -> None:
        members = [call.caller.user_id, *(person.user_id for person in others)]
        self._requests.room_created(room, members)

    async def _answer(self, call: Call[NewRoom, NoQuery], room: RoomId, *, created: bool) -> Answer:
        summary = await self._summary(room, call.caller.user_no)
        return Answer(201 if created else 200, summary)

    async def _others(self, call: Call[NewRoom, NoQuery]) -> list[Person]:
        """The members besides the caller, each once, in the order they were named."""
        names = [normal(name) for name in call.body.members]
        found = await self._users.named(names)
        for name in names:
            check_may_join(found.get(name), "members", name)
        by_number = {found[name].user_no: found[name] for name in names}
        by_number.pop(call.caller.user_no, None)
        return list(by_number.values())

    async def list_mine(self, call: Call[None, RoomsQuery]) -> Answer:
        """The caller's rooms, newest activity first."""
        user = call.caller.user_id
        rooms = (await self._rooms.summaries([user]))[user]
        start = _index_after(rooms, call.query.after)
        items = rooms[start : start + call.query.limit]
        more = len(rooms) > start + len(items)
        return Answer(200, Rooms(items, items[-1].id if more else UNSET))

    async def show(self, call: Call[None, NoQuery]) -> Answer:
        """One room with its members."""
        room = call.room
        summary = await self._summary(room, call.caller.user_no)
        members = await self._rooms.members(room, call.caller.user_no)
        shown = [
            RoomMember(each.user, each.name, each.username, each.role, each.group or UNSET)
            for each in members or ()
        ]
        gone = await self._rooms.former(room, call.caller.user_no)
        former = [FormerMember(each.user, each.name) for each in gone]
        return Answer(200, RoomDetail(**structs.asdict(summary), members=shown, former=former))

    async def add_member(self, call: Call[NewMember, NoQuery]) -> Answer:
        """Make somebody a member."""
        name = normal(call.body.user)
        person = (await self._users.named([name])).get(name)
        user = check_may_join(person, "user", name).user_id
        return changed(await self._requests.add_member(call.caller, call.room, user))

    async def remove_member(self, call: Call[None, NoQuery]) -> Answer:
        """End a membership; anybody may leave."""
        name = normal(call.path["user"])
        person = (await self._users.named([name])).get(name)
        user = UserId(name) if person is None else person.user_id
        room = call.room
        return changed(await self._requests.remove_member(call.caller, room, user))

    async def _summary(self, room: RoomId, user_no: int) -> RoomSummary:
        summary = await self._rooms.summary(room, user_no)
        if summary is None:
            raise ProtocolError(await self._rooms.absence(room, user_no))
        return summary

    def routes(self) -> tuple[Route, ...]:
        """What this blueprint answers."""
        return (
            Route(
                method="POST",
                path=PATH,
                name="create_room",
                summary="Make a room; the direct room of two people is made once",
                handler=self.create,
                body=NewRoom,
                answers={201: RoomSummary, 200: RoomSummary},
                refusals=(403, 409),
                key=LONGEST_KEY,
            ),
            Route(
                method="GET",
                path=PATH,
                name="list_rooms",
                summary="One's own rooms, newest activity first",
                handler=self.list_mine,
                query=RoomsQuery,
                answers={200: Rooms},
            ),
            Route(
                method="GET",
                path=PATH + "/{room}",
                name="show_room",
                summary="A room and its members",
                handler=self.show,
                answers={200: RoomDetail},
                refusals=(403,),
            ),
            Route(
                method="POST",
                path=PATH + "/{room}/members",
                name="add_member",
                summary="Add somebody to a team room",
                handler=self.add_member,
                body=NewMember,
                answers={200: Changed},
                refusals=(403, 409),
            ),
            Route(
                method="DELETE",
                path=PATH + "/{room}/members/{user}",
                name="remove_member",
                summary="Remove somebody from a team room, or leave it",
                handler=self.remove_member,
                answers={200: Changed},
                refusals=(403, 409),
            ),
        )


def _located(answer: Answer) -> Answer:
    """*answer* with the address of its room, also when it is the first answer again."""
    room = answer.value
    if isinstance(room, msgspec.Raw):
        room = msgspec.json.decode(room, type=RoomSummary)
    assert isinstance(room, RoomSummary)  # noqa: S101 - nothing else is answered, or kept
    return answer._replace(headers={**answer.headers, "Location": f"{PATH}/{room.id}"})


def _name_by(others: Sequence[Person]) -> str:
    """What a room is called that was given no name."""
    return ", ".join(person.shown_name for person in others[:5])[:LONGEST_ROOM_NAME]


def _index_after(rooms: Sequence[RoomSummary], after: str | None) -> int:
    if after is None:
        return 0
    for index, room in enumerate(rooms):
        if room.id == after:
            return index + 1
    raise invalid("after", "is no room of yours")


def changed(ok: Ok) -> Answer:
    """The answer to what made an event, or none."""
    return Answer(200, Changed(ok.seq, ok.at))
