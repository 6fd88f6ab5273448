"""What actors need from the outside world, and nothing about how it is done.

Every port has an adapter in memory and a real one, held to one contract suite (tests/contract).

AdapterError              the outside's fault; the text names the dependency
├── StoreUnavailable      nothing was stored and nothing can be read now; try again later
└── OutcomeUnknown        the commit may or may not have happened
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

from actors.broadcast_records import Announcement, DueBroadcast, SenderFacts
from actors.message import message
from actors.records import (
    Attached,
    Batch,
    Claimed,
    Count,
    CountKey,
    FilesKey,
    MarkKey,
    PageQuery,
    PageResult,
    Sent,
    SentKey,
    Target,
    ThreadCount,
    ThreadKey,
    Verdict,
    Withdrawn,
)
from actors.selection_records import Selected, SelectionAsked, SelectionFigures, Told
from protocol.close import CloseCode
from protocol.errors import ErrorCode
from protocol.events import Event
from protocol.fields import SeenState
from protocol.frames import RoomSummary, ServerFrame
from protocol.ids import Millis, RoomId, SessionId, UserId
from protocol.notices import Notification


class AdapterError(Exception):
    """Base of what an adapter may raise."""


class StoreUnavailable(AdapterError):
    """The store cannot be reached; nothing of this call was stored."""


class OutcomeUnknown(AdapterError):
    """The connection was lost with a commit under way."""


# ---- the room's log


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


class EventLog(Protocol):
    """Reading the log. Every method may raise StoreUnavailable."""

    async def sent(self, keys: Sequence[SentKey]) -> Mapping[SentKey, Sent]:
        """What is stored under *keys*; keys never used are left out."""

    async def targets(self, keys: Sequence[tuple[int, int]]) -> Mapping[tuple[int, int], Target]:
        """For (room_no, seq) that are messages. Others left out."""

    async def marks(self, keys: Sequence[MarkKey]) -> Mapping[MarkKey, bool]:
        """For each key, of a reaction or a pin: whether it is there."""

    async def kinds(
        self, keys: Sequence[tuple[int, int]]
    ) -> Mapping[tuple[int, int], Mapping[str, int]]:
        """For (room_no, seq): how many have put each emoji there. Without reactions: left out."""

    async def bodies(self, keys: Sequence[tuple[int, int]]) -> Mapping[tuple[int, int], str]:
        """For (room_no, seq) that are messages: what they say now. Others left out."""

    async def withdrawn(
        self, keys: Sequence[tuple[int, int]]
    ) -> Mapping[tuple[int, int], Withdrawn]:
        """For (room_no, seq) that are deleted messages with a body still. Others left out."""

    async def counts(self, keys: Sequence[CountKey]) -> Mapping[CountKey, Count]:
        """What each cursor has behind and before it."""

    async def thread_counts(self, keys: Sequence[ThreadKey]) -> Mapping[ThreadKey, ThreadCount]:
        """What each has read of a thread, and what not."""

    async def participants(
        self, keys: Sequence[tuple[int, int]]
    ) -> Mapping[tuple[int, int], Sequence[int]]:
        """For (room_no, root): the members who wrote the root or in its thread, or were mentioned
        there by name. Threads of nobody are left out.
        """

    async def former(self, keys: Sequence[tuple[int, int]]) -> Mapping[tuple[int, int], bool]:
        """For (room_no, user_no): True for everyone who was ever a member."""

    async def replay(self, room: RoomId, after: int, upto: int, limit: int) -> Sequence[Event]:
        """Events after < seq <= upto as they happened, ascending, at most *limit*.

        Bodies of messages that are deleted now are empty.
        """

    async def page(self, query: PageQuery) -> PageResult | ErrorCode:
        """A page of history; ``not_member`` for one who was, ``not_found`` for a stranger."""


class Files(Protocol):
    """What was uploaded. May raise StoreUnavailable."""

    async def ready(self, keys: Sequence[FilesKey]) -> Mapping[FilesKey, Sequence[Attached]]:
        """The files of each key in their order; left out unless all are whole and the user's."""


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
    rooms: frozenset[RoomId]  # where he goes by his own name
    blocks: frozenset[int] = frozenset()  # the numbers of those he has a block with, either way
    friends: frozenset[int] = frozenset()  # those who agreed to be, by their numbers
    hides_last_seen: bool = False
    receipts: bool = True  # shows what he has read, and sees what others have


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

    async def were_online(self, seconds: Mapping[tuple[int, int], int]) -> None:
        """Add time that users were connected, by (user_no, days from 1970-01-01 in UTC). A day has
        86,400 seconds at most.
        """

    async def summaries(self, users: Sequence[UserId]) -> Mapping[UserId, list[RoomSummary]]:
        """Every room of each user as of one moment, newest activity first."""


class Blocks(Protocol):
    """Who blocks whom. Every method may raise StoreUnavailable."""

    async def change(self, blocker_no: int, blocked_no: int, *, on: bool, at: Millis) -> bool:
        """Store a block or its end; whether the two have one now, either way.

        One that is there already, or gone already, leaves no trace. Changes of two people come one
        after another. Raises OutcomeUnknown too, and ProtocolError for one block too many.
        """

    async def shared(self, one_no: int, other_no: int) -> Sequence[RoomId]:
        """The rooms that both are in."""


class Presences(Protocol):
    """How users are shown, as all nodes know it. Best effort: either method may raise AdapterError.

    Invisible is offline here too.
    """

    async def put(self, states: Mapping[UserId, SeenState], *, kept_s: float) -> None:
        """Say how users are shown on this node, for the next *kept_s* seconds."""

    async def elsewhere(self, users: Sequence[UserId]) -> Mapping[UserId, SeenState]:
        """How users are shown on the other nodes; those who are offline there are left out."""


class Notifications(Protocol):
    """What is kept for people until they have seen it. Either method may raise StoreUnavailable."""

    async def unseen(self, user_nos: Sequence[int]) -> Mapping[int, Sequence[Notification]]:
        """The newest of each user's that he has not seen, the oldest first; 100 at most. None that
        is deleted or out of date.
        """

    async def seen(
        self, keys: Sequence[tuple[int, tuple[str, ...]]], *, at: Millis
    ) -> Mapping[tuple[int, tuple[str, ...]], tuple[str, ...]]:
        """(user_no, ids): the user has seen these; for each, which were unread until now. Those of
        others stay as they are.
        """


# ---- broadcasts


class Selection(Protocol):
    """Who hears a broadcast, of all users as the store has them at the moment of asking.

    Every method raises StoreUnavailable while the facts of all users are not there.
    """

    async def select(self, asked: SelectionAsked) -> Selected:
        """Choose as many as are asked for, or all there are."""

    async def explain(self, asked: SelectionAsked, user_no: int) -> Told | None:
        """Why that selection chooses one person or not; None for one who is not known."""

    async def figures(self) -> SelectionFigures:
        """How it is now."""


class Broadcasts(Protocol):
    """Broadcasts as they are run. Every method may raise StoreUnavailable or OutcomeUnknown."""

    async def lease(
        self, *, now: Millis, until: Millis, most: int
    ) -> tuple[Sequence[DueBroadcast], Millis | None]:
        """Those that are due, for this node alone *until* then; and when the next one is."""

    async def facts(self, sender_no: int, *, now: Millis) -> SenderFacts:
        """What the selection has to know of the sender and others."""

    async def deliver(self, due: DueBroadcast, selected: Selected, *, at: Millis) -> int | None:
        """Store recipients, their conversations and what they are to be shown: all or nothing, and
        once. How many there are; those who may not hear it any more are left out. None where it
        is not to be delivered: it was, or was taken back, or its sender is suspended.
        """

    async def announcement(self, due: DueBroadcast) -> Announcement:
        """What is to be told of a broadcast that was delivered."""

    async def announced(self, due: DueBroadcast) -> None:
        """It was told: it is not due again."""

    async def fault(self, due: DueBroadcast) -> int:
        """The server failed with it; how often it has by now."""

    async def fail(self, due: DueBroadcast, reason: str) -> bool:
        """Give up one that nobody received, nothing where somebody did; whether that changed it."""


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
    known_in: set[RoomId]  # those of them where its user's presence is shown
    hidden: bool  # its user is shown as offline; kept by the user's actor

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
