"""What can be asked of a room, and how each of it is refused."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import UNSET, UnsetType

from actors.blocks import Blocked
from actors.message import message
from actors.ports import Origin, Session
from actors.records import Attached, NewEvent, Sent
from actors.rules.changing import ChangeFrame
from actors.rules.content_digest import content_digest
from actors.rules.event_frames import RoomExtra
from protocol.errors import ErrorCode, ProtocolError
from protocol.fields import Role
from protocol.frames import Ack, MarkUnread, Ok, Read, Send, SetTyping, WatchPresence
from protocol.ids import UserId
from protocol.refusals import error_frame


class Post(msgspec.Struct, eq=False):
    """Store and show a message."""

    origin: Origin
    frame: Send
    files: Sequence[Attached] = ()  # those of the frame, as far as the store has told

    def digest(self) -> int:
        """What tells this content from other content under the same id."""
        return content_digest(self.frame)


@message
class MarkRead:
    """Move the asker's cursor."""

    origin: Origin
    frame: Read


class SetMark(msgspec.Struct, eq=False):
    """Mark the room unread for the asker, or take that back."""

    origin: Origin
    frame: MarkUnread
    after: int = 0  # the last event when it was taken


@message
class Type:
    """The asker started or stopped typing."""

    origin: Origin
    frame: SetTyping


class Change(msgspec.Struct, eq=False):
    """Edit, delete or restore a message, react to it or pin it."""

    origin: Origin
    frame: ChangeFrame
    event: NewEvent | None = None  # what it was taken as


class AddMember(msgspec.Struct, eq=False):
    """Make somebody a member. Owners and admins of a team room may.

    ``blocks``: with whom he has one, as it was read before this was asked.
    """

    origin: Origin
    user_id: UserId
    user_no: int
    blocks: frozenset[int]
    receipts: bool = True
    event: NewEvent | None = None  # what it was taken as


class ChangeRole(msgspec.Struct, eq=False):
    """Give the member *name* another role."""

    origin: Origin
    name: str
    role: Role
    event: NewEvent | None = None  # what it was taken as


class ChangeRoom(msgspec.Struct, eq=False):
    """Change what is said of the room itself."""

    origin: Origin
    changes: RoomExtra
    event: NewEvent | None = None  # what it was taken as


class RemoveMember(msgspec.Struct, eq=False):
    """End a membership: one's own, or as an owner somebody else's, as the room *name*s him."""

    origin: Origin
    name: str
    event: NewEvent | None = None  # what it was taken as
    gone: UserId | None = None  # whose it was


class Reveal(msgspec.Struct, eq=False):
    """The asker and the member *name* have both agreed to tell each other who they are."""

    origin: Origin
    name: str
    event: NewEvent | None = None  # what it was taken as


class Meet(msgspec.Struct, eq=False):
    """Let *session* follow, which opened while its user's membership changed.

    ``seen``: the seq it resumed from, None if it did not.
    """

    session: Session
    seen: int | None


@message
class TellCount:
    """What is unread for a member, in the room or in a thread, when nobody could be told before."""

    user_no: int
    root: int | None = None


@message
class WatchHere:
    """A session watches members by the names that the room has for them, or stops."""

    origin: Session
    frame: WatchPresence


@message
class Mute:
    """A member muted the room until then, or (0) no longer does. It is stored already."""

    user_no: int
    until: int


@message
class ShowReading:
    """A member shows what he has read from now on, or no longer. It is stored already."""

    user_no: int
    on: bool


OfMembers = AddMember | RemoveMember | ChangeRole | Reveal
Asked = Post | Change | MarkRead | SetMark | Type | OfMembers | ChangeRoom | WatchHere
RoomCommand = Asked | Meet | Mute | ShowReading | Blocked | TellCount


def refuse(command: Asked, error: ProtocolError) -> None:
    """Answer *command* with *error*."""
    match command:
        case Post(origin, frame):
            origin.offer(error_frame(error, rid=frame.rid, room=frame.room, id=frame.id))
        case (
            Change(origin, frame)
            | MarkRead(origin, frame)
            | SetMark(origin, frame)
            | Type(origin, frame)
            | WatchHere(origin, frame)
        ):
            origin.offer(error_frame(error, rid=frame.rid, room=frame.room))
        case (
            AddMember(origin)
            | RemoveMember(origin)
            | ChangeRole(origin)
            | Reveal(origin)
            | ChangeRoom(origin)
        ):
            origin.offer(error_frame(error))


def refuse_with_code(command: RoomCommand, code: ErrorCode) -> bool:
    """The same with nothing more to say than the code: True. For the others nobody waits: False."""
    if isinstance(command, Blocked):
        command.known.set(True)  # no incarnation is left that does not know
        return True
    if isinstance(command, Meet | Mute | ShowReading | TellCount):
        return False
    refuse(command, ProtocolError(code))
    return True


def acknowledge(command: Post, seq: int, at: int, *, dup: bool) -> None:
    """Tell the sender that the message is durable."""
    frame = command.frame
    rid = UNSET if frame.rid is None else frame.rid
    command.origin.offer(Ack(room=frame.room, id=frame.id, seq=seq, at=at, dup=dup, rid=rid))


def confirm(
    command: Change | MarkRead | SetMark | Type | WatchHere,
    seq: int | UnsetType = UNSET,
    at: int | UnsetType = UNSET,
) -> None:
    """Say that it is done, by the event *seq* if any, to whoever asked with a ``rid``."""
    if command.frame.rid is not None:
        command.origin.offer(Ok(rid=command.frame.rid, seq=seq, at=at))


def confirm_change(
    command: OfMembers | ChangeRoom, seq: int | UnsetType = UNSET, at: int | UnsetType = UNSET
) -> None:
    """Say that it is done, by the event *seq*; by none where nothing changed."""
    command.origin.offer(Ok(seq=seq, at=at))


def confirm_nothing(command: Change | OfMembers | ChangeRoom) -> None:
    """Say that it is as asked, without an event."""
    if isinstance(command, Change):
        confirm(command)
    else:
        confirm_change(command)


def answer_known(command: Post, sent: Sent) -> None:
    """The first acknowledgement again, or ``conflict`` when the content is not the same."""
    if command.digest() == sent.digest:
        acknowledge(command, sent.seq, sent.at, dup=True)
    else:
        refuse_with_code(command, ErrorCode.CONFLICT)
