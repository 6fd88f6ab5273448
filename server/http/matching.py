"""Matching rooms: two groups who meet, by pseudonym where the room is blind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress

from asyncpg import UniqueViolationError

from actors.requests import Requests
from protocol.errors import ErrorCode, ProtocolError
from protocol.frames import RoomSummary
from protocol.ids import RoomId
from server.http.audit import Audit
from server.http.bodies import invalid
from server.http.names import name_of, normal
from server.http.people import check_may_join
from server.http.room_schemas import LONGEST_ROOM_NAME, Groups, NewRoom
from server.http.route import Answer, Call, NoQuery
from server.postgres.blocks import BlockStore
from server.postgres.matching import MatchingStore, NewMatching, Seat
from server.postgres.people_rows import Person
from server.postgres.rooms import RoomStore
from server.postgres.users import UserStore

MOST_SEATS = 200
"""People of both groups: everybody's cursor is shown, and pseudonyms stay short."""

UNNAMED = "매칭"


class MatchingRooms:
    """Makes matching rooms."""

    def __init__(
        self,
        *,
        matching: MatchingStore,
        rooms: RoomStore,
        users: UserStore,
        blocks: BlockStore,
        requests: Requests,
        audit: Audit,
    ) -> None:
        self._matching, self._rooms = matching, rooms
        self._users, self._blocks = users, blocks
        self._requests, self._audit = requests, audit

    async def create(self, call: Call[NewRoom, NoQuery], room: RoomId) -> Answer:
        """A new room. Only an admin may make one that he is not in himself."""
        seats = await self._seats(call)
        mode = call.body.mode or "open"
        name = name_of(call.body.name or UNNAMED, longest=LONGEST_ROOM_NAME)
        description, creator = call.body.description or None, call.caller.user_no
        inside = any(seat.user_no == creator for seat in seats)
        by = None if inside else self._audit.by(call)
        new = NewMatching(room, name, description, mode, creator, seats, by)
        users = [seat.user_id for seat in seats]
        # It is there already when this same request made it before: some may have left since then.
        with suppress(UniqueViolationError):
            await self._matching.create(new)
            self._requests.room_created(room, users, blind=mode == "blind")
        summary = await self._rooms.summary(room, creator)
        return Answer(201, summary or _from_outside(new))

    async def _seats(self, call: Call[NewRoom, NoQuery]) -> Sequence[Seat]:
        """Everybody, each in one group."""
        body = call.body
        if body.groups is None or not (body.groups.A and body.groups.B):
            raise invalid("groups", "a matching room has the groups A and B, with people in each")
        if body.members:
            raise invalid("members", "a matching room has groups")
        if body.visibility == "public":
            raise invalid("visibility", "a matching room is private")
        names = [normal(name) for name in (*body.groups.A, *body.groups.B)]
        if len(names) > MOST_SEATS:
            raise invalid("groups", f"at most {MOST_SEATS} people together")
        seats = _seated(body.groups, await self._users.named(names))
        inside = any(seat.user_no == call.caller.user_no for seat in seats)
        if not inside and call.caller.role != "admin":
            raise invalid("groups", "you must be in one of them yourself")
        if await self._blocks.apart(call.caller.user_no, [seat.user_no for seat in seats]):
            raise ProtocolError(ErrorCode.BLOCKED)
        return seats


def _seated(groups: Groups, people: Mapping[str, Person]) -> list[Seat]:
    seats: dict[int, Seat] = {}
    for label, names in (("A", groups.A), ("B", groups.B)):
        for name in names:
            person = check_may_join(people.get(normal(name)), "groups", name)
            if person.user_no in seats:
                raise invalid("groups", f"named twice: {name}")
            seats[person.user_no] = Seat(person.user_no, person.user_id, label)
    return list(seats.values())


def _from_outside(new: NewMatching) -> RoomSummary:
    """The room as one sees it who made it and is not in it."""
    return RoomSummary(
        id=new.room,
        type="matching",
        name=new.name,
        mode=new.mode,
        me="",
        last_seq=0,
        read_seq=0,
        unread=0,
        mentions=0,
    )
