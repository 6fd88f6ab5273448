"""How the index of the search comes about, and what is left in it of what was said."""

from __future__ import annotations

from contextlib import asynccontextmanager

import asyncpg
import pytest
import trio

from actors.ports import StoreUnavailable
from actors.records import EventKind, NewEvent, Verdict
from actors.rules.searching import terms_of, words_of
from protocol.ids import Millis
from protocol.limits import RESTORE_WITHIN_S
from server.postgres.erasure import Erasure
from server.postgres.indexing import Indexer, NotedRooms, NotingJournal
from server.postgres.searching import SearchStore, Sought

UPDATED, DELETED, PINNED = EventKind.UPDATED, EventKind.DELETED, EventKind.PINNED
CHUNKS = "SELECT room_no, chunk, is_whole, seqs, texts FROM search_chunks ORDER BY 1, 2"
STATES = "SELECT room_no, indexed_upto FROM search_states ORDER BY 1"


class HastyRooms(NotedRooms):
    CALM_S = 0.0


class World:
    """A journal whose rooms an indexer takes at once."""

    def __init__(self, postgres, writing):
        self.postgres, self.writing = postgres, writing
        self.rooms = HastyRooms()
        self.journal = NotingJournal(postgres.journal(), self.rooms)
        self.indexer = Indexer(postgres.database, self.rooms)
        self.store = SearchStore(postgres.database)

    async def room(self):
        number, room = await self.postgres.room(1, 2)
        await self.journal.claim([room], tail=0)
        return number

    async def say(self, room_no, first, last, body="말"):
        said = [self.writing.said(seq, body=f"{body}{seq}") for seq in range(first, last + 1)]
        return await self.tell(room_no, *said)

    async def tell(self, room_no, *events):
        return await self.journal.append([self.writing.batch(room_no, 1, list(events))])

    async def settle(self):
        """Work until nothing is left to do."""
        steps = 0
        while await self.indexer.step():
            steps += 1
        return steps

    async def find(self, q):
        page = await self.store.search(1, Sought(terms=terms_of(words_of(q)), limit=50))
        return [message.seq for message in page.messages]

    async def fetch(self, sql):
        return [tuple(row) for row in await self.postgres.database.fetch(sql)]


@pytest.fixture
async def world(postgres, writing):
    return World(postgres, writing)


def change(seq, kind, of, **fields):
    return NewEvent(seq, 1000 + seq, kind, 1, 2, of=of, **fields)


async def test_rooms_are_due_when_they_are_calm_or_have_waited_for_long():
    rooms = NotedRooms()
    rooms.note({1, 2})
    assert rooms.due(0.0) == []
    assert rooms.due(rooms.CALM_S - 0.1) == []
    for second in range(1, 40):
        rooms.note({2})
        due = rooms.due(float(second))
        assert (1 in due) is (second == rooms.CALM_S)
        assert (2 in due) is (second == rooms.LONG_S)
    rooms.MOST = 2
    rooms.note({3, 4, 5})
    rooms.note({6})
    assert rooms.lost and len(rooms.due(100.0)) <= 2


async def test_what_was_stored_is_indexed_and_found(world):
    room = await world.room()
    assert await world.say(room, 1, 300) == [Verdict.STORED]
    assert await world.fetch(STATES) == []
    await world.settle()
    assert await world.fetch(STATES) == [(room, 300)]
    chunks = await world.fetch(CHUNKS)
    assert [(chunk, whole, seqs[0], seqs[-1]) for _, chunk, whole, seqs, _ in chunks] == [
        (0, True, 1, 127),
        (1, True, 128, 255),
        (2, False, 256, 300),
    ]
    assert chunks[1][4][:2] == ["말128", "말129"]
    await world.say(room, 301, 302)
    assert await world.find("말30") == [302, 301, 300, 30]
    assert await world.settle() == 1, "an hourly look for rooms left behind is not due"


async def test_a_chunk_is_whole_whatever_its_last_event_is(world):
    room = await world.room()
    await world.say(room, 1, 120)
    await world.settle()
    await world.tell(
        room, *[change(seq, PINNED, 1, extra='{"on":true}') for seq in range(121, 130)]
    )
    await world.settle()
    assert [(chunk, whole) for _, chunk, whole, _, _ in await world.fetch(CHUNKS)] == [(0, True)]
    assert await world.find("말12") == [120, 12]


async def test_an_indexer_finds_rooms_that_others_left_behind(world):
    rooms = [await world.room() for _ in range(3)]
    for room in rooms:
        await world.say(room, 1, 5)
    await world.settle()
    await world.say(rooms[1], 6, 9)
    other = Indexer(world.postgres.database, NotedRooms())
    other.SWEPT_AT_ONCE = 2
    while await other.step() or other._swept is not None:
        pass
    assert await world.fetch(STATES) == [(rooms[0], 5), (rooms[1], 9), (rooms[2], 5)]


async def test_a_long_tail_is_taken_in_slices(world):
    room, small = await world.room(), await world.room()
    for first in range(1, 3001, 500):
        await world.say(room, first, first + 499)
    await world.say(small, 1, 1)
    assert await world.settle() > 1
    assert await world.fetch(STATES) == [(room, 3000), (small, 1)]
    assert len(await world.find("말")) == 50


async def test_edits_all_over_a_room_are_taken_in_slices(world):
    room = await world.room()
    for first in range(1, 3001, 500):
        await world.say(room, first, first + 499)
    await world.settle()
    edits = [change(3000 + n, UPDATED, n * 100, body=f"새것{n}") for n in range(1, 31)]
    await world.tell(room, *edits)
    before = len(await world.find("새것"))
    assert await world.settle() > 1
    assert before == len(await world.find("새것")) == 30
    assert await world.fetch(STATES) == [(room, 3030)]


async def test_what_is_deleted_is_out_of_the_index_soon(world):
    room = await world.room()
    await world.say(room, 1, 3, body="비밀")
    await world.settle()
    await world.tell(room, change(4, DELETED, 1), change(5, UPDATED, 2, body="다른 말"))
    assert await world.find("비밀") == [3]
    await world.settle()
    assert [texts for *_, texts in await world.fetch(CHUNKS)] == [["다른 말", "비밀3"]]
    await world.tell(room, change(6, DELETED, 2), change(7, DELETED, 3))
    await world.settle()
    assert await world.fetch(CHUNKS) == []


class LaterClock:
    def now_ms(self):
        return Millis(10_000 + RESTORE_WITHIN_S * 1000)


async def test_what_is_erased_is_in_no_chunk_however_far_behind_the_index_is(world):
    room = await world.room()
    await world.say(room, 1, 200, body="비밀")
    await world.settle()
    await world.tell(room, change(201, DELETED, 5), change(202, DELETED, 150))
    await world.tell(room, change(203, UPDATED, 6, body="새것"))
    assert "비밀5" in repr(await world.fetch(CHUNKS))
    erasure = Erasure(world.postgres.database, clock=LaterClock(), log=None)
    assert [await erasure.erase_due() for _ in range(2)] == [2, 0]
    left = repr(await world.fetch(CHUNKS))
    assert "'비밀5'" not in left and "'비밀150'" not in left
    assert "'비밀4'" in left and "'새것'" in left and await world.fetch(STATES) == [(room, 200)]
    assert (await world.find("비밀4"))[-1] == 4
    await world.settle()
    assert await world.find("새것") == [6] and 5 not in await world.find("비밀5")


SEARCHED = """
SELECT * FROM search_messages(1, NULL, NULL, '{말12}', '{%말12%}', '{}', 0,
    ROW(9000000000000, 2147483647, 0)::search_place, 21)"""
CALLS = "SELECT calls FROM pg_stat_user_functions WHERE funcname = 'search_grams'"


async def test_a_search_computes_the_grams_of_its_words_and_of_no_chunk(world):
    """Whatever was known of the tables when it was planned: else it takes minutes."""
    run = world.postgres.database.loop.run_aio_coroutine
    connection = await run(asyncpg.connect(world.postgres.database.url))
    await run(connection.execute("SET track_functions = 'all'"))
    searches = 0
    for rooms in (0, 1, 2):
        for _ in range(rooms):
            room = await world.room()
            await world.say(room, 1, 400)
        await world.settle()
        for analyzed in (False, True):
            if analyzed:
                await world.postgres.database.execute("ANALYZE")
            for _ in range(7):  # custom plans, and then a generic one
                await run(connection.execute(SEARCHED))
                searches += 1
    await run(connection.execute("SELECT pg_stat_force_next_flush()"))
    await run(connection.execute("SELECT 1"))
    rooms_less = 14  # there is nothing to look for without a room
    assert await run(connection.fetchval(CALLS)) == searches - rooms_less
    await run(connection.close())


@asynccontextmanager
async def holding(world, room):
    """Another node works on *room*."""
    run = world.postgres.database.loop.run_aio_coroutine
    connection = await run(asyncpg.connect(world.postgres.database.url))
    await run(connection.execute("BEGIN"))
    await run(connection.execute(f"SELECT FROM search_states WHERE room_no = {room} FOR UPDATE"))
    try:
        yield
    finally:
        await run(connection.close())


async def test_nodes_do_not_wait_for_each_other(world):
    one, other = await world.room(), await world.room()
    for room in (one, other):
        await world.say(room, 1, 5)
    await world.settle()
    for room in (one, other):
        await world.say(room, 6, 7)
    async with holding(world, one):
        with trio.fail_after(10):
            assert await world.indexer.step()
        assert await world.fetch(STATES) == [(one, 5), (other, 7)]
        assert await world.find("말7") == [7, 7]
    await world.settle()
    assert await world.fetch(STATES) == [(one, 7), (other, 7)]


async def test_two_indexers_at_once_do_the_work_of_one(world):
    rooms = [await world.room() for _ in range(4)]
    for room in rooms:
        await world.say(room, 1, 400)
    others = [Indexer(world.postgres.database, NotedRooms()) for _ in range(3)]

    async def work(indexer):
        for _ in range(30):
            await indexer.step()

    async with trio.open_nursery() as nursery:
        for indexer in (world.indexer, *others):
            nursery.start_soon(work, indexer)
    assert await world.fetch(STATES) == [(room, 400) for room in rooms]
    assert [row[3][-1] for row in await world.fetch(CHUNKS)] == [127, 255, 383, 400] * 4


async def test_an_indexer_loses_nothing_by_a_failed_round(world):
    room = await world.room()
    await world.say(room, 1, 5)
    await world.postgres.database.execute("ALTER TABLE search_chunks RENAME TO gone")
    with pytest.raises(StoreUnavailable):
        await world.indexer.round()
    await world.postgres.database.execute("ALTER TABLE gone RENAME TO search_chunks")
    await world.indexer.round()
    assert await world.fetch(STATES) == [(room, 5)]


async def test_an_indexer_steps_back_where_much_is_stored(world):
    indexer, rooms = world.indexer, world.rooms
    indexer._is_busy()
    await trio.sleep(0.2)
    for _ in range(5):
        rooms.note(set())
    assert indexer._is_busy() is False
    await trio.sleep(0.2)
    for _ in range(500):
        rooms.note(set())
    assert indexer._is_busy() is True
