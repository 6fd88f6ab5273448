"""Rooms marked unread, in memory and in PostgreSQL."""

from __future__ import annotations

import pytest

from actors.records import Count, CountKey, EventKind, MemberMove, NewEvent

LEFT = '{"user":"user1","change":"left"}'
BACK = '{"user":"user1","change":"joined","role":"member"}'


@pytest.fixture
async def told(world, writing):
    """User 1 said 2 and 5, user 2 the rest up to 6; 1 has read it all and is mentioned in 3."""
    number, room = await world.room(1, 2)
    journal = world.journal()
    await journal.claim([room], tail=0)
    said = [writing.said(n, 1 if n in (2, 5) else 2, countable=n) for n in range(1, 7)]

    async def tell(*events, **fields):
        marks = fields.pop("marks", ())
        batch = writing.batch(number, 1, list(events), **fields)
        batch.marks.extend(marks)
        await journal.append([batch])

    async def found(user=1):
        """(mark, unread, mentions) as a new owner would find it."""
        members = (await world.journal().claim([room], tail=0))[room].members
        await journal.claim([room], tail=0)
        member = next(m for m in members if m.user_no == user)
        return member.marked, member.unread, member.mentions

    await tell(*said, cursors={1: 6, 2: 6}, mentions=[(1, 3), (0, 5)])
    return number, tell, found, journal, writing, room


async def append(told, *events, **fields):
    """The same with the epoch that ``found`` left."""
    number, _, _, journal, writing, room = told
    epoch = (await journal.claim([room], tail=0))[room].epoch
    marks = fields.pop("marks", ())
    batch = writing.batch(number, epoch, list(events), **fields)
    batch.marks.extend(marks)
    await journal.append([batch])


async def test_a_mark_counts_what_others_said_from_there(world, told):
    _, tell, found, *_ = told
    await tell(marks=[(1, 2)])
    assert await found() == (2, 3, 1), "3, 4 and 6; 5 is one's own, with its mention of all"
    assert await found(2) == (0, 0, 0)
    await append(told, marks=[(1, 4)])
    assert await found() == (4, 2, 0)
    await append(told, marks=[(1, 0)])
    assert await found() == (0, 0, 0)


async def test_a_mark_above_the_cursor_counts_from_there_too(world, told, writing):
    more = [writing.said(n, 2, countable=n) for n in (7, 8, 9)]
    await append(told, *more, marks=[(1, 9)])
    assert await told[2]() == (9, 1, 0)


async def test_deleted_messages_do_not_count_whoever_said_them(world, told):
    gone = [NewEvent(6 + n, 1006 + n, EventKind.DELETED, 2, 6, of=of) for n, of in ((1, 2), (2, 4))]
    await append(told, *gone, marks=[(1, 1)])
    assert await told[2]() == (1, 3, 1)
    back = NewEvent(9, 1009, EventKind.RESTORED, 2, 6, of=4, body="x")
    again = NewEvent(10, 1010, EventKind.RESTORED, 2, 6, of=2, body="x")
    await append(told, back, again)
    assert await told[2]() == (1, 4, 1)


async def test_a_room_is_counted_from_its_mark_while_it_is_awake(world, told):
    number, tell, *_ = told
    await tell(marks=[(1, 2)])
    keys = [CountKey(number, 1, 1, 6), CountKey(number, 1, 1, 4), CountKey(number, 1, 6, 6)]
    counted = await world.events.counts(keys)
    assert [counted[key] for key in keys] == [Count(3, 1), Count(2, 1), Count(6, 0)]


async def test_one_who_leaves_has_no_mark_when_he_comes_back(world, told):
    left = NewEvent(7, 1007, EventKind.MEMBER, 1, 6, extra=LEFT)
    back = NewEvent(8, 1008, EventKind.MEMBER, 2, 6, extra=BACK)
    await append(told, marks=[(1, 2)])
    await append(told, left, moves=[MemberMove(1, None, 7)], marks=[(1, 0)])
    await append(told, back, moves=[MemberMove(1, "member", 8)])
    assert await told[2]() == (0, 0, 0)


async def test_summaries_and_claims_say_the_same(postgres, writing):
    number, room = await postgres.room(1, 2)
    journal = postgres.journal()
    await journal.claim([room], tail=0)
    said = [writing.said(n, 1 if n in (2, 5) else 2, countable=n) for n in range(1, 7)]
    batch = writing.batch(number, 1, said, cursors={1: 6}, mentions=[(1, 3)])
    batch.marks.append((1, 2))
    await journal.append([batch])
    (summary,) = (await postgres.rooms.summaries(["user1"]))["user1"]
    assert (summary.marked, summary.unread, summary.mentions, summary.read_seq) == (2, 3, 1, 6)
