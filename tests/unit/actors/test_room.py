from __future__ import annotations

import contextlib

import pytest
import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock as Clock
from world import ROOM, FakeSession, World, open_world

from actors.ports import OutcomeUnknown, StoreUnavailable
from actors.ref import MailboxFull
from actors.requests import Caller
from protocol.errors import ErrorCode, ProtocolError
from protocol.events import Member, Message
from protocol.frames import Ack, Receipt, Room, RoomGone, Send, TypingState, Unread
from protocol.ids import UserId


def caller(world: World, name: str) -> Caller:
    return Caller(world.numbers[name], UserId(name), name, "user")


async def pair(world: World) -> tuple[FakeSession, FakeSession]:
    world.add_people("ann", "bob", "eve")
    world.add_room("ann", "bob")
    return await world.connect("ann"), await world.connect("bob")


async def test_everybody_sees_the_same_order_and_the_sender_is_acknowledged_first(
    autojump_clock: Clock,
) -> None:
    async with open_world() as world:
        ann, bob = await pair(world)
        for number in range(20):
            (ann if number % 2 else bob).send(str(number))
        await world.quiet()
        assert ann.events() == bob.events() == list(range(1, 21))
        assert [m.body for m in ann.of(Message)] == [m.body for m in bob.of(Message)]
        own = [frame for frame in ann.frames if isinstance(frame, Ack | Message)]
        first_ack = next(i for i, frame in enumerate(own) if isinstance(frame, Ack))
        ack = own[first_ack]
        assert isinstance(ack, Ack)
        event = next(i for i, f in enumerate(own) if isinstance(f, Message) and f.seq == ack.seq)
        assert first_ack < event


async def test_nothing_is_shown_or_acknowledged_before_the_commit(autojump_clock: Clock) -> None:
    async with open_world(commit_s=5) as world:
        ann, bob = await pair(world)
        ann.send("1")
        await trio.sleep(4)
        assert not ann.acks() and not bob.events()
        await trio.sleep(2)
        assert ann.acks() == [("1", 1, False)] and bob.events() == [1]


async def test_a_resend_is_answered_again_and_shown_once(autojump_clock: Clock) -> None:
    async with open_world() as world:
        ann, bob = await pair(world)
        ann.send("1")
        await world.quiet()
        ann.send("1")
        await world.quiet()
        assert ann.acks() == [("1", 1, False), ("1", 1, True)] and bob.events() == [1]


async def test_a_resend_of_a_pending_send_joins_it(autojump_clock: Clock) -> None:
    async with open_world(commit_s=1) as world:
        ann, bob = await pair(world)
        for _ in range(3):
            ann.send("1")
        await trio.sleep(3)
        assert ann.acks() == [("1", 1, False), ("1", 1, True), ("1", 1, True)]
        assert bob.events() == [1]


@pytest.mark.parametrize("commit_s", [0.0, 2.0])
async def test_the_same_id_with_other_content_is_a_conflict(
    autojump_clock: Clock, commit_s: float
) -> None:
    async with open_world(commit_s=commit_s) as world:
        ann, bob = await pair(world)
        ann.send("1", "one")
        ann.send("1", "two")
        await trio.sleep(10)
        ann.send("1", "three")
        await trio.sleep(10)
        assert ann.errors() == ["conflict", "conflict"] and bob.events() == [1]


async def test_a_resend_is_known_after_the_room_forgot_it(autojump_clock: Clock) -> None:
    async with open_world() as world:
        ann, bob = await pair(world)
        ann.send("old")
        await world.quiet()
        for number in range(400):
            bob.send(str(number))
        await world.quiet()
        await trio.sleep(world.node.IDLE_S * 2)
        assert len(world.node.rooms) == 0
        ann.send("new")
        ann.send("old")
        ann.send("newer")
        await world.quiet()
        assert ann.acks() == [
            ("old", 1, False),
            ("old", 1, True),
            ("new", 402, False),
            ("newer", 403, False),
        ] or ann.acks() == [
            ("old", 1, False),
            ("new", 402, False),
            ("old", 1, True),
            ("newer", 403, False),
        ]
        assert bob.events() == list(range(1, 404))


async def test_a_resend_after_leaving_is_still_answered_and_a_new_send_is_not(
    autojump_clock: Clock,
) -> None:
    async with open_world() as world:
        ann, bob = await pair(world)
        bob.send("1")
        await world.quiet()
        await world.requests.remove_member(caller(world, "bob"), ROOM, UserId("bob"))
        await trio.sleep(world.node.IDLE_S * 2)
        bob.send("1")
        bob.send("2")
        await world.quiet()
        assert bob.acks() == [("1", 1, False), ("1", 1, True)]
        assert bob.errors() == ["not_member"] and ann.events() == [1, 2]


async def test_a_stranger_does_not_learn_of_a_room(autojump_clock: Clock) -> None:
    async with open_world() as world:
        await pair(world)
        eve = await world.connect("eve")
        eve.send("1")
        eve.read(0)
        eve.type()
        await world.quiet()
        assert eve.errors() == ["not_found"] * 3


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"body": "  "}, "invalid"),
        ({"kind": "image"}, "invalid"),
        ({"files": ["f"]}, "invalid"),
        ({"mentions": ["eve"]}, "invalid"),
        ({"reply_to": 99}, "invalid"),
        ({"thread": 99}, "invalid"),
        ({"thread": 2}, "invalid"),
    ],
)
async def test_a_wrong_send_is_refused_and_those_after_it_are_not(
    autojump_clock: Clock, fields: dict[str, object], code: str
) -> None:
    async with open_world() as world:
        ann, bob = await pair(world)
        ann.send("root")
        await world.quiet()
        ann.send("reply", thread=1)
        await world.quiet()
        bob.send("wrong", **fields)  # type: ignore[arg-type]
        bob.send("right")
        await world.quiet()
        assert bob.errors() == [code] and [ack[0] for ack in bob.acks()] == ["right"]
        assert ann.events() == [1, 2, 3]


async def test_only_owners_mention_everybody(autojump_clock: Clock) -> None:
    async with open_world() as world:
        ann, bob = await pair(world)
        bob.send("1", mentions=["@all"])
        ann.send("2", mentions=["@all", "bob"])
        await world.quiet()
        assert bob.errors() == ["forbidden"]
        assert world.store.rooms[1].mentions == {(0, 1), (world.numbers["bob"], 1)}


async def test_an_old_target_is_looked_up_and_order_holds_meanwhile(autojump_clock: Clock) -> None:
    async with open_world() as world:
        ann, _ = await pair(world)
        for number in range(1100):
            ann.send(str(number))
            if number % 200 == 0:
                await world.quiet()
        await world.quiet()
        ann.send("reply", reply_to=3)
        ann.send("after")
        await world.quiet()
        assert [ack[:2] for ack in ann.acks()[-2:]] == [("reply", 1101), ("after", 1102)]


async def test_unread_follows_cursors_and_own_messages_count_as_read(autojump_clock: Clock) -> None:
    async with open_world() as world:
        ann, bob = await pair(world)
        for number in range(5):
            ann.send(str(number))
        await world.quiet()
        bob.read(2)
        await world.quiet()
        assert [(u.unread, u.upto, u.last_seq) for u in bob.of(Unread)] == [(3, 2, 5)]
        assert [(r.user, r.upto) for r in ann.of(Receipt)] == [("bob", 2)]
        bob.send("mine")
        await world.quiet()
        assert [u.unread for u in bob.of(Unread)] == [3, 0]
        assert world.store.rooms[1].members[world.numbers["bob"]].read_seq == 6
        bob.send("again")
        await world.quiet()
        assert len(bob.of(Unread)) == 2
        assert not ann.of(Unread)


async def test_a_cursor_moves_forward_only_and_never_above_the_log(autojump_clock: Clock) -> None:
    async with open_world() as world:
        ann, bob = await pair(world)
        ann.send("1")
        ann.send("2")
        await world.quiet()
        bob.read(3, rid=1)
        bob.read(2, rid=2)
        await world.quiet()
        bob.read(1, rid=3)
        await world.quiet()
        assert bob.errors() == ["invalid"]
        assert world.store.rooms[1].members[world.numbers["bob"]].read_seq == 2
        assert [r.upto for r in bob.of(Receipt)] == [2]


async def test_thread_replies_are_not_counted_as_unread(autojump_clock: Clock) -> None:
    async with open_world() as world:
        ann, bob = await pair(world)
        ann.send("root")
        await world.quiet()
        ann.send("reply", thread=1)
        await world.quiet()
        bob.read(0)
        late = await world.connect("bob")
        assert late.summaries[0].unread == 1 and late.summaries[0].last_seq == 2


async def test_typing_reaches_the_others_and_not_the_typist(autojump_clock: Clock) -> None:
    async with open_world() as world:
        ann, bob = await pair(world)
        ann.send("wakes the room")
        await world.quiet()
        bob.type()
        await world.quiet()
        assert [t.user for t in ann.of(TypingState)] == ["bob"] and not bob.of(TypingState)


async def test_a_joiner_gets_the_room_and_everything_from_his_joined(autojump_clock: Clock) -> None:
    async with open_world() as world:
        ann, _ = await pair(world)
        eve = await world.connect("eve")
        ann.send("before")
        await world.quiet()
        ok = await world.requests.add_member(caller(world, "ann"), ROOM, UserId("eve"))
        assert ok.seq == 2
        ann.send("after")
        await world.quiet()
        shown = [type(frame) for frame in eve.frames]
        assert shown == [Room, Member, Message] and eve.events() == [2, 3]
        assert (eve.of(Room)[0].last_seq, eve.of(Room)[0].read_seq) == (1, 2)


async def test_a_leaver_gets_everything_up_to_his_own_left_and_then_room_gone(
    autojump_clock: Clock,
) -> None:
    async with open_world() as world:
        ann, bob = await pair(world)
        await world.requests.remove_member(caller(world, "ann"), ROOM, UserId("bob"))
        ann.send("secret")
        await world.quiet()
        assert [type(frame) for frame in bob.frames] == [Member, RoomGone]
        assert bob.of(Member)[0].change == "kicked" and bob.of(Member)[0].by == "ann"
        assert ann.events() == [1, 2]


async def test_membership_is_for_owners_and_a_room_keeps_one(autojump_clock: Clock) -> None:
    async with open_world() as world:
        await pair(world)
        for act, code in (
            (
                world.requests.add_member(caller(world, "bob"), ROOM, UserId("eve")),
                "forbidden",
            ),
            (
                world.requests.remove_member(caller(world, "bob"), ROOM, UserId("ann")),
                "forbidden",
            ),
            (
                world.requests.remove_member(caller(world, "ann"), ROOM, UserId("ann")),
                "conflict",
            ),
            (
                world.requests.remove_member(caller(world, "ann"), ROOM, UserId("eve")),
                "not_found",
            ),
            (
                world.requests.add_member(caller(world, "eve"), ROOM, UserId("eve")),
                "not_found",
            ),
        ):
            with pytest.raises(ProtocolError) as info:
                await act
            assert info.value.code.value == code


async def test_adding_a_member_twice_makes_one_event(autojump_clock: Clock) -> None:
    async with open_world() as world:
        ann, _ = await pair(world)
        first = await world.requests.add_member(caller(world, "ann"), ROOM, UserId("eve"))
        second = await world.requests.add_member(caller(world, "ann"), ROOM, UserId("eve"))
        assert first.seq == 1 and not second.seq
        assert ann.events() == [1]


async def test_an_unknown_outcome_that_was_stored_is_acknowledged_and_shown_once(
    autojump_clock: Clock,
) -> None:
    async with open_world() as world:
        ann, bob = await pair(world)
        ann.send("0")
        await world.quiet()
        world.journal.lose_next.append(OutcomeUnknown("cut"))
        ann.send("1")
        ann.send("2")
        await trio.sleep(5)
        assert [ack[:2] for ack in ann.acks()] == [("0", 1), ("1", 2), ("2", 3)]
        assert bob.events() == [1, 2, 3] and ann.events() == [1, 2, 3]


async def test_an_unknown_outcome_that_was_not_stored_is_stored_then(autojump_clock: Clock) -> None:
    async with open_world() as world:
        ann, bob = await pair(world)
        ann.send("0")
        await world.quiet()
        world.journal.fail_next.append(OutcomeUnknown("cut"))
        ann.send("1")
        await trio.sleep(5)
        assert ann.acks() == [("0", 1, False), ("1", 2, False)] and bob.events() == [1, 2]


async def test_an_outage_refuses_and_nobody_is_disconnected(autojump_clock: Clock) -> None:
    async with open_world() as world:
        ann, bob = await pair(world)
        world.journal.away = StoreUnavailable("away")
        ann.send("1")
        await trio.sleep(5)
        assert ann.errors() == ["unavailable"]
        world.journal.away = None
        await trio.sleep(2)
        ann.send("1")
        await world.quiet()
        assert ann.acks() == [("1", 1, False)] and bob.events() == [1]
        assert world.node.rooms.crashes == 0 and ann.closed is None


async def test_another_owner_fences_this_one_which_starts_anew(autojump_clock: Clock) -> None:
    async with open_world() as world:
        ann, bob = await pair(world)
        ann.send("1")
        await world.quiet()
        world.store.rooms[1].epoch += 1
        ann.send("2")
        await world.quiet()
        assert [ack[:2] for ack in ann.acks()] == [("1", 1), ("2", 2)] and bob.events() == [1, 2]


async def test_refused_data_answers_internal_and_the_room_goes_on(autojump_clock: Clock) -> None:
    async with open_world() as world:
        ann, bob = await pair(world)
        ann.send("1", "a\0b")
        await world.quiet()
        ann.send("2")
        await world.quiet()
        assert ann.errors() == ["internal"] and bob.events() == [1]


async def test_one_who_floods_meets_a_full_mailbox_and_not_a_growing_one(
    autojump_clock: Clock,
) -> None:
    async with open_world(commit_s=10) as world:
        ann, _ = await pair(world)
        told = 0
        with contextlib.suppress(MailboxFull):
            for number in range(10_000):
                ann.send(str(number))
                told += 1
                if number % 64 == 0:
                    await trio.testing.wait_all_tasks_blocked()
        assert told < 2_000
        await trio.sleep(200)
        assert len(ann.acks()) == told and ann.events() == list(range(1, told + 1))


async def test_http_posts_raise_what_the_wire_would_say(autojump_clock: Clock) -> None:
    async with open_world() as world:
        ann, _ = await pair(world)
        ack = await world.requests.post(caller(world, "bob"), Send(room=ROOM, id="1", body="hi"))
        assert (ack.seq, ack.dup) == (1, False) and ann.events() == [1]
        with pytest.raises(ProtocolError) as info:
            await world.requests.post(caller(world, "eve"), Send(room=ROOM, id="1", body="hi"))
        assert info.value.code is ErrorCode.NOT_FOUND


STEP = st.one_of(
    st.tuples(st.just("send"), st.sampled_from(["ann", "bob"]), st.integers(0, 30)),
    st.tuples(st.just("read"), st.sampled_from(["ann", "bob"]), st.integers(0, 40)),
    st.tuples(st.just("lose"), st.booleans(), st.just(0)),
    st.tuples(st.just("fence"), st.booleans(), st.just(0)),
    st.tuples(st.just("pass"), st.booleans(), st.integers(0, 3)),
)


@settings(max_examples=60)
@given(script=st.lists(STEP, max_size=60))
def test_whatever_happens_seqs_are_dense_and_each_id_has_one(
    script: list[tuple[object, ...]],
) -> None:
    async def main() -> None:
        async with open_world(commit_s=0.5) as world:
            ann, bob = await pair(world)
            sessions = {"ann": ann, "bob": bob}
            for act, who, number in script:
                match act:
                    case "send":
                        sessions[str(who)].send(str(number), f"body {number}")
                    case "read":
                        sessions[str(who)].read(int(str(number)))
                    case "lose":
                        faults = world.journal.lose_next if who else world.journal.fail_next
                        faults.append(OutcomeUnknown("cut"))
                    case "fence":
                        world.store.rooms[1].epoch += 1
                    case _:
                        await trio.sleep(float(str(number)))
            await trio.sleep(60)
            check(world, ann, bob)

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


def check(world: World, ann: FakeSession, bob: FakeSession) -> None:
    stored = world.store.rooms[1]
    assert ann.events() == bob.events() == list(range(1, len(stored.events) + 1))
    for session in (ann, bob):
        seqs: dict[str, int] = {}
        for client_id, seq, _ in session.acks():
            assert seqs.setdefault(client_id, seq) == seq
            assert stored.seq_by_key[session.user_no, client_id] == seq
        cursors = [receipt.upto for receipt in session.of(Receipt) if receipt.user == "ann"]
        assert cursors == sorted(cursors)
        assert not set(session.errors()) - {"invalid", "unavailable"}


@pytest.mark.parametrize("size", [200, 201])
async def test_in_a_large_room_nobody_is_shown_typing(autojump_clock: Clock, size: int) -> None:
    async with open_world() as world:
        names = [f"user{number}" for number in range(size)]
        world.add_people(*names)
        world.add_room(*names)
        one, two = await world.connect("user0"), await world.connect("user1")
        one.type()
        await world.quiet()
        assert len(two.of(TypingState)) == (size == 200) and one.errors() == []
