"""What actors need from the outside world, and nothing about how it is done.

Every port has an adapter in memory and a real one, held to one contract suite (tests/contract).

AdapterError              the outside's fault; the text names the dependency
├── StoreUnavailable      nothing was stored and nothing can be read now; try again later
└── OutcomeUnknown        the commit may or may not have happened
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from enum import Enum, IntEnum, auto
from typing import NamedTuple, Protocol

import msgspec

from actors.message import message
from protocol.close import CloseCode
from protocol.errors import ErrorCode
from protocol.events import Event, Listed
from protocol.fields import Role
from protocol.frames import RoomSummary, ServerFrame
from protocol.ids import Millis, RoomId, SessionId, UserId


class AdapterError(Exception):
    """Base of what an adapter may raise."""


class StoreUnavailable(AdapterError):
    """The store cannot be reached; nothing of this call was stored."""


class OutcomeUnknown(AdapterError):
    """The connection was lost with a commit under way."""


# ---- the room's log


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
    """One row of the log as it is read back."""

    event: NewEvent
    sender: UserId


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


@message
class Claimed:
    """A room as its new owner finds it. ``tail`` is ascending and ends at ``last_seq``."""

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


class Journal(Protocol):
    """The append-only log of all rooms, guarded by an epoch for each room."""

    async def append(self, batches: Sequence[Batch]) -> Sequence[Verdict]:
        """Store *batches* (one for each room at most) in one commit; a verdict each, in order.

        Raises OutcomeUnknown when the commit may have happened, StoreUnavailable when it cannot.
        """

    async def claim(self, rooms: Sequence[RoomId], *, tail: int) -> Mapping[RoomId, Claimed]:
        """Become the owner of *rooms*: a new epoch, and what is durable. Unknown ones are left out.

        Waits until no append of the previous owner can still commit.
        """

    async def probe(self) -> None:
        """Return when the store can be written; raise StoreUnavailable when it cannot."""


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


class Mark(NamedTuple):
    """Whether it is there, and how many other emoji the message has."""

    there: bool
    others: int = 0


class Withdrawn(NamedTuple):
    """A deleted message: what it said last, and when it was deleted."""

    body: str
    at: Millis
    edited_at: Millis | None
    extra: str | None  # of the message


class CountKey(NamedTuple):
    """Whose unread is asked: with which cursor, and as of which event of the room."""

    room_no: int
    user_no: int
    read_seq: int
    upto: int


class Count(NamedTuple):
    """Countable messages up to a cursor, and unread mentions above it and up to ``upto``.

    What is deleted, as of ``upto``, counts as read.
    """

    countable: int
    mentions: int


class PageQuery(NamedTuple):
    """One page of a room, asked by one user. At most one bound is given."""

    room: RoomId
    user_no: int
    after: int | None
    before: int | None
    limit: int
    thread: int | None


class PageResult(NamedTuple):
    """Folded events, ascending; ``more`` in the asked direction; true as of ``upto``."""

    events: list[Listed]
    more: bool
    upto: int


class EventLog(Protocol):
    """Reading the log. Every method may raise StoreUnavailable."""

    async def sent(self, keys: Sequence[SentKey]) -> Mapping[SentKey, Sent]:
        """What is stored under *keys*; keys never used are left out."""

    async def targets(self, keys: Sequence[tuple[int, int]]) -> Mapping[tuple[int, int], Target]:
        """For (room_no, seq) that are messages. Others left out."""

    async def marks(self, keys: Sequence[MarkKey]) -> Mapping[MarkKey, Mark]:
        """For each key, of a reaction or a pin."""

    async def withdrawn(
        self, keys: Sequence[tuple[int, int]]
    ) -> Mapping[tuple[int, int], Withdrawn]:
        """For (room_no, seq) that are deleted messages with a body still. Others left out."""

    async def counts(self, keys: Sequence[CountKey]) -> Mapping[CountKey, Count]:
        """What each cursor has behind and before it."""

    async def former(self, keys: Sequence[tuple[int, int]]) -> Mapping[tuple[int, int], bool]:
        """For (room_no, user_no): True for everyone who was ever a member."""

    async def replay(self, room: RoomId, after: int, upto: int, limit: int) -> Sequence[Event]:
        """Events after < seq <= upto as they happened, ascending, at most *limit*.

        Bodies of messages that are deleted now are empty.
        """

    async def page(self, query: PageQuery) -> PageResult | ErrorCode:
        """A page of history; ``not_member`` for one who was, ``not_found`` for a stranger."""


# ---- people


class Claims(NamedTuple):
    """What a verified token says."""

    user: UserId
    jti: str
    issued_at: int  # seconds
    expires_at: int  # seconds


class Standing(NamedTuple):
    """Whether somebody may come in now."""

    user_no: int
    name: str
    role: str  # user | admin
    status: str  # active | suspended | deleted
    revoked: bool


@message
class UserState:
    """What a user's actor starts from. ``choice`` is dnd, invisible or online (no choice)."""

    user_no: int
    user_id: UserId
    choice: str
    last_seen: Millis | None
    rooms: frozenset[RoomId]


class People(Protocol):
    """Users as actors and sessions need them. Every method may raise StoreUnavailable."""

    async def standings(self, claims: Sequence[Claims]) -> Mapping[str, Standing]:
        """By ``jti``; tokens of unknown users are left out."""

    async def states(self, users: Sequence[UserId]) -> Mapping[UserId, UserState]:
        """Unknown users are left out."""

    async def choose(self, user_no: int, choice: str) -> None:
        """Store a presence choice."""

    async def seen(self, at_by_user: Mapping[int, Millis]) -> None:
        """Store when users were last seen; only ever raised."""

    async def summaries(self, users: Sequence[UserId]) -> Mapping[UserId, list[RoomSummary]]:
        """Every room of each user as of one moment, newest activity first."""


# ---- sessions and time


class Origin(Protocol):
    """Who asked, and where the answer goes: a session, or one HTTP request."""

    @property
    def user_id(self) -> UserId: ...
    @property
    def user_no(self) -> int: ...

    def offer(self, frame: ServerFrame) -> None:
        """Queue *frame*; never waits and never raises."""


class Session(Origin, Protocol):
    """One open socket of one user."""

    rooms: set[RoomId]  # those it was told of: kept by the rooms themselves from ``welcome`` on

    @property
    def session_id(self) -> SessionId: ...
    @property
    def gone(self) -> bool:
        """The connection is closed."""

    @property
    def congested(self) -> bool:
        """More waits for the client than it should: give it the rest as it reads."""

    def offer_state(self, key: Hashable, frame: ServerFrame) -> None:
        """Queue a state frame; while the client is slow only the newest of *key* is kept."""

    def close(self, code: CloseCode, reason: str) -> None:
        """Say goodbye and close."""


class FanOut(Protocol):
    """One frame to many sessions, encoded once for each codec."""

    def __call__(
        self, sessions: Iterable[Session], frame: ServerFrame, key: Hashable | None = None
    ) -> None:
        """With *key* it is a state frame, of which slow clients get the newest only."""


class WallClock(Protocol):
    """Calendar time, for stamps. Durations come from ``trio.current_time()``."""

    def now_ms(self) -> Millis: ...
