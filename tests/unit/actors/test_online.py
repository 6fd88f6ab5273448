from __future__ import annotations

from collections.abc import Mapping, Sequence

import trio
from remembering_log import RememberingLog
from trio.testing import MockClock as Clock
from world import ROOM, FakeSession, World, open_world

from actors.online import Online
from actors.ports import AdapterError, Presences
from actors.user_commands import Choose
from protocol.close import CloseCode
from protocol.fields import PresenceState, SeenState
from protocol.frames import Status
from protocol.ids import UserId


class Elsewhere(Presences):
    """Notes every call; ``away`` is raised instead."""

    def __init__(self) -> None:
        self.calls: list[dict[UserId, SeenState]] = []
        self.away: AdapterError | None = None

    async def put(self, states: Mapping[UserId, SeenState], *, kept_s: float) -> None:
        await trio.lowlevel.checkpoint()
        self.calls.append(dict(states))
        if self.away is not None:
            raise self.away

    async def elsewhere(self, users: Sequence[UserId]) -> Mapping[UserId, SeenState]:
        raise NotImplementedError


def ids(count: int) -> list[UserId]:
    return [UserId(f"u{number}") for number in range(count)]


async def test_changes_go_together_and_all_of_it_again(
    autojump_clock: Clock, nursery: trio.Nursery
) -> None:
    elsewhere = Elsewhere()
    online = Online(elsewhere, log=RememberingLog())
    nursery.start_soon(online.run)
    one, two = ids(2)
    online.put(one, "online")
    online.put(two, "dnd")
    online.put(two, "away")
    await trio.sleep(1)
    online.put(two, "away")
    await trio.sleep(5)
    assert elsewhere.calls == [{one: "online", two: "away"}]
    online.put(one, "offline")
    await trio.sleep(online.AGAIN_S)
    assert elsewhere.calls[1:] == [{one: "offline"}, {two: "away"}]
    assert (len(online), online.state(one), online.state(two)) == (1, "offline", "away")


async def test_many_go_in_parts(autojump_clock: Clock, nursery: trio.Nursery) -> None:
    elsewhere = Elsewhere()
    online = Online(elsewhere, log=RememberingLog())
    nursery.start_soon(online.run)
    for user in ids(1201):
        online.put(user, "online")
    await trio.sleep(1)
    assert [len(call) for call in elsewhere.calls] == [500, 500, 201]


async def test_what_cannot_be_handed_on_is_told_once_and_made_up_for(
    autojump_clock: Clock, nursery: trio.Nursery
) -> None:
    elsewhere, log = Elsewhere(), RememberingLog()
    online = Online(elsewhere, log=log)
    nursery.start_soon(online.run)
    elsewhere.away = AdapterError("x")
    for user in ids(1201):
        online.put(user, "online")
        if len(online) % 400 == 0:
            await trio.sleep(1)
    await trio.sleep(online.AGAIN_S * 3)
    assert log.events == ["presences_are_local"]
    elsewhere.away = None
    elsewhere.calls.clear()
    await trio.sleep(online.AGAIN_S + 1)
    assert sum(len(call) for call in elsewhere.calls) == 1201


async def test_what_waits_is_bounded(autojump_clock: Clock) -> None:
    online = Online(Elsewhere(), log=RememberingLog())
    for user in ids(online.MOST_CHANGED + 100):
        online.put(user, "online")
        online.put(user, "offline")
    assert len(online._changed) == online.MOST_CHANGED and len(online) == 0


async def choose(world: World, session: FakeSession, state: PresenceState) -> None:
    world.node.users.tell(session.user_id, Choose(session, Status(state=state)))
    await world.quiet()


async def elsewhere_shown(world: World) -> Mapping[UserId, SeenState]:
    await trio.sleep(1)
    return await world.other_node.elsewhere([UserId("ann"), UserId("bob")])


async def test_users_are_written_as_they_are_shown(autojump_clock: Clock) -> None:
    async with open_world() as world:
        world.add_people("ann", "bob")
        ann, bob = await world.connect("ann"), await world.connect("bob")
        await choose(world, ann, "away")
        assert await elsewhere_shown(world) == {"ann": "away", "bob": "online"}
        await choose(world, ann, "invisible")
        bob.close(CloseCode.NORMAL, "")
        await trio.sleep(3)
        assert await elsewhere_shown(world) == {}


async def test_nobody_stays_online_through_a_crash(autojump_clock: Clock) -> None:
    async with open_world() as world:
        world.add_people("ann")
        ann = await world.connect("ann")
        world.node.users.tell(UserId("ann"), None)  # type: ignore[arg-type]
        world.node.sessions.remove(ann)
        await trio.sleep(3)
        assert world.node.users.crashes == 1 and len(world.node.online) == 0


async def test_who_has_a_device_that_is_not_away_looks_however_he_is_shown(
    autojump_clock: Clock,
) -> None:
    async with open_world() as world:
        world.add_people("ann", "bob")
        looks, states = world.node.online.is_looking, list[bool]()
        one, two = await world.connect("ann"), await world.connect("ann")
        for session, state in ((one, "away"), (two, "invisible"), (two, "away"), (one, "dnd")):
            await choose(world, session, state)  # type: ignore[arg-type]
            states.append(looks("ann"))
        assert states == [True, True, False, True] and not looks("bob")
        one.close(CloseCode.NORMAL, "")
        await world.quiet()
        assert not looks("ann"), "the other device is away"
        again = await world.connect("ann")
        assert looks("ann")
        for session in (two, again):
            session.close(CloseCode.NORMAL, "")
        await world.quiet()
        assert not looks("ann"), "though he is shown as online for a little longer"


async def test_nobody_looks_through_a_crash_who_has_left(autojump_clock: Clock) -> None:
    async with open_world() as world:
        world.add_people("ann", "bob")
        ann, _ = await world.connect("ann"), await world.connect("bob")
        world.node.users.tell(UserId("ann"), None)  # type: ignore[arg-type]
        world.node.users.tell(UserId("bob"), None)  # type: ignore[arg-type]
        world.node.sessions.remove(ann)
        await trio.sleep(3)
        assert world.node.users.crashes == 2
        assert not world.node.online.is_looking("ann") and world.node.online.is_looking("bob")


async def test_a_room_counts_those_who_are_not_offline(autojump_clock: Clock) -> None:
    async with open_world() as world:
        world.add_people("ann", "bob", "eve", "far")
        world.add_room("ann", "bob", "eve")
        here = [await world.connect(name) for name in ("ann", "bob", "bob", "eve", "far")]
        await choose(world, here[3], "invisible")
        assert world.node.attendance.of(ROOM) == 2
        here[1].send("wake up")
        await world.quiet()
        assert world.node.attendance.of(ROOM) == 2
