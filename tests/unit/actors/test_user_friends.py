"""Presence among friends, who share no room."""

from __future__ import annotations

import trio
from test_room_blocks import block
from test_user import choose, states, watch
from trio.testing import MockClock as Clock
from world import FakeSession, World, open_world

from actors.ports import StoreUnavailable
from actors.user import UserActor
from protocol.close import CloseCode
from protocol.frames import PresenceChange
from protocol.ids import UserId

BOTH = [UserId("ann"), UserId("bob")]


def keep(world: World, *, on: bool) -> None:
    world.people.befriend(world.numbers["ann"], world.numbers["bob"], on=on)


async def befriend(world: World, *, on: bool = True) -> None:
    """Kept, and told as the edges do."""
    keep(world, on=on)
    world.node.befriended(BOTH)
    await trio.sleep(UserActor.RECHECK_S * 2)


async def watching(world: World) -> FakeSession:
    world.add_people("ann", "bob", "eve")
    ann = await world.connect("ann")
    await watch(world, ann, "bob")
    return ann


async def test_friends_see_each_other_without_a_room(autojump_clock: Clock) -> None:
    async with open_world() as world:
        world.add_people("ann", "bob", "eve")
        keep(world, on=True)
        ann, eve = await world.connect("ann"), await world.connect("eve")
        for session in (ann, eve):
            await watch(world, session, "bob")
        bob = await world.connect("bob")
        await choose(world, bob, "dnd")
        await choose(world, bob, "invisible")
        assert states(ann) == ["offline", "online", "dnd", "offline"]
        assert states(eve) == []


async def test_they_see_each_other_from_when_they_are_friends(autojump_clock: Clock) -> None:
    async with open_world() as world:
        ann = await watching(world)
        bob = await world.connect("bob")
        await watch(world, bob, "ann")
        assert states(ann) == states(bob) == []
        await befriend(world)
        assert states(ann) == states(bob) == ["online"]


async def test_who_is_not_here_is_seen_once_he_is_a_friend(autojump_clock: Clock) -> None:
    async with open_world() as world:
        ann = await watching(world)
        await trio.sleep(world.node.IDLE_S * 2)
        assert UserId("bob") not in world.node.users
        await befriend(world)
        assert states(ann) == ["offline"]
        await world.connect("bob")
        assert states(ann) == ["offline", "online"]


async def test_who_is_a_friend_no_longer_is_offline_without_a_time(autojump_clock: Clock) -> None:
    async with open_world() as world:
        ann = await watching(world)
        bob = await world.connect("bob")
        await befriend(world)
        await befriend(world, on=False)
        assert states(ann) == ["online", "offline"]
        assert not ann.of(PresenceChange)[-1].last_seen
        bob.close(CloseCode.NORMAL, "")
        await trio.sleep(5)
        await world.connect("bob")
        assert states(ann) == ["online", "offline"]


async def test_who_left_unseen_is_not_seen_when_he_comes_back(autojump_clock: Clock) -> None:
    """Although nobody was told of a change while he was away."""
    async with open_world() as world:
        ann = await watching(world)
        await befriend(world)
        await befriend(world, on=False)
        assert states(ann) == ["offline"]
        await world.connect("bob")
        assert states(ann) == ["offline"]


async def test_whoever_shares_a_room_goes_on_seeing(autojump_clock: Clock) -> None:
    async with open_world() as world:
        world.add_people("ann", "bob")
        world.add_room("ann", "bob")
        keep(world, on=True)
        ann = await world.connect("ann")
        await watch(world, ann, "bob")
        await world.connect("bob")
        await befriend(world, on=False)
        assert states(ann) == ["offline", "online"]


async def test_where_the_store_does_not_say_nobody_is_a_friend_until_it_does(
    autojump_clock: Clock,
) -> None:
    async with open_world() as world:
        ann = await watching(world)
        await world.connect("bob")
        await befriend(world)
        states_of, down = world.people.states, [StoreUnavailable("x")] * 4

        async def flaky(users: object) -> object:
            if down:
                raise down.pop()
            return await states_of(users)  # type: ignore[arg-type]

        batcher = next(run.__self__ for name, run in world.node._tasks if name == "users")  # type: ignore[attr-defined]
        batcher._fetch = flaky
        world.node.befriended(BOTH)
        await world.quiet()
        assert states(ann) == ["online", "offline"]
        await trio.sleep(UserActor.RECHECK_S * 5)
        assert states(ann) == ["online", "offline", "online"]


async def test_a_block_is_stronger(autojump_clock: Clock) -> None:
    async with open_world() as world:
        ann = await watching(world)
        await world.connect("bob")
        await befriend(world)
        await block(world, "bob", "ann")
        world.node.befriended(BOTH)
        await trio.sleep(UserActor.RECHECK_S * 2)
        assert states(ann) == ["online", "offline"]
