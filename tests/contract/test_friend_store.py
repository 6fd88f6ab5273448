"""Friends: two agree once, whoever asks, answers, blocks or goes at the same time."""

from __future__ import annotations

import pytest
import trio
from msgspec import structs
from notification_world import MINUTE, NOON, new, open_app_world
from test_notification_indexes import looked_at, plan_of

from protocol.errors import ProtocolError
from protocol.ids import Millis
from protocol.limits import FRIENDS_MOST
from server.postgres.blocks import BlockStore
from server.postgres.friend_requests import COUNT, OPEN, REQUEST
from server.postgres.friends import PAGES, FriendStore
from server.postgres.notification_settling import WORK
from server.postgres.relations import Relations

ACCEPTED = "friend.accepted"
AGAIN = 12
"""How often two things are done at once."""


@pytest.fixture
async def run(database_url):
    async with open_app_world(database_url) as world:
        world.friends = FriendStore(world.database)
        yield world


async def ask(run, one, other, *, name=None, at=NOON):
    """*one* asks *other* by the notification *name*, or agrees."""
    name = name or f"{one}-{other}"
    asking = new(name, to=other, sender=one, at=at, type=REQUEST, data={})
    telling = accepting(one, other, at, name=f"by-{name}")
    return await run.friends.request(one, other, at=Millis(at), asking=asking, telling=telling)


def accepting(one, other, at=NOON, name=None):
    """What *other*, who asked, is told."""

    def telling(asked):
        about = {"invitation": asked and asked.id}
        fields = {"to": other, "sender": one, "at": at, "type": ACCEPTED}
        return structs.replace(new(name or f"{one}-accepts-{other}", **fields), data=about)

    return telling


async def accept(run, one, other, *, at=NOON):
    telling = accepting(one, other, at)
    return await run.friends.accept(one, other, at=Millis(at), telling=telling)


async def answer(run, one, name, said, *, at=NOON):
    """*one* answers a notification."""

    def telling(answered):
        if said == "decline":
            return None
        return new(f"told-{name}", to=answered.sender_no, sender=one, at=at, type=ACCEPTED)

    return await run.inbox.answer(one, name, said, at=Millis(at), telling=telling)


async def code(work):
    with pytest.raises(ProtocolError) as raised:
        await work
    return raised.value.code.value


async def rows(run):
    """(one, other, who asked, status)"""
    sql = "SELECT one_no, other_no, asked_by, status FROM friendships ORDER BY 1, 2"
    return await run.fetch(sql)


async def told(run):
    """(id, answer, stopped) of all notifications."""
    sql = "SELECT notification_id, answer, stopped FROM notification_queue ORDER BY notification_no"
    return await run.fetch(sql)


async def at_once(*works):
    """Each on a connection of its own; what was raised by them."""
    failed = []

    async def tried(work):
        try:
            await work
        except ProtocolError as error:
            failed.append(error.code.value)

    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            for work in works:
                nursery.start_soon(tried, work)
    return failed


# ---- asking and agreeing


async def test_one_asks_and_the_other_agrees(run):
    assert await ask(run, 2, 1) == []
    assert await rows(run) == [(1, 2, 2, "asked")]
    assert await run.friends.standing(1, 2) == "received"
    assert await run.friends.standing(2, 1) == "sent"
    assert await Relations(run.database).between(2, 1) == {"stranger"}
    await run.place()
    assert await run.unseen(1) == ["2-1"]
    assert await accept(run, 1, 2, at=NOON + MINUTE) == [(1, "2-1")]
    assert await rows(run) == [(1, 2, 2, "accepted")]
    assert await run.friends.standing(1, 2) == await run.friends.standing(2, 1) == "friend"
    assert await told(run) == [("2-1", "accept", None), ("1-accepts-2", None, None)]
    assert await run.unseen(1) == []
    [data] = await run.fetch(
        "SELECT data ->> 'invitation' FROM notification_queue WHERE notification_type = $1",
        ACCEPTED,
    )
    assert data == ("2-1",)
    relations = Relations(run.database)
    assert await relations.between(1, 2) == await relations.between(2, 1) == {"friend"}


async def test_again_changes_nothing(run):
    for number in range(3):
        assert await ask(run, 1, 2, name=f"n{number}") == []
    assert [name for name, *_ in await told(run)] == ["n0"]
    await accept(run, 2, 1)
    before = await told(run), await rows(run)
    assert await accept(run, 2, 1) == await accept(run, 1, 2) == []
    assert await ask(run, 1, 2, name="n9") == await ask(run, 2, 1, name="n9") == []
    assert (await told(run), await rows(run)) == before


async def test_whoever_asks_whom_he_was_asked_by_agrees(run):
    await ask(run, 1, 2)
    assert await ask(run, 2, 1) == [(2, "1-2")]
    assert await rows(run) == [(1, 2, 1, "accepted")]
    assert await told(run) == [("1-2", "accept", None), ("by-2-1", None, None)]


async def test_two_who_ask_each_other_at_once_are_friends(run):
    for number in range(AGAIN):
        names = f"a{number}", f"b{number}"
        assert not await at_once(ask(run, 1, 2, name=names[0]), ask(run, 2, 1, name=names[1]))
        [(_, _, asker, status)] = await rows(run)
        assert status == "accepted"
        first, second = names if asker == 1 else names[::-1]
        since = [each for each in await told(run) if each[0].endswith(names)]
        assert since == [(first, "accept", None), (f"by-{second}", None, None)]
        await run.friends.remove(1, 2, at=NOON)


# ---- not agreeing, and going


async def test_who_declines_tells_nobody_and_can_be_asked_again(run):
    await ask(run, 1, 2)
    await run.place()
    assert await run.friends.decline(2, 1, at=NOON) == [(2, "1-2")]
    assert await rows(run) == [] and await run.unseen(2) == []
    assert await told(run) == [("1-2", "decline", None)]
    assert await code(run.friends.decline(2, 1, at=NOON)) == "not_found"
    await ask(run, 1, 2, name="again")
    assert await rows(run) == [(1, 2, 1, "asked")]


async def test_what_is_taken_back_is_gone_wherever_it_was_shown(run):
    await ask(run, 1, 2)
    await run.place()
    assert await run.unseen(2) == ["1-2"]
    assert await run.friends.take_back(1, 2, at=NOON) == [(2, "1-2")]
    assert await rows(run) == [] and await run.unseen(2) == []
    assert await run.inbox.page(2, now=NOON, limit=9) == []
    assert await code(answer(run, 2, "1-2", "accept")) == "gone"
    assert await rows(run) == []


async def test_what_is_taken_back_before_it_is_shown_is_never_shown(run):
    await ask(run, 1, 2)
    await run.friends.take_back(1, 2, at=NOON)
    await run.place()
    assert await run.unseen(2) == []
    assert (await run.kept())["1-2"].status == "cancelled"


async def test_a_friend_is_removed_by_either(run):
    for one, other in ((1, 2), (2, 1)):
        await ask(run, 1, 2, name=f"n{one}")
        await accept(run, 2, 1) if one == 1 else await ask(run, 2, 1)
        assert await run.friends.remove(one, other, at=NOON) == []
        assert await rows(run) == []
        assert await Relations(run.database).between(1, 2) == {"stranger"}
        assert await code(run.friends.remove(one, other, at=NOON)) == "not_found"
        await run.fetch("DELETE FROM notification_deliveries")
        await run.fetch("DELETE FROM notification_queue")


async def test_what_is_not_there_is_not_found(run):
    async def codes(one, other):
        return [
            await code(accept(run, one, other)),
            await code(run.friends.decline(one, other, at=NOON)),
            await code(run.friends.take_back(one, other, at=NOON)),
            await code(run.friends.remove(one, other, at=NOON)),
        ]

    assert await codes(1, 2) == ["not_found"] * 4
    await ask(run, 1, 2)
    assert await code(accept(run, 1, 2)) == "not_found", "nobody agrees for the other"
    assert await code(run.friends.decline(1, 2, at=NOON)) == "not_found"
    assert await code(run.friends.take_back(2, 1, at=NOON)) == "not_found"
    assert await code(run.friends.remove(2, 1, at=NOON)) == "not_found"
    assert await rows(run) == [(1, 2, 1, "asked")]


# ---- by answering the notification


@pytest.mark.parametrize("said", ["accept", "decline"])
async def test_an_answer_to_the_notification_is_one_to_the_request(run, said):
    await ask(run, 1, 2)
    assert await answer(run, 2, "1-2", said) == said
    assert await rows(run) == ([(1, 2, 1, "accepted")] if said == "accept" else [])
    names = ["1-2", "told-1-2"] if said == "accept" else ["1-2"]
    assert [name for name, *_ in await told(run)] == names
    other = "decline" if said == "accept" else "accept"
    assert await answer(run, 2, "1-2", other) == said
    assert len(await rows(run)) == (said == "accept")


async def test_one_who_asked_by_a_notification_alone_is_answered_the_same(run):
    for name in ("first", "second"):
        await run.send(name, to=2, sender=1, type=REQUEST)
    await answer(run, 2, "second", "accept")
    assert await rows(run) == [(1, 2, 1, "accepted")]
    assert await told(run) == [
        *(("first", "accept", None), ("second", "accept", None)),
        ("told-second", None, None),
    ]
    await run.friends.remove(1, 2, at=NOON)
    assert await answer(run, 2, "first", "accept") == "accept"
    assert await rows(run) == [], "an answer is one once"


async def test_nobody_becomes_a_friend_of_the_service(run):
    await run.database.execute("UPDATE users SET role = 'service' WHERE user_no = 1")
    await run.send("n1", to=2, sender=1, type=REQUEST)
    await run.send("n2", to=2, sender=None, type=REQUEST)
    await answer(run, 2, "n1", "accept")
    await run.inbox.answer(2, "n2", "accept", at=NOON, telling=lambda _: None)
    assert await rows(run) == []


async def test_both_ways_to_answer_at_once_are_one_answer(run):
    for number in range(AGAIN):
        name = f"n{number}"
        await ask(run, 1, 2, name=name)
        said = "accept" if number % 2 else "decline"
        failed = await at_once(answer(run, 2, name, said), accept(run, 2, 1))
        [(_, holds, _)] = [each for each in await told(run) if each[0] == name]
        assert len(await rows(run)) == (holds == "accept")
        assert failed == (["not_found"] if holds == "decline" else [])
        heard = [each for each, *_ in await told(run) if each in (f"told-{name}", "2-accepts-1")]
        assert len(heard) == (holds == "accept")
        await run.fetch("DELETE FROM friendships")
        await run.fetch("DELETE FROM notification_deliveries")
        await run.fetch("DELETE FROM notification_queue")


async def test_a_request_that_is_not_kept_is_told_to_nobody(run):
    def fails(asked):
        raise ValueError("no words")

    await ask(run, 1, 2)
    before = await rows(run), await told(run)
    with pytest.raises(ValueError, match="no words"):
        await run.friends.accept(2, 1, at=NOON, telling=fails)
    assert (await rows(run), await told(run)) == before


# ---- blocks


@pytest.mark.parametrize(("blocker", "blocked"), [(1, 2), (2, 1)])
async def test_a_block_ends_what_there_is_between_two(run, blocker, blocked):
    await ask(run, 1, 2)
    await run.place()
    await ask(run, 1, 3)
    blocks = BlockStore(run.database)
    await blocks.change(blocker, blocked, on=True, at=NOON)
    assert await rows(run) == [(1, 3, 1, "asked")]
    for one, other in ((1, 2), (2, 1)):
        assert await code(ask(run, one, other, name="n9")) == "not_found"
        assert await code(accept(run, one, other)) == "not_found"
    await blocks.change(blocker, blocked, on=False, at=NOON)
    assert await code(answer(run, 2, "1-2", "accept")) == "gone"
    assert await run.unseen(2) == []
    await ask(run, 1, 2, name="n2")
    await accept(run, 2, 1)
    await blocks.change(blocker, blocked, on=True, at=NOON)
    assert await rows(run) == [(1, 3, 1, "asked")]
    assert await Relations(run.database).between(1, 2) == {"stranger"}


async def test_a_block_and_an_agreement_at_once_leave_no_friends(run):
    blocks = BlockStore(run.database)
    for number in range(AGAIN):
        name = f"n{number}"
        await ask(run, 1, 2, name=name)
        agrees = accept(run, 2, 1) if number % 2 else answer(run, 2, name, "accept")
        failed = await at_once(blocks.change(1, 2, on=True, at=NOON), agrees)
        assert await rows(run) == [] and set(failed) <= {"not_found", "gone"}
        await blocks.change(1, 2, on=False, at=NOON)
        await run.fetch("DELETE FROM notification_deliveries")
        await run.fetch("DELETE FROM notification_queue")


async def test_a_block_that_is_refused_ends_nothing(run, monkeypatch):
    await ask(run, 1, 2)
    monkeypatch.setattr("server.postgres.blocks.BLOCKS_MOST", 0)
    assert await code(BlockStore(run.database).change(1, 2, on=True, at=NOON)) == "conflict"
    assert await rows(run) == [(1, 2, 1, "asked")]


# ---- how many, and pages


MANY = """
INSERT INTO users (user_no, user_id, username)
SELECT n, 'many' || n, 'many' || n FROM generate_series(101, 100 + $1::integer) n"""
FRIENDS = """
INSERT INTO friendships (one_no, other_no, asked_by, status, created_at, updated_at)
SELECT $1::integer, 100 + n, CASE $3::text WHEN 'received' THEN 100 + n ELSE $1 END,
    CASE $3 WHEN 'friend' THEN 'accepted' ELSE 'asked' END, n, n / 2
FROM generate_series(1, $2::integer) n"""


async def test_somebody_has_so_many_friends_with_those_whom_he_asks(run):
    await run.owner.execute(MANY, FRIENDS_MOST)
    for kind, count in (("friend", FRIENDS_MOST), ("sent", FRIENDS_MOST)):
        await run.owner.execute(FRIENDS, 1, count, kind)
        assert await code(ask(run, 1, 2)) == "conflict"
        await ask(run, 2, 1, name=kind)
        assert await code(accept(run, 1, 2)) == "conflict"
        assert await code(answer(run, 1, kind, "accept")) == "conflict"
        assert await run.friends.standing(1, 2) == "received"
        await run.friends.take_back(2, 1, at=NOON)
        await run.owner.execute("DELETE FROM friendships")
    await run.owner.execute(FRIENDS, 1, FRIENDS_MOST, "received")
    await ask(run, 1, 2)


@pytest.mark.parametrize("which", PAGES)
async def test_each_kind_comes_in_pages_the_newest_first(run, which):
    await run.owner.execute(MANY, 9)
    await run.owner.execute(FRIENDS, 1, 9, which)
    for one, other in ((10, 11), (2, 3)):
        await ask(run, one, other)
    found, before = [], None
    while page := await run.friends.page(1, which, limit=4, before=before):
        assert len(page) <= 4
        found += page
        before = page[-1].at, page[-1].user
    assert [(each.user, each.at) for each in found] == [
        (f"many{100 + n}", n // 2) for n in range(9, 0, -1)
    ]
    for other in {*PAGES} - {which}:
        assert await run.friends.page(1, other, limit=9) == []
    await run.owner.execute("UPDATE users SET status = 'deleted' WHERE user_no = 109")
    assert len(await run.friends.page(1, which, limit=20)) == 8
    mirror = {"friend": "friend", "sent": "received", "received": "sent"}[which]
    assert [each.user for each in await run.friends.page(105, mirror, limit=9)] == ["user1"]


CROWD = """
INSERT INTO friendships (one_no, other_no, asked_by, status, created_at, updated_at)
SELECT a.n, b.n, a.n, CASE WHEN (a.n + b.n) % 3 = 0 THEN 'asked' ELSE 'accepted' END, b.n, b.n
FROM generate_series(101, 300) a (n) JOIN generate_series(101, 300) b (n) ON a.n < b.n"""


async def test_a_call_looks_at_rows_of_its_own_user_alone(run):
    """Among 19,900 pairs, of whom each has 199."""
    await run.owner.execute(MANY, 200)
    await run.owner.execute(CROWD, within=60.0)
    await run.owner.execute("ANALYZE")
    for sql in PAGES.values():
        acting = "BEGIN; SET LOCAL ROLE madang_app; SET LOCAL madang.user_no = '200'"
        values = ["200", "9000", "'none'", "20"]
        plan = await plan_of(run.database, sql, values, begin=acting, how="(ANALYZE, TIMING OFF)")
        assert "Seq Scan on friendships" not in plan, plan
        assert max(looked_at(plan)) <= 250, plan
    for sql, values in ((COUNT, ["200"]), (OPEN, ["200", "201"])):
        plan = await plan_of(run.database, sql, values, begin=WORK)
        assert "Seq Scan" not in plan, plan
