"""What people are told on a connect, and what they have seen."""

from __future__ import annotations

from world import open_world

from protocol.frames import Error, Ok, TypingState
from protocol.notices import Notification, Seen


def _notification(name):
    return Notification(id=name, type="t", title=name, body="", data={}, priority=2, at=1)


async def test_unseen_ones_come_on_every_connect_until_they_are_seen(autojump_clock):
    async with open_world() as world:
        world.add_people("ann")
        world.notifications.add(1, _notification("one"))
        world.notifications.add(1, _notification("two"))
        ann = await world.connect("ann")
        await world.quiet()
        assert [each.id for each in ann.of(Notification)] == ["one", "two"]
        world.node.notices.seen(ann, Seen(ids=["one", "one"], rid=4))
        await world.quiet()
        assert [each.rid for each in ann.of(Ok)] == [4]
        again = await world.connect("ann")
        await world.quiet()
        assert [each.id for each in again.of(Notification)] == ["two"]


async def test_who_says_seen_faster_than_it_is_stored_is_told_to_wait(autojump_clock):
    async with open_world() as world:
        world.add_people("ann")
        ann = await world.connect("ann")
        for rid in range(10):
            world.node.notices.seen(ann, Seen(ids=[f"n{rid}"], rid=rid))
        await world.quiet()
        assert [error.code for error in ann.of(Error)] == ["rate_limited"] * 2
        assert sorted(ok.rid for ok in ann.of(Ok)) == list(range(8))
        world.node.notices.seen(ann, Seen(ids=["n"], rid=10))
        await world.quiet()
        assert ann.of(Ok)[-1].rid == 10


async def test_a_state_reaches_every_device(autojump_clock):
    async with open_world() as world:
        world.add_people("ann", "bob")
        devices = [await world.connect("ann") for _ in range(2)]
        frame = TypingState(room="r", user="u", on=True)
        world.node.notices.tell("ann", "key", frame)
        world.node.notices.tell("bob", "key", frame)
        assert [device.of(TypingState) for device in devices] == [[frame], [frame]]
        bob = await world.connect("bob")
        assert bob.of(TypingState) == [], "who is away when it is told never sees it"
