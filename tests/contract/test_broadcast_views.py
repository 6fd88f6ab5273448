"""What senders and recipients see of broadcasts, and what recipients do with them."""

from __future__ import annotations

import pytest
import trio
from broadcast_world import Sent

from actors.selection_records import Audience
from protocol.errors import ErrorCode, ProtocolError
from protocol.ids import Millis
from server.postgres.audit import By
from server.postgres.blocks import BlockStore
from server.postgres.broadcast_figures import BroadcastFigures
from server.postgres.groups import GroupStore
from server.postgres.rooms import RoomStore


@pytest.fixture
async def sent(postgres):
    world = Sent(postgres)
    await world.people()
    return world


async def deliver(sent, name, *recipients, at=1_500):
    await sent.make(name)
    [due] = await sent.due()
    await sent.deliver(due, *recipients, at=at)
    await sent.store.announced(due)


def ids(rows):
    return [row["broadcast_id"] for row in rows]


async def test_senders_see_their_own_with_counts_a_page_at_a_time(sent):
    for number in range(5):
        await deliver(sent, f"b{number}", 2, 3)
    await sent.make("other", sender=9)
    assert ids(await sent.views.sent(1, limit=3)) == ["b4", "b3", "b2"]
    assert ids(await sent.views.sent(1, after="b2", limit=3)) == ["b1", "b0"]
    assert await sent.replies.read("b1", 2, at=Millis(2_000))
    standing = await sent.replies.standing("b1", 3)
    assert await sent.replies.replied(standing, 3, at=Millis(2_100))
    [row] = await sent.views.sent(1, only="b1")
    assert (row["delivered"], row["read"], row["replied"]) == (2, 2, 1)
    assert await sent.replies.counts(standing.broadcast_no) == (2, 2, 1)
    assert await sent.views.sent(1, only="other") == []
    with pytest.raises(ProtocolError):
        await sent.views.sent(1, after="other")


async def test_recipients_see_what_they_received_until_a_block(sent, postgres):
    for number in range(4):
        await deliver(sent, f"b{number}", 2, at=1_500)
    assert ids(await sent.views.received(2, limit=3)) == ["b3", "b2", "b1"]
    assert ids(await sent.views.received(2, after="b1", limit=3)) == ["b0"]
    [row] = await sent.views.received(2, only="b2")
    assert (row["sender"], row["status"], row["room"]) == ("user1", "delivered", None)
    assert await sent.views.received(3, only="b2") == []
    assert await sent.views.received(3) == []
    for blocker, blocked in ((2, 1), (1, 2)):
        blocks = BlockStore(postgres.database)
        await blocks.change(blocker, blocked, on=True, at=Millis(1))
        assert await sent.views.received(2, limit=9) == []
        assert (await sent.replies.standing("b1", 2)).blocked
        await blocks.change(blocker, blocked, on=False, at=Millis(1))
    assert len(await sent.views.received(2, limit=9)) == 4


async def test_reading_counts_once_and_takes_the_notification_away(sent):
    await deliver(sent, "b1", 2, 3)
    assert await sent.replies.read("b1", 2, at=Millis(2_000))
    assert not await sent.replies.read("b1", 2, at=Millis(3_000))
    assert not await sent.replies.read("b1", 4, at=Millis(3_000))
    seen = "SELECT recipient_no, seen_at FROM notifications ORDER BY 1"
    assert await sent.fetch(seen) == [(2, 2_000), (3, None)]
    [row] = await sent.views.received(2, only="b1")
    assert (row["status"], row["read_at"]) == ("read", 2_000)
    assert await sent.replies.replied(await sent.replies.standing("b1", 3), 3, at=Millis(4_000))
    assert await sent.fetch(seen) == [(2, 2_000), (3, 4_000)], "so does a reply"


async def test_a_conversation_opens_once_for_both_and_apart_from_the_direct_room(sent, postgres):
    await deliver(sent, "b1", 2, 3)
    rooms = RoomStore(postgres.database, new_id=lambda: "direct")
    await rooms.open_direct(1, 2)
    standing = await sent.replies.standing("b1", 2)
    assert (await rooms.summaries(["user2"]))["user2"][0].id == "direct"
    assert await rooms.summary(standing.room, 2) is None, "it is hidden"
    opened = []

    async def one():
        opened.append(await sent.replies.open_conversation(standing, 2))

    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(one)
    assert sorted(opened) == [False, False, True]
    for user, peer in ((1, "user2"), (2, "user1")):
        room = await rooms.summary(standing.room, user)
        assert (room.type, room.peer, room.broadcast) == ("direct", peer, "b1")
    assert len((await rooms.summaries(["user1"]))["user1"]) == 2
    first = await sent.replies.replied(standing, 2, at=Millis(9))
    assert (first, await sent.replies.replied(standing, 2, at=Millis(9))) == (True, False)
    [row] = await sent.views.received(2, only="b1")
    assert (row["status"], row["room"], row["read_at"]) == ("replied", standing.room, 9)


async def test_a_block_keeps_a_conversation_shut(sent, postgres):
    await deliver(sent, "b1", 2)
    standing = await sent.replies.standing("b1", 2)
    await BlockStore(postgres.database).change(1, 2, on=True, at=Millis(1))
    with pytest.raises(ProtocolError) as refused:
        await sent.replies.open_conversation(standing, 2)
    assert refused.value.code is ErrorCode.BLOCKED
    assert await sent.fetch("SELECT user_no FROM chat_members") == []


async def test_figures_are_of_broadcasts_and_of_recipients(sent):
    for name, recipients, took_ms in (("b1", [2], 10), ("b2", [2, 3, 4], 100)):
        await deliver(sent, name, *recipients)
        sql = "UPDATE broadcasts SET took_ms = $2 WHERE broadcast_id = $1"
        await sent.database.execute(sql, name, took_ms)
    await sent.make("b3")
    [due] = await sent.due()
    await sent.store.fail(due, "nobody")
    await sent.replies.read("b2", 3, at=Millis(9))
    figures = BroadcastFigures(sent.database)
    assert await figures.reached(Millis(0)) == (2, 1, 4, 1, 0, 55.0)
    assert await figures.reached(Millis(10**6)) == (0, 0, 0, 0, 0, 0.0)
    assert (await figures.exposure(Millis(0)))[:3] == [6, 2, 1]
    assert await figures.daily(Millis(0)) == [("1970-01-01", 4, 1, 0)]


async def test_whom_it_is_for_is_told_and_groups_are_lists(sent):
    groups = GroupStore(sent.database)
    by = By(1, Millis(1))
    await groups.make("g1", "이웃", by=by)
    with pytest.raises(ProtocolError, match="has that name"):
        await groups.make("g2", "이웃", by=by)
    await groups.change("g1", add=[2, 3, 3], by=by)
    await groups.change("g1", add=[4], take_out=[2], by=by)
    assert await groups.members("g1", after=None, limit=9) == ["user3", "user4"]
    assert await groups.members("g1", after="user3", limit=9) == ["user4"]
    number = await groups.number("g1")
    await sent.make("b1", audience=Audience(group_no=number))
    [row] = await sent.views.sent(1)
    assert row["group_id"] == "g1"
    await groups.change("g1", name="친구", by=by)
    assert await groups.all() == [("g1", "친구", 2)]
    assert await groups.names() == [("g1", "친구")]
    await groups.remove("g1", by=by)
    for gone in (
        groups.one("g1"),
        groups.remove("g1", by=by),
        groups.change("g1", name="x", by=by),
    ):
        with pytest.raises(ProtocolError):
            await gone


async def test_the_queries_are_as_many_for_a_hundred_as_for_one(sent, monkeypatch):
    """A page is one query, a delivery one statement."""
    asked = []
    call = type(sent.database)._call

    async def counting(self, method, sql, *args, **more):
        asked.append(sql)
        return await call(self, method, sql, *args, **more)

    monkeypatch.setattr(type(sent.database), "_call", counting)
    counts = []
    for number, recipients in ((1, [2]), (2, [2, 3, 4, 5, 6, 7, 8, 9])):
        await sent.make(f"b{number}")
        [due] = await sent.due()
        asked.clear()
        await sent.deliver(due, *recipients)
        counts.append(len(asked))
        await sent.store.announcement(due)
        await sent.store.announced(due)
        counts.append(len(asked))
    assert counts == [1, 3, 1, 3]
    asked.clear()
    await sent.views.sent(1, limit=50)
    await sent.views.received(2, limit=50)
    assert len(asked) == 2
