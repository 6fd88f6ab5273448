"""What can be asked of a room, and how each of it is refused."""

from __future__ import annotations

import msgspec
from msgspec import UNSET, UnsetType

from actors.message import message
from actors.ports import Origin
from actors.rules.digest import content_digest
from protocol.errors import ErrorCode, ProtocolError
from protocol.frames import Ack, Ok, Read, Send, SetTyping
from protocol.ids import UserId
from protocol.refusals import error_frame


class Post(msgspec.Struct, eq=False):
    """Store and show a message."""

    origin: Origin
    frame: Send

    def digest(self) -> int:
        """What tells this content from other content under the same id."""
        return content_digest(self.frame)


@message
class MarkRead:
    """Move the asker's cursor."""

    origin: Origin
    frame: Read


@message
class Type:
    """The asker started or stopped typing."""

    origin: Origin
    frame: SetTyping


@message
class AddMember:
    """Make somebody a member. Owners and admins of a team room may."""

    origin: Origin
    user_id: UserId
    user_no: int


@message
class RemoveMember:
    """End a membership: one's own, or as an owner somebody else's."""

    origin: Origin
    user_id: UserId


RoomCommand = Post | MarkRead | Type | AddMember | RemoveMember


def refuse(command: RoomCommand, error: ProtocolError) -> None:
    """Answer *command* with *error*."""
    match command:
        case Post(origin, frame):
            origin.offer(error_frame(error, rid=frame.rid, room=frame.room, id=frame.id))
        case MarkRead(origin, frame) | Type(origin, frame):
            origin.offer(error_frame(error, rid=frame.rid, room=frame.room))
        case AddMember(origin) | RemoveMember(origin):
            origin.offer(error_frame(error))


def refuse_with_code(command: RoomCommand, code: ErrorCode) -> bool:
    """The same with nothing more to say than the code. Somebody always waits: True."""
    refuse(command, ProtocolError(code))
    return True


def acknowledge(command: Post, seq: int, at: int, *, dup: bool) -> None:
    """Tell the sender that the message is durable."""
    frame = command.frame
    rid = UNSET if frame.rid is None else frame.rid
    command.origin.offer(Ack(room=frame.room, id=frame.id, seq=seq, at=at, dup=dup, rid=rid))


def confirm(command: MarkRead | Type) -> None:
    """Say that it is done, to whoever asked with a ``rid``."""
    if command.frame.rid is not None:
        command.origin.offer(Ok(rid=command.frame.rid))


def confirm_change(
    command: AddMember | RemoveMember, seq: int | UnsetType = UNSET, at: int | UnsetType = UNSET
) -> None:
    """Say that it is done, by the event *seq*; by none where nothing changed."""
    command.origin.offer(Ok(seq=seq, at=at))
