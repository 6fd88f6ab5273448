"""What a room and its followers come to when something breaks at a bad moment."""

from __future__ import annotations

import pytest
import trio
import trio.testing
from trio.testing import MockClock as Clock
from world import ROOM, FakeSession, World, open_world

from actors.audience import Audience
from actors.ports import OutcomeUnknown, StoreUnavailable
from actors.requests import Caller
from protocol.close import CloseCode
from protocol.errors import ErrorCode, ProtocolError
from protocol.frames import Ok, Room, RoomGone, Unread
from protocol.ids import RoomId, UserId
from server.edge.paced import Paced


def caller(world: World, name: str) -> Caller:
    return Caller(world.numbers[name], UserId(name), name, "user")


async def two(world: World, *members: str) -> tuple[FakeSession, FakeSession]:
    """Ann, who has said one thing, and bob, both connected."""
    world.add_people("ann", "bob")
    world.add_room(*(members or ("ann", "bob")))
    ann, bob = await world.connect("ann"), await world.connect("bob")
    ann.send("0")
    await world.quiet()
    return ann, bob


def slow_question(world: World, name: str, seconds: float) -> None:
    batcher = next(run.__self__ for task, run in world.node._tasks if task == name)  # type: ignore[attr-defined]
    fetch = batcher._fetch

    async def slow(keys: object) -> object:
        found = await fetch(keys)
        await trio.sleep(seconds)
        return found

    batcher._fetch = slow


async def test_a_kick_of_unknown_outcome_is_confirmed_and_ends_the_view(
    autojump_clock: Clock,
) -> None:
    async with open_world() as world:
        ann, bob = await two(world)
        world.journal.lose_next = [OutcomeUnknown("x")]
        assert await world.requests.remove_member(caller(world, "ann"), ROOM, UserId("bob")) == Ok(
            seq=2, at=world.store.rooms[1].events[1].at
        )
        ann.send("secret")
        await world.quiet()
        assert bob.events() == [1, 2] and [gone.reason for gone in bob.of(RoomGone)] == ["kicked"]
        assert not bob.rooms


async def test_membership_of_unknown_outcome_is_shown_when_it_is_stored_and_not_before(
    autojump_clock: Clock,
) -> None:
    async with open_world(commit_s=1) as world:
        _, bob = await two(world, "ann")
        await trio.sleep(1)
        world.journal.fail_next = [OutcomeUnknown("x"), StoreUnavailable("y")]
        with pytest.raises(ProtocolError):
            await world.requests.add_member(caller(world, "ann"), ROOM, UserId("bob"))
        await trio.sleep(5)
        assert not bob.frames and not bob.rooms


async def test_what_comes_before_a_join_of_unknown_outcome_is_not_shown_to_him(
    autojump_clock: Clock,
) -> None:
    async with open_world(commit_s=1) as world:
        ann, bob = await two(world, "ann")
        await trio.sleep(1)
        world.journal.fail_next = [OutcomeUnknown("x")]
        ann.send("1", "secret")
        await world.requests.add_member(caller(world, "ann"), ROOM, UserId("bob"))
        assert bob.events() == [3]


async def test_a_leave_and_a_return_of_unknown_outcome_happen_once(autojump_clock: Clock) -> None:
    async with open_world(commit_s=0.5) as world:
        ann, bob = await two(world)
        await trio.sleep(1)
        ann.send("first")
        await trio.testing.wait_all_tasks_blocked()  # what follows is one batch
        world.nursery.start_soon(
            world.requests.remove_member, caller(world, "ann"), ROOM, UserId("bob")
        )
        await trio.testing.wait_all_tasks_blocked()
        world.nursery.start_soon(
            world.requests.add_member, caller(world, "ann"), ROOM, UserId("bob")
        )
        await trio.sleep(0.6)
        world.journal.lose_next = [OutcomeUnknown("x")]
        await trio.sleep(10)
        assert len(world.store.rooms[1].events) == 4
        assert world.store.rooms[1].members[world.numbers["bob"]].active
        ann.send("next")
        await trio.sleep(1)
        assert bob.events()[-1] == 5


async def test_a_stranger_who_asks_while_the_room_starts_anew_learns_nothing(
    autojump_clock: Clock,
) -> None:
    async with open_world(commit_s=0.2) as world:
        ann, _ = await two(world)
        world.add_people("eve")
        await world.requests.remove_member(caller(world, "ann"), ROOM, UserId("bob"))
        slow_question(world, "former", 1)
        world.journal.lose_next = [OutcomeUnknown("x")]
        ann.send("1")
        with pytest.raises(ProtocolError) as refused:
            await world.requests.remove_member(caller(world, "eve"), ROOM, UserId("bob"))
        assert refused.value.code is ErrorCode.NOT_FOUND


async def test_a_leave_of_unknown_outcome_is_confirmed(autojump_clock: Clock) -> None:
    async with open_world() as world:
        await two(world)
        world.journal.lose_next = [OutcomeUnknown("x")]
        left = await world.requests.remove_member(caller(world, "bob"), ROOM, UserId("bob"))
        assert left.seq == 2


async def test_one_who_was_added_with_unknown_outcome_is_shown_the_room(
    autojump_clock: Clock,
) -> None:
    async with open_world() as world:
        ann, bob = await two(world, "ann")
        world.journal.lose_next = [OutcomeUnknown("x")]
        added = await world.requests.add_member(caller(world, "ann"), ROOM, UserId("bob"))
        await world.quiet()
        ann.send("next")
        await world.quiet()
        assert added.seq == 2 and bob.events() == [3]
        assert [(room.last_seq, room.unread) for room in bob.of(Room)] == [(2, 0)]


async def test_a_send_that_waits_for_the_store_is_answered_by_the_next_incarnation(
    autojump_clock: Clock,
) -> None:
    async with open_world(commit_s=0.5) as world:
        ann, bob = await two(world)
        await trio.sleep(1)
        slow_question(world, "sent", 1)
        world.journal.lose_next = [OutcomeUnknown("x")]
        ann.send("1")
        await trio.testing.wait_all_tasks_blocked()
        bob.send("bad", "")
        await trio.sleep(10)
        assert bob.errors() == ["invalid"] and ann.acks()[-1] == ("1", 2, True)


async def test_a_crash_while_showing_leaves_no_command_without_answer(
    autojump_clock: Clock,
) -> None:
    async with open_world() as world:
        ann, bob = await two(world)
        audience = world.node.audiences.of(ROOM)
        fan_out, crashes = audience._fan_out, [RuntimeError("boom")]

        def failing(*given: object) -> None:
            if crashes:
                raise crashes.pop()
            fan_out(*given)  # type: ignore[arg-type]

        audience._fan_out = failing  # type: ignore[assignment]
        for client_id in ("1", "2", "3"):
            ann.send(client_id)
        await world.quiet()
        assert {ack[:2] for ack in ann.acks()} == {("0", 1), ("1", 2), ("2", 3), ("3", 4)}
        assert bob.events() == [1, 2, 3, 4]


async def test_a_room_made_while_the_store_was_away_is_shown_with_its_first_message(
    autojump_clock: Clock,
) -> None:
    async with open_world() as world:
        world.add_people("ann", "bob")
        ann, bob = await world.connect("ann"), await world.connect("bob")
        world.add_room("ann", "bob")
        world.journal.away = StoreUnavailable("x")
        world.requests.room_created(ROOM, [UserId("ann"), UserId("bob")])
        await trio.sleep(2)
        world.journal.away = None
        ann.send("1")
        await world.quiet()
        assert bob.of(Room) and bob.events() == [1]


async def test_a_direct_room_has_the_name_of_the_other(autojump_clock: Clock) -> None:
    async with open_world() as world:
        world.add_people("ann", "bob")
        bob = await world.connect("bob")
        world.add_room("ann", "bob", kind="direct")
        world.requests.room_created(ROOM, [UserId("ann"), UserId("bob")])
        await world.quiet()
        assert [(room.peer, room.name) for room in bob.of(Room)] == [("ann", "ann")]


async def test_a_kick_ends_a_replay_and_a_return_does_not_revive_it(autojump_clock: Clock) -> None:
    async with open_world() as world:
        ann, _ = await two(world)
        for number in range(250):
            ann.send(f"more {number}")
        await world.quiet()
        bob = FakeSession(world, "bob", "slow")
        bob.blocked = True
        world.node.arrivals.begin(bob, {ROOM: 10})
        await world.quiet()
        await world.requests.remove_member(caller(world, "ann"), ROOM, UserId("bob"))
        await world.requests.add_member(caller(world, "ann"), ROOM, UserId("bob"))
        bob.blocked = False
        await trio.sleep(2)
        assert bob.events() == [253] and bob.of(RoomGone) and bob.of(Room)


async def test_an_old_replay_does_not_go_on_where_a_new_one_begins(autojump_clock: Clock) -> None:
    async with open_world() as world:
        ann, _ = await two(world)
        for number in range(300):
            ann.send(f"more {number}")
        await world.quiet()
        bob = FakeSession(world, "bob", "slow")
        bob.blocked = True
        bob.later = Paced(world.nursery, flush=lambda: None, failed=print).put  # type: ignore[method-assign, assignment]
        world.node.arrivals.begin(bob, {ROOM: 10})
        await world.quiet()
        await world.requests.remove_member(caller(world, "ann"), ROOM, UserId("bob"))
        await world.requests.add_member(caller(world, "ann"), ROOM, UserId("bob"))
        world.journal.lose_next = [OutcomeUnknown("x")]
        ann.send("next")
        await trio.sleep(2)
        bob.blocked = False
        await trio.sleep(2)
        assert bob.events() == [303, 304]


async def test_a_batch_is_no_longer_than_what_a_claim_reads(autojump_clock: Clock) -> None:
    async with open_world(commit_s=1) as world:
        ann, _ = await two(world)
        await trio.sleep(2)
        ann.send("first")
        await trio.testing.wait_all_tasks_blocked()
        world.nursery.start_soon(
            world.requests.remove_member, caller(world, "ann"), ROOM, UserId("bob")
        )
        await trio.testing.wait_all_tasks_blocked()
        for number in range(254):
            ann.send(f"more {number}")
        await trio.testing.wait_all_tasks_blocked()
        for number in range(254, 400):
            ann.send(f"more {number}")
        await trio.sleep(1)
        world.journal.lose_next = [OutcomeUnknown("x")]
        await trio.sleep(10)
        assert not ann.errors() and len(world.store.rooms[1].events) == 403


async def test_a_join_that_is_seen_by_welcome_is_not_told_twice(autojump_clock: Clock) -> None:
    async with open_world(commit_s=0.5) as world:
        world.add_people("ann", "bob")
        world.add_room("ann")
        append = world.journal.append

        async def slow(batches: object) -> object:
            verdicts = await append(batches)  # type: ignore[arg-type]
            await trio.sleep(1)
            return verdicts

        world.journal.append = slow  # type: ignore[method-assign, assignment]
        world.nursery.start_soon(
            world.requests.add_member, caller(world, "ann"), ROOM, UserId("bob")
        )
        await trio.sleep(0.8)  # stored, and not yet shown
        bob = await world.connect("bob")
        await trio.sleep(3)
        assert [room.last_seq for room in bob.summaries] == [1]
        assert not bob.of(Room) and not bob.events()
        assert world.node.audiences.of(ROOM).follows(bob)


async def test_a_join_behind_a_resent_message_has_nothing_unread(autojump_clock: Clock) -> None:
    async with open_world() as world:
        ann, bob = await two(world, "ann")
        for number in range(330):
            ann.send(f"more {number}")
        await world.quiet()
        world.node.rooms.passivate_idle(-1)
        ann.send("0")  # older than a claim's tail: the store knows it
        world.nursery.start_soon(
            world.requests.add_member, caller(world, "ann"), ROOM, UserId("bob")
        )
        await world.quiet()
        ann.send("next")
        await world.quiet()
        bob.read(333)
        await world.quiet()
        assert ann.acks()[-2] == ("0", 1, True)
        assert [count.unread for count in bob.of(Unread)] == [0]


async def test_a_mention_that_comes_while_the_store_counts_is_counted_once(
    autojump_clock: Clock,
) -> None:
    async with open_world() as world:
        ann, bob = await two(world)
        for number in range(5):
            ann.send(f"@bob {number}", mentions=["bob"])
        await world.quiet()
        slow_question(world, "counts", 1)
        bob.read(3)
        await world.quiet()
        ann.send("late", mentions=["bob"])
        await trio.sleep(3)
        counted = bob.of(Unread)[-1]
        assert (counted.unread, counted.mentions) == (4, 4)


async def test_a_joiner_is_not_meant_by_what_was_said_before(autojump_clock: Clock) -> None:
    async with open_world(commit_s=0.5) as world:
        ann, bob = await two(world, "ann")
        await trio.sleep(1)
        ann.send("@all", mentions=["@all"])
        await world.requests.add_member(caller(world, "ann"), ROOM, UserId("bob"))
        ann.send("1")
        ann.send("2")
        await trio.sleep(1)
        bob.read(4)
        await trio.sleep(1)
        assert [(count.unread, count.mentions) for count in bob.of(Unread)] == [(1, 0)]


async def test_here_means_who_is_here_when_it_is_said(autojump_clock: Clock) -> None:
    async with open_world(commit_s=0.5) as world:
        world.add_people("ann", "bob")
        world.add_room("ann", "bob")
        ann = await world.connect("ann")
        ann.send("0")
        await trio.sleep(1)
        ann.send("@here", mentions=["@here"])
        await trio.testing.wait_all_tasks_blocked()
        bob = await world.connect("bob")
        await trio.sleep(1)
        bob.read(1)
        await trio.sleep(1)
        assert [(count.unread, count.mentions) for count in bob.of(Unread)] == [(1, 0)]


async def test_a_count_that_fails_is_asked_for_again(autojump_clock: Clock) -> None:
    async with open_world() as world:
        ann, bob = await two(world)
        for number in range(9):
            ann.send(f"more {number}")
        await world.quiet()
        batcher = next(run.__self__ for name, run in world.node._tasks if name == "counts")  # type: ignore[attr-defined]
        fetch, away = batcher._fetch, [StoreUnavailable("x")]

        async def flaky(keys: object) -> object:
            if away:
                raise away.pop()
            return await fetch(keys)

        batcher._fetch = flaky
        bob.read(8)
        await trio.sleep(2)
        assert [count.unread for count in bob.of(Unread)] == [2]


async def test_rooms_that_were_given_up_leave_no_audience(autojump_clock: Clock) -> None:
    async with open_world() as world:
        ann, bob = await two(world)
        world.journal.away = StoreUnavailable("gone")
        ann.send("1")
        await trio.sleep(5)
        for session in (ann, bob):
            session.close(CloseCode.NORMAL, "")
        assert len(world.node.rooms) == len(world.node.audiences) == 0


async def test_a_strangers_sends_do_not_hold_the_others_up(autojump_clock: Clock) -> None:
    async with open_world() as world:
        ann, _ = await two(world)
        world.add_people("eve")
        eve = await world.connect("eve")
        slow_question(world, "sent", 1)
        for number in range(5):
            eve.send(f"knock {number}")
        ann.send("1")
        await world.quiet()
        assert ann.acks()[-1] == ("1", 2, False)
        await trio.sleep(5)
        assert eve.errors() == ["not_found"] * 5


async def test_a_short_tail_is_offered_at_once_and_a_long_one_as_it_is_read(
    autojump_clock: Clock,
) -> None:
    async with open_world() as world:
        ann, bob = await two(world)
        for number in range(100):
            ann.send(f"more {number}")
        await world.quiet()
        audience = world.node.audiences.of(ROOM)
        assert audience.join(bob, 101 - Audience.AT_ONCE)
        assert not audience.join(bob, 100 - Audience.AT_ONCE)
        bob.blocked = True
        assert not audience.join(bob, 100) and audience.join(bob, 101)


async def test_rooms_that_do_not_fit_into_welcome_follow_as_frames(autojump_clock: Clock) -> None:
    async with open_world() as world:
        world.add_people("ann")
        rooms = [RoomId(f"room{number}") for number in range(5)]
        for room in rooms:
            world.add_room("ann", room=room)
        ann = FakeSession(world, "ann", "many")
        ann.fit = 2
        world.node.arrivals.begin(ann, {})
        await world.quiet()
        assert [summary.id for summary in ann.summaries] == rooms[:2]
        assert [room.id for room in ann.of(Room)] == rooms[2:]
        assert all(world.node.audiences.of(room).follows(ann) for room in rooms)
