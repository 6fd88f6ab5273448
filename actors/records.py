"""What the log of rooms consists of, as it is handed to the store and read back from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from enum import Enum, IntEnum, auto
from typing import Final, NamedTuple

import msgspec

from actors.message import message
from protocol.events import FileInfo, Listed
from protocol.fields import Role
from protocol.frames import RoomSummary
from protocol.ids import Millis, RoomId, UserId

HIGHEST_SEQ: Final = 2**31 - 1
"""Above every seq that a log can have; what a client asks for beyond it is as good as this."""


class EventKind(IntEnum):
    """What a row of ``room_events`` is."""

    MESSAGE = 1
    MEMBER = 2
    UPDATED = 3
    DELETED = 4
    RESTORED = 5
    REACTION = 6
    PINNED = 7
    ROOM_CHANGED = 8


class NewEvent(msgspec.Struct, gc=False, array_like=True):
    """One row to append. ``countable``: messages that can be unread, up to and with it.

    A change ``of`` a message has the ``thread`` of that message.
    """

    seq: int
    at: int
    kind: EventKind
    sender_no: int
    countable: int
    client_id: str | None = None
    digest: int | None = None  # signed 64-bit digest of the first send
    body: str | None = None
    reply_to: int | None = None
    thread: int | None = None
    extra: str | None = None  # JSON object: mentions, or what else its kind says
    of: int | None = None  # the message that it changes


@message
class StoredEvent:
    """One row of the log as it is read back, with its sender as the room names him."""

    event: NewEvent
    sender: str


class MemberMove(msgspec.Struct, gc=False, array_like=True):
    """A change of membership, stored with its event. ``role`` None: not a member from now on."""

    user_no: int
    role: Role | None
    seq: int


class Batch(msgspec.Struct, array_like=True):
    """What one room wants stored in one commit: all of it or nothing.

    Encoded, it and what it holds are arrays in the order of their fields.
    """

    room_no: int
    epoch: int
    events: list[NewEvent]
    moves: list[MemberMove]
    cursors: dict[int, int]  # user_no -> read seq; only ever raised
    mentions: list[tuple[int, int]]  # (user_no, seq); user_no 0 stands for everybody
    thread_cursors: list[tuple[int, int, int]] = msgspec.field(default_factory=list)
    """(user_no, root, read seq): what was read of threads; only ever raised."""
    marks: list[tuple[int, int]] = msgspec.field(default_factory=list)
    """(user_no, seq): from where a room is marked unread; 0 for no mark."""
    reads: list[tuple[int, int, int]] = msgspec.field(default_factory=list)
    """(user_no, seq, at): who says that he has read, and when; of rooms that show it."""
    files: list[tuple[int, int, int, str]] = msgspec.field(default_factory=list)
    """(seq, place, file_no, id): what is posted, by which id the room shows it."""


class Verdict(Enum):
    """What became of one room's batch. Only STORED stored anything of it."""

    STORED = auto()
    STALE = auto()  # another owner has claimed the room since
    DUPLICATE = auto()  # a (sender, client id) or a seq of it was stored before
    REFUSED = auto()  # the database refused the data itself


@message
class MemberState:
    """One present member of a claimed room."""

    user_no: int
    user_id: UserId
    name: str
    role: Role
    read_seq: int
    unread: int
    mentions: int
    muted_until: int = 0  # milliseconds since the epoch
    marked: int = 0  # unread from this event on, whatever the cursor; 0 for no mark
    receipts: bool = True  # shows what he has read, and sees what others have


@message
class Claimed:
    """A room as its new owner finds it. ``tail`` is ascending and ends at ``last_seq``.

    ``pseudonyms`` and ``revealed`` are of a blind room: how it names everybody who was ever in it,
    by user number, and which two have told each other who they are.
    """

    room_no: int
    epoch: int
    summary: (
        RoomSummary  # the parts that are the same for each member; ``me`` and ``name`` may be ""
    )
    last_seq: int
    last_at: int
    countable: int
    members: list[MemberState]
    tail: list[StoredEvent]
    pseudonyms: Mapping[int, str] = field(default_factory=dict)
    revealed: Sequence[tuple[str, str]] = ()
    blocks: Sequence[tuple[int, int]] = ()  # between members, by their numbers


class SentKey(NamedTuple):
    """The idempotency key of a ``send``."""

    room_no: int
    user_no: int
    client_id: str


class Sent(msgspec.Struct, frozen=True, gc=False):
    """What was stored under a SentKey."""

    seq: int
    at: int
    digest: int


class FilesKey(NamedTuple):
    """Files that somebody would post in a room. A *blind* one has names of its own for them."""

    room_no: int
    user_no: int
    files: tuple[str, ...]
    blind: bool


class Attached(NamedTuple):
    """A file as a room shows it."""

    file_no: int
    info: FileInfo


class Target(msgspec.Struct, gc=False):
    """What is to be known of an event before something refers to it.

    ``thread`` is the root of the thread it is in, 0 for none, -1 when it is no message.
    """

    sender_no: int
    thread: int
    deleted: bool = False


class MarkKey(NamedTuple):
    """A reaction of a user to a message; with user 0 and no emoji its pin."""

    room_no: int
    seq: int
    user_no: int = 0
    emoji: str = ""


class Withdrawn(NamedTuple):
    """A deleted message: what it said last, and when it was deleted."""

    body: str
    at: Millis
    edited_at: Millis | None
    extra: str | None  # of the message


class CountKey(NamedTuple):
    """Whose unread is asked: above which cursor or mark, and as of which event of the room."""

    room_no: int
    user_no: int
    read_seq: int
    upto: int


class Count(NamedTuple):
    """Countable messages up to there, and unread mentions above it and up to ``upto``.

    What is deleted, as of ``upto``, counts as read, and so does what is one's own.
    """

    countable: int
    mentions: int


class ThreadKey(NamedTuple):
    """Whose unread of the thread *root* is asked, as of which event, and where he stood before."""

    room_no: int
    root: int
    user_no: int
    upto: int
    since: int


class ThreadCount(NamedTuple):
    """Where somebody stands in a thread, what is unread above that, and what is below to *since*.

    Messages of others that are not deleted. One's own last message there is read, and so is
    everything from before one joined.
    """

    read_seq: int
    unread: int
    mentions: int
    read: int


class PageQuery(NamedTuple):
    """One page of a room, asked by one user. At most one bound is given."""

    room: RoomId
    user_no: int
    after: int | None
    before: int | None
    limit: int
    thread: int | None
    around: int | None = None  # instead of a bound: half of the page is before it


class PageResult(NamedTuple):
    """Folded events, ascending; ``more`` in the asked direction; true as of ``upto``."""

    events: list[Listed]
    more: bool
    upto: int
