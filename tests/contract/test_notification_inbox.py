"""The list that people see, and what they and senders do with it."""

from __future__ import annotations

import pytest
from notification_world import (
    HOUR,
    MINUTE,
    NOON,
    REFUSED,
    SENT,
    go,
    new,
    open_app_world,
)

from actors.notification_records import Decision
from protocol.ids import Millis
from server.postgres.notification_inbox import COUNTED_MOST, READ_AT_ONCE, PlatformOutcome

LATER = Millis(NOON + HOUR)
BROADCAST = """
INSERT INTO notifications (notification_id, recipient_no, sender_no, notification_type, title, data,
    subject, created_at)
VALUES ($1, 1, 9, 'broadcast.received', $1, '{"broadcast": "b"}', $1, $2)"""


@pytest.fixture
async def run(database_url):
    async with open_app_world(database_url) as world:
        yield world


async def shown(run, *names, at=NOON, **fields):
    await run.queue.enqueue([new(name, at=at, **fields) for name in names])
    await run.place(now=at)


async def ids(run, user_no=1, now=LATER, limit=100, **how):
    return [each.id for each in await run.inbox.page(user_no, now=now, limit=limit, **how)]


# ---- the list


async def test_all_of_a_notification_is_listed(run):
    await shown(run, "n1", priority=3, at=NOON - 5)
    await shown(run, "n2", sender=None)
    [two, one] = await run.inbox.page(1, now=LATER, limit=9)
    assert (one.id, one.type, one.title) == ("n1", "meeting.invitation", "title of n1")
    assert (one.message, one.priority, one.at) == ("message of n1", 3, NOON - 5)
    assert one.data == {"meeting": "n1", "more": {"n": [1, None]}}
    assert (one.is_read, one.sender, one.sender_name) == (False, "user9", "User 9")
    assert (two.sender, two.sender_name) == (None, None)


async def test_pages_go_on_where_the_last_one_ended(run):
    await shown(run, "a", "b", "c")
    await shown(run, "d", at=NOON + 1)
    first = await run.inbox.page(1, now=LATER, limit=2)
    assert [each.id for each in first] == ["d", "c"]
    await shown(run, "e", at=NOON + 2)
    assert await ids(run, before=(first[-1].at, first[-1].id)) == ["b", "a"]
    assert await ids(run, 2) == []


async def test_what_is_read_is_listed_still(run):
    await shown(run, "a", "b", "c")
    await run.read("b")
    assert [each.is_read for each in await run.inbox.page(1, now=LATER, limit=9)] == [
        False,
        True,
        False,
    ]
    assert await ids(run, unread=True) == ["c", "a"]
    assert await run.inbox.unread_count(1, now=LATER) == 2


async def test_so_many_are_counted(run):
    names = [f"n{number:04}" for number in range(COUNTED_MOST + 2)]
    await shown(run, "other", to=2)
    await run.queue.enqueue([new(name) for name in names])
    await run.place(most=2 * COUNTED_MOST)
    assert await run.inbox.unread_count(1, now=LATER) == COUNTED_MOST
    await run.read(*names[:3])
    assert await run.inbox.unread_count(1, now=LATER) == COUNTED_MOST - 1


async def test_what_is_out_of_date_deleted_or_of_somebody_blocked_is_not_listed(run):
    await shown(run, "a", expires_at=Millis(NOON + MINUTE))
    await shown(run, "b", "c")
    await shown(run, "d", sender=8)
    await run.block(8, 1)
    assert await run.inbox.delete(1, "b", at=NOON) is True
    assert await ids(run, now=Millis(NOON + MINUTE - 1)) == ["c", "a"]
    assert await ids(run, now=Millis(NOON + MINUTE)) == ["c"]
    assert await run.inbox.unread_count(1, now=LATER) == 1
    found = await run.inbox.since(1, Millis(0), now=LATER, limit=9)
    assert [each.id for each in found] == ["c"]
    assert await run.unseen() == ["c"]


async def test_what_came_since_then_comes_in_order(run):
    for place, name in enumerate("abcd"):
        await shown(run, name, at=NOON + place)
    await run.read("c")
    found = await run.inbox.since(1, Millis(NOON + 1), now=LATER, limit=9)
    assert [each.id for each in found] == ["b", "d"]
    [first] = await run.inbox.since(1, NOON, now=LATER, limit=1)
    assert first.id == "a"


async def test_replaced_ones_are_listed_where_they_were_read(run):
    await shown(run, "a", collapse_key="x")
    await run.read("a")
    await shown(run, "b", collapse_key="x", at=NOON + 1)
    await shown(run, "c", collapse_key="x", at=NOON + 2)
    assert await ids(run) == ["c", "a"]


async def test_broadcasts_are_on_the_same_list(run):
    await run.owner.execute(BROADCAST, "cast", NOON + 5)
    await shown(run, "a")
    assert await ids(run) == ["cast", "a"]
    assert list(await run.inbox.read(1, ["cast"], at=LATER)) == ["cast"]
    assert await run.inbox.delete(1, "cast", at=LATER) is True
    assert await run.unseen() == ["a"]


# ---- reading


async def test_reading_says_what_was_unread(run):
    await shown(run, "a", "b")
    assert await run.inbox.read(1, ["b", "never", "a", "b"], at=NOON) == ["b", "a"]
    assert await run.inbox.read(1, ["a"], at=NOON) == []
    assert await run.inbox.read(2, ["a"], at=NOON) == []
    assert await run.inbox.read(1, [], at=NOON) == []


async def test_all_are_read_at_once_however_many_they_are(run):
    names = [f"n{number:03}" for number in range(READ_AT_ONCE + 3)]
    await run.queue.enqueue([new(name) for name in names])
    await run.send("later", scheduled_at=LATER)
    await run.place(most=1000)
    assert sorted(await run.inbox.read(1, None, at=NOON)) == names
    assert await run.inbox.unread_count(1, now=NOON) == 0
    assert await run.status("later") == "pending"
    assert await run.inbox.read(1, None, at=NOON) == []


async def test_what_was_never_listed_can_be_read(run):
    await run.send(platforms=("push",))
    assert await run.inbox.read(1, ["n1"], at=NOON) == ["n1"]
    assert await run.states() == [("push", "cancelled", "read")]


async def test_there_is_what_is_or_was(run):
    await run.send("waits", platforms=("push",))
    await shown(run, "a")
    await run.inbox.delete(1, "a", at=NOON)
    assert [await run.inbox.has(1, name) for name in ("waits", "a", "never")] == [True, True, False]
    assert await run.inbox.has(2, "a") is False


async def test_what_two_have_not_read_of_each_other_is_found_among_the_newest(run):
    await shown(run, "old", at=NOON - 1)
    await run.queue.enqueue([new(f"n{each:03}", sender=8) for each in range(READ_AT_ONCE - 1)])
    await run.place(most=1000)
    await shown(run, "new", "read", at=NOON + 1)
    await run.read("read")
    await shown(run, "back", to=9, sender=1)
    assert await run.inbox.between(1, 9) == {(1, "new"), (9, "back")}
    assert await run.inbox.between(9, 1) == {(1, "new"), (9, "back")}


# ---- deleting


async def test_what_is_deleted_is_read_and_goes_no_further(run):
    await run.send(platforms=("web", "push"))
    await run.place(lambda legs: go(legs[:1]))
    assert await run.inbox.delete(2, "n1", at=NOON) is False
    assert await run.inbox.delete(1, "n1", at=NOON) is True
    assert await run.inbox.delete(1, "n1", at=NOON) is False
    assert await run.states() == [("web", "sent", ""), ("push", "cancelled", "read")]
    assert (await run.kept())["n1"].seen_at == NOON


# ---- what the sender sees


async def test_the_sender_sees_what_became_of_it(run):
    await run.endpoint(1, "push")
    await run.endpoint(1, "push")
    platforms = ("discord", "push", "web", "kakao")
    await run.send(platforms=platforms, scheduled_at=NOON - 5)

    def decide(legs):
        until = {"kind": "hold", "reason": "dnd", "until": LATER, "hold_key": "dnd"}
        kinds = {"kakao": until}
        return [
            Decision(leg_no=leg.leg_no, **kinds.get(leg.platform, {"kind": "go"})) for leg in legs
        ]

    await run.place(decide)
    [one, two] = (await run.begin()).legs
    await run.record(one, REFUSED)
    await run.record(two, SENT)
    found = await run.inbox.sent(9, "n1")
    assert (found.id, found.scheduled_at, found.has_ttl) == ("n1", NOON - 5, False)
    assert found.platforms == [
        PlatformOutcome("discord", "skipped", "no_endpoint"),
        PlatformOutcome("push", "sent", ""),
        PlatformOutcome("web", "sent", ""),
        PlatformOutcome("kakao", "pending", "dnd"),
    ]
    assert await run.inbox.sent(1, "n1") is None
    assert await run.inbox.sent(9, "never") is None
