"""A whole room to take away: one JSON text a line, as fast as the client reads."""

from __future__ import annotations

from collections import Counter
from typing import Literal

import msgspec

from actors.ports import StoreUnavailable, WallClock
from protocol.errors import ErrorCode, ProtocolError
from protocol.fields import Role
from protocol.ids import RoomId
from server.http.audit import Audit
from server.http.auth import rate_limited
from server.http.rooms import PATH
from server.http.route import Call, NoQuery, Route, Streamed
from server.postgres.exports import ExportStore, Start
from server.postgres.rooms import RoomMember, RoomStore

VERSION = 1
MOST_MEMBERS = 10_000
AT_ONCE = 2
AGAIN_S = 5.0
"""Exports of one user under way, and until one more is worth a try."""

_encode = msgspec.json.Encoder().encode


class ExportedMember(msgspec.Struct):
    """Who was in the room when the export began."""

    user: str
    name: str
    role: Role


class ExportHead(msgspec.Struct, tag_field="t", tag="export"):
    """The first line; events up to ``upto`` follow, then ``end``. ``at`` is when it began."""

    version: int
    room: str
    name: str
    at: int
    upto: int
    members: list[ExportedMember]


class ExportEnd(msgspec.Struct, tag_field="t", tag="end"):
    """The last line of a whole export: how many events there were."""

    events: int


class ExportBroken(msgspec.Struct, tag_field="t", tag="error"):
    """The last line of one that had to end."""

    code: ErrorCode
    message: str


class ExportRoutes:
    """The route of exports."""

    def __init__(
        self, *, exports: ExportStore, rooms: RoomStore, clock: WallClock, audit: Audit
    ) -> None:
        self._exports, self._rooms, self._clock = exports, rooms, clock
        self._audit = audit
        self._under_way: Counter[int] = Counter()

    async def export(self, call: Call[None, NoQuery]) -> Streamed:
        """Everything that was said: for owners, in direct and matching rooms for all."""
        room, user_no = call.room, call.caller.user_no
        start = await self._exports.start(room, user_no)
        members = await self._rooms.members(room, user_no, limit=MOST_MEMBERS) or ()
        if self._under_way[user_no] >= AT_ONCE:
            raise rate_limited(AGAIN_S)
        await self._audit.seen_by_member(call, "room.export", room_no=start.room_no)
        head = self._head(room, start, members)
        lines = Lines(self._exports, self._under_way, room, user_no, head)
        name = f'attachment; filename="room-{room}.ndjson"'
        return Streamed(lines, {"Content-Disposition": name})

    def _head(
        self, room: RoomId, start: Start, members: list[RoomMember] | tuple[()]
    ) -> ExportHead:
        shown = [ExportedMember(member.user, member.name, member.role) for member in members]
        return ExportHead(VERSION, room, start.name, self._clock.now_ms(), start.upto, shown)

    def routes(self) -> tuple[Route, ...]:
        """What this blueprint answers."""
        return (
            Route(
                method="GET",
                path=PATH + "/{room}/export",
                name="export_room",
                summary="A whole room, one JSON text a line",
                handler=self.export,
                answers={200: ExportHead},
                lines=True,
                refusals=(403,),
            ),
        )


class Lines:
    """The lines of one export, some at a time. A page is read when the one before it was taken."""

    CHUNK = 32 * 1024  # bytes: a peer that does not take as much in time is cut off

    def __init__(
        self,
        exports: ExportStore,
        under_way: Counter[int],
        room: RoomId,
        user_no: int,
        head: ExportHead,
    ) -> None:
        self._exports, self._under_way = exports, under_way
        self._room, self._user_no, self._upto = room, user_no, head.upto
        self._ready = [_encode(head) + b"\n"]  # the last one comes first
        self._after = self._events = 0
        self._state: Literal["new", "open", "over"] = "new"

    def __aiter__(self) -> Lines:
        return self

    async def __anext__(self) -> bytes:
        if self._state == "new":
            self._state = "open"
            self._under_way[self._user_no] += 1
        if not self._ready and self._state == "open":
            await self._read()
        if not self._ready:
            raise StopAsyncIteration
        chunk = bytearray()
        while self._ready and len(chunk) < self.CHUNK:
            chunk += self._ready.pop()
        return bytes(chunk)

    async def aclose(self) -> None:
        """No more is wanted."""
        self._ready.clear()
        self._end()

    def _end(self) -> None:
        if self._state == "open":
            self._under_way[self._user_no] -= 1
            self._under_way += Counter()  # forgets those at zero
        self._state = "over"

    async def _read(self) -> None:
        try:
            place = (self._room, self._user_no, self._after, self._upto)
            found, more = await self._exports.page(*place)
        except (ProtocolError, StoreUnavailable) as error:
            self._ready = [_encode(_broken(error)) + b"\n"]
            self._end()
            return
        self._events += len(found)
        lines = [_encode(event) + b"\n" for event in found]
        if more and found:
            self._after = found[-1].seq
        else:
            lines.append(_encode(ExportEnd(self._events)) + b"\n")
            self._end()
        self._ready = lines[::-1]


def _broken(error: ProtocolError | StoreUnavailable) -> ExportBroken:
    if isinstance(error, ProtocolError):
        return ExportBroken(error.code, error.message)
    return ExportBroken(ErrorCode.UNAVAILABLE, "the rest cannot be read now")
