"""Broadcasts as they are run: due, leased, delivered once, announced."""

from __future__ import annotations

import pytest
import trio
from broadcast_world import Sent

from actors.selection_records import Audience
from protocol.errors import ErrorCode, ProtocolError
from protocol.ids import Millis
from server.postgres.blocks import BlockStore
from server.postgres.broadcast_making import NewBroadcast
from server.postgres.file_upkeep import FileUpkeepStore
from server.postgres.rooms import RoomStore
from server.told_blocks import ToldBlocks

RECIPIENTS = "SELECT recipient_no, status, why FROM broadcast_recipients ORDER BY 1"
ROOMS = "SELECT broadcast_id, direct_key FROM chat_rooms WHERE broadcast_id IS NOT NULL ORDER BY 2"
SHOWN = "SELECT recipient_no, sender_no, notification_type, subject FROM notifications ORDER BY 1"


@pytest.fixture
async def sent(postgres):
    world = Sent(postgres)
    await world.people()
    return world


async def test_one_that_is_due_is_leased_to_one_node_at_a_time(sent):
    audience = Audience(region="서울", age_from=20)
    await sent.make("b1", audience=audience)
    [due] = await sent.due(now=1_000, until=2_000)
    assert (due.broadcast_id, due.sender_no, due.asked, due.seed) == ("b1", 1, 3, 7)
    assert (due.audience, due.delivered) == (audience, False)
    assert await sent.due(now=1_999) == []
    assert await sent.due(now=2_000, until=3_000) == [due]
    _, following = await sent.store.lease(now=Millis(2_500), until=Millis(9_000), most=8)
    assert following == 3_000, "when the lease is over"


async def test_what_is_scheduled_waits_and_says_how_long(sent):
    await sent.make("b1", start_at=5_000)
    found, following = await sent.store.lease(now=Millis(1_000), until=Millis(2_000), most=8)
    assert (found, following) == ([], 5_000)
    assert [due.broadcast_id for due in await sent.due(now=5_000, until=6_000)] == ["b1"]


async def test_all_of_a_delivery_comes_in_one_step(sent):
    await sent.make("b1")
    [due] = await sent.due()
    assert await sent.deliver(due, 2, 3, 4) == 3
    assert await sent.fetch(RECIPIENTS) == [(no, "delivered", "drawn") for no in (2, 3, 4)]
    [number] = {row[1].split(":")[2] for row in await sent.fetch(ROOMS)}
    assert await sent.fetch(ROOMS) == [("b1", f"1:{no}:{number}") for no in (2, 3, 4)]
    assert await sent.fetch(SHOWN) == [
        (no, 1, "broadcast.received", "broadcast:b1") for no in (2, 3, 4)
    ]
    told = await sent.store.announcement(due)
    assert sorted(told.recipients) == ["user2", "user3", "user4"]
    frame = told.frame
    assert (frame.sender, frame.file, frame.duration_ms, frame.at) == (
        "user1",
        "file-b1",
        4_200,
        1_500,
    )
    [left] = await sent.due()
    assert left.delivered, "it was not announced"
    await sent.store.announced(left)
    assert await sent.due(now=99_000) == []


async def test_two_nodes_deliver_it_once(sent):
    await sent.make("b1")
    [due] = await sent.due()
    counts = []

    async def one(*recipients):
        counts.append(await sent.deliver(due, *recipients))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(one, 2, 3)
        nursery.start_soon(one, 4, 5)
        nursery.start_soon(one, 2, 5)
    assert sorted(counts, key=str) == [2, None, None]
    assert len(await sent.fetch(RECIPIENTS)) == len(await sent.fetch(SHOWN)) == 2


async def test_who_may_not_hear_it_any_more_is_left_out(sent, postgres):
    await sent.make("b1")
    [due] = await sent.due()
    blocks = BlockStore(postgres.database)
    await blocks.change(2, 1, on=True, at=Millis(1))
    await blocks.change(1, 3, on=True, at=Millis(1))
    await postgres.database.execute("UPDATE users SET status = 'suspended' WHERE user_no = 4")
    await postgres.database.execute("UPDATE users SET phone = NULL WHERE user_no = 5")
    assert await sent.deliver(due, 2, 3, 4, 5, 6) == 1
    assert await sent.fetch(RECIPIENTS) == [(6, "delivered", "drawn")]


async def test_one_that_nobody_may_hear_any_more_has_failed(sent, postgres):
    await sent.make("b1")
    [due] = await sent.due()
    await BlockStore(postgres.database).change(2, 1, on=True, at=Millis(1))
    assert await sent.deliver(due, 2) == 0
    assert await sent.store.fail(due, "nobody")
    assert await sent.fetch("SELECT status FROM broadcasts") == [("failed",)]


async def test_one_that_was_taken_back_reaches_nobody(sent, postgres):
    await sent.make("b1", at=1_000, start_at=1_500)
    [due] = await sent.due(now=1_500)
    await sent.make("b2", at=1_000, start_at=9_000)
    await sent.making.cancel("b2", 1, at=Millis(1_000))
    await sent.making.cancel("b2", 1, at=Millis(1_000))
    for broadcast, user, at, code in (
        ("b1", 1, 1_500, ErrorCode.CONFLICT),
        ("b1", 2, 1_000, ErrorCode.NOT_FOUND),
        ("b9", 1, 1_000, ErrorCode.NOT_FOUND),
    ):
        with pytest.raises(ProtocolError) as refused:
            await sent.making.cancel(broadcast, user, at=Millis(at))
        assert refused.value.code is code
    await sent.making.cancel("b1", 1, at=Millis(1_499))
    assert await sent.deliver(due, 2) is None
    assert not await sent.store.fail(due, "sender")
    assert await sent.fetch(RECIPIENTS) == []
    assert await sent.due(now=99_000) == []
    assert await sent.fetch("SELECT file_no FROM broadcasts") == [(None,), (None,)]
    upkeep = FileUpkeepStore(postgres.database)
    assert await upkeep.forget_erased() == 2, "the recordings go as those of erased messages do"


async def test_a_sender_who_was_suspended_reaches_nobody(sent, postgres):
    await sent.make("b1")
    [due] = await sent.due()
    await postgres.database.execute("UPDATE users SET status = 'suspended' WHERE user_no = 1")
    assert await sent.deliver(due, 2, 3) is None
    assert await sent.store.fail(due, "sender")
    assert await sent.fetch("SELECT status FROM broadcasts") == [("failed",)]
    assert await sent.fetch(RECIPIENTS) == await sent.fetch(SHOWN) == []


async def test_who_has_a_block_since_the_delivery_is_told_nothing(sent, postgres):
    await sent.make("b1")
    [due] = await sent.due()
    assert await sent.deliver(due, 2, 3, 4, 5) == 4
    blocks = BlockStore(postgres.database)
    await blocks.change(2, 1, on=True, at=Millis(1))
    await blocks.change(1, 3, on=True, at=Millis(1))
    await postgres.database.execute("UPDATE users SET status = 'suspended' WHERE user_no = 4")
    assert (await sent.store.announcement(due)).recipients == ["user5"]
    assert sent.told[-1] == [1, 2, 3, 4, 5], "whose lists have changed, also after a crash"


async def test_faults_are_counted_and_do_nothing_to_one_that_was_delivered(sent):
    await sent.make("b1")
    [due] = await sent.due()
    assert [await sent.store.fault(due) for _ in range(3)] == [1, 2, 3]
    await sent.deliver(due, 2)
    assert not await sent.store.fail(due, "error")
    assert await sent.fetch("SELECT status FROM broadcasts") == [("delivered",)]


async def test_so_many_of_one_user_may_wait(sent):
    for number in range(20):
        at = number * 3_600_000
        await sent.make(f"b{number}", at=at, start_at=10**9)
    with pytest.raises(ProtocolError, match="20 broadcasts wait") as refused:
        await sent.make("b20", at=21 * 3_600_000, start_at=10**9)
    assert refused.value.code is ErrorCode.CONFLICT
    await sent.making.cancel("b3", 1, at=Millis(1))
    await sent.make("b21", at=22 * 3_600_000, start_at=10**9)
    await sent.make("at-once", at=23 * 3_600_000)


async def test_one_that_failed_is_not_due_again(sent):
    await sent.make("b1")
    [due] = await sent.due()
    await sent.store.fail(due, "nobody")
    assert await sent.due(now=99_000) == []
    [row] = await sent.views.sent(1)
    assert (row["status"], row["reason"]) == ("failed", "nobody")


async def test_ten_an_hour_whoever_asks_at_once(sent):
    refused = []

    async def one(number):
        try:
            await sent.make(f"b{number}", at=1_000 + number)
        except ProtocolError as error:
            refused.append((error.code, error.retry_after_ms))

    async with trio.open_nursery() as nursery:
        for number in range(12):
            nursery.start_soon(one, number)
    assert [code for code, _ in refused] == [ErrorCode.RATE_LIMITED] * 2
    assert await sent.making.wait_ms(1, now=Millis(2_000)) > 3_590_000
    first = min(row["created_at"] for row in await sent.views.sent(1, limit=99))
    assert await sent.making.wait_ms(1, now=Millis(first + 3_599_999)) == 1
    assert await sent.making.wait_ms(1, now=Millis(first + 3_600_000)) == 0
    assert await sent.making.wait_ms(2, now=Millis(2_000)) == 0


async def test_the_same_once_more_changes_nothing(sent):
    await sent.make("b1")
    await sent.file("other")
    new = (await sent.views.sent(1))[0]
    same = NewBroadcast("b1", 1, "other", bytes(64), 5, None, Millis(1), Millis(1), 9)
    await sent.making.make(same)
    assert (await sent.views.sent(1))[0] == new
    gone = same._replace(id="b2", file="file-b1")
    with pytest.raises(ProtocolError) as refused:
        await sent.making.make(gone)
    assert refused.value.code is ErrorCode.GONE, "another broadcast has that recording"


async def test_what_two_people_had_with_each_other(sent, postgres, writing):
    """Their messages of 30 days, in any room of the two alone, and replies to broadcasts."""
    rooms = RoomStore(postgres.database, new_id=lambda: "direct")
    await rooms.open_direct(1, 2)
    [(number,)] = await sent.fetch("SELECT room_no FROM chat_rooms WHERE room_id = 'direct'")
    journal = postgres.journal()
    await journal.claim(["direct"], tail=0)
    said = [writing.said(seq, sender=1 + seq % 2) for seq in range(1, 6)]
    await journal.append([writing.batch(number, 1, said)])
    await sent.make("b1")
    [due] = await sent.due()
    await sent.deliver(due, 3)
    standing = await sent.replies.standing("b1", 3)
    assert await sent.replies.replied(standing, 3, at=Millis(1_600))
    newest = said[-1].at
    facts = await sent.store.facts(due.sender_no, now=Millis(newest + 10))
    by_user = {each.user_no: each for each in facts.pairs}
    assert set(by_user) == {2, 3}
    assert (by_user[2].messages, by_user[2].both_wrote, by_user[2].replies) == (5, True, 0)
    assert (by_user[3].messages, by_user[3].replies) == (0, 1)
    after = Millis(newest + 31 * 86_400_000)
    later = await Sent(postgres).store.facts(due.sender_no, now=after)
    assert [each.user_no for each in later.pairs] == [3]
    asked_of_the_past = await sent.store.facts(due.sender_no, now=after)
    assert asked_of_the_past == later, "what is kept is of another month"
    assert await sent.store.facts(due.sender_no, now=Millis(newest + 10)) == facts


async def test_what_is_kept_of_others_is_never_older_than_a_change(sent, postgres, writing):
    rooms = RoomStore(postgres.database, new_id=lambda: "direct")
    await rooms.open_direct(1, 2)
    [(number,)] = await sent.fetch("SELECT room_no FROM chat_rooms WHERE room_id = 'direct'")
    journal = postgres.journal()
    await journal.claim(["direct"], tail=0)
    await sent.make("b1")
    [due] = await sent.due()

    async def facts():
        found = await sent.store.facts(due.sender_no, now=Millis(10_000))
        return found.blocked, [(each.user_no, each.messages) for each in found.pairs]

    assert await facts() == await facts() == ([], [])
    for seq in (1, 2):
        await journal.append([writing.batch(number, 1, [writing.said(seq, sender=seq)])])
        assert await facts() == ([], [(2, seq)])
    blocks = ToldBlocks(BlockStore(postgres.database), sent.store.blocks_changed)
    for blocker, blocked, on, left in ((4, 1, True, [4]), (1, 5, True, [4, 5]), (4, 1, False, [5])):
        await blocks.change(blocker, blocked, on=on, at=Millis(1))
        assert sorted((await facts())[0]) == left
    assert sent.told[-1] == [1, 4], "and so is whose lists have changed"
    await sent.deliver(due, 3)
    await sent.store.announcement(due)
    assert sent.told[-1] == [1, 3]
