"""Rooms with too many members to show who is online: here those of more than three."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import pytest
import trio
from test_user import choose, states, watch
from trio.testing import MockClock as Clock
from world import ROOM, FakeSession, World, open_world

from actors.ports import OutcomeUnknown, StoreUnavailable
from actors.requests import Caller
from actors.room_members import Membership
from protocol.errors import ProtocolError
from protocol.frames import PresenceChange, Room, RoomSummary
from protocol.ids import Millis, UserId

PEOPLE = ("ann", "bob", "cat", "dan", "eve")
TOLD_S = Membership.RESIZE_S + 1


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actors.room_state.CURSORS_MOST", 3)
    monkeypatch.setattr("world.CURSORS_MOST", 3)


def room_of(world: World, *members: str) -> None:
    world.add_people(*PEOPLE)
    world.add_room(*members)


def caller(world: World, name: str = "ann") -> Caller:
    return Caller(world.numbers[name], UserId(name), name, "user")


async def add(world: World, user: str) -> None:
    """Whatever becomes of it."""
    with suppress(ProtocolError):
        await world.requests.add_member(caller(world), ROOM, UserId(user))


async def kick(world: World, user: str) -> None:
    with suppress(ProtocolError):
        await world.requests.remove_member(caller(world), ROOM, UserId(user))


def said(session: FakeSession) -> bool:
    """What *session* was told last."""
    rooms: list[RoomSummary] = [*session.summaries, *session.of(Room)]
    return [each.crowded for each in rooms if each.id == ROOM][-1]


async def busy(world: World, *members: str) -> FakeSession:
    """A room that is awake, and Ann in it."""
    room_of(world, *members)
    ann = await world.connect("ann")
    ann.send("1")
    await world.quiet()
    return ann


async def agree(world: World, session: FakeSession, *, crowded: bool) -> None:
    await trio.sleep(TOLD_S)
    fresh = await world.connect(session.user_id)
    assert (said(session), said(fresh)) == (crowded, crowded)
    assert (ROOM in session.known_in) is (ROOM in fresh.known_in) is not crowded


async def test_nobody_is_shown_and_all_are_again_when_there_are_few(autojump_clock: Clock) -> None:
    async with open_world() as world:
        ann = await busy(world, "ann", "bob", "cat")
        bob = await world.connect("bob")
        await watch(world, ann, "bob")
        await add(world, "dan")
        await trio.sleep(TOLD_S)
        await choose(world, bob, "away")
        late = await world.connect("cat")
        await watch(world, late, "bob")
        assert (states(ann), states(late)) == (["online", "offline"], [])
        await kick(world, "dan")
        await trio.sleep(TOLD_S)
        assert (states(ann)[2:], states(late)) == (["away"], ["away"])
        assert [frame.crowded for frame in ann.of(Room)] == [True, False]


async def test_whoever_comes_and_goes_fast_costs_the_others_little(autojump_clock: Clock) -> None:
    async with open_world() as world:
        ann = await busy(world, "ann", "bob", "cat")
        for _ in range(50):
            await add(world, "dan")
            await kick(world, "dan")
        await add(world, "dan")
        await agree(world, ann, crowded=True)
        assert len(ann.of(Room)) == 1


async def test_who_came_while_it_was_a_crowd_learns_that_it_is_none(autojump_clock: Clock) -> None:
    async with open_world() as world:
        ann = await busy(world, "ann", "bob", "cat")
        await add(world, "dan")
        cat = await world.connect("cat")
        assert (said(ann), said(cat)) == (False, True)
        await kick(world, "dan")
        await agree(world, ann, crowded=False)
        await agree(world, cat, crowded=False)


@pytest.mark.parametrize("crowded", [True, False])
async def test_a_change_that_is_found_stored_is_told(autojump_clock: Clock, crowded: bool) -> None:
    async with open_world() as world:
        ann = await busy(world, "ann", "bob", "cat", *([] if crowded else ["dan"]))
        world.journal.lose_next = [OutcomeUnknown("x")]
        await (add if crowded else kick)(world, "dan")
        await agree(world, ann, crowded=crowded)


async def test_only_what_is_durable_counts(autojump_clock: Clock) -> None:
    async with open_world(commit_s=1.0) as world:
        ann = await busy(world, "ann", "bob")
        await trio.sleep(3)
        world.nursery.start_soon(add, world, "cat")  # in flight: three
        await trio.sleep(0.2)
        world.nursery.start_soon(add, world, "dan")  # waits: four
        await trio.sleep(1.0)
        world.journal.fail_next = [StoreUnavailable("x")]
        await trio.sleep(5)
        await agree(world, ann, crowded=False)


async def test_a_crossing_and_back_in_one_batch_with_a_summary_between(
    autojump_clock: Clock,
) -> None:
    async with open_world(commit_s=1.0) as world:
        ann = await busy(world, "ann", "bob", "cat")
        await trio.sleep(3)
        ann.send("2")
        await trio.sleep(0.1)
        world.nursery.start_soon(add, world, "dan")
        await trio.sleep(0.1)
        world.requests.room_muted(ROOM, world.numbers["ann"], 0)
        await trio.sleep(0.1)
        world.nursery.start_soon(kick, world, "dan")
        await agree(world, ann, crowded=False)


async def test_who_does_not_come_in_is_not_shown(autojump_clock: Clock) -> None:
    """His join fails while the room gets few enough to show who is online."""
    async with open_world(commit_s=1.0) as world:
        room_of(world, "ann", "bob", "cat", "dan")
        world.people._by_id[UserId("eve")].last_seen = Millis(77)
        ann = await world.connect("ann")
        await watch(world, ann, "eve")
        world.nursery.start_soon(kick, world, "cat")
        await trio.sleep(0.2)
        world.nursery.start_soon(add, world, "eve")
        await trio.sleep(1.0)
        world.journal.fail_next = [StoreUnavailable("x")]
        await trio.sleep(20)
        assert not world.store.rooms[1].has(world.numbers["eve"])
        assert ann.of(PresenceChange) == []


async def opening(world: World, user: str) -> FakeSession:
    """A session whose summaries take three seconds on their way."""
    fetch = world.node._summaries._fetch

    async def late(users: Sequence[UserId]) -> object:
        found = await fetch(users)
        await trio.sleep(TOLD_S + 3)
        return found

    world.node._summaries._fetch = late  # type: ignore[assignment]
    session = FakeSession(world, user, f"{user}-late")
    world.node.arrivals.begin(session, {})
    await trio.sleep(1)
    world.node._summaries._fetch = fetch
    return session


@pytest.mark.parametrize("is_lost", [True, False])
@pytest.mark.parametrize("crowded", [True, False])
async def test_who_is_opening_meanwhile_is_told_too(
    autojump_clock: Clock, crowded: bool, is_lost: bool
) -> None:
    async with open_world() as world:
        ann = await busy(world, "ann", "bob", "cat", *([] if crowded else ["dan"]))
        cat = await opening(world, "cat")
        world.journal.lose_next = [OutcomeUnknown("x")] if is_lost else []
        await (add if crowded else kick)(world, "dan")
        await trio.sleep(30)
        await watch(world, ann, "cat")
        await agree(world, cat, crowded=crowded)
        assert states(ann) == ([] if crowded else ["online"])


async def test_who_watches_sees_one_come_who_was_opening(autojump_clock: Clock) -> None:
    async with open_world() as world:
        ann = await busy(world, "ann", "bob", "cat", "dan")
        await watch(world, ann, "cat")
        cat = await opening(world, "cat")
        await kick(world, "dan")
        await trio.sleep(60)
        assert ROOM in cat.known_in
        assert states(ann)[-1] == "online"


async def test_what_had_no_place_in_welcome_is_not_shown_as_it_was(autojump_clock: Clock) -> None:
    async with open_world() as world:
        await busy(world, "ann", "bob", "cat")
        bob = FakeSession(world, "bob", "bob-x")
        bob.fit, bob.blocked = 0, True
        world.node.arrivals.begin(bob, {})
        await world.quiet()
        await add(world, "dan")
        await trio.sleep(TOLD_S)
        bob.blocked = False
        await agree(world, bob, crowded=True)
