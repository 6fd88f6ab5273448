"""Cursors of threads, in memory and in PostgreSQL."""

from __future__ import annotations

import random

import pytest

from actors.records import EventKind, MemberMove, NewEvent, ThreadCount, ThreadKey

END = 2**31 - 1


@pytest.fixture
async def thread(world, writing):
    """User 1 wrote the root 1 and user 2 replied: 2, 3 and 5; user 3 wrote 4, which is no reply."""
    number, room = await world.room(1, 2, 3)
    journal = world.journal()
    await journal.claim([room], tail=0)
    reply = {"thread": 1, "countable": 1}
    said = [
        writing.said(1, 1),
        writing.said(2, 2, **reply),
        writing.said(3, 2, **reply),
        writing.said(4, 3, countable=2),
        writing.said(5, 2, thread=1, countable=2),
    ]

    async def tell(*events, cursors=(), mentions=(), moves=()):
        batch = writing.batch(number, 1, list(events), mentions=mentions, moves=moves)
        batch.thread_cursors.extend(cursors)
        await journal.append([batch])

    async def count(user, *, upto=END, since=0):
        key = ThreadKey(number, 1, user, upto, since)
        return (await world.events.thread_counts([key]))[key]

    await tell(*said)
    return number, tell, count


async def test_unread_are_the_replies_of_others_above_the_cursor(thread):
    _, tell, count = thread
    assert await count(1) == ThreadCount(0, 3, 0, 0), "the root is of the room"
    assert await count(2) == ThreadCount(5, 0, 0, 0), "he wrote last himself"
    await tell(cursors=[(1, 1, 2)])
    assert await count(1) == ThreadCount(2, 2, 0, 1)
    assert await count(1, since=2) == ThreadCount(2, 2, 0, 0)
    assert await count(1, upto=3) == ThreadCount(2, 1, 0, 1)
    await tell(cursors=[(1, 1, 5), (3, 1, 1), (1, 1, 3)])
    await tell(cursors=[(1, 1, 4)])
    assert await count(1, since=2) == ThreadCount(5, 0, 0, 2), "never back"
    assert (await count(3)).unread == 3


async def test_a_message_of_one_s_own_is_a_cursor(thread, writing):
    _, tell, count = thread
    await tell(writing.said(6, 1, thread=1, countable=2), writing.said(7, 2, thread=1, countable=2))
    assert await count(1) == ThreadCount(6, 1, 0, 3)


async def test_deleted_replies_are_unread_for_nobody(thread):
    _, tell, count = thread
    await tell(NewEvent(6, 1006, EventKind.DELETED, 2, 2, thread=1, of=3))
    assert (await count(1)).unread == 2
    await tell(NewEvent(7, 1007, EventKind.RESTORED, 2, 2, thread=1, of=3, body="x"))
    assert (await count(1)).unread == 3


async def test_mentions_of_the_unread_are_counted(thread, writing):
    _, tell, count = thread
    more = [writing.said(seq, 2, thread=1, countable=2) for seq in (6, 7)]
    await tell(*more, mentions=[(1, 6), (0, 6), (3, 7), (0, 7)])
    assert ((await count(1)).mentions, (await count(3)).mentions) == (2, 2)
    await tell(cursors=[(1, 1, 6)])
    assert (await count(1)).mentions == 1


async def test_one_who_joins_later_has_read_what_was_before(thread, writing):
    _, tell, count = thread
    joined = NewEvent(6, 1006, EventKind.MEMBER, 1, 2, extra="{}")
    move = MemberMove(4, "member", 6)
    await tell(joined, writing.said(7, 2, thread=1, countable=2), moves=[move])
    assert await count(4) == ThreadCount(6, 1, 0, 3)


async def test_who_wrote_or_was_mentioned_takes_part_while_he_is_a_member(thread, world, writing):
    number, tell, _ = thread

    async def people():
        return {
            root: sorted(members)
            for (_, root), members in (
                await world.events.participants([(number, 1), (number, 4)])
            ).items()
        }

    assert await people() == {1: [1, 2], 4: [3]}
    await tell(writing.said(6, 2, thread=1, countable=2), mentions=[(3, 6), (0, 6)])
    assert await people() == {1: [1, 2, 3], 4: [3]}
    left = NewEvent(7, 1007, EventKind.MEMBER, 2, 2, extra="{}")
    await tell(left, moves=[MemberMove(2, None, 7)])
    assert await people() == {1: [1, 3], 4: [3]}


async def test_a_batch_that_is_refused_moves_no_cursor(thread, world, writing):
    number, _, count = thread
    batch = writing.batch(number, 1, [writing.said(5)])
    batch.thread_cursors.append((1, 1, 5))
    await world.journal().append([batch])
    assert (await count(1)).read_seq == 0
    again = writing.batch(number, 7, [])
    again.thread_cursors.append((1, 1, 5))
    await world.journal().append([again])
    assert (await count(1)).read_seq == 0


async def test_both_stores_count_alike(thread, writing):
    """Any history of a thread: the count is what the contract says, recounted here by hand."""
    chance = random.Random(1)  # noqa: S311
    _, tell, count = thread
    replies, gone, cursors = {2: 2, 3: 2, 5: 2}, set(), {1: 0, 2: 5, 3: 0}
    for seq in range(6, 60):
        who = chance.randint(1, 3)
        if chance.random() < 0.5:
            await tell(writing.said(seq, who, thread=1, countable=2))
            replies[seq] = who
            cursors[who] = seq
        else:
            of = chance.choice(list(replies))
            kind = EventKind.RESTORED if of in gone else EventKind.DELETED
            gone ^= {of}
            read = chance.randint(0, seq)
            event = NewEvent(seq, 1000 + seq, kind, 1, 2, thread=1, of=of, body="x")
            await tell(event, cursors=[(who, 1, read)])
            cursors[who] = max(cursors[who], read)
        for user, cursor in cursors.items():
            live = [s for s, by in replies.items() if s > cursor and by != user and s not in gone]
            assert (await count(user))[:2] == (cursor, len(live))
