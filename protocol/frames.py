"""Every frame as a struct, tagged by ``t``. See README.md beside this file for the contract.

In requests ``None`` stands for absent; in the server's frames ``UNSET`` does, so that a field is
either there with a value or not there at all.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from protocol.events import (
    Listed,
    Member,
    Message,
    MessageDeleted,
    MessageRestored,
    MessageUpdated,
    Pinned,
    Reaction,
    RoomChanged,
)
from protocol.fields import (
    EmojiField,
    EventSeq,
    Frame,
    IdField,
    Kind,
    PresenceState,
    Rid,
    Role,
    RoomMode,
    RoomType,
    SeenState,
    SeqField,
    Visibility,
)
from protocol.meetings import MeetingState, Vote
from protocol.notices import (
    BroadcastChange,
    Notification,
    NotificationGone,
    Progress,
    Seen,
    WatchJob,
)

# ---- from the client


class Hello(Frame):
    """Opens the session. ``resume`` maps room id -> last seq seen."""

    token: Annotated[str, Meta(max_length=8192)] | None = None
    device: Annotated[str, Meta(max_length=128)] | None = None
    resume: dict[str, SeqField] | None = None
    features: list[str] | None = None
    rid: Rid | None = None


class Send(Frame):
    """Post a message. ``id`` is the idempotency key, unique per room and sender."""

    room: IdField
    id: IdField
    body: str
    kind: Kind | None = None
    reply_to: EventSeq | None = None
    thread: EventSeq | None = None
    files: list[IdField] | None = None
    mentions: list[IdField] | None = None
    rid: Rid | None = None


class Read(Frame):
    """Move the read cursor forward to ``seq``."""

    room: IdField
    seq: SeqField
    thread: EventSeq | None = None
    rid: Rid | None = None


class MarkUnread(Frame):
    """Have the room unread again from ``seq`` on, for oneself; 0 or none takes that back."""

    room: IdField
    seq: SeqField | None = None
    rid: Rid | None = None


class SetTyping(Frame):
    """Started or stopped typing."""

    room: IdField
    on: bool
    rid: Rid | None = None


class Edit(Frame):
    """Give one's own message another body."""

    room: IdField
    seq: EventSeq
    body: str
    rid: Rid | None = None


class Delete(Frame):
    """Take a message back: its seq stays, its body does not."""

    room: IdField
    seq: EventSeq
    rid: Rid | None = None


class React(Frame):
    """Put an emoji on a message, or take it off."""

    room: IdField
    seq: EventSeq
    emoji: EmojiField
    on: bool
    rid: Rid | None = None


class Pin(Frame):
    """Pin a message in its room, or unpin it."""

    room: IdField
    seq: EventSeq
    on: bool
    rid: Rid | None = None


class History(Frame):
    """Ask for a page of a room, ascending by seq; bounds are exclusive."""

    room: IdField
    after: SeqField | None = None
    before: SeqField | None = None
    around: EventSeq | None = None
    limit: Annotated[int, Meta(ge=1, le=200)] | None = None
    thread: EventSeq | None = None
    rid: Rid | None = None


class WatchPresence(Frame):
    """Watch people, or stop watching them. With *room* the names are those of that blind room."""

    room: IdField | None = None
    watch: list[IdField] | None = None
    unwatch: list[IdField] | None = None
    rid: Rid | None = None


class Status(Frame):
    """Choose how this user is shown to others."""

    state: PresenceState
    rid: Rid | None = None


class Ping(Frame):
    """Ask for a ``pong``."""

    rid: Rid | None = None


ClientFrame = (
    Hello
    | Send
    | Edit
    | Delete
    | React
    | Pin
    | Read
    | MarkUnread
    | SetTyping
    | History
    | WatchPresence
    | Status
    | Seen
    | Vote
    | WatchJob
    | Ping
)

# ---- from the server: state, newest wins


class RoomSummary(msgspec.Struct, kw_only=True):
    """One room as its member sees it in ``welcome`` and in HTTP answers."""

    id: str
    type: RoomType
    name: str
    description: str | UnsetType = UNSET
    mode: RoomMode = "open"
    visibility: Visibility = "private"
    archived: bool = False
    crowded: bool = False
    post: Role = "guest"
    metadata: dict[str, str] = {}
    role: Role = "member"
    me: str
    peer: str | UnsetType = UNSET
    broadcast: str | UnsetType = UNSET
    last_seq: int
    read_seq: int
    unread: int
    mentions: int
    marked: int | UnsetType = UNSET
    muted: bool = False
    muted_until: int | UnsetType = UNSET
    last_message: Message | UnsetType = UNSET
    cursors: dict[str, int] | UnsetType = UNSET


class Room(RoomSummary, tag_field="t", tag="room"):
    """The user was added to a room, or its name, role, mute or archive changed."""


class Receipt(Frame):
    """``user`` has read up to ``upto``."""

    room: str
    user: str
    upto: int


class Unread(Frame):
    """The user's own count after a cursor moved: of a room, or of one ``thread`` in it."""

    room: str
    unread: int
    mentions: int
    upto: int
    last_seq: int
    thread: int | UnsetType = UNSET
    marked: int | UnsetType = UNSET


class TypingState(Frame):
    """Somebody else types; expires after 6 s."""

    room: str
    user: str
    on: bool


class PresenceChange(Frame, tag="presence"):
    """The present state of a watched person. ``last_seen`` is a time."""

    user: str
    state: SeenState
    last_seen: int | UnsetType = UNSET
    room: str | UnsetType = UNSET


# ---- from the server: replies and the rest


class Welcome(Frame):
    """The session is open."""

    user: str
    session: str
    time: int
    ping_ms: int
    max_frame: int
    features: list[str]
    rooms: list[RoomSummary]
    rid: int | UnsetType = UNSET


class Ack(Frame):
    """The message is durable, at ``seq``."""

    room: str
    id: str
    seq: int
    at: int
    dup: bool
    rid: int | UnsetType = UNSET


class Ok(Frame):
    """The request is done; ``seq`` and ``at`` name the event it made, if any."""

    rid: int | UnsetType = UNSET
    seq: int | UnsetType = UNSET
    at: int | UnsetType = UNSET


class Page(Frame):
    """History, ascending; true as of ``upto``."""

    room: str
    events: list[Listed]
    more: bool
    upto: int
    rid: int | UnsetType = UNSET


class Pong(Frame):
    """The answer to ``ping``."""

    time: int
    rid: int | UnsetType = UNSET


class Gap(Frame):
    """Events ``from`` to ``to`` (inclusive) are not replayed; load the room anew."""

    room: str
    from_: int = msgspec.field(name="from")
    to: int


class RoomGone(Frame):
    """The user is in this room no longer."""

    room: str
    reason: str


class Lag(Frame):
    """State frames skipped since the last ``lag``."""

    skipped: int


class Error(Frame):
    """A request refused, or a frame that was none."""

    code: str
    message: str
    rid: int | UnsetType = UNSET
    room: str | UnsetType = UNSET
    id: str | UnsetType = UNSET
    retry_after_ms: int | UnsetType = UNSET
    fields: dict[str, str] | UnsetType = UNSET


class Goodbye(Frame):
    """The server closes next, with ``code``."""

    code: int
    reason: str
    reconnect_after_ms: int | UnsetType = UNSET


ServerFrame = (
    Message
    | MessageUpdated
    | MessageDeleted
    | MessageRestored
    | Reaction
    | Pinned
    | Member
    | RoomChanged
    | Room
    | Receipt
    | Unread
    | TypingState
    | PresenceChange
    | BroadcastChange
    | MeetingState
    | Progress
    | Notification
    | NotificationGone
    | Welcome
    | Ack
    | Ok
    | Page
    | Pong
    | Gap
    | RoomGone
    | Lag
    | Error
    | Goodbye
)
