"""How the index of the search comes about, and what is left in it of what was said."""

from __future__ import annotations

import asyncpg
import pytest
from index_world import CHUNKS, STATES, World
from search_world import DELETED, UPDATED, change

from actors.records import EventKind, NewEvent, Verdict
from protocol.ids import Millis
from protocol.limits import RESTORE_WITHIN_S
from server.postgres.erasure import Erasure
from server.postgres.indexing import Indexer, NotedRooms

PINNED = EventKind.PINNED


@pytest.fixture
async def world(postgres, writing):
    return World(postgres, writing)


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
    ROW(9000000000000, 2147483647, 0)::search_place, 21, ROW(20000, 4096, 16)::search_bounds)"""
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


ORDER = """
CREATE TABLE forgotten (n serial, room_no integer);
CREATE FUNCTION note_it() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN INSERT INTO forgotten (room_no) VALUES (NEW.room_no); RETURN NEW; END $$;
CREATE TRIGGER note BEFORE INSERT ON search_chunks FOR EACH ROW EXECUTE FUNCTION note_it()"""


async def test_chunks_are_forgotten_in_one_order_so_that_no_two_nodes_wait_for_each_other(world):
    rooms = [await world.room() for _ in range(8)]
    for room in rooms:
        await world.say(room, 1, 3)
    await world.settle()
    for later, room in enumerate(rooms[4:] + rooms[:4]):
        await world.tell(room, NewEvent(4, 5000 - later, DELETED, 1, 3, of=1))
    await world.postgres.database.execute(ORDER)
    assert await Erasure(world.postgres.database, clock=LaterClock(), log=None).erase_due() == 8
    forgotten = await world.fetch("SELECT room_no FROM forgotten ORDER BY n")
    assert forgotten == [(room,) for room in rooms]
