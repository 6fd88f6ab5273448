"""The indexer beside others, and after what went wrong."""

from __future__ import annotations

from contextlib import asynccontextmanager, suppress

import asyncpg
import pytest
import trio
from index_world import CHUNKS, STATES, World
from search_world import UPDATED, change

from actors.ports import StoreUnavailable
from server.postgres.indexing import Indexer, NotedRooms


@pytest.fixture
async def world(postgres, writing):
    return World(postgres, writing)


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


async def test_the_first_that_indexes_a_room_holds_nobody_up(world):
    one, other = await world.room(), await world.room()
    for room in (one, other):
        await world.say(room, 1, 5)
    run = world.postgres.database.loop.run_aio_coroutine
    connection = await run(asyncpg.connect(world.postgres.database.url))
    await run(connection.execute(f"BEGIN; SELECT index_rooms(ARRAY[{one}], 16)"))
    with trio.fail_after(10):
        assert await world.indexer.step()
    assert await world.fetch(STATES) == [(other, 5)]
    await run(connection.close())
    await world.settle()
    assert await world.fetch(STATES) == [(one, 5), (other, 5)]


TAKE = "SELECT behind FROM index_rooms($1::integer[], $2)"


async def test_rooms_are_taken_in_their_order_as_far_as_it_goes(world):
    one, other = await world.room(), await world.room()
    for room in (one, other):
        await world.say(room, 1, 200)
    assert await world.postgres.database.fetchval(TAKE, [other, one], 2) == [one]
    assert await world.fetch(STATES) == [(other, 200)]


async def test_an_event_of_two_chunks_is_taken_even_where_one_is_all_there_may_be(world):
    room = await world.room()
    await world.say(room, 1, 254)
    await world.settle()
    await world.tell(room, change(255, UPDATED, 5, body="새 말"))
    assert await world.postgres.database.fetchval(TAKE, [room], 1) == []
    assert await world.fetch(STATES) == [(room, 255)] and await world.find("새") == [5]


SLOW = """
CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN PERFORM pg_sleep(0.25); RETURN NEW; END $$;
CREATE TRIGGER slow BEFORE INSERT ON search_chunks FOR EACH ROW WHEN (NEW.room_no = {room})
EXECUTE FUNCTION slow()"""


async def _work(indexer, steps):
    """How many of *steps* failed."""
    failed = 0
    for _ in range(steps):
        try:
            await indexer.step()
        except StoreUnavailable:
            failed += 1
    return failed


async def test_a_room_that_takes_too_long_is_taken_by_less_and_holds_up_no_other(world):
    rooms = [await world.room() for _ in range(5)]
    for room in rooms:
        await world.say(room, 1, 1000 if room == rooms[0] else 5)
    await world.postgres.database.execute(SLOW.format(room=rooms[0]))
    world.indexer.WITHIN, world.indexer.AGAIN_S = 1.2, 0.0
    assert await _work(world.indexer, 1) == 1, "all of them fail with it"
    assert await _work(world.indexer, 5) == 1
    assert await world.fetch(STATES) == [(room, 5) for room in rooms[1:]]
    failed = await _work(world.indexer, 12)
    assert failed <= 4 and (rooms[0], 1000) in await world.fetch(STATES)


async def test_a_room_that_cannot_be_taken_waits_longer_each_time(world):
    bad, good = await world.room(), await world.room()
    await world.say(bad, 1, 5)
    await world.say(good, 1, 5)
    sql = f"ALTER TABLE search_chunks ADD CHECK (room_no <> {bad})"
    await world.postgres.database.execute(sql)
    with pytest.raises(asyncpg.CheckViolationError):
        await world.indexer.step()
    for again_s in (world.indexer.AGAIN_S, world.indexer.AGAIN_S * 2):
        with pytest.raises(asyncpg.CheckViolationError):
            await world.indexer.step()
        hard = world.indexer._hard[bad]
        assert hard.chunks >= 1 and again_s - 1 < hard.at - trio.current_time() <= again_s
        assert await _work(world.indexer, 3) == 0, "nobody waits for it"
        assert (good, 5) in await world.fetch(STATES)
        world.indexer._hard[bad] = hard._replace(at=0.0)
    await world.say(good, 6, 9)
    await world.postgres.database.execute(
        "ALTER TABLE search_chunks DROP CONSTRAINT search_chunks_room_no_check"
    )
    await world.settle()
    assert await world.fetch(STATES) == [(bad, 5), (good, 9)]


async def test_a_room_whose_time_has_come_again_and_the_others_take_turns(world):
    bad, good = await world.room(), await world.room()
    await world.say(bad, 1, 5)
    sql = f"ALTER TABLE search_chunks ADD CHECK (room_no <> {bad})"
    await world.postgres.database.execute(sql)
    world.indexer.AGAIN_S = world.indexer.AGAIN_MOST_S = 0.0
    for seq in range(1, 6):
        await world.say(good, seq, seq)
        for _ in range(4):
            with suppress(asyncpg.CheckViolationError):
                await world.indexer.step()
        assert await world.fetch(STATES) == [(good, seq)]


async def test_rooms_that_others_left_behind_are_found_by_one_that_is_never_idle(world):
    left, busy = await world.room(), await world.room()
    await world.say(left, 1, 5)
    indexer = Indexer(world.postgres.database, world.rooms)
    world.rooms.due(trio.current_time())  # nobody knows of it any more
    for seq in range(1, 6):
        await world.say(busy, seq, seq)
        assert await indexer.step()
    assert await world.fetch(STATES) == [(left, 5), (busy, 5)]


async def test_an_indexer_loses_nothing_by_a_failed_round(world):
    room = await world.room()
    await world.say(room, 1, 5)
    await world.postgres.database.execute("ALTER TABLE search_chunks RENAME TO gone")
    world.indexer.AGAIN_S = 0.0
    with pytest.raises(StoreUnavailable):
        await world.indexer.round()
    await world.postgres.database.execute("ALTER TABLE gone RENAME TO search_chunks")
    assert await world.indexer.round() > 0, "failing, too, is work to rest from"
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
