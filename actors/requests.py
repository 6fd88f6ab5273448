"""What is asked of rooms by somebody without a socket: one command, one answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, TypeVar, cast

import trio
from msgspec import UNSET, structs

from actors.ports import People, StoreUnavailable, UserState
from actors.ref import ActorError, Reply
from actors.registry import Registry
from actors.room_commands import (
    AddMember,
    Change,
    ChangeRole,
    ChangeRoom,
    MarkRead,
    Mute,
    Post,
    RemoveMember,
    Reveal,
    RoomCommand,
    SetMark,
    ShowReading,
)
from actors.rules.changing import ChangeFrame
from actors.rules.event_frames import RoomExtra
from actors.sessions import Sessions
from actors.user_commands import HideLastSeen, Moved, UserCommand
from protocol.close import CloseCode
from protocol.errors import ErrorCode, ProtocolError
from protocol.fields import Role
from protocol.frames import Ack, Error, MarkUnread, Ok, Read, Send, ServerFrame
from protocol.ids import Millis, RoomId, UserId

F = TypeVar("F")


class Caller(NamedTuple):
    """Who makes an HTTP request."""

    user_no: int
    user_id: UserId
    name: str
    role: str


class OneAnswer:
    """The origin of a request that gets one frame as its answer."""

    __slots__ = ("_reply", "user_id", "user_no")

    def __init__(self, caller: Caller, reply: Reply[ServerFrame]) -> None:
        self.user_no, self.user_id, self._reply = caller.user_no, caller.user_id, reply

    def offer(self, frame: ServerFrame) -> None:
        """Answer the request."""
        self._reply.set(frame)


class Requests:
    """The rooms and users of a node, for those who wait for an answer."""

    ASK_S = 10.0

    def __init__(
        self,
        *,
        rooms: Registry[RoomCommand],
        users: Registry[UserCommand],
        sessions: Sessions,
        people: People,
    ) -> None:
        self._rooms, self._users, self._sessions, self._people = rooms, users, sessions, people

    async def post(self, caller: Caller, frame: Send) -> Ack:
        """Store and show a message; its acknowledgement. Raises ProtocolError."""
        answer = await self._ask(caller, RoomId(frame.room), lambda origin: Post(origin, frame))
        return _expect(answer, Ack)

    async def change(self, caller: Caller, frame: ChangeFrame) -> Ok:
        """Change a message; the event it made, if any. Raises ProtocolError."""
        asked = structs.replace(frame, rid=0)  # somebody waits for the answer
        answer = await self._ask(caller, RoomId(frame.room), lambda origin: Change(origin, asked))
        return _expect(answer, Ok)

    async def read(self, caller: Caller, frame: Read) -> None:
        """Move the caller's cursor in a room, or in a thread of it. Raises ProtocolError."""
        asked = structs.replace(frame, rid=0)  # somebody waits for the answer
        answer = await self._ask(caller, RoomId(frame.room), lambda origin: MarkRead(origin, asked))
        _expect(answer, Ok)

    async def mark_unread(self, caller: Caller, frame: MarkUnread) -> None:
        """Mark a room unread for the caller, or take that back. Raises ProtocolError."""
        asked = structs.replace(frame, rid=0)  # somebody waits for the answer
        answer = await self._ask(caller, RoomId(frame.room), lambda origin: SetMark(origin, asked))
        _expect(answer, Ok)

    async def add_member(self, caller: Caller, room: RoomId, user: UserId) -> Ok:
        """Make *user* a member; the event it made, if any. Raises ProtocolError."""
        return await self._add(caller, room, user)

    async def join(self, caller: Caller, room: RoomId) -> Ok:
        """Make the caller a member of a public room. Raises ProtocolError."""
        return await self._add(caller, room, caller.user_id)

    async def _add(self, caller: Caller, room: RoomId, user: UserId) -> Ok:
        state = (await self._people_states(user)).get(user)
        if state is None:
            raise ProtocolError(ErrorCode.INVALID, fields={"user": "no such user"})
        number, blocks, receipts = state.user_no, state.blocks, state.receipts
        answer = await self._ask(
            caller, room, lambda origin: AddMember(origin, user, number, blocks, receipts)
        )
        return _expect(answer, Ok)

    async def change_role(self, caller: Caller, room: RoomId, name: str, role: Role) -> Ok:
        """Give the member *name* another role; the event it made, if any. Raises ProtocolError."""
        answer = await self._ask(caller, room, lambda origin: ChangeRole(origin, name, role))
        return _expect(answer, Ok)

    async def change_room(self, caller: Caller, room: RoomId, changes: RoomExtra) -> Ok:
        """Change what is said of a room; the event it made, if any. Raises ProtocolError."""
        answer = await self._ask(caller, room, lambda origin: ChangeRoom(origin, changes))
        return _expect(answer, Ok)

    def room_muted(self, room: RoomId, user_no: int, until: Millis) -> None:
        """Tell the devices of a member who muted the room until then, or (0) no longer does."""
        self._rooms.tell_or_drop(room, Mute(user_no, until))

    def last_seen_set(self, user: UserId, *, hidden: bool) -> None:
        """Tell the actor of *user* whether anybody is shown when he was last here. It is stored."""
        if user in self._users:
            self._users.tell_when_open(user, HideLastSeen(hidden))

    def reading_shown(self, user_no: int, rooms: Iterable[RoomId], *, on: bool) -> None:
        """Tell the *rooms* of a user that he shows what he has read, or no longer does."""
        for room in rooms:
            self._rooms.tell_if_there(room, ShowReading(user_no, on))

    async def remove_member(self, caller: Caller, room: RoomId, name: str) -> Ok:
        """End the membership of *name*. Raises ProtocolError."""
        answer = await self._ask(caller, room, lambda origin: RemoveMember(origin, name))
        return _expect(answer, Ok)

    async def reveal(self, caller: Caller, room: RoomId, name: str) -> Ok:
        """Tell the room that the caller and *name*, who both agreed, know each other now."""
        answer = await self._ask(caller, room, lambda origin: Reveal(origin, name))
        return _expect(answer, Ok)

    async def _people_states(self, user: UserId) -> Mapping[UserId, UserState]:
        try:
            return await self._people.states([user])
        except StoreUnavailable:
            raise ProtocolError(ErrorCode.UNAVAILABLE) from None

    async def _ask(
        self, caller: Caller, room: RoomId, build: Callable[[OneAnswer], RoomCommand]
    ) -> ServerFrame:
        try:
            return await self._rooms.ref(room).ask(
                lambda reply: build(OneAnswer(caller, cast("Reply[ServerFrame]", reply))),
                within=self.ASK_S,
            )
        except (ActorError, trio.TooSlowError):
            raise ProtocolError(ErrorCode.UNAVAILABLE) from None

    def room_created(self, room: RoomId, members: Sequence[UserId], *, blind: bool = False) -> None:
        """Wake the room where members are connected: it tells them, and lets them follow."""
        for user in members if not blind else ():
            self._users.tell_or_drop(user, Moved(room, inside=True))
        connected = [user for user in members if self._sessions.told(user, room)]
        if connected:
            self._rooms.wake(room)

    def sign_out(self, user: UserId, *, jti: str | None, code: CloseCode) -> None:
        """Close the sockets of one token of *user*, or all of them."""
        for session in self._sessions.holders(user, jti):
            session.close(code, "signed out")


def _expect(answer: ServerFrame, kind: type[F]) -> F:
    """The answer as *kind*; an ``error`` is raised."""
    if isinstance(answer, kind):
        return answer
    if isinstance(answer, Error):
        fields = None if answer.fields is UNSET else answer.fields
        raise ProtocolError(ErrorCode(answer.code), answer.message, fields=fields)
    raise TypeError(f"unexpected answer {type(answer).__name__}")
