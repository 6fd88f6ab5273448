"""Rooms at rest, on a real database."""

from __future__ import annotations

import asyncpg
import pytest
import trio
from msgspec import UNSET

from server.postgres.events import PAGE, SENT
from server.postgres.rooms import SUMMARIES


async def say(world, writing, room, events, **more):
    journal = world.journal()
    claimed = (await journal.claim([room], tail=0))[room]
    await journal.append([writing.batch(claimed.room_no, claimed.epoch, events, **more)])


async def ids_of(world, user):
    return [summary.id for summary in (await world.rooms.summaries([user]))[user]]


async def test_a_team_has_its_owner_and_each_member_once(postgres):
    room = await postgres.rooms.create_team(
        name="팀", description="of three", owner_no=2, member_nos=[1, 2, 3, 3]
    )
    members = await postgres.rooms.members(room, 1)
    assert [(m.user, m.name, m.role, m.read_seq) for m in members] == [
        ("user1", "User 1", "member", 0),
        ("user2", "User 2", "owner", 0),
        ("user3", "User 3", "member", 0),
    ]
    summary = await postgres.rooms.summary(room, 2)
    assert (summary.name, summary.description, summary.role) == ("팀", "of three", "owner")
    assert (summary.type, summary.mode, summary.visibility) == ("team", "open", "private")
    assert (summary.me, summary.peer, summary.last_message) == ("user2", UNSET, UNSET)
    assert (summary.last_seq, summary.read_seq, summary.unread, summary.mentions) == (0, 0, 0, 0)
    assert summary.cursors == {"user1": 0, "user2": 0, "user3": 0}


async def test_a_team_with_an_unknown_member_is_not_made(postgres):
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await postgres.rooms.create_team(
            name="x", description=None, owner_no=1, member_nos=[1, 999]
        )
    assert await postgres.database.fetchval("SELECT count(*) FROM chat_rooms") == 0


async def test_a_stranger_sees_no_room_and_no_members(postgres):
    _, room = await postgres.room(1, 2)
    assert await postgres.rooms.summary(room, 3) is None
    assert await postgres.rooms.members(room, 3) is None
    assert await postgres.rooms.summary("nowhere", 1) is None


async def test_members_are_listed_up_to_a_limit(postgres):
    _, room = await postgres.room(*range(1, 11))
    assert len(await postgres.rooms.members(room, 1, limit=4)) == 4


async def test_a_direct_room_is_named_after_the_peer(postgres):
    room, made = await postgres.rooms.open_direct(2, 1)
    assert made
    for_one = await postgres.rooms.summary(room, 1)
    for_two = await postgres.rooms.summary(room, 2)
    assert (for_one.type, for_one.name, for_one.peer) == ("direct", "User 2", "user2")
    assert (for_two.name, for_two.peer, for_two.role) == ("User 1", "user1", "member")


async def test_a_peer_without_a_name_is_shown_by_username(postgres):
    await postgres.database.execute("UPDATE users SET name = '' WHERE user_no = 2")
    room, _ = await postgres.rooms.open_direct(1, 2)
    assert (await postgres.rooms.summary(room, 1)).name == "name2"


async def test_a_direct_room_is_one_however_often_and_by_whomever_it_is_opened(postgres):
    opened = []

    async def open_it(one, other):
        opened.append(await postgres.rooms.open_direct(one, other))

    async with trio.open_nursery() as nursery:
        for turn in range(12):
            nursery.start_soon(open_it, *((1, 2) if turn % 2 else (2, 1)))
    assert len({room for room, _ in opened}) == 1
    assert sum(made for _, made in opened) == 1


async def test_opening_a_direct_room_again_brings_both_back(postgres):
    room, _ = await postgres.rooms.open_direct(1, 2)
    await postgres.database.execute("UPDATE chat_members SET is_active = false, left_at = now()")
    assert await postgres.rooms.summary(room, 1) is None
    assert await postgres.rooms.open_direct(1, 2) == (room, False)
    assert await postgres.rooms.summary(room, 1) is not None
    assert await postgres.rooms.summary(room, 2) is not None


async def test_nobody_has_a_direct_room_with_himself(postgres):
    with pytest.raises(ValueError, match="different"):
        await postgres.rooms.open_direct(1, 1)


async def test_summaries_count_what_is_unread_and_where_one_is_meant(postgres, writing):
    _, room = await postgres.room(1, 2, 3)
    events = [
        writing.said(1),
        writing.said(2),
        writing.said(3, thread=1, countable=2),
        writing.said(4, countable=3),
    ]
    mentions = [(2, 2), (2, 4), (0, 4)]
    await say(postgres, writing, room, events, cursors={1: 4, 2: 1}, mentions=mentions)
    found = await postgres.rooms.summaries(["user1", "user2", "user3", "user4"])
    counts = {
        user: [(s.last_seq, s.read_seq, s.unread, s.mentions) for s in rooms]
        for user, rooms in found.items()
    }
    assert counts == {
        "user1": [(4, 4, 0, 0)],
        "user2": [(4, 1, 2, 2)],
        "user3": [(4, 0, 3, 1)],
        "user4": [],
    }
    for user in ("user1", "user2", "user3"):
        (summary,) = found[user]
        assert summary.me == user
        assert summary.last_message.body == "message 4"
        assert summary.last_message.sender == "user1"
        assert summary.cursors == {"user1": 4, "user2": 1, "user3": 0}


async def test_summaries_come_newest_activity_first(postgres, writing):
    made = [(await postgres.room(1))[1] for _ in range(3)]
    assert await ids_of(postgres, "user1") == made[::-1]
    late = writing.said(1)
    late.at = 2**45
    await say(postgres, writing, made[0], [late])
    assert await ids_of(postgres, "user1") == [made[0], made[2], made[1]]


async def test_large_rooms_show_no_cursors(postgres):
    await postgres.database.execute(
        "INSERT INTO users (user_no, user_id, username)"
        " SELECT n, 'more' || n, 'more' || n FROM generate_series(1001, 1201) n"
    )
    _, full = await postgres.room(*range(1001, 1201))
    _, larger = await postgres.room(*range(1001, 1202))
    few, many = [await postgres.rooms.summary(room, 1001) for room in (full, larger)]
    assert len(few.cursors) == 200 and not few.crowded
    assert many.cursors is UNSET and many.crowded


async def test_rooms_that_are_off_or_left_are_in_no_summary(postgres):
    (_, off), (left_no, _), (_, kept) = [await postgres.room(1, 2) for _ in range(3)]
    await postgres.database.execute(
        "UPDATE chat_rooms SET is_active = false WHERE room_id = $1", off
    )
    await postgres.database.execute(
        "UPDATE chat_members SET is_active = false WHERE room_no = $1 AND user_no = 1", left_no
    )
    assert await ids_of(postgres, "user1") == [kept]


async def test_many_rooms_are_made_in_one_go(postgres):
    await postgres.rooms.create_many([(f"many{n}", f"R{n}", [1 + n % 3, 4]) for n in range(100)])
    assert len(await ids_of(postgres, "user4")) == 100
    assert (await postgres.rooms.summary("many1", 2)).role == "owner"
    await postgres.rooms.create_many([])


FILL = """
INSERT INTO chat_rooms (room_id, room_type) SELECT 'f' || n, 'team' FROM generate_series(1, 3000) n;
INSERT INTO chat_members (room_no, user_no)
SELECT room_no, 1 + room_no % 12 FROM chat_rooms;
INSERT INTO room_events (room_no, seq, kind, sender_no, countable, at, client_id, body, thread)
SELECT room_no, seq, 1, 1, seq, seq, 'c' || seq, 'b', CASE WHEN seq % 5 = 0 THEN 1 END
FROM chat_rooms, generate_series(1, 20) seq;
ANALYZE;
"""


async def test_no_question_reads_a_table_of_the_log_from_end_to_end(postgres):
    await postgres.database.execute(FILL, within=60.0)
    page = PAGE.format(order="DESC", beyond="<", thread="")
    thread = PAGE.format(order="ASC", beyond=">", thread="AND t.thread = $6")
    for sql, args in (
        (SUMMARIES, [["user1"], None, None]),
        (page, ["f7", 8, 2**31 - 1, 51, 500_000]),
        (thread, ["f7", 8, 0, 51, 500_000, 1]),
        (SENT, [[5, 6], [1, 1], ["c3", "c4"]]),
    ):
        lines = [row[0] for row in await postgres.database.fetch(f"EXPLAIN {sql}", *args)]
        plan = "\n".join(lines)
        assert "Seq Scan on room_events" not in plan, plan
        assert "Seq Scan on chat_members" not in plan, plan
        assert "room_events_" in plan, plan
