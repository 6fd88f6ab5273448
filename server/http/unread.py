"""What is unread, in rooms and in their threads, and reading it."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from actors.requests import Requests
from protocol.events import Message
from protocol.fields import EventSeq, SeqField
from protocol.frames import MarkUnread, Read
from server.http.changes import PATH as MESSAGE
from server.http.messages import seq_of
from server.http.route import Answer, Call, NoQuery, Route
from server.postgres.readers import ReaderStore
from server.postgres.rooms import RoomStore
from server.postgres.threads import ThreadStore

PATH = "/api/v1/chats/rooms/{room}"
THREADS_DEFAULT, THREADS_MOST = 50, 100


class NewCursor(msgspec.Struct):
    """How far one has read, in the room or in the thread of a root."""

    seq: SeqField
    thread: EventSeq | None = None


class CursorMoved(msgspec.Struct):
    """It is stored; further back it moved nothing."""

    seq: int


class ThreadsQuery(msgspec.Struct):
    """Threads whose last reply is below ``before``; ``mine``: those one takes part in."""

    before: SeqField | None = None
    limit: Annotated[int, Meta(ge=1, le=THREADS_MOST)] = THREADS_DEFAULT
    mine: bool = False


class Thread(msgspec.Struct):
    """A thread: its root in its present state, and what became of it.

    ``participants`` names some of the ``participant_count`` members who wrote the root or in the
    thread, or were mentioned there; ``unread`` is what others wrote above ``read_seq``.
    """

    root: Message
    replies: int
    last_seq: int
    last_at: int
    participants: list[str]
    participant_count: int
    unread: int
    read_seq: int


class Threads(msgspec.Struct):
    """The newest reply first, as of the event ``upto``; ``next`` is the next page's ``before``."""

    items: list[Thread]
    upto: int
    next: int | UnsetType = UNSET


class NewMark(msgspec.Struct):
    """The first message that is to be unread again."""

    seq: EventSeq


class Marked(msgspec.Struct):
    """From where the room is marked unread."""

    marked: int | UnsetType = UNSET


class Reader(msgspec.Struct):
    """Somebody who has read a message; since when, where that is known still."""

    user: str
    name: str
    at: int | UnsetType = UNSET


class Readers(msgspec.Struct):
    """How many have not read a message; ``readers`` where the room and the asker show that."""

    unread: int
    readers: list[Reader] | UnsetType = UNSET


class TotalUnread(msgspec.Struct):
    """What is unread in all rooms, without the muted ones, whose mentions count all the same.

    ``rooms`` and ``threads`` are those that have any of it; threads one takes part in.
    """

    rooms: int
    unread: int
    mentions: int
    threads: int


class UnreadRoutes:
    """The routes of reading."""

    def __init__(
        self, *, requests: Requests, rooms: RoomStore, threads: ThreadStore, readers: ReaderStore
    ) -> None:
        self._requests, self._rooms = requests, rooms
        self._threads, self._readers = threads, readers

    async def total(self, call: Call[None, NoQuery]) -> Answer:
        """The number for the badge of an application."""
        user = call.caller.user_id
        rooms = (await self._rooms.summaries([user]))[user]
        unread = [0 if room.muted else room.unread for room in rooms]
        mentions = [room.mentions for room in rooms]
        told = sum(any(counts) for counts in zip(unread, mentions, strict=True))
        threads = await self._threads.unread(call.caller.user_no)
        return Answer(200, TotalUnread(told, sum(unread), sum(mentions), threads))

    async def read(self, call: Call[NewCursor, NoQuery]) -> Answer:
        """Move one's own cursor forward."""
        asked = call.body
        await self._requests.read(
            call.caller, Read(room=call.room, seq=asked.seq, thread=asked.thread)
        )
        return Answer(200, CursorMoved(asked.seq))

    async def mark(self, call: Call[NewMark, NoQuery]) -> Answer:
        """Have a room unread from a message on, on all devices."""
        seq = call.body.seq
        await self._requests.mark_unread(call.caller, MarkUnread(room=call.room, seq=seq))
        return Answer(200, Marked(seq))

    async def unmark(self, call: Call[None, NoQuery]) -> Answer:
        """Have what the cursor says again."""
        await self._requests.mark_unread(call.caller, MarkUnread(room=call.room))
        return Answer(200, Marked())

    async def readers(self, call: Call[None, NoQuery]) -> Answer:
        """Who has read a message, the first first. Who does not show it is counted alone."""
        seq = seq_of(call)
        unread, found = await self._readers.readers(call.room, call.caller.user_no, seq)
        if found is None:
            return Answer(200, Readers(unread))
        shown = [Reader(user, name, UNSET if at is None else at) for user, name, at in found]
        return Answer(200, Readers(unread, shown))

    async def threads(self, call: Call[None, ThreadsQuery]) -> Answer:
        """The threads of a room."""
        query = call.query
        found, upto = await self._threads.threads(
            call.room,
            call.caller.user_no,
            mine=query.mine,
            before=query.before,
            limit=query.limit + 1,
        )
        items = [Thread(*each) for each in found[: query.limit]]
        more = items[-1].last_seq if len(found) > len(items) else UNSET
        return Answer(200, Threads(items, upto, more))

    def routes(self) -> tuple[Route, ...]:
        """What this blueprint answers."""
        return (
            Route(
                method="GET",
                path="/api/v1/chats/unread",
                name="show_unread",
                summary="What is unread in all rooms",
                handler=self.total,
                answers={200: TotalUnread},
            ),
            Route(
                method="PUT",
                path=PATH + "/read",
                name="read_room",
                summary="Say how far one has read in a room or in a thread",
                handler=self.read,
                body=NewCursor,
                answers={200: CursorMoved},
                refusals=(403,),
            ),
            Route(
                method="PUT",
                path=PATH + "/unread",
                name="mark_unread",
                summary="Mark a room unread from a message on",
                handler=self.mark,
                body=NewMark,
                answers={200: Marked},
                refusals=(403,),
            ),
            Route(
                method="DELETE",
                path=PATH + "/unread",
                name="unmark_unread",
                summary="Take the mark back",
                handler=self.unmark,
                answers={200: Marked},
                refusals=(403,),
            ),
            Route(
                method="GET",
                path=MESSAGE + "/readers",
                name="list_readers",
                summary="Who has read a message",
                handler=self.readers,
                answers={200: Readers},
                refusals=(403,),
            ),
            Route(
                method="GET",
                path=PATH + "/threads",
                name="list_threads",
                summary="The threads of a room, the newest reply first",
                handler=self.threads,
                query=ThreadsQuery,
                answers={200: Threads},
                refusals=(403,),
            ),
        )
