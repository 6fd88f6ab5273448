"""Journal in memory: the same fencing and the same verdicts, on trio's clock alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field

import msgspec
import trio
from msgspec import UNSET

from actors.ports import (
    AdapterError,
    Batch,
    Claimed,
    EventKind,
    Journal,
    MemberMove,
    MemberState,
    NewEvent,
    StoredEvent,
    Verdict,
)
from actors.rules.event_frames import frame_of
from protocol.frames import Event, Message, Role, RoomSummary
from protocol.ids import RoomId, UserId


@dataclass(slots=True)
class MemoryMember:
    """A row of the room's members; it stays when the member leaves."""

    role: Role
    active: bool = True
    read_seq: int = 0


@dataclass(slots=True)
class MemoryRoom:
    """One room: ``events[seq - 1]`` is the event with that seq."""

    room_no: int
    summary: RoomSummary
    epoch: int = 0
    events: list[NewEvent] = field(default_factory=list)
    members: dict[int, MemoryMember] = field(default_factory=dict)
    mentions: set[tuple[int, int]] = field(default_factory=set)
    seq_by_key: dict[tuple[int, str], int] = field(default_factory=dict)

    def extend(self, events: Iterable[NewEvent]) -> None:
        """Append *events*, copied: a row does not change with what it was made from."""
        for event in events:
            self.events.append(copy(event))
            if event.seq != len(self.events):
                raise AssertionError(f"{event.seq} makes a hole after {len(self.events) - 1}")
            if event.client_id is not None:
                self.seq_by_key[event.sender_no, event.client_id] = event.seq

    @property
    def countable(self) -> int:
        """Countable messages so far."""
        return self.countable_at(len(self.events))

    def countable_at(self, seq: int) -> int:
        """Countable messages up to and with *seq*."""
        return self.events[seq - 1].countable if seq else 0

    def mentioned(self, user_no: int, after: int, upto: int) -> int:
        """Messages above *after*, up to *upto*, that mention *user_no* or everybody."""
        return len({seq for no, seq in self.mentions if no in (0, user_no) and after < seq <= upto})


class MemoryLog:
    """What all nodes share: the rooms and, by number, the users."""

    def __init__(self) -> None:
        self.rooms: dict[int, MemoryRoom] = {}
        self.users: dict[int, UserId] = {}

    def add_user(self, user_no: int, user: UserId) -> None:
        """Make *user* known."""
        self.users[user_no] = user

    def add_room(self, room_no: int, summary: RoomSummary, members: Mapping[int, Role]) -> None:
        """A new room, whose first members are no events."""
        known = {user_no: MemoryMember(role) for user_no, role in members.items()}
        self.rooms[room_no] = MemoryRoom(room_no, summary, members=known)

    def room(self, room: str) -> MemoryRoom | None:
        """By its public id."""
        return next((found for found in self.rooms.values() if found.summary.id == room), None)

    def stored(self, events: Iterable[NewEvent]) -> list[StoredEvent]:
        """*events* with their senders, copied like rows that are read."""
        return [
            StoredEvent(copy(event), self.users.get(event.sender_no, UserId("")))
            for event in events
        ]

    def frames(self, room: MemoryRoom, events: Iterable[NewEvent]) -> list[Event]:
        """*events* as they were shown."""
        return [frame_of(room.summary.id, stored) for stored in self.stored(events)]


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
        for user_no, seq in batch.cursors.items():
            if user_no in room.members:
                member = room.members[user_no]
                member.read_seq = max(member.read_seq, seq)
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
            tail=self._log.stored(room.events[-tail:] if tail else ()),
        )

    def _member(self, room: MemoryRoom, user_no: int) -> MemberState:
        member, user = room.members[user_no], self._log.users[user_no]
        return MemberState(
            user_no=user_no,
            user_id=user,
            name=str(user),
            role=member.role,
            read_seq=member.read_seq,
            unread=room.countable - room.countable_at(member.read_seq),
            mentions=room.mentioned(user_no, member.read_seq, len(room.events)),
        )

    def _last_message(self, room: MemoryRoom) -> Message | msgspec.UnsetType:
        said = (event for event in reversed(room.events) if event.kind is EventKind.MESSAGE)
        frames = self._log.frames(room, list(said)[:1])
        return frames[0] if frames and isinstance(frames[0], Message) else UNSET


def _repeats(room: MemoryRoom, events: Sequence[NewEvent]) -> bool:
    seqs = {event.seq for event in events}
    keys = [(event.sender_no, event.client_id) for event in events if event.client_id is not None]
    if len(seqs) < len(events) or len(set(keys)) < len(keys):
        return True
    return any(seq <= len(room.events) for seq in seqs) or any(k in room.seq_by_key for k in keys)


def _acceptable(events: Sequence[NewEvent]) -> bool:
    return not any("\0" in (event.body or "") for event in events)


def _apply(room: MemoryRoom, move: MemberMove) -> None:
    member = room.members.get(move.user_no)
    if move.role is None:
        if member is not None:
            member.active = False
    elif member is not None and member.active:
        member.role = move.role
    else:
        room.members[move.user_no] = MemoryMember(move.role, read_seq=move.seq)
