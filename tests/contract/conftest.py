"""The same rooms in memory and in PostgreSQL, for suites that hold both to one contract."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from itertools import count
from typing import Any, Protocol

import pytest
import trio_asyncio
from msgspec import structs

from actors.ports import Blocks, EventLog, Journal
from actors.records import Batch, EventKind, MemberMove, NewEvent
from protocol.frames import RoomSummary
from protocol.ids import RoomId, UserId
from server.memory.blocks import MemoryBlocks
from server.memory.events import MemoryEvents
from server.memory.journal import MemoryJournal, MemoryLog
from server.postgres.blocks import BlockStore
from server.postgres.events import PostgresEvents
from server.postgres.journal import PostgresJournal
from server.postgres.matching import MatchingStore, NewMatching, Seat
from server.postgres.pool import Database, open_database, quiet_loop
from server.postgres.rooms import RoomStore

PEOPLE = 12


class NotedLog:
    """Keeps what was warned of."""

    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, object]]] = []

    def warning(self, event: str, **fields: object) -> None:
        self.events.append((event, fields))


class World(Protocol):
    """Users 1 to PEOPLE (``user1`` to ...), rooms among them, and any number of nodes."""

    events: EventLog
    blocks: Blocks

    async def room(self, *members: int) -> tuple[int, RoomId]: ...
    async def blind(self, *members: int) -> tuple[int, RoomId]: ...
    def journal(self) -> Journal: ...


class MemoryWorld:
    def __init__(self) -> None:
        self.log = MemoryLog()
        self.events: EventLog = MemoryEvents(self.log)
        self.blocks: Blocks = MemoryBlocks(self.log)
        self._numbers = count(1)
        for number in range(1, PEOPLE + 1):
            self.log.add_user(number, UserId(f"user{number}"))

    async def room(self, *members: int) -> tuple[int, RoomId]:
        number = next(self._numbers)
        summary = RoomSummary(
            id=f"room{number}",
            type="team",
            name=f"Room {number}",
            me="",
            last_seq=0,
            read_seq=0,
            unread=0,
            mentions=0,
        )
        self.log.add_room(
            number,
            summary,
            {no: "member" if place else "owner" for place, no in enumerate(members)},
        )
        return number, RoomId(summary.id)

    async def blind(self, *members: int) -> tuple[int, RoomId]:
        """A room in which ``user1`` goes by ``mask1``, and so on."""
        number, room = await self.room(*members)
        made = self.log.rooms[number]
        made.summary = structs.replace(made.summary, type="matching", mode="blind")
        made.pseudonyms = {no: f"mask{no}" for no in members}
        return number, room

    def journal(self) -> Journal:
        return MemoryJournal(self.log)


class PostgresWorld:
    def __init__(self, database: Database) -> None:
        self.database = database
        self.events: EventLog = PostgresEvents(database)
        self.blocks: Blocks = BlockStore(database)
        self.journals: list[PostgresJournal] = []
        self._numbers = count(1)
        self.rooms = RoomStore(database, new_id=lambda: f"made{next(self._numbers)}")

    async def room(self, *members: int) -> tuple[int, RoomId]:
        room = RoomId(f"room{next(self._numbers)}")
        await self.rooms.create_many([(room, room.capitalize(), members)])
        sql = "SELECT room_no FROM chat_rooms WHERE room_id = $1"
        return await self.database.fetchval(sql, room), room

    async def blind(self, *members: int) -> tuple[int, RoomId]:
        """A room in which ``user1`` goes by ``mask1``, and so on."""
        room = RoomId(f"room{next(self._numbers)}")
        seats = [Seat(no, UserId(f"user{no}"), "AB"[no % 2]) for no in members]
        store = MatchingStore(self.database, pseudonym=lambda _, user, __: f"mask{user[4:]}")
        await store.create(NewMatching(room, "Blind", None, "blind", members[0], seats))
        sql = "SELECT room_no FROM chat_rooms WHERE room_id = $1"
        return await self.database.fetchval(sql, room), room

    def journal(self, *, within: float = 5.0) -> PostgresJournal:
        owner = 1000 + len(self.journals)
        self.journals.append(PostgresJournal(self.database, owner=owner, within=within))
        return self.journals[-1]


@asynccontextmanager
async def postgres_world(url: str) -> AsyncIterator[PostgresWorld]:
    async with trio_asyncio.open_loop() as loop:
        quiet_loop(loop, NotedLog())
        async with open_database(url, size=4, log=NotedLog()) as database:
            await database.execute(
                "INSERT INTO users (user_no, user_id, username, name)"
                " SELECT n, 'user' || n, 'name' || n, 'User ' || n FROM generate_series(1, $1) n",
                PEOPLE,
            )
            world = PostgresWorld(database)
            yield world
            for journal in world.journals:
                await journal.aclose()


@pytest.fixture
def open_world() -> Callable[[str], AbstractAsyncContextManager[PostgresWorld]]:
    return postgres_world


@pytest.fixture
async def postgres(database_url: str) -> AsyncIterator[PostgresWorld]:
    async with postgres_world(database_url) as world:
        yield world


@pytest.fixture(params=["memory", "postgres"])
def world_url(request: pytest.FixtureRequest) -> str | None:
    return request.getfixturevalue("database_url") if request.param == "postgres" else None


@pytest.fixture
async def world(world_url: str | None) -> AsyncIterator[World]:
    if world_url is None:
        yield MemoryWorld()
        return
    async with postgres_world(world_url) as made:
        yield made


class Writing:
    """Batches of rooms, numbered as their actors would."""

    @staticmethod
    def said(seq: int, sender: int = 1, **fields: Any) -> NewEvent:
        """A message that counts, unless it is in a thread or *countable* says otherwise."""
        defaults = {"client_id": f"c{seq}", "digest": seq * 7, "body": f"message {seq}"}
        countable = fields.pop("countable", seq)
        return NewEvent(
            seq, 1000 + seq, EventKind.MESSAGE, sender, countable, **(defaults | fields)
        )

    @staticmethod
    def batch(
        room_no: int,
        epoch: int,
        events: Sequence[NewEvent],
        *,
        moves: Sequence[MemberMove] = (),
        cursors: dict[int, int] | None = None,
        mentions: Sequence[tuple[int, int]] = (),
    ) -> Batch:
        return Batch(room_no, epoch, list(events), list(moves), cursors or {}, list(mentions))


@pytest.fixture
def writing() -> Writing:
    return Writing()
