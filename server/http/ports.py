"""What the HTTP floor needs of the node and of a rate limiter, and nothing about how it is done."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from actors.node import Caller
from actors.rules.changing import ChangeFrame
from actors.rules.event_frames import RoomExtra
from protocol.close import CloseCode
from protocol.fields import Role
from protocol.frames import Ack, Ok, Send
from protocol.ids import Millis, RoomId, UserId


class Node(Protocol):
    """The rooms and sessions of this node. What waits may raise ProtocolError."""

    async def post(self, caller: Caller, frame: Send) -> Ack:
        """Store and show a message."""

    async def change(self, caller: Caller, frame: ChangeFrame) -> Ok:
        """Edit, delete or restore a message, react to it or pin it."""

    async def add_member(self, caller: Caller, room: RoomId, user: UserId) -> Ok:
        """Make *user* a member."""

    async def join(self, caller: Caller, room: RoomId) -> Ok:
        """Make the caller a member of a public room."""

    async def change_role(self, caller: Caller, room: RoomId, user: UserId, role: Role) -> Ok:
        """Give *user* another role."""

    async def change_room(self, caller: Caller, room: RoomId, changes: RoomExtra) -> Ok:
        """Change what is said of a room."""

    async def remove_member(self, caller: Caller, room: RoomId, user: UserId) -> Ok:
        """End the membership of *user*."""

    def room_muted(self, room: RoomId, user_no: int, until: Millis) -> None:
        """Tell the devices of a member who muted the room until then, or (0) no longer does."""

    def room_created(self, room: RoomId, members: Sequence[UserId]) -> None:
        """Tell those of *members* who are connected."""

    def sign_out(self, user: UserId, *, jti: str | None, code: CloseCode) -> None:
        """Close the sockets of one token of *user*, or all of them."""


class Rate(NamedTuple):
    """So many a second in the long run, and so many at once."""

    per_second: float
    burst: int


class Limits(Protocol):
    """Token buckets by key."""

    async def take(self, key: str, rate: Rate) -> float:
        """Take one; 0.0 when it was there, else seconds until one is."""

    async def forget(self, key: str) -> None:
        """Start *key* anew, with a full bucket."""


class Log(Protocol):
    """The one thing wanted of a logger."""

    def error(self, event: str, **fields: object) -> object:
        """Note a failure of ours."""
