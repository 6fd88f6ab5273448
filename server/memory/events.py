"""The log in memory, read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import trio

from actors.ports import (
    Count,
    CountKey,
    EventKind,
    EventLog,
    NewEvent,
    PageQuery,
    PageResult,
    Sent,
    SentKey,
)
from actors.rules.event_frames import page_of
from protocol.errors import ErrorCode
from protocol.frames import Event
from protocol.ids import RoomId
from server.memory.journal import MemoryLog, MemoryRoom


class MemoryEvents(EventLog):
    """Reads a MemoryLog as of the moment of each question."""

    def __init__(self, log: MemoryLog) -> None:
        self._log = log

    async def sent(self, keys: Sequence[SentKey]) -> Mapping[SentKey, Sent]:
        """What is stored under *keys*; keys never used are left out."""
        await trio.lowlevel.checkpoint()
        return {key: sent for key in keys if (sent := self._sent(key)) is not None}

    async def targets(self, keys: Sequence[tuple[int, int]]) -> Mapping[tuple[int, int], int]:
        """The thread's root seq of messages, 0 for none."""
        await trio.lowlevel.checkpoint()
        return {
            (room_no, seq): event.thread or 0
            for room_no, seq in keys
            for event in self._events(room_no)[seq - 1 : seq]
            if seq > 0 and event.kind is EventKind.MESSAGE
        }

    async def counts(self, keys: Sequence[CountKey]) -> Mapping[CountKey, Count]:
        """What each cursor has behind and before it."""
        await trio.lowlevel.checkpoint()
        return {key: _count(self._log.rooms[key.room_no], key) for key in keys}

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
        events = [event for event in room.events if _asked(event, query)]
        if query.after is None:
            events.reverse()
        found = self._log.frames(room, events[: query.limit + 1])
        return page_of(found, query, more=False, upto=len(room.events))

    def _sent(self, key: SentKey) -> Sent | None:
        room = self._log.rooms.get(key.room_no)
        seq = room.seq_by_key.get((key.user_no, key.client_id)) if room else None
        if room is None or seq is None:
            return None
        event = room.events[seq - 1]
        return Sent(seq, event.at, event.digest or 0)

    def _events(self, room_no: int) -> Sequence[NewEvent]:
        room = self._log.rooms.get(room_no)
        return room.events if room else ()


def _asked(event: NewEvent, query: PageQuery) -> bool:
    if query.thread is not None and event.thread != query.thread:
        return False
    if query.after is not None:
        return event.seq > query.after
    return query.before is None or event.seq < query.before


def _count(room: MemoryRoom, key: CountKey) -> Count:
    mentions = room.mentioned(key.user_no, key.read_seq, key.upto)
    return Count(room.countable_at(key.read_seq), mentions)
