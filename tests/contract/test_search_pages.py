"""Page after page finds all of it, however little one search may do, and whoever else searches."""

from __future__ import annotations

from contextlib import asynccontextmanager

import asyncpg
import pytest
import trio
from search_world import QUERIES, UPDATED, History, Searched, change

from actors.records import EventKind, NewEvent
from actors.rules.searching import terms_of, words_of
from protocol.errors import ErrorCode, ProtocolError
from protocol.ids import Millis
from server.postgres.searching import BOUNDS, Bounds, Place, SearchStore, Sought

LITTLE = Bounds(work=1, fresh=1, tail=1)
BOUNDED = [BOUNDS, LITTLE, Bounds(work=60, fresh=7, tail=2)]


@pytest.mark.parametrize("bounds", BOUNDED, ids=["plenty", "little", "some"])
@pytest.mark.parametrize("seed", range(3))
async def test_any_history_is_found_as_a_plain_reading_of_it_finds(postgres, writing, seed, bounds):
    """Rooms that talk, change and are indexed by chance; the newest first, page by page."""
    searched = Searched(postgres, writing, bounds)
    others = {(await searched.room(1, other))[0]: (1, other) for other in (2, 3, 4)}
    history = History(seed, others, moves=[1.0, 0.1, 0.0][seed])
    for _ in range(16):
        batches = [writing.batch(no, 1, history.events(no)) for no in others]
        await searched.journal.append(batches)
        if history.chance.random() < 0.3:
            await searched.index(history.chance.choice([1, 2, 3, 1000]))
        if history.chance.random() < 0.4:
            await _compare(searched, history)
    while await searched.index():
        pass
    await _compare(searched, history)
    sql = "SELECT count(*) FROM search_chunks WHERE is_whole"
    assert await postgres.database.fetchval(sql) >= 2


async def _compare(searched, history):
    for q in history.chance.sample(QUERIES, 3):
        await _same(searched, history, q)
    await _same(searched, history, "회", sender=1)
    await _same(searched, history, "회", sender=4)
    await searched.postgres.blocks.change(1, 2, on=True, at=Millis(1))
    await _same(searched, history, history.chance.choice(QUERIES), hidden=(2,))
    await searched.postgres.blocks.change(1, 2, on=False, at=Millis(1))


async def _same(searched, history, q, *, sender=None, hidden=()):
    limit = history.chance.choice([1, 7, 50])
    by = None if sender is None else f"user{sender}"
    found = await searched.all(Sought(terms=terms_of(words_of(q)), limit=limit, sender=by))
    shown = [(m.at, m.seq, int(m.room.removeprefix("room"))) for m in found]
    assert shown == history.found(q, sender=sender, hidden=hidden), q


def at_once(first, last, at=5000, body="찾을 말"):
    """Messages of one millisecond."""
    return [
        NewEvent(seq, at, EventKind.MESSAGE, 1, seq, f"c{seq}", seq, f"{body} {seq}")
        for seq in range(first, last + 1)
    ]


@pytest.mark.parametrize("indexed", [False, True], ids=["tail", "index"])
async def test_all_of_one_millisecond_is_found_by_the_least_steps(postgres, writing, indexed):
    """Chunks of many rooms that all reach over the place where a page ends."""
    searched = Searched(postgres, writing, LITTLE)
    rooms = [(await searched.room(1, 2))[0] for _ in range(6)]
    for room in rooms:
        await searched.tell(*at_once(1, 10, at=1000), *at_once(11, 30), room_no=room)
    if indexed:
        assert await searched.index() == []
    for room in rooms:
        await searched.tell(*at_once(31, 31, at=9000), room_no=room)
    for q in ("찾을", "ㅊㅇ"):
        for limit in (1, 50):
            terms = terms_of(words_of(q))
            found = await searched.all(Sought(terms=terms, limit=limit))
            assert [(m.room, m.seq) for m in found] == sorted(
                ((f"room{room}", seq) for room in rooms for seq in range(1, 32)),
                key=lambda key: (key[1] > 30, key[1] > 10, key[1], key[0]),
                reverse=True,
            )


async def test_no_page_follows_what_is_older_than_was_asked_for(postgres, writing):
    searched = Searched(postgres, writing, LITTLE)
    room, _ = await searched.room(1, 2)
    for since in range(1000, 1100):
        await searched.tell(*at_once(since - 999, since - 999, at=since), room_no=room)
    for _ in ("as a tail", "from the index"):
        sought = Sought(terms=terms_of(["찾을"]), since=1099, limit=50)
        pages = 0
        while True:
            messages, following = await searched.store.search(1, sought)
            pages += 1
            assert [m.seq for m in messages] == ([100] if pages == 1 else [])
            if following is None:
                break
            sought = Sought(terms=sought.terms, since=1099, below=following)
        assert pages <= 2
        await searched.index()


async def test_a_place_in_a_room_of_others_is_as_one_that_is_nowhere(postgres, writing):
    searched = Searched(postgres, writing)
    mine, _ = await searched.room(1, 2)
    _, theirs = await searched.room(2, 3)
    await searched.tell(*at_once(1, 1), room_no=mine)

    async def below(room, user):
        sought = Sought(terms=terms_of(["찾을"]), below=Place(Millis(5000), 1, room))
        return [m.seq for m in (await searched.store.search(user, sought)).messages]

    assert await below(theirs, 2) == [1], "a member's cursor stands where its room does"
    assert await below(theirs, 1) == await below("nowhere", 1) == []


FOLDS = "SELECT calls FROM pg_stat_user_functions WHERE funcname = 'search_fold'"


async def test_what_was_found_is_folded_again_only_if_it_has_changed_since(postgres, writing):
    """Else messages that are hard to fold would stop the searches of all who are in the room."""
    searched = Searched(postgres, writing)
    await searched.room(1, 2)
    await searched.tell(*at_once(1, 200))
    assert await searched.index() == []
    connection = await _track(postgres)
    run = postgres.database.loop.run_aio_coroutine
    for changed in (0, 1, 2):
        if changed:
            await searched.tell(change(200 + changed, UPDATED, 7 * changed, body="찾을 다른"))
        before = await run(connection.fetchval(FOLDS)) or 0
        await run(connection.execute(SEARCHED))
        await run(connection.execute("SELECT pg_stat_force_next_flush()"))
        await run(connection.execute("SELECT 1"))
        assert (await run(connection.fetchval(FOLDS)) or 0) - before == changed
    await run(connection.close())


SEARCHED = """
SELECT * FROM search_messages(1, NULL, NULL, '{찾을}', '{%찾을%}', '{}', 0,
    ROW(9000000000000, 2147483647, 0)::search_place, 250, ROW(20000, 4096, 16)::search_bounds)"""


async def _track(postgres):
    run = postgres.database.loop.run_aio_coroutine
    connection = await run(asyncpg.connect(postgres.database.url))
    await run(connection.execute("SET track_functions = 'all'"))
    return connection


async def test_a_chunk_costs_what_its_texts_have_in_full(postgres, writing):
    """Long texts of one syllable take little room, and their time all the same."""
    searched = Searched(postgres, writing)
    await searched.room(1, 2)
    await searched.say(*["가" * 4096] * 127)
    await searched.index()
    sql = "SELECT bytes FROM search_chunks"
    assert await postgres.database.fetchval(sql) == 127 * 4096 * 3


@asynccontextmanager
async def standing_still(postgres):
    """Searches that are begun take as long as this block does."""
    run = postgres.database.loop.run_aio_coroutine
    connection = await run(asyncpg.connect(postgres.database.url))
    await run(connection.execute("BEGIN; LOCK search_states"))
    try:
        yield
    finally:
        await run(connection.close())


class ShortTurns(SearchStore):
    TURN_WITHIN = 0.3


async def test_one_user_searches_once_at_a_time_and_nobody_waits_for_long(postgres, writing):
    await Searched(postgres, writing).room(1, 2)
    store, told = ShortTurns(postgres.database), {}

    async def search(user):
        try:
            page = await store.search(user, Sought(terms=terms_of(["말"])))
            told.setdefault(user, []).append(page.messages)
        except ProtocolError as error:
            told.setdefault(user, []).append((error.code, error.retry_after_ms))

    async with trio.open_nursery() as nursery, standing_still(postgres):
        for user in (1, 1, 1, 2, 3):
            nursery.start_soon(search, user)
            await trio.sleep(0.05)
        nursery.start_soon(search, 4)
        await trio.sleep(0.8)
        assert told == {
            1: [(ErrorCode.RATE_LIMITED, 300)] * 2,
            4: [(ErrorCode.UNAVAILABLE, 300)],
        }
    assert (told[2], told[3]) == ([[]], [[]]) and told[1][2] == []
    await search(4)
    assert told[4][1] == [] and not store._turns._by_user
