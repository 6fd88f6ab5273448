from __future__ import annotations

from typing import Any

import pytest
import trio
from msgspec import UNSET
from trio.testing import MockClock as Clock
from world import ROOM, FakeSession, World, open_world

from actors.blocks import BlocksAmong, RecentBlocks
from actors.ports import StoreUnavailable
from actors.requests import Caller
from actors.user_commands import Watch
from protocol.errors import ProtocolError
from protocol.events import Message, MessageDeleted, Reaction
from protocol.frames import (
    Ack,
    Delete,
    Edit,
    Ok,
    Pin,
    PresenceChange,
    React,
    Receipt,
    Room,
    TypingState,
    Unread,
    WatchPresence,
)
from protocol.ids import RoomId, UserId


async def two(world: World) -> tuple[FakeSession, FakeSession]:
    """Ann and Bob in a direct room, each with one message in it."""
    world.add_people("ann", "bob", "eve")
    world.add_room("ann", "bob", kind="direct")
    return await said_something(world)


async def team(world: World) -> tuple[FakeSession, FakeSession]:
    """The same with Eve, in a team room that Ann owns."""
    world.add_people("ann", "bob", "eve")
    world.add_room("ann", "bob", "eve")
    return await said_something(world)


async def said_something(world: World) -> tuple[FakeSession, FakeSession]:
    ann, bob = await world.connect("ann"), await world.connect("bob")
    ann.send("a", "from ann")
    bob.send("b", "from bob")
    await world.quiet()
    return ann, bob


def caller(world: World, user: str) -> Caller:
    return Caller(world.numbers[user], UserId(user), user, "user")


async def block(world: World, user: str, other: str, *, on: bool = True) -> None:
    asker = caller(world, user)
    await world.node.blocking.change(asker, world.numbers[other], UserId(other), on=on)


@pytest.mark.parametrize("blocker", ["ann", "bob"])
async def test_in_a_direct_room_nothing_new_reaches_either(
    autojump_clock: Clock, blocker: str
) -> None:
    async with open_world() as world:
        ann, bob = await two(world)
        await block(world, blocker, {"ann": "bob", "bob": "ann"}[blocker])
        for session, own, others in ((ann, 1, 2), (bob, 2, 1)):
            session.frames.clear()
            session.send("new")
            session.type()
            session.change(Edit(room=ROOM, seq=own, body="x", rid=1))
            session.change(React(room=ROOM, seq=others, emoji="x", on=True, rid=2))
            session.change(Pin(room=ROOM, seq=others, on=True, rid=3))
        await world.quiet()
        for session in (ann, bob):
            assert session.errors() == ["blocked"] * 5
            assert session.events() == [] and session.of(TypingState) == []
        codes = {error.message for each in (ann, bob) for error in each.frames}  # type: ignore[attr-defined]
        assert len(codes) == 1  # neither can tell who blocked whom


async def test_what_was_said_stays_and_can_be_read_and_taken_back(autojump_clock: Clock) -> None:
    async with open_world() as world:
        ann, bob = await two(world)
        bob.change(React(room=ROOM, seq=1, emoji="x", on=True, rid=1))
        await world.quiet()
        await block(world, "ann", "bob")
        bob.read(3, rid=2)
        bob.change(React(room=ROOM, seq=1, emoji="x", on=False, rid=3))
        bob.change(Delete(room=ROOM, seq=2, rid=4))
        bob.send("b", "from bob")
        await world.quiet()
        assert bob.errors() == []
        assert {ok.rid for ok in bob.of(Ok)} == {1, 2, 3, 4}
        assert [event.on for event in ann.of(Reaction)] == [True, False]
        assert ann.of(MessageDeleted)[0].of == 2
        assert bob.acks()[-1] == ("b", 2, True)


async def test_unblocking_lets_them_speak_again_unless_the_other_blocks_too(
    autojump_clock: Clock,
) -> None:
    async with open_world() as world:
        ann, _ = await two(world)
        await block(world, "ann", "bob")
        await block(world, "bob", "ann")
        await block(world, "ann", "bob", on=False)
        ann.send("still")
        await world.quiet()
        assert ann.errors() == ["blocked"]
        await block(world, "bob", "ann", on=False)
        ann.send("again")
        await world.quiet()
        assert ann.acks()[-1] == ("again", 3, False)


async def test_nothing_that_comes_after_the_answer_is_taken(autojump_clock: Clock) -> None:
    async with open_world(commit_s=0.05) as world:
        ann, bob = await two(world)
        for number in range(50):
            bob.send(f"before{number}")
        await block(world, "ann", "bob")
        for number in range(50):
            bob.send(f"after{number}")
        await trio.sleep(5)
        assert [ack.id for ack in bob.of(Ack)[1:]] == [f"before{number}" for number in range(50)]
        assert bob.errors() == ["blocked"] * 50
        assert len(ann.of(Message)) == 52


@pytest.mark.parametrize("after", [0, 10])
async def test_what_is_stored_holds_although_the_store_cannot_say_where(
    autojump_clock: Clock, monkeypatch: pytest.MonkeyPatch, after: float
) -> None:
    async with open_world() as world:
        ann, bob = await two(world)

        async def away(*_: int) -> list[RoomId]:
            await trio.sleep(after)
            raise StoreUnavailable("away")

        monkeypatch.setattr(world.blocks, "shared", away)
        await block(world, "ann", "bob")
        for session in (ann, bob):
            session.send("new")
        await world.quiet()
        assert ann.errors() == bob.errors() == ["blocked"]


async def test_on_an_outage_other_rooms_hear_nothing_of_a_block(
    autojump_clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_world() as world:
        await two(world)
        world.add_people("dan")
        world.add_room("eve", "dan", kind="direct", room="theirs")
        eve = await world.connect("eve")
        world.node.rooms.wake(RoomId("theirs"))
        await world.quiet()
        monkeypatch.setattr(world.blocks, "shared", away)
        await block(world, "ann", "bob")
        await world.quiet()
        assert eve.frames == []


async def away(*_: Any, **__: Any) -> Any:
    raise StoreUnavailable("away")


async def test_a_room_that_starts_later_knows(autojump_clock: Clock) -> None:
    async with open_world() as world:
        world.add_people("ann", "bob")
        world.add_room("ann", "bob", kind="direct")
        await block(world, "ann", "bob")
        assert len(world.node.rooms) == len(world.node.users) == 0  # nobody was woken for it
        bob = await world.connect("bob")
        bob.send("b")
        await world.quiet()
        assert bob.errors() == ["blocked"]


async def test_a_room_that_crashed_knows(autojump_clock: Clock) -> None:
    async with open_world() as world:
        _, bob = await two(world)
        await block(world, "ann", "bob")
        world.node.rooms.tell(ROOM, None)  # type: ignore[arg-type]
        await world.quiet()
        assert world.node.rooms.crashes == 1
        bob.send("new")
        await world.quiet()
        assert bob.errors() == ["blocked"]


async def test_a_mention_of_the_other_raises_nothing_and_the_message_is_sent(
    autojump_clock: Clock,
) -> None:
    async with open_world() as world:
        ann, _ = await team(world)
        await block(world, "bob", "ann")
        ann.send("named", mentions=["bob", "eve"])
        ann.send("all", mentions=["@all"])
        ann.send("here", mentions=["@here"])
        await world.quiet()
        assert [ack.seq for ack in ann.of(Ack)] == [1, 3, 4, 5]
        numbers = world.numbers
        stored = world.store.rooms[1].mentions
        assert {no for no, _ in stored} == {numbers["ann"], numbers["eve"]}
        assert {seq for no, seq in stored if no == numbers["eve"]} == {3, 4}


async def test_the_unread_mentions_of_a_live_room_count_as_the_stored_ones(
    autojump_clock: Clock,
) -> None:
    async with open_world() as world:
        ann, bob = await team(world)
        await block(world, "bob", "ann")
        ann.send("named", mentions=["bob"])
        ann.send("all", mentions=["@all"])
        await world.quiet()
        bob.frames.clear()
        bob.read(3)
        await world.quiet()
        assert [frame.mentions for frame in bob.frames if hasattr(frame, "mentions")] == [0]


async def test_a_mention_that_did_not_count_is_told_to_clients_that_counted_it(
    autojump_clock: Clock,
) -> None:
    async with open_world() as world:
        ann, bob = await team(world)
        await block(world, "bob", "ann")
        for number, who in enumerate(("bob", "@all")):
            ann.send(f"m{number}", "you", mentions=[who])
            await world.quiet()
            told = bob.of(Unread)[-1]
            assert (told.mentions, told.last_seq) == (0, 3 + number)


async def test_a_block_with_one_who_left_is_forgotten_here(autojump_clock: Clock) -> None:
    async with open_world() as world:
        ann, _ = await team(world)
        await block(world, "ann", "bob")
        await world.requests.remove_member(caller(world, "bob"), ROOM, "bob")
        await block(world, "ann", "bob", on=False)
        ann.change(React(room=ROOM, seq=2, emoji="x", on=True, rid=5))
        await world.quiet()
        assert [ok.rid for ok in ann.of(Ok)] == [5]


async def test_what_either_has_read_is_shown_no_more(autojump_clock: Clock) -> None:
    async with open_world() as world:
        ann, bob = await two(world)
        await block(world, "bob", "ann")
        assert ann.of(Room)[-1].cursors is UNSET
        ann.frames.clear()
        bob.read(2)
        bob.read(1)
        await world.quiet()
        assert ann.of(Receipt) == []
        await block(world, "bob", "ann", on=False)
        assert ann.of(Room)[-1].cursors == {"ann": 1, "bob": 2}


async def test_a_reaction_to_the_other_is_blocked_in_rooms_of_many(autojump_clock: Clock) -> None:
    async with open_world() as world:
        ann, bob = await team(world)
        await block(world, "ann", "bob")
        ann.change(React(room=ROOM, seq=2, emoji="x", on=True, rid=1))
        bob.change(React(room=ROOM, seq=1, emoji="x", on=True, rid=2))
        bob.change(React(room=ROOM, seq=2, emoji="x", on=True, rid=3))
        bob.send("more", reply_to=1)
        await world.quiet()
        assert (ann.errors(), bob.errors()) == (["blocked"], ["blocked"])
        assert [ok.rid for ok in bob.of(Ok)] == [3]
        assert bob.acks()[-1][0] == "more"


async def test_in_a_blind_room_a_block_tells_nobody_who_is_who(autojump_clock: Clock) -> None:
    async with open_world() as world:
        world.add_people("ann", "bob", "eve")
        world.add_room("ann", "bob", "eve", kind="matching", blind=True)
        await block(world, "bob", "eve")
        ann, bob = await said_something(world)
        await block(world, "ann", "bob")
        bob.change(React(room=ROOM, seq=1, emoji="x", on=True, rid=1))
        ann.send("named", mentions=["mask-room-2", "mask-room-3"])
        await world.quiet()
        assert ann.errors() == bob.errors() == []
        assert world.store.rooms[1].mentions == {(2, 4), (3, 4)}


async def add(world: World, asker: str, user: str) -> None:
    await world.requests.add_member(caller(world, asker), ROOM, UserId(user))


async def test_nobody_is_added_by_one_he_has_a_block_with(autojump_clock: Clock) -> None:
    async with open_world() as world:
        await two(world)
        world.add_room("ann", room="other")
        await block(world, "bob", "ann")
        with pytest.raises(ProtocolError) as refused:
            await world.requests.add_member(caller(world, "ann"), RoomId("other"), UserId("bob"))
        assert refused.value.code == "blocked"


async def test_a_joiner_brings_his_blocks_along(autojump_clock: Clock) -> None:
    async with open_world() as world:
        world.add_people("ann", "bob", "eve")
        world.add_room("ann", "eve")
        ann = await world.connect("ann")
        ann.send("a")
        world.store.blocks[world.numbers["bob"], world.numbers["eve"]] = None  # long ago
        await add(world, "ann", "bob")
        eve = await world.connect("eve")
        bob = await world.connect("bob")
        bob.send("b", mentions=["eve"])
        eve.send("e", mentions=["bob"])
        await world.quiet()
        assert [ack.id for ack in (*bob.of(Ack), *eve.of(Ack))] == ["b", "e"]
        assert world.store.rooms[1].mentions == set()


async def test_a_block_while_somebody_joins_is_not_lost(autojump_clock: Clock) -> None:
    async with open_world(commit_s=1.0) as world:
        world.add_people("ann", "bob", "eve")
        world.add_room("ann", "eve")
        await world.connect("ann")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(add, world, "ann", "bob")
            await trio.sleep(0.5)  # the join is taken and not durable: no room is shared
            await block(world, "eve", "bob")
        bob = await world.connect("bob")
        bob.send("b", mentions=["eve"])
        await trio.sleep(3)
        assert [ack.id for ack in bob.of(Ack)] == ["b"]
        assert world.store.rooms[1].mentions == set()


async def watch(world: World, session: FakeSession, *users: str) -> None:
    world.node.users.tell(session.user_id, Watch(session, WatchPresence(watch=list(users))))
    await world.quiet()


def shown(session: FakeSession) -> list[tuple[str, bool]]:
    return [(each.state, bool(each.last_seen)) for each in session.of(PresenceChange)]


async def test_neither_sees_the_other_s_presence(autojump_clock: Clock) -> None:
    async with open_world() as world:
        ann, bob = await team(world)
        await watch(world, ann, "bob")
        await watch(world, bob, "ann")
        await block(world, "ann", "bob")
        await world.quiet()
        assert shown(ann) == shown(bob) == [("online", False), ("offline", False)]
        await watch(world, bob, "ann")
        again = await world.connect("bob")
        await watch(world, again, "ann", "eve")
        assert shown(bob)[2:] == []
        assert [each.user for each in again.of(PresenceChange)] == ["eve"]
        await block(world, "ann", "bob", on=False)
        await world.quiet()
        assert shown(ann)[2:] == shown(bob)[2:] == [("online", False)]


async def test_whoever_starts_after_a_block_is_not_seen(autojump_clock: Clock) -> None:
    async with open_world() as world:
        world.add_people("ann", "bob")
        world.add_room("ann", "bob")
        await block(world, "ann", "bob")
        ann, bob = await world.connect("ann"), await world.connect("bob")
        await watch(world, ann, "bob")
        await watch(world, bob, "ann")
        assert shown(ann) == shown(bob) == []


async def test_two_changes_at_once_end_as_the_store_has_it(autojump_clock: Clock) -> None:
    async with open_world() as world:
        ann, _ = await two(world)
        async with trio.open_nursery() as nursery:
            for number in range(20):
                nursery.start_soon(lambda on=number % 2 == 0: block(world, "ann", "bob", on=on))
        blocked = bool(world.store.blocks)
        ann.send("new")
        await world.quiet()
        assert ann.errors() == (["blocked"] if blocked else [])


async def test_an_outage_is_told_and_a_second_try_does_it(autojump_clock: Clock) -> None:
    async with open_world() as world:
        _, bob = await two(world)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(world.blocks, "change", away)
            with pytest.raises(StoreUnavailable):
                await block(world, "ann", "bob")
        await block(world, "ann", "bob")
        bob.send("new")
        await world.quiet()
        assert bob.errors() == ["blocked"]


async def test_a_store_that_is_away_keeps_nobody_waiting_for_actors_it_ended(
    autojump_clock: Clock,
) -> None:
    async with open_world() as world:
        await two(world)
        world.journal.away = StoreUnavailable("x")
        world.node.rooms.tell(ROOM, None)  # type: ignore[arg-type]
        with trio.fail_after(5):
            await block(world, "ann", "bob")


async def test_only_members_have_blocks_among_them() -> None:
    among = BlocksAmong([(1, 2), (2, 1)])
    assert among.between(1, 2) and among.between(2, 1) and not among.between(1, 3)
    among.joins(1, {3, 4}, {1, 2, 3})
    assert dict(among) == {1: {3}, 3: {1}}
    among.put((3, 1), on=False)
    assert not among


async def test_what_changed_lately_is_forgotten_in_time(autojump_clock: Clock) -> None:
    recent = RecentBlocks()
    recent.note((1, 2), on=True)
    recent.note((3, 1), on=True)
    recent.note((2, 1), on=False)
    assert recent.amend({2, 9}, 1) == {3, 9}
    await trio.sleep(recent.KEPT_S + 1)
    recent.note((5, 6), on=True)
    assert recent.amend({2, 9}, 1) == {2, 9}
