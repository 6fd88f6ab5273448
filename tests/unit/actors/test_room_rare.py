"""What happens rarely in a room: outcomes unknown, resends of old ids, and two things at once."""

from __future__ import annotations

import pytest
import trio
import trio.lowlevel
from msgspec import UNSET
from test_marks import talked
from test_recovery import caller, slow_question
from test_room_blind import MASKS, masked, watch
from trio.testing import MockClock as Clock
from world import ROOM, FakeSession, World, open_world

from actors.ports import OutcomeUnknown, StoreUnavailable
from actors.room_commands import WatchHere
from protocol.frames import Delete, Ok, React, Unread, WatchPresence
from protocol.ids import UserId


def stored_mark(world: World) -> int:
    return world.store.rooms[1].members[world.numbers["ann"]].marked


def confirmed(session: FakeSession) -> list[int]:
    return [ok.rid for ok in session.of(Ok) if isinstance(ok.rid, int)]


def forget_sends(world: World) -> None:
    """As after many others: a resend is found by the journal."""
    world.node.rooms._cells[ROOM].active._log.recent._known.clear()


async def test_a_read_that_only_ends_a_mark_is_stored_before_it_is_confirmed(
    autojump_clock: Clock,
) -> None:
    async with open_world() as world:
        ann, _ = await talked(world)
        ann.mark(2)
        await world.quiet()
        world.journal.fail_next = [OutcomeUnknown("lost")]
        ann.read(5, rid=9)
        await trio.sleep(10)
        assert confirmed(ann) == [9] and stored_mark(world) == 0


async def test_the_second_of_two_reads_waits_for_the_end_of_the_mark(autojump_clock: Clock) -> None:
    async with open_world(commit_s=1) as world:
        ann, _ = await talked(world)
        await trio.sleep(10)
        ann.read(5)
        await trio.sleep(10)
        ann.mark(2)
        await trio.sleep(10)
        ann.read(5, rid=1)
        ann.read(5, rid=2)
        await trio.sleep(0.3)
        assert confirmed(ann) == [] and stored_mark(world) == 2
        await trio.sleep(5)
        assert confirmed(ann) == [1, 2] and stored_mark(world) == 0


@pytest.mark.parametrize("ends", ["read", "send"])
async def test_a_mark_that_was_ended_in_the_same_batch_does_not_come_back(
    autojump_clock: Clock, ends: str
) -> None:
    async with open_world(commit_s=1) as world:
        ann, bob = await talked(world)
        await trio.sleep(10)
        bob.send("takes the flight")
        await trio.sleep(0.1)
        ann.mark(2, rid=1)
        ann.read(5, rid=2) if ends == "read" else ann.send("own")
        await trio.sleep(1.0)
        world.journal.lose_next = [OutcomeUnknown("lost")]
        await trio.sleep(20)
        assert stored_mark(world) == 0


async def test_a_resend_of_an_old_id_ends_no_mark(autojump_clock: Clock) -> None:
    async with open_world(commit_s=0.5) as world:
        ann, bob = await talked(world)
        await trio.sleep(10)
        ann.mark(2)
        await trio.sleep(10)
        forget_sends(world)
        ann.send("3")
        await trio.sleep(30)
        assert ann.acks()[-1][2] is True
        bob.send("later")
        await trio.sleep(10)
        assert stored_mark(world) == 2


async def test_what_was_agreed_with_a_resend_is_answered(autojump_clock: Clock) -> None:
    async with open_world(commit_s=0.5) as world:
        ann, _ = await talked(world)
        await trio.sleep(10)
        ann.change(React(room=ROOM, seq=2, emoji="x", on=True, rid=1))
        await trio.sleep(10)
        forget_sends(world)
        ann.send("3")
        ann.change(React(room=ROOM, seq=2, emoji="x", on=True, rid=2))
        await trio.sleep(30)
        assert confirmed(ann) == [1, 2]


async def test_those_who_wait_with_an_event_are_not_too_many(autojump_clock: Clock) -> None:
    async with open_world() as world:
        ann, bob = await talked(world)
        ann.change(Delete(room=ROOM, seq=1))
        await trio.sleep(5)
        world.journal._commit_s = 50
        bob.send("slow")
        for _ in range(600):
            ann.change(Delete(room=ROOM, seq=1))
            await trio.lowlevel.checkpoint()
        await trio.sleep(1)
        assert 0 < ann.errors().count("unavailable") < 600


@pytest.mark.parametrize("first", ["delete", "read"])
async def test_a_reply_that_is_deleted_while_its_thread_is_read_counts_no_more(
    autojump_clock: Clock, first: str
) -> None:
    async with open_world() as world:
        world.add_people("ann", "bob")
        world.add_room("ann", "bob")
        ann, bob = await world.connect("ann"), await world.connect("bob")
        ann.send("root")
        await world.quiet()
        bob.send("reply", thread=1)
        await world.quiet()
        steps = [
            lambda: bob.change(Delete(room=ROOM, seq=2)),
            lambda: ann.read(2, rid=1, thread=1),
        ]
        for step in steps if first == "delete" else steps[::-1]:
            step()
        await trio.sleep(5)
        assert [told.unread for told in ann.of(Unread) if told.thread == 1][-1:] == [0]


@pytest.mark.parametrize("unknown", [False, True])
async def test_one_who_is_kicked_while_he_opens_follows_nothing(
    autojump_clock: Clock, unknown: bool
) -> None:
    async with open_world() as world:
        world.add_people("ann", "bob")
        world.add_room("ann", "bob")
        ann = await world.connect("ann")
        ann.send("0")
        await world.quiet()
        slow_question(world, "summaries", 2.0)
        bob = FakeSession(world, "bob", "bob-late")
        world.node.arrivals.begin(bob, {})
        await trio.sleep(0.5)
        if unknown:
            world.journal.lose_next = [OutcomeUnknown("x")]
        await world.requests.remove_member(caller(world, "ann"), ROOM, UserId("bob"))
        await trio.sleep(5)
        ann.send("1", "secret")
        await world.quiet()
        assert ROOM not in bob.rooms and bob.events() == []


async def test_a_blind_room_that_nobody_watches_any_more_rests(autojump_clock: Clock) -> None:
    async with open_world() as world:
        ann, *_ = await masked(world)
        watch(world, ann, MASKS[1])
        await world.quiet()
        frame = WatchPresence(room=ROOM, unwatch=[MASKS[1]], rid=8)
        world.node.rooms.tell(ROOM, WatchHere(ann, frame))
        await trio.sleep(2000)
        assert len(world.node.rooms) == 0


async def test_who_left_is_told_nothing_of_those_he_watched(autojump_clock: Clock) -> None:
    async with open_world() as world:
        _, bob, cat = await masked(world)
        watch(world, cat, MASKS[1])
        await world.quiet()
        name = UserId("cat-marker")
        await world.requests.remove_member(caller(world, name), ROOM, name)
        world.journal.fail_next = [StoreUnavailable("x")]
        bob.send("9")
        await trio.sleep(20)
        assert cat.errors() == []


@pytest.mark.parametrize("thread", [None, 1])
async def test_a_count_that_was_asked_when_the_incarnation_ended_is_told_by_the_next(
    autojump_clock: Clock, thread: int | None
) -> None:
    async with open_world() as world:
        world.add_people("ann", "bob")
        world.add_room("ann", "bob")
        ann, bob = await world.connect("ann"), await world.connect("bob")
        ann.send("root")
        await world.quiet()
        for number in range(4):
            bob.send(f"b{number}", thread=thread)
            await world.quiet()
        slow_question(world, "counts" if thread is None else "thread_counts", 1.0)
        ann.read(3, rid=1) if thread is None else ann.read(3, rid=1, thread=thread)
        await trio.sleep(0.3 if thread is None else 2.3)
        assert confirmed(ann) == [1]
        world.journal.fail_next = [StoreUnavailable("x")]
        bob.send("6")
        await trio.sleep(20)
        told = [
            frame
            for frame in ann.of(Unread)
            if frame.thread == (UNSET if thread is None else thread)
        ]
        assert told and (told[-1].unread, told[-1].upto) == (2, 3)
