"""Unread told against the log."""

from __future__ import annotations

import random

from actors.records import EventKind, MemberMove, NewEvent
from server.postgres.unread import Drift, verify_unread


def change(seq, kind, of, countable, *, thread=None):
    return NewEvent(seq, 1000 + seq, kind, 1, countable, thread=thread, of=of, body="x")


async def a_day_of_talk(postgres, writing, seed):
    """A room of users 1 to 3 with threads, deletions, restores, a joiner and cursors anywhere."""
    chance = random.Random(seed)  # noqa: S311
    number, room = await postgres.room(1, 2, 3)
    journal = postgres.journal()
    await journal.claim([room], tail=0)
    events, countable, dead, threads = [], 0, set(), {}
    cursors = dict.fromkeys((1, 2, 3), 0)
    for seq in range(1, 120):
        kind = chance.random()
        if kind < 0.7 or not threads:
            root = chance.choice([None, None, *threads]) if threads else None
            root = root if root is not None and threads[root] is None else None
            countable += root is None
            sender = chance.randint(1, 3)
            events.append(writing.said(seq, sender, countable=countable, thread=root))
            threads[seq], cursors[sender] = root, seq
        else:
            of = chance.choice(list(threads))
            deleted = of not in dead
            (dead.add if deleted else dead.discard)(of)
            what = EventKind.DELETED if deleted else EventKind.RESTORED
            events.append(change(seq, what, of, countable, thread=threads[of]))
        if chance.random() < 0.2:
            reader = chance.randint(1, 3)
            cursors[reader] = max(cursors[reader], chance.randint(0, seq))
    joined = NewEvent(120, 1120, EventKind.MEMBER, 1, countable, extra="{}")
    batch = writing.batch(number, 1, [*events, joined], cursors=cursors)
    batch.moves.append(MemberMove(4, "member", 120))
    batch.marks.extend(
        (user, chance.randint(0, 119)) for user in (1, 2, 3) if chance.random() < 0.6
    )
    await journal.append([batch])
    return number, room


async def test_what_is_derived_is_what_the_log_says(postgres, writing):
    for seed in range(8):
        await a_day_of_talk(postgres, writing, seed)
    assert await verify_unread(postgres.database, at_once=3) == (32, [])


async def test_a_wrong_count_is_found(postgres, writing):
    number, room = await postgres.room(1, 2)
    journal = postgres.journal()
    await journal.claim([room], tail=0)
    said = [writing.said(n, countable=n) for n in (1, 2, 3)]
    await journal.append([writing.batch(number, 1, said, cursors={1: 3})])
    sql = "UPDATE room_events SET countable = countable + 2 WHERE room_no = $1 AND seq = 3"
    await postgres.database.execute(sql, number)
    assert await verify_unread(postgres.database) == (2, [Drift(room, "user2", 5, 3)])


async def test_what_is_deleted_in_one_room_counts_in_no_other(postgres, writing):
    for deleted in (True, False):
        number, room = await postgres.room(1, 2)
        journal = postgres.journal()
        await journal.claim([room], tail=0)
        events = [writing.said(n, countable=n) for n in (1, 2)]
        events += [change(3, EventKind.DELETED, 1, 2)] if deleted else []
        await journal.append([writing.batch(number, 1, events, cursors={1: 2})])
    assert await verify_unread(postgres.database) == (4, [])
