from __future__ import annotations

import pytest
import trio
import trio.testing
from trio.testing import MockClock as Clock
from world import ROOM, FakeSession, World, open_world

from actors.audience import Audience
from actors.requests import Caller
from protocol.close import CloseCode
from protocol.frames import Gap, Room, RoomGone
from protocol.ids import UserId
from protocol.limits import CONNECTIONS_PER_USER


async def room_with(world: World, messages: int) -> None:
    world.add_people("ann", "bob", "eve")
    world.add_room("ann", "bob")
    ann = await world.connect("ann")
    for number in range(messages):
        ann.send(str(number))
        if number % 100 == 99:
            await world.quiet()
    await world.quiet()


@pytest.mark.parametrize("seen", [0, 1, 150, Audience.TAIL + 40, 299, 300])
async def test_resume_replays_what_was_missed_and_goes_on_without_a_seam(
    autojump_clock: Clock, seen: int
) -> None:
    async with open_world() as world:
        await room_with(world, 300)
        ann = await world.connect("ann")
        bob = await world.connect("bob", {ROOM: seen})
        for number in range(20):
            ann.send(f"live {number}")
        await world.quiet()
        assert bob.events() == list(range(seen + 1, 321))


async def test_a_room_not_in_resume_is_live_from_welcome_on(autojump_clock: Clock) -> None:
    async with open_world() as world:
        await room_with(world, 10)
        bob = await world.connect("bob")
        ann = await world.connect("ann")
        ann.send("live")
        await world.quiet()
        assert bob.summaries[0].last_seq == 10 and bob.events() == [11]


async def test_a_slow_reader_is_replayed_as_it_reads_and_misses_nothing(
    autojump_clock: Clock,
) -> None:
    async with open_world() as world:
        await room_with(world, 500)
        ann = await world.connect("ann")
        world_bob = world.connect("bob", {ROOM: 0})
        bob = await world_bob
        bob.blocked = True
        for number in range(300):
            ann.send(f"live {number}")
            await trio.testing.wait_all_tasks_blocked()
        bob.blocked = False
        await trio.sleep(5)
        assert bob.events() == list(range(1, 801))


@pytest.mark.parametrize(("seen", "gap"), [(0, (1, 1200)), (2000, (1, 1200)), (199, (200, 1200))])
async def test_too_much_or_impossible_resume_is_a_gap(
    autojump_clock: Clock, seen: int, gap: tuple[int, int]
) -> None:
    async with open_world() as world:
        await room_with(world, 1200)
        bob = await world.connect("bob", {ROOM: seen})
        ann = await world.connect("ann")
        ann.send("live")
        await world.quiet()
        assert [(g.from_, g.to) for g in bob.of(Gap)] == [gap] and bob.events() == [1201]


async def test_exactly_a_thousand_are_replayed(autojump_clock: Clock) -> None:
    async with open_world() as world:
        await room_with(world, 1200)
        bob = await world.connect("bob", {ROOM: 200})
        await trio.sleep(2)
        assert not bob.of(Gap) and bob.events() == list(range(201, 1201))


async def test_a_room_that_was_left_is_gone(autojump_clock: Clock) -> None:
    async with open_world() as world:
        await room_with(world, 1)
        eve = await world.connect("eve", {ROOM: 1, "never": 0})
        assert [gone.room for gone in eve.of(RoomGone)] == [ROOM, "never"]


async def test_joining_while_opening_is_not_missed(autojump_clock: Clock) -> None:
    async with open_world() as world:
        await room_with(world, 1)
        summaries = world.people.summaries

        async def slow(users: object) -> object:
            found = await summaries(users)  # type: ignore[arg-type]
            await trio.sleep(3)
            return found

        world.node._summaries._fetch = slow  # type: ignore[assignment]
        async with trio.open_nursery() as nursery:
            eve = FakeSession(world, "eve", "slow")
            world.node.arrivals.begin(eve, {})
            await trio.sleep(1)
            owner = Caller(world.numbers["ann"], UserId("ann"), "ann", "user")
            nursery.start_soon(world.requests.add_member, owner, ROOM, UserId("eve"))
        await trio.sleep(10)
        assert not eve.summaries and [room.id for room in eve.of(Room)] == [ROOM]
        assert world.node.audiences.of(ROOM).follows(eve)


async def test_nobody_can_keep_another_from_opening(autojump_clock: Clock) -> None:
    async with open_world() as world:
        await room_with(world, 1)
        summaries, read = world.people.summaries, []

        async def slow(users: object) -> object:
            read.append(users)
            await trio.sleep(0.05)
            return await summaries(users)  # type: ignore[arg-type]

        world.node._summaries._fetch = slow  # type: ignore[assignment]
        eve = FakeSession(world, "eve", "opening")
        world.node.arrivals.begin(eve, {ROOM: 1})
        owner = Caller(world.numbers["ann"], UserId("ann"), "ann", "user")
        for change in (
            world.requests.add_member,
            world.requests.remove_member,
            world.requests.add_member,
        ):
            await change(owner, ROOM, UserId("eve"))
            await trio.sleep(0.01)
        await trio.sleep(1)
        assert eve.opened and len(read) == 1 and len(eve.of(Room)) == 1
        assert [(gap.from_, gap.to) for gap in eve.of(Gap)] == [(2, 4)]


async def test_a_new_room_reaches_those_who_are_connected(autojump_clock: Clock) -> None:
    async with open_world() as world:
        world.add_people("ann", "bob")
        ann, bob = await world.connect("ann"), await world.connect("bob")
        world.add_room("ann", "bob")
        world.requests.room_created(ROOM, [UserId("ann"), UserId("bob")])
        await world.quiet()
        ann.send("1")
        await world.quiet()
        assert [room.id for room in bob.of(Room)] == [ROOM] and bob.events() == [1]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"status": "suspended"}, CloseCode.SUSPENDED),
        ({"status": "suspended", "tokens_after": 10}, CloseCode.SUSPENDED),
        ({"tokens_after": 10}, CloseCode.UNAUTHENTICATED),
    ],
)
async def test_those_who_may_not_come_in_are_told_why(
    autojump_clock: Clock, change: dict[str, object], code: CloseCode
) -> None:
    async with open_world() as world:
        person = world.people.add(UserId("ann"))
        for name, value in change.items():
            setattr(person, name, value)
        ann = await world.connect("ann")
        assert ann.closed is code and not ann.opened


async def test_a_token_revoked_elsewhere_closes_its_socket_soon(autojump_clock: Clock) -> None:
    async with open_world() as world:
        person = world.people.add(UserId("ann"))
        ann = await world.connect("ann")
        person.status, person.tokens_after = "suspended", 10
        await trio.sleep(world.node.STANDING_S + 1)
        assert ann.closed is CloseCode.SUSPENDED


async def test_a_token_that_expires_closes_its_socket(autojump_clock: Clock) -> None:
    async with open_world() as world:
        world.add_people("ann")
        ann = await world.connect("ann")
        ann.claims = ann.claims._replace(expires_at=60)
        await trio.sleep(62)
        assert ann.closed is CloseCode.TOKEN_EXPIRED


async def test_connections_of_one_user_are_bounded(autojump_clock: Clock) -> None:
    async with open_world() as world:
        world.add_people("ann")
        sessions = [await world.connect("ann") for _ in range(CONNECTIONS_PER_USER + 1)]
        assert [session.closed for session in sessions[:-1]] == [None] * CONNECTIONS_PER_USER
        assert sessions[-1].closed is CloseCode.TOO_MANY_CONNECTIONS
        sessions[0].close(CloseCode.NORMAL, "")
        assert (await world.connect("ann")).closed is None


async def test_one_who_is_kicked_while_he_is_replayed_sees_nothing_after(
    autojump_clock: Clock,
) -> None:
    async with open_world() as world:
        await room_with(world, 900)
        bob = FakeSession(world, "bob", "slow")
        bob.blocked = True
        world.node.arrivals.begin(bob, {ROOM: 0})
        await world.quiet()
        owner = Caller(world.numbers["ann"], UserId("ann"), "ann", "user")
        await world.requests.remove_member(owner, ROOM, UserId("bob"))
        bob.blocked = False
        ann = await world.connect("ann")
        ann.send("secret")
        await trio.sleep(5)
        assert 902 not in bob.events() and bob.of(RoomGone)
        assert not world.node.audiences.of(ROOM).follows(bob)
