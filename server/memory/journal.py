"""Journal in memory: the same fencing and the same verdicts, on trio's clock alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field

import msgspec
import trio
from msgspec import UNSET

from actors.ports import AdapterError, Journal
from actors.records import (
    Attached,
    Batch,
    Claimed,
    EventKind,
    MemberMove,
    MemberState,
    NewEvent,
    StoredEvent,
    Verdict,
)
from actors.rules.event_frames import MemberExtra, RoomExtra, frame_of, without_files
from actors.rules.folding import present
from protocol.events import Event, Listed, Member, Message, RoomChanged
from protocol.fields import Role
from protocol.frames import RoomSummary
from protocol.ids import RoomId, UserId

DELETION = (EventKind.DELETED, EventKind.RESTORED)


@dataclass(slots=True)
class MemoryMember:
    """A row of the room's members; it stays when the member leaves."""

    role: Role
    active: bool = True
    read_seq: int = 0
    joined_seq: int = 0
    marked: int = 0

    @property
    def counted_from(self) -> int:
        """What is unread is above this."""
        return self.marked - 1 if self.marked else self.read_seq


@dataclass(slots=True)
class MemoryRoom:
    """One room: ``events[seq - 1]`` is the event with that seq."""

    room_no: int
    summary: RoomSummary
    epoch: int = 0
    events: list[NewEvent] = field(default_factory=list)
    members: dict[int, MemoryMember] = field(default_factory=dict)
    mentions: set[tuple[int, int]] = field(default_factory=set)
    thread_cursors: dict[tuple[int, int], int] = field(default_factory=dict)  # (user_no, root)
    seq_by_key: dict[tuple[int, str], int] = field(default_factory=dict)
    changes: dict[int, list[NewEvent]] = field(default_factory=dict)  # by the seq they are of
    pseudonyms: Mapping[int, str] = field(default_factory=dict)

    def extend(self, events: Iterable[NewEvent]) -> None:
        """Append *events*, copied: a row does not change with what it was made from."""
        for event in events:
            self.events.append(copy(event))
            if event.seq != len(self.events):
                raise AssertionError(f"{event.seq} makes a hole after {len(self.events) - 1}")
            if event.client_id is not None:
                self.seq_by_key[event.sender_no, event.client_id] = event.seq
            if event.of is not None:
                self.changes.setdefault(event.of, []).append(self.events[-1])
            if event.kind is EventKind.ROOM_CHANGED:
                self.summary = _settled(self.summary, event)

    def has(self, user_no: int) -> bool:
        """Whether *user_no* is in the room now."""
        return user_no in self.members and self.members[user_no].active

    @property
    def countable(self) -> int:
        """Countable messages so far."""
        return self.countable_at(len(self.events))

    def countable_at(self, seq: int) -> int:
        """Countable messages up to and with *seq*."""
        return self.events[seq - 1].countable if seq else 0

    def mentioned(self, user_no: int, after: int, upto: int) -> int:
        """Others' messages above *after*, up to *upto*, that mention *user_no* or everybody."""
        found = {seq for no, seq in self.mentions if no in (0, user_no) and after < seq <= upto}
        theirs = [seq for seq in found if self.events[seq - 1].sender_no != user_no]
        return sum(not self.deleted(seq, upto) for seq in theirs)

    def read_countable(self, user_no: int, above: int, upto: int) -> int:
        """Countable messages up to *above*, and those above it that are deleted or one's own."""
        said = [event for event in self.events[above:upto] if event.kind is EventKind.MESSAGE]
        cursor = self.members[user_no].read_seq if user_no in self.members else 0
        return self.countable_at(above) + sum(
            (event.sender_no == user_no and event.seq <= cursor) or self.deleted(event.seq, upto)
            for event in said
            if event.thread is None
        )

    def unread(self, user_no: int) -> int:
        """Countable messages that a member has not read, or has from his mark on."""
        above, last = self.members[user_no].counted_from, len(self.events)
        return self.countable - self.read_countable(user_no, above, last)

    def replies(self, root: int) -> list[NewEvent]:
        """The messages of a thread, without its root."""
        said = (event for event in self.events if event.kind is EventKind.MESSAGE)
        return [event for event in said if event.thread == root]

    def thread_cursor(self, user_no: int, root: int) -> int:
        """How far a member has read in a thread: by request, by writing, or as he joined later."""
        mine = (reply.seq for reply in self.replies(root) if reply.sender_no == user_no)
        joined = self.members[user_no].joined_seq if user_no in self.members else 0
        return max(self.thread_cursors.get((user_no, root), 0), joined, *mine)

    def participants(self, root: int) -> list[int]:
        """The members who wrote the root or in its thread, or were mentioned there."""
        replies = self.replies(root)
        seqs = {reply.seq for reply in replies}
        meant = {user_no for user_no, seq in self.mentions if seq in seqs}
        wrote = {event.sender_no for event in [self.events[root - 1], *replies]}
        members = self.members
        return sorted(no for no in wrote | meant if no in members and members[no].active)

    def deleted(self, seq: int, upto: int) -> bool:
        """Whether the message *seq* is deleted as of *upto*."""
        kinds = [change.kind for change in self.changes.get(seq, ()) if change.seq <= upto]
        last = next((kind for kind in reversed(kinds) if kind in DELETION), EventKind.RESTORED)
        return last is EventKind.DELETED


class MemoryLog:
    """What all nodes share: the rooms and, by number, the users and who blocks whom."""

    def __init__(self) -> None:
        self.blocks: dict[tuple[int, int], None] = {}  # (blocker, blocked)
        self.rooms: dict[int, MemoryRoom] = {}
        self.users: dict[int, UserId] = {}
        self.files: dict[str, tuple[int, Attached]] = {}  # by id, with their owners
        self.discreet: set[int] = set()  # users who do not show what they have read

    def add_user(self, user_no: int, user: UserId) -> None:
        """Make *user* known."""
        self.users[user_no] = user

    def add_room(
        self,
        room_no: int,
        summary: RoomSummary,
        members: Mapping[int, Role],
        pseudonyms: Mapping[int, str] | None = None,
    ) -> None:
        """A new room, whose first members are no events; a blind one with their names in it."""
        known = {user_no: MemoryMember(role) for user_no, role in members.items()}
        names = pseudonyms or {}
        self.rooms[room_no] = MemoryRoom(room_no, summary, members=known, pseudonyms=names)

    def named(self, room: MemoryRoom, user_no: int) -> str:
        """How *room* names a user."""
        return room.pseudonyms.get(user_no) or self.users.get(user_no, UserId(""))

    def room(self, room: str) -> MemoryRoom | None:
        """By its public id."""
        return next((found for found in self.rooms.values() if found.summary.id == room), None)

    def stored(self, room: MemoryRoom, events: Iterable[NewEvent]) -> list[StoredEvent]:
        """*events* with their senders, copied like rows that are read."""
        return [StoredEvent(copy(event), self.named(room, event.sender_no)) for event in events]

    def frames(self, room: MemoryRoom, events: Iterable[NewEvent]) -> list[Event]:
        """*events* as they were shown, without what was deleted since."""
        return [frame_of(room.summary.id, stored) for stored in self.replayed(room, events)]

    def replayed(self, room: MemoryRoom, events: Iterable[NewEvent]) -> list[StoredEvent]:
        """*events* with their senders; bodies that are deleted now are empty."""
        found = self.stored(room, events)
        for stored in found:
            event = stored.event
            if event.body is not None and room.deleted(event.of or event.seq, len(room.events)):
                event.body, event.extra = "", without_files(event.extra)
        return found

    def folded(self, room: MemoryRoom, events: Iterable[NewEvent], asker: str) -> list[Listed]:
        """Those of *events* that pages list, in their present state."""
        found: list[Listed] = []
        for stored in self.stored(room, events):
            frame = frame_of(room.summary.id, stored)
            if isinstance(frame, Message):
                changes = self.stored(room, room.changes.get(frame.seq, ()))
                shown = [frame_of(room.summary.id, change) for change in changes]
                found.append(present(frame, shown, asker))
            elif isinstance(frame, Member | RoomChanged):
                found.append(frame)
        return found


class MemoryJournal(Journal):
    """Appends to a MemoryLog. A commit takes ``commit_s`` and happens at its end, whole.

    ``fail_next`` are raised by the next appends instead of storing, ``lose_next`` after it.
    """

    def __init__(self, log: MemoryLog, *, commit_s: float = 0.0) -> None:
        self._log = log
        self._commit_s = commit_s
        self.fail_next: list[AdapterError] = []
        self.lose_next: list[AdapterError] = []
        self.away: AdapterError | None = None

    async def append(self, batches: Sequence[Batch]) -> Sequence[Verdict]:
        """Store *batches*; a verdict each."""
        with trio.CancelScope(shield=True):
            await trio.sleep(self._commit_s)
        if self.away is not None:
            raise self.away
        if self.fail_next:
            raise self.fail_next.pop(0)
        verdicts = [self._store(batch) for batch in batches]
        if self.lose_next:
            raise self.lose_next.pop(0)
        return verdicts

    async def claim(self, rooms: Sequence[RoomId], *, tail: int) -> Mapping[RoomId, Claimed]:
        """A new epoch. No append is waited for: each looks at the epochs when it stores."""
        await self.probe()
        found = ((name, self._log.room(name)) for name in rooms)
        return {name: self._claimed(room, tail) for name, room in found if room is not None}

    async def probe(self) -> None:
        """Return unless the store is ``away``."""
        await trio.lowlevel.checkpoint()
        if self.away is not None:
            raise self.away

    def _store(self, batch: Batch) -> Verdict:
        room = self._log.rooms.get(batch.room_no)
        if room is None or room.epoch != batch.epoch:
            return Verdict.STALE
        if _repeats(room, batch.events):
            return Verdict.DUPLICATE
        if not _acceptable(batch.events):
            return Verdict.REFUSED
        room.extend(batch.events)
        for move in batch.moves:
            _apply(room, move)
        _move_cursors(room, batch)
        room.mentions.update(batch.mentions)
        return Verdict.STORED

    def _claimed(self, room: MemoryRoom, tail: int) -> Claimed:
        room.epoch += 1
        last = room.events[-1] if room.events else None
        return Claimed(
            room_no=room.room_no,
            epoch=room.epoch,
            summary=msgspec.structs.replace(
                room.summary, last_seq=len(room.events), last_message=self._last_message(room)
            ),
            last_seq=len(room.events),
            last_at=last.at if last else 0,
            countable=room.countable,
            members=[
                self._member(room, user_no)
                for user_no, member in sorted(room.members.items())
                if member.active
            ],
            tail=self._log.replayed(room, room.events[-tail:] if tail else ()),
            pseudonyms=room.pseudonyms,
            revealed=_revealed(room.events),
            blocks=[pair for pair in self._log.blocks if all(map(room.has, pair))],
        )

    def _member(self, room: MemoryRoom, user_no: int) -> MemberState:
        member, user = room.members[user_no], self._log.users[user_no]
        return MemberState(
            user_no=user_no,
            user_id=user,
            name=str(user),
            role=member.role,
            read_seq=member.read_seq,
            unread=room.unread(user_no),
            mentions=room.mentioned(user_no, member.counted_from, len(room.events)),
            marked=member.marked,
            receipts=user_no not in self._log.discreet or bool(room.pseudonyms),
        )

    def _last_message(self, room: MemoryRoom) -> Message | msgspec.UnsetType:
        said = (event for event in reversed(room.events) if event.kind is EventKind.MESSAGE)
        frames = self._log.folded(room, list(said)[:1], "")
        if not frames or not isinstance(frames[0], Message):
            return UNSET
        return msgspec.structs.replace(frames[0], reactions=UNSET)


def _revealed(events: Iterable[NewEvent]) -> list[tuple[str, str]]:
    said = [
        msgspec.json.decode(event.extra or "", type=MemberExtra)
        for event in events
        if event.kind is EventKind.MEMBER
    ]
    return [(each.user, str(each.by)) for each in said if each.change == "revealed"]


def _move_cursors(room: MemoryRoom, batch: Batch) -> None:
    for user_no, seq in batch.cursors.items():
        if user_no in room.members:
            member = room.members[user_no]
            member.read_seq = max(member.read_seq, seq)
    for user_no, root, seq in batch.thread_cursors:
        key = (user_no, root)
        room.thread_cursors[key] = max(room.thread_cursors.get(key, 0), seq)
    for user_no, seq in batch.marks:
        if user_no in room.members:
            room.members[user_no].marked = seq


def _repeats(room: MemoryRoom, events: Sequence[NewEvent]) -> bool:
    seqs = {event.seq for event in events}
    keys = [(event.sender_no, event.client_id) for event in events if event.client_id is not None]
    if len(seqs) < len(events) or len(set(keys)) < len(keys):
        return True
    return any(seq <= len(room.events) for seq in seqs) or any(k in room.seq_by_key for k in keys)


def _acceptable(events: Sequence[NewEvent]) -> bool:
    return not any("\0" in (event.body or "") for event in events)


def _settled(summary: RoomSummary, event: NewEvent) -> RoomSummary:
    told = msgspec.structs.asdict(msgspec.json.decode(event.extra or "{}", type=RoomExtra))
    changes = {name: value for name, value in told.items() if value is not UNSET}
    return msgspec.structs.replace(summary, **changes)


def _apply(room: MemoryRoom, move: MemberMove) -> None:
    member = room.members.get(move.user_no)
    if move.role is None:
        if member is not None:
            member.active = False
    elif member is not None and member.active:
        member.role = move.role
    else:
        room.members[move.user_no] = MemoryMember(move.role, read_seq=move.seq, joined_seq=move.seq)
