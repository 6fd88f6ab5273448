"""What a room knows: its members and cursors, where its log stands, what was sent lately."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Final, cast

import msgspec
from msgspec import UNSET, UnsetType, structs

from actors.blocks import BlocksAmong, Pair
from actors.records import (
    Attached,
    Claimed,
    CountKey,
    EventKind,
    MemberMove,
    MemberState,
    NewEvent,
    Sent,
    StoredEvent,
    Target,
)
from actors.room_commands import Change, ChangeRoom, MarkRead, OfMembers, Post, RoomCommand, SetMark
from actors.rules.event_frames import frame_of
from actors.rules.folding import changed
from actors.rules.muting import muted_until
from protocol.errors import ErrorCode, ProtocolError
from protocol.events import Event, Message, RoomChanged
from protocol.fields import Role
from protocol.frames import Room, RoomSummary
from protocol.ids import RoomId, UserId
from protocol.limits import CURSORS_MOST


class Member:
    """One member. ``read_countable``: countable messages that are not unread for him.

    ``shown`` is how the room names him: by his user id, or by his pseudonym. ``present``: the
    membership is durable; ``receipts``: he shows what he has read, and sees what others have;
    ``marked``: unread from there on, 0 for no mark; ``counting``: what the store was asked last to
    count for him.
    """

    __slots__ = (
        "counting",
        "marked",
        "mentions",
        "muted_until",
        "present",
        "read_countable",
        "read_seq",
        "receipts",
        "role",
        "shown",
        "user_id",
        "user_no",
    )

    def __init__(
        self, user_no: int, user_id: UserId, role: Role, read_seq: int, *, shown: str
    ) -> None:
        self.user_no, self.user_id, self.role = user_no, user_id, role
        self.read_seq, self.shown = read_seq, shown
        self.read_countable = self.mentions = self.muted_until = self.marked = 0
        self.counting: CountKey | None = None
        self.present, self.receipts = False, True

    @property
    def counted_from(self) -> int:
        """What is unread is above this."""
        return self.marked - 1 if self.marked else self.read_seq


Agreeable = Change | OfMembers | ChangeRoom


class Pending(msgspec.Struct):
    """One event on its way to the log, and whoever waits for its acknowledgement."""

    event: NewEvent
    shown: Event
    command: Post | Change | OfMembers | ChangeRoom
    move: MemberMove | None = None
    target: Member | None = None  # whose membership changes
    resends: list[Post] = []
    mentioned: frozenset[int] = frozenset()  # user numbers; 0 for everybody
    files: Sequence[Attached] = ()
    agreed: list[Agreeable] = []  # found everything as they ask, once this is durable

    def commands(self) -> list[RoomCommand]:
        """Everything that waits for this event."""
        return [self.command, *self.resends, *self.agreed]


class Flight(msgspec.Struct):
    """The batch that is being stored."""

    pending: list[Pending]
    reads: list[MarkRead | SetMark]
    marks: dict[int, int]  # user_no -> the mark, 0 for none

    def commands(self, start: int = 0) -> list[RoomCommand]:
        """Every command in it from the event *start* on, oldest first."""
        posted = [command for pending in self.pending[start:] for command in pending.commands()]
        return [*posted, *self.reads]


Known = Pending | Sent


class RecentSends:
    """Sends that need no look into the store: all pending ones, and the latest durable ones."""

    MOST = 2048

    def __init__(self, tail: Sequence[StoredEvent]) -> None:
        self._known: dict[tuple[int, str], Known] = {}
        for stored in tail:
            event = stored.event
            if event.client_id is not None and event.digest is not None:
                sent = Sent(event.seq, event.at, event.digest)
                self._known[event.sender_no, event.client_id] = sent

    def get(self, user_no: int, client_id: str) -> Known | None:
        """What is known of this send."""
        return self._known.get((user_no, client_id))

    def put(self, user_no: int, client_id: str, known: Known) -> None:
        """Remember a send, or what became of it, forgetting the oldest durable one in excess."""
        self._known[user_no, client_id] = known
        if len(self._known) > self.MOST:
            oldest = next(iter(self._known))
            if not isinstance(self._known[oldest], Pending):
                del self._known[oldest]


class Mark(msgspec.Struct, gc=False):
    """A place in the log: its seq, its stamp, and the countable messages up to it."""

    seq: int
    at: int
    countable: int

    def move_to(self, event: Mark | NewEvent) -> None:
        """Stand where *event* stands."""
        self.seq, self.at, self.countable = event.seq, event.at, event.countable


SETTINGS: Final = ("name", "description", "visibility", "archived", "post", "metadata")
Setting = str | bool | dict[str, str]
NO_MESSAGE: Final = Target(0, -1)


def settings_of(summary: RoomSummary) -> dict[str, Setting]:
    """What can be changed of a room; what it does not have is empty."""
    return {
        "name": summary.name,
        "description": summary.description or "",
        "visibility": summary.visibility,
        "archived": summary.archived,
        "post": summary.post,
        "metadata": summary.metadata,
    }


class RoomState:
    """Members as of the last command received; ``durable`` as of the last commit."""

    MOST_TARGETS = 1024

    def __init__(self, claimed: Claimed) -> None:
        self.room_no, self.epoch = claimed.room_no, claimed.epoch
        self.summary = claimed.summary  # as of the last durable event
        self.settings = settings_of(claimed.summary)  # as of the last command taken
        self.room = RoomId(claimed.summary.id)
        self.type = claimed.summary.type
        self.durable = Mark(claimed.last_seq, claimed.last_at, claimed.countable)
        self.last = Mark(claimed.last_seq, claimed.last_at, claimed.countable)
        self._last_message = claimed.summary.last_message
        self.blind = claimed.summary.mode == "blind"
        self._pseudonyms = claimed.pseudonyms
        self.revealed = {frozenset(pair) for pair in claimed.revealed}
        self.members: dict[int, Member] = {}
        self.no_by_name: dict[str, int] = {}  # by how the room names them
        self.marks: dict[int, int] = {}  # of members, as of the last command taken
        self.people = len(claimed.members)  # as of the last durable event
        for member in claimed.members:
            self._load(member)
        # In a blind room a block has no effect: what it stops would tell which pseudonym it is.
        self.blocks = BlocksAmong(() if self.blind else claimed.blocks)
        self._names = {state.user_no: state.name for state in claimed.members[:2]}
        self._targets: dict[int, Target] = {}
        self.tail = deque(claimed.tail)  # as of the claim
        for stored in claimed.tail:
            self.remember(stored.event)

    def _load(self, state: MemberState) -> None:
        shown = self.shown(state.user_no, state.user_id)
        member = Member(state.user_no, state.user_id, state.role, state.read_seq, shown=shown)
        member.read_countable = self.durable.countable - state.unread
        member.mentions, member.muted_until = state.mentions, state.muted_until
        member.marked, member.receipts = state.marked, state.receipts
        if state.marked:
            self.marks[state.user_no] = state.marked
        member.present = True
        self.add(member)

    def shown(self, user_no: int, user: UserId) -> str:
        """How this room names a user."""
        return self._pseudonyms.get(user_no, user)

    @property
    def least(self) -> Role:
        """The least role that may post here, as of the last command taken."""
        return cast(Role, self.settings["post"])

    def archived_refusal(self) -> ProtocolError | None:
        """Why nothing can be said or changed here any more, or None."""
        if not self.settings["archived"]:
            return None
        return ProtocolError(ErrorCode.FORBIDDEN, "the room is archived")

    def parted_refusal(self) -> ProtocolError | None:
        """Why the two of a direct room cannot reach each other any more, or None."""
        if self.type != "direct" or not self.blocks:
            return None
        return ProtocolError(ErrorCode.BLOCKED)

    def put_block(self, pair: Pair, *, on: bool) -> None:
        """There is a block between two people, or no longer."""
        if not self.blind and pair[0] in self.members and pair[1] in self.members:
            self.blocks.put(pair, on=on)

    def joins_with(self, member: Member, blocks: Iterable[int]) -> None:
        """A new member has *blocks*."""
        if not self.blind:
            self.blocks.joins(member.user_no, blocks, self.members)

    def changed(self, change: RoomChanged) -> None:
        """Name, description and the like as of a durable change."""
        fields = structs.asdict(change)
        told = {name: fields[name] for name in SETTINGS if fields[name] is not UNSET}
        self.summary = structs.replace(self.summary, **told)

    def add(self, member: Member) -> None:
        """Somebody is a member from the next event on."""
        self.members[member.user_no] = member
        self.no_by_name[member.shown] = member.user_no

    def remove(self, member: Member) -> None:
        """Somebody is a member no longer."""
        del self.members[member.user_no]
        del self.no_by_name[member.shown]
        self.blocks.joins(member.user_no, (), ())

    def tail_frames(self) -> list[Event]:
        """The latest events as clients see them, ascending, ending at ``durable``."""
        return [frame_of(self.room, stored) for stored in self.tail]

    def advance(self, now: int, *, countable: bool) -> Mark:
        """The place of the next event, in ``last``; stamps never go back within a room."""
        last = self.last
        last.seq += 1
        last.countable += countable
        last.at = max(last.at, now)
        return last

    def remember(self, event: NewEvent) -> None:
        """Keep what later commands may ask of an event as it is read back."""
        if event.kind is EventKind.MESSAGE:
            self.remember_target(event.seq, Target(event.sender_no, event.thread or 0))
            return
        self.remember_target(event.seq, NO_MESSAGE)
        if event.of in self._targets and event.kind in (EventKind.DELETED, EventKind.RESTORED):
            self._targets[event.of].deleted = event.kind is EventKind.DELETED

    def remember_target(self, seq: int, target: Target) -> None:
        """Keep what there is to know of an event, forgetting the oldest in excess."""
        self._targets.pop(seq, None)
        self._targets[seq] = target
        if len(self._targets) > self.MOST_TARGETS:
            del self._targets[next(iter(self._targets))]

    def target(self, seq: int) -> Target | None:
        """A durable event, deleted or not as of the last command; None when not remembered."""
        return self._targets.get(seq)

    def room_frame(self, member: Member, last_seq: int, *, now: int) -> Room:
        """The room as *member* sees it, who is shown what comes after *last_seq*."""
        fields = structs.asdict(self.summary) | {
            "crowded": self.crowded,
            "role": member.role,
            "marked": member.marked or UNSET,
            "muted": member.muted_until > now,
            "muted_until": muted_until(member.muted_until, now=now),
            "me": member.shown,
            "last_seq": last_seq,
            "read_seq": member.read_seq,
            "unread": self.durable.countable - member.read_countable,
            "mentions": member.mentions,
            "last_message": self._folded_last(),
            "cursors": self._cursors_for(member),
        }
        return Room(**fields | self._peer(member))

    @property
    def crowded(self) -> bool:
        """Too many members to show who types, who has read what and who is online."""
        return self.people > CURSORS_MOST

    def listed(self) -> Iterable[Member]:
        """The members; where they are to stay unknown, in an order that says nothing of them."""
        members = self.members.values()
        return sorted(members, key=lambda member: member.shown) if self.blind else members

    def shows(self, member: Member) -> bool:
        """Whether the others see what *member* has read, and he what they have."""
        return member.receipts and not self.crowded and self.parted_refusal() is None

    def _cursors_for(self, member: Member) -> dict[str, int] | UnsetType:
        """What the others have read, of those who show it, to one who shows it too."""
        if not self.shows(member):
            return UNSET
        return {other.shown: other.read_seq for other in self.listed() if other.receipts}

    def _folded_last(self) -> Message | UnsetType:
        last = self._last_message
        if last is UNSET or last.deleted is not UNSET:
            return last
        return structs.replace(last, deleted=False)

    def _peer(self, member: Member) -> dict[str, str]:
        """A direct room has the name of the other one."""
        if self.type != "direct":
            return {}
        others = (other for other in self.members.values() if other is not member)
        other = next(others, None)
        return {} if other is None else {"peer": other.user_id, "name": self._names[other.user_no]}

    def made_durable(self, pending: Pending) -> None:
        """The high-water mark rises to this event."""
        event = pending.event
        self.durable.move_to(event)
        if isinstance(pending.shown, Message):
            self.remember(event)
            self._last_message = pending.shown
            return
        self.remember_target(event.seq, NO_MESSAGE)
        if isinstance(self._last_message, Message) and self._last_message.seq == event.of:
            self._last_message = changed(self._last_message, pending.shown)
