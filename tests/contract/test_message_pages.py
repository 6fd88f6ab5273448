"""What is long comes in pages: edited messages, their versions, and pins."""

from __future__ import annotations

import json

import pytest
import trio

from actors.records import EventKind, MemberMove, NewEvent, PageQuery
from actors.rules.event_frames import PAGE_BYTES
from protocol.errors import ErrorCode, ProtocolError
from server.postgres.events import COUNTS
from server.postgres.messages import MessageStore

LONG = "x" * 60_000


def change(seq, kind, of, **fields):
    return NewEvent(seq, 1000 + seq, kind, 1, 20, of=of, **fields)


@pytest.fixture
async def edited(world, writing):
    """A room of 1 and 2 with twenty messages, each short at first and long since."""
    number, room = await world.room(1, 2)
    journal = world.journal()
    await journal.claim([room], tail=0)
    said = [writing.said(n) for n in range(1, 21)]
    edits = [change(20 + n, EventKind.UPDATED, n, body=LONG + str(n)) for n in range(1, 21)]
    await journal.append([writing.batch(number, 1, said + edits)])
    return number, room, journal


async def test_a_page_of_edited_messages_is_no_longer_than_others(world, edited):
    _, room, _ = edited
    seen, after = [], 0
    while True:
        page = await world.events.page(PageQuery(room, 1, after, None, 200, None))
        assert sum(len(event.body) for event in page.events) <= PAGE_BYTES
        seen += [event.seq for event in page.events]
        if not page.more:
            break
        after = seen[-1]
    assert seen == list(range(1, 21))


async def test_a_page_of_edited_messages_leaves_the_database_as_small(postgres, writing):
    number, room = await postgres.room(1, 2)
    journal = postgres.journal()
    await journal.claim([room], tail=0)
    said = [writing.said(n) for n in range(1, 101)]
    edits = [change(100 + n, EventKind.UPDATED, n, body=LONG) for n in range(1, 101)]
    await journal.append([writing.batch(number, 1, said + edits)])
    got, fetch = [], postgres.database.fetch

    async def noted(*call, **within):
        rows = await fetch(*call, **within)
        got.append(sum(len(row["body"] or "") for row in rows))
        return rows

    postgres.database.fetch = noted
    page = await postgres.events.page(PageQuery(room, 1, None, None, 200, None))
    assert page.more and got[0] <= PAGE_BYTES + len(LONG)


@pytest.fixture
async def store(postgres, writing):
    """A message of a room of 1 and 2 with forty long versions; all of twenty messages pinned."""
    number, room = await postgres.room(1, 2)
    journal = postgres.journal()
    await journal.claim([room], tail=0)
    events = [writing.said(n, body=LONG) for n in range(1, 21)]
    events += [change(20 + n, EventKind.PINNED, n, extra='{"on":true}') for n in range(1, 21)]
    events += [change(n, EventKind.UPDATED, 1, body=f"{n}{LONG}") for n in range(41, 81)]
    for start in range(0, len(events), 20):
        await journal.append([writing.batch(number, 1, events[start : start + 20])])
    return MessageStore(postgres.database), number, room, journal


async def test_long_versions_come_in_pages(store):
    messages, _, room, _ = store
    seen, after, more = [], 0, True
    while more:
        found, more = await messages.versions(room, 1, 1, after=after, limit=1000)
        assert sum(len(version.body) for version in found) <= PAGE_BYTES
        seen += [version.seq for version in found]
        after = seen[-1]
    assert seen == [1, *range(41, 81)]
    found, more = await messages.versions(room, 1, 1, after=0, limit=2)
    assert [version.seq for version in found] == [1, 41] and more


async def test_long_pins_come_in_pages(store):
    messages, _, room, _ = store
    seen, more = [], True
    place: dict = {}
    while more:
        found, more = await messages.pins(room, 1, **place)
        assert sum(len(listed.body) for listed, _ in found) <= PAGE_BYTES
        seen += [listed.seq for listed, _ in found]
        place = {"after": found[-1][1]}
    assert seen == list(range(20, 0, -1))


async def test_versions_are_read_with_what_says_who_may_read_them(store, writing):
    """In one query: a deletion, or a leave, between two would show what nobody may see."""
    messages, number, room, journal = store
    calls, fetch = [], messages._database.fetch

    async def noted(*call, **within):
        calls.append(call)
        return await fetch(*call, **within)

    messages._database.fetch = noted
    await messages.versions(room, 1, 1, after=0, limit=1)
    await messages.pins(room, 1)
    await messages.reactions(room, 1, 1)
    assert len(calls) == 3
    leave = NewEvent(81, 1081, EventKind.MEMBER, 2, 20, extra="{}")
    batch = writing.batch(number, 1, [change(82, EventKind.DELETED, 1), leave])
    batch.moves.append(MemberMove(2, None, 81))
    batch.events.reverse()
    await journal.append([batch])
    for user, code in ((1, ErrorCode.GONE), (2, ErrorCode.NOT_MEMBER), (3, ErrorCode.NOT_FOUND)):
        with pytest.raises(ProtocolError) as refused:
            await messages.versions(room, user, 1, after=0, limit=1)
        assert refused.value.code is code
    with pytest.raises(ProtocolError) as refused:
        await messages.versions(room, 1, 21, after=0, limit=1)
    assert refused.value.code is ErrorCode.NOT_FOUND
    for seq in (2, 21):
        with pytest.raises(ProtocolError) as refused:
            await messages.reactions(room, 2, seq)
        assert refused.value.code is ErrorCode.NOT_MEMBER
    assert await messages.reactions(room, 1, 2) == []


MANY = """
INSERT INTO chat_members (room_no, user_no)
SELECT $1, n FROM generate_series(3, 12) n ON CONFLICT DO NOTHING"""
DELETIONS = """
INSERT INTO room_events (room_no, seq, kind, sender_no, countable, at, of_seq)
SELECT $1, 100 + n, 4, 1, 20, 1, n FROM generate_series(1, 2000) n"""


async def test_what_is_deleted_is_read_once_for_all_who_ask(postgres):
    """Not once for each of them: in a room of thousands that is thousands of times."""
    number, _ = await postgres.room(1, 2)
    await postgres.database.execute(MANY, number)
    await postgres.database.execute(DELETIONS, number)
    await postgres.database.execute("ANALYZE")
    sql = f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {COUNTS}"
    read = []
    for askers in (1, 12):
        keys = [[number] * askers, list(range(1, askers + 1)), [5] * askers, [2100] * askers]
        plan = json.loads(await postgres.database.fetchval(sql, *keys))[0]
        read.append(_rows_of(plan["Plan"]))
    assert read == [2000, 2000]


def _rows_of(plan):
    """How many deletions all scans of the log gave."""
    scans = plan.get("Alias") == "c" and plan["Node Type"] != "Subquery Scan"
    mine = plan["Actual Rows"] * plan["Actual Loops"] if scans else 0
    return mine + sum(_rows_of(part) for part in plan.get("Plans", ()))


async def test_a_journal_closes_when_its_commit_is_done(postgres, writing):
    number, room = await postgres.room(1, 2)
    journal = postgres.journal()
    await journal.claim([room], tail=0)
    for seq in range(1, 4):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(journal.append, [writing.batch(number, 1, [writing.said(seq)])])
            await trio.testing.wait_all_tasks_blocked(0.0)
            nursery.start_soon(journal.aclose)
    page = await postgres.events.page(PageQuery(room, 1, None, None, 200, None))
    assert page.upto == 3


async def test_a_page_around_a_message_has_it_inside(world, writing):
    number, room = await world.room(1, 2)
    journal = world.journal()
    await journal.claim([room], tail=0)
    said = [writing.said(n, thread=1 if n % 3 == 2 else None) for n in range(1, 31)]
    edits = [change(30 + n, EventKind.UPDATED, n, body="x") for n in range(1, 11)]
    await journal.append([writing.batch(number, 1, said + edits)])

    async def around(seq, limit, thread=None):
        found = await world.events.page(PageQuery(room, 1, None, None, limit, thread, seq))
        return [event.seq for event in found.events], found.more

    assert await around(15, 5) == ([13, 14, 15, 16, 17], True)
    assert await around(15, 1) == ([15], True)
    assert await around(1, 4) == ([1, 2, 3, 4], True)
    assert await around(30, 4) == ([28, 29, 30], False)
    assert await around(10**12, 4) == ([28, 29, 30], False)
    assert await around(14, 4, thread=1) == ([8, 11, 14, 17], True)
    assert await around(1, 4, thread=1) == ([2, 5, 8, 11], True)


async def test_a_page_around_a_message_has_it_inside_however_long_others_are(world, edited):
    _, room, _ = edited
    for seq in (1, 10, 20):
        page = await world.events.page(PageQuery(room, 1, None, None, 200, None, seq))
        assert seq in [event.seq for event in page.events]
