"""The log in memory, read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import trio

from actors.ports import EventLog
from actors.records import (
    Count,
    CountKey,
    EventKind,
    MarkKey,
    NewEvent,
    PageQuery,
    PageResult,
    Sent,
    SentKey,
    Target,
    ThreadCount,
    ThreadKey,
    Withdrawn,
)
from actors.rules.event_frames import AROUND_BYTES, frame_of, page_of
from actors.rules.folding import tallies
from protocol.errors import ErrorCode
from protocol.events import Event, Pinned
from protocol.ids import Millis, RoomId
from server.memory.journal import MemoryLog, MemoryRoom


class MemoryEvents(EventLog):
    """Reads a MemoryLog as of the moment of each question."""

    def __init__(self, log: MemoryLog) -> None:
        self._log = log

    async def sent(self, keys: Sequence[SentKey]) -> Mapping[SentKey, Sent]:
        """What is stored under *keys*; keys never used are left out."""
        await trio.lowlevel.checkpoint()
        return {key: sent for key in keys if (sent := self._sent(key)) is not None}

    async def targets(self, keys: Sequence[tuple[int, int]]) -> Mapping[tuple[int, int], Target]:
        """What is to be known of messages."""
        await trio.lowlevel.checkpoint()
        return {key: target for key in keys if (target := self._target(*key)) is not None}

    async def marks(self, keys: Sequence[MarkKey]) -> Mapping[MarkKey, bool]:
        """Whether each reaction, or pin, is there."""
        await trio.lowlevel.checkpoint()
        return {key: self._marked(key) for key in keys}

    async def kinds(
        self, keys: Sequence[tuple[int, int]]
    ) -> Mapping[tuple[int, int], Mapping[str, int]]:
        """How many have put each emoji on each message."""
        await trio.lowlevel.checkpoint()
        found = {(no, seq): tallies(self._changes(no, seq), "") for no, seq in keys}
        return {key: {e: t.count for e, t in put.items()} for key, put in found.items() if put}

    async def bodies(self, keys: Sequence[tuple[int, int]]) -> Mapping[tuple[int, int], str]:
        """What messages say now."""
        await trio.lowlevel.checkpoint()
        return {key: self._said(*key).body or "" for key in keys if self._target(*key)}

    async def withdrawn(
        self, keys: Sequence[tuple[int, int]]
    ) -> Mapping[tuple[int, int], Withdrawn]:
        """What deleted messages said."""
        await trio.lowlevel.checkpoint()
        return {key: found for key in keys if (found := self._withdrawn(*key)) is not None}

    async def counts(self, keys: Sequence[CountKey]) -> Mapping[CountKey, Count]:
        """What each cursor has behind and before it."""
        await trio.lowlevel.checkpoint()
        return {key: _count(self._log.rooms[key.room_no], key) for key in keys}

    async def thread_counts(self, keys: Sequence[ThreadKey]) -> Mapping[ThreadKey, ThreadCount]:
        """What each has read of a thread, and what not."""
        await trio.lowlevel.checkpoint()
        return {key: _thread_count(self._log.rooms[key.room_no], key) for key in keys}

    async def participants(
        self, keys: Sequence[tuple[int, int]]
    ) -> Mapping[tuple[int, int], Sequence[int]]:
        """The members who take part in threads."""
        await trio.lowlevel.checkpoint()
        found = {key: self._log.rooms[key[0]].participants(key[1]) for key in keys}
        return {key: members for key, members in found.items() if members}

    async def former(self, keys: Sequence[tuple[int, int]]) -> Mapping[tuple[int, int], bool]:
        """Whether each was ever a member."""
        await trio.lowlevel.checkpoint()
        rooms = self._log.rooms
        return {
            (room_no, user_no): room_no in rooms and user_no in rooms[room_no].members
            for room_no, user_no in keys
        }

    async def replay(self, room: RoomId, after: int, upto: int, limit: int) -> Sequence[Event]:
        """Events after < seq <= upto as they happened, ascending, at most *limit*."""
        await trio.lowlevel.checkpoint()
        found = self._log.room(room)
        return [] if found is None else self._log.frames(found, found.events[after:upto][:limit])

    async def page(self, query: PageQuery) -> PageResult | ErrorCode:
        """A page of history; ``not_member`` for one who was, ``not_found`` for a stranger."""
        await trio.lowlevel.checkpoint()
        room = self._log.room(query.room)
        member = room.members.get(query.user_no) if room else None
        if room is None or member is None:
            return ErrorCode.NOT_FOUND
        if not member.active:
            return ErrorCode.NOT_MEMBER
        if query.around is not None:
            query = query._replace(around=None, after=self._start_around(room, query, query.around))
        events = [event for event in room.events if event.of is None and _asked(event, query)]
        if query.after is None:
            events.reverse()
        asker = self._log.named(room, query.user_no)
        found = self._log.folded(room, events[: query.limit + 1], asker)
        return page_of(found, query, more=False, upto=len(room.events))

    def _start_around(self, room: MemoryRoom, query: PageQuery, seq: int) -> int:
        """What is below the first event of a page with *seq* in its middle."""
        before = [e for e in room.events[:seq] if e.of is None and _asked(e, query)][::-1]
        shown = self._log.folded(room, before[: query.limit // 2 + 1], "")
        first, size = seq, 0
        for event in shown:
            size += len((getattr(event, "body", "") or "").encode())
            if size > AROUND_BYTES and event.seq != seq:
                break
            first = event.seq
        return first - 1 if shown else 0

    def _sent(self, key: SentKey) -> Sent | None:
        room = self._log.rooms.get(key.room_no)
        seq = room.seq_by_key.get((key.user_no, key.client_id)) if room else None
        if room is None or seq is None:
            return None
        event = room.events[seq - 1]
        return Sent(seq, event.at, event.digest or 0)

    def _target(self, room_no: int, seq: int) -> Target | None:
        room = self._log.rooms.get(room_no)
        event = next(iter(self._events(room_no)[seq - 1 : seq] if seq > 0 else ()), None)
        if room is None or event is None or event.kind is not EventKind.MESSAGE:
            return None
        return Target(event.sender_no, event.thread or 0, room.deleted(seq, len(room.events)))

    def _marked(self, key: MarkKey) -> bool:
        frames = self._changes(key.room_no, key.seq)
        if not key.emoji:
            pins = [frame for frame in frames if isinstance(frame, Pinned)]
            return bool(pins) and pins[-1].on
        found = tallies(frames, self._log.named(self._log.rooms[key.room_no], key.user_no))
        return key.emoji in found and found[key.emoji].me

    def _changes(self, room_no: int, seq: int) -> list[Event]:
        room = self._log.rooms[room_no]
        return [
            frame_of("", change) for change in self._log.stored(room, room.changes.get(seq, ()))
        ]

    def _said(self, room_no: int, seq: int) -> NewEvent:
        """The event that says what the message *seq* says now."""
        room = self._log.rooms[room_no]
        changes = room.changes.get(seq, ())
        edits = [change for change in changes if change.kind is EventKind.UPDATED]
        return edits[-1] if edits else room.events[seq - 1]

    def _withdrawn(self, room_no: int, seq: int) -> Withdrawn | None:
        room, target = self._log.rooms.get(room_no), self._target(room_no, seq)
        if room is None or target is None or not target.deleted:
            return None
        sent, said = room.events[seq - 1], self._said(room_no, seq)
        at = max(c.at for c in room.changes[seq] if c.kind is EventKind.DELETED)
        edited_at = None if said is sent else Millis(said.at)
        return Withdrawn(said.body or "", Millis(at), edited_at, sent.extra)

    def _events(self, room_no: int) -> Sequence[NewEvent]:
        room = self._log.rooms.get(room_no)
        return room.events if room else ()


def _asked(event: NewEvent, query: PageQuery) -> bool:
    if query.thread is not None and event.thread != query.thread:
        return False
    if query.after is not None:
        return event.seq > query.after
    return query.before is None or event.seq < query.before


def _thread_count(room: MemoryRoom, key: ThreadKey) -> ThreadCount:
    read_seq = room.thread_cursor(key.user_no, key.root)
    replies = [
        reply.seq
        for reply in room.replies(key.root)
        if reply.sender_no != key.user_no
        and min(key.since, read_seq) < reply.seq <= key.upto
        and not room.deleted(reply.seq, len(room.events))
    ]
    unread = [seq for seq in replies if seq > read_seq]
    meant = [seq for seq in unread if room.mentions & {(0, seq), (key.user_no, seq)}]
    return ThreadCount(read_seq, len(unread), len(meant), len(replies) - len(unread))


def _count(room: MemoryRoom, key: CountKey) -> Count:
    mentions = room.mentioned(key.user_no, key.read_seq, key.upto)
    return Count(room.read_countable(key.user_no, key.read_seq, key.upto), mentions)
