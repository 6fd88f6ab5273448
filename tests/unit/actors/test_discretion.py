"""Members who do not show what they have read, through the room's actor."""

from __future__ import annotations

from msgspec import UNSET
from trio.testing import MockClock as Clock
from world import ROOM, FakeSession, World, open_world

from actors.requests import Caller
from protocol.frames import Ok, Receipt, Room, Unread
from protocol.ids import UserId

PEOPLE = ("ann", "bob", "cyd")


async def talked(world: World) -> list[FakeSession]:
    """ann has said two things to bob and cyd."""
    world.add_people(*PEOPLE, "dan")
    world.add_room(*PEOPLE)
    sessions = [await world.connect(name) for name in PEOPLE]
    sessions[0].send("1")
    sessions[0].send("2")
    await world.quiet()
    return sessions


async def show(world: World, name: str, *, on: bool) -> None:
    """What `PATCH /api/v1/me` does."""
    (world.store.discreet.discard if on else world.store.discreet.add)(world.numbers[name])
    world.people.person(UserId(name)).receipts = on
    world.requests.reading_shown(world.numbers[name], [ROOM], on=on)
    await world.quiet()


def readers(session: FakeSession) -> list[str]:
    return [receipt.user for receipt in session.of(Receipt)]


async def test_it_holds_at_once_in_a_room_that_is_awake(autojump_clock: Clock) -> None:
    async with open_world() as world:
        ann, bob, cyd = await talked(world)
        await show(world, "bob", on=False)
        assert [room.cursors for room in bob.of(Room)] == [UNSET]
        bob.read(1, 1)
        await world.quiet()
        cyd.read(2, 1)
        await world.quiet()
        assert readers(ann) == readers(cyd) == ["cyd"] and readers(bob) == ["bob"]
        assert len(bob.of(Ok)) == 1 and bob.of(Unread)[-1].unread == 1, "he reads all the same"
        await show(world, "bob", on=True)
        assert bob.of(Room)[-1].cursors == {"ann": 2, "bob": 1, "cyd": 2}
        bob.read(2)
        await world.quiet()
        assert readers(ann) == readers(cyd) == ["cyd", "bob"]


async def test_a_room_that_wakes_up_knows_it(autojump_clock: Clock) -> None:
    async with open_world() as world:
        world.add_people(*PEOPLE)
        world.add_room(*PEOPLE)
        await show(world, "bob", on=False)
        assert len(world.node.rooms) == 0, "nobody wakes a room for that"
        ann, bob, _ = [await world.connect(name) for name in PEOPLE]
        ann.send("1")
        await world.quiet()
        bob.read(1)
        await world.quiet()
        assert readers(ann) == []
        caller = Caller(world.numbers["ann"], UserId("ann"), "ann", "user")
        world.node.requests.room_muted(ROOM, caller.user_no, 0)
        await world.quiet()
        assert ann.of(Room)[-1].cursors == {"ann": 1, "cyd": 0}


async def test_who_is_added_brings_it_along(autojump_clock: Clock) -> None:
    async with open_world() as world:
        ann, _, _ = await talked(world)
        await show(world, "dan", on=False)
        dan = await world.connect("dan")
        caller = Caller(world.numbers["ann"], UserId("ann"), "ann", "user")
        await world.requests.add_member(caller, ROOM, UserId("dan"))
        ann.send("4")
        await world.quiet()
        assert dan.of(Room)[0].cursors is UNSET
        dan.read(4)
        await world.quiet()
        assert readers(ann) == []
