"""What people are told while they are connected and on a connect, and what they have seen."""

from __future__ import annotations

import pytest
import trio
from world import FakeSession, World, open_world

from actors.notification_records import Shown
from protocol.codec import MSGPACK
from protocol.frames import Error, Ok, TypingState
from protocol.notices import Notification, NotificationGone, Seen


def _notification(name: str, **fields: object) -> Notification:
    given = {"type": "t", "title": name, "body": "", "data": {}, "priority": 2, "at": 1} | fields
    return Notification(id=name, **given)  # type: ignore[arg-type]


def _shown(name: str, *gone: str, is_loud: bool = False, **fields: object) -> Shown:
    return Shown("ann", 1, _notification(name, **fields), gone, is_loud)


def shown(session: FakeSession) -> list[str]:
    return [each.id for each in session.of(Notification)]


def gone(session: FakeSession) -> list[list[str]]:
    return [each.ids for each in session.of(NotificationGone)]


def slow_store(world: World) -> trio.Event:
    """What is unseen is read at once, and answered once the event is set."""
    batcher = next(run.__self__ for task, run in world.node._tasks if task == "unseen")
    answers = trio.Event()

    async def unseen(user_nos):
        found = await world.notifications.unseen(user_nos)
        await answers.wait()
        return found

    batcher._fetch = unseen
    return answers


async def test_unseen_ones_come_on_every_connect_until_they_are_seen(autojump_clock):
    async with open_world() as world:
        world.add_people("ann")
        world.notifications.add(1, _notification("one"))
        world.notifications.add(1, _notification("two"))
        ann = await world.connect("ann")
        await world.quiet()
        assert shown(ann) == ["one", "two"]
        world.node.notices.seen(ann, Seen(ids=["one", "one"], rid=4))
        await world.quiet()
        assert [each.rid for each in ann.of(Ok)] == [4]
        again = await world.connect("ann")
        await world.quiet()
        assert shown(again) == ["two"]


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


async def test_a_new_one_reaches_devices_and_streams_of_its_recipient_alone(autojump_clock):
    async with open_world() as world:
        world.add_people("ann", "bob")
        devices = [await world.connect("ann") for _ in range(2)]
        bob = await world.connect("bob")
        mine, his = world.node.feed.open(1), world.node.feed.open(2)
        world.node.notices.show(_shown("new", "old", is_loud=True))
        world.node.notices.show(_shown("quiet"))
        told = [NotificationGone(ids=["old"]), _notification("new", loud=True)]
        for device in devices:
            assert device.frames[-3:] == [*told, _notification("quiet")]
        assert [await mine.receive() for _ in range(3)] == [*told, _notification("quiet")]
        assert bob.of(Notification) == [] and bob.of(NotificationGone) == []
        with pytest.raises(trio.WouldBlock):
            his._receive.receive_nowait()


async def test_what_is_seen_on_one_device_is_gone_from_the_others(autojump_clock):
    async with open_world() as world:
        world.add_people("ann", "bob")
        for name in ("one", "two"):
            world.notifications.add(1, _notification(name))
        reads, looks = await world.connect("ann"), await world.connect("ann")
        bob, stream = await world.connect("bob"), world.node.feed.open(1)
        world.node.notices.seen(reads, Seen(ids=["two", "never", "one"], rid=1))
        await world.quiet()
        assert gone(looks) == [["two", "one"]]
        assert await stream.receive() == NotificationGone(ids=["two", "one"])
        assert gone(reads) == gone(bob) == [] and [each.rid for each in reads.of(Ok)] == [1]
        world.node.notices.seen(looks, Seen(ids=["two"], rid=2))
        await world.quiet()
        assert gone(reads) == [], "it was seen before"


async def test_who_leaves_before_it_is_stored_has_seen_it_all_the_same(autojump_clock):
    async with open_world() as world:
        world.add_people("ann")
        world.notifications.add(1, _notification("one"))
        leaves, stays = await world.connect("ann"), await world.connect("ann")
        world.node.notices.seen(leaves, Seen(ids=["one"], rid=1))
        leaves.close(1000, "")
        await world.quiet()
        assert gone(stays) == [["one"]] and leaves.of(Ok) == []


async def test_what_is_gone_while_it_is_read_for_an_arrival_is_not_shown_to_it(autojump_clock):
    async with open_world() as world:
        world.add_people("ann")
        for name in ("one", "two", "three"):
            world.notifications.add(1, _notification(name))
        answers = slow_store(world)
        ann = await world.connect("ann")
        world.node.notices.gone(1, ["two"])
        ann.blocked = True
        answers.set()
        await world.quiet()
        world.node.notices.gone(1, ["three"])
        ann.blocked = False
        await world.quiet()
        assert shown(ann) == ["one"] and gone(ann) == [["two"], ["three"]]
        again = await world.connect("ann")
        assert shown(again) == ["one", "two", "three"], "the store says so"


async def test_a_slow_client_is_shown_many_as_it_reads_and_nothing_is_kept_when_it_leaves(
    autojump_clock,
):
    async with open_world() as world:
        world.add_people("ann")
        for number in range(100):
            world.notifications.add(1, _notification(f"n{number}", body="뜰" * 4_000))
        slow_store(world).set()
        ann = await world.connect("ann")
        assert len(shown(ann)) == 100
        session = FakeSession(world, "ann", "slow")
        session.blocked = True
        world.node.arrivals.begin(session, {})
        await world.quiet()
        assert session.opened and shown(session) == []
        assert len(world.node.notices._coming[1]) == 1
        session.close(1000, "")
        await world.quiet()
        assert shown(session) == [] and world.node.notices._coming == {}
        dropped = FakeSession(world, "ann", "dropped")
        dropped.later = lambda _job: None  # what waits for a session that is gone is not done
        world.node.arrivals.begin(dropped, {})
        await world.quiet()
        dropped.close(1000, "")
        assert world.node.notices._coming == {}


async def test_one_that_no_codec_takes_keeps_none_of_the_others(autojump_clock):
    async with open_world() as world:
        world.add_people("ann")
        world.notifications.add(1, _notification("huge", data={"n": 2**70}))
        world.notifications.add(1, _notification("fine"))
        ann = FakeSession(world, "ann", "encodes")
        offer = ann.offer
        ann.offer = lambda frame: offer(MSGPACK.decode_server(MSGPACK.encode(frame)))
        world.node.arrivals.begin(ann, {})
        await world.quiet()
        world.node.notices.show(_shown("huge", data={"n": 2**70}))
        world.node.notices.show(_shown("new"))
        assert shown(ann) == ["fine", "new"] and not ann.gone
        assert world.log.events.count("notification_not_told") == 2


async def test_after_a_doubt_everybody_is_shown_what_he_has_not_seen(autojump_clock):
    async with open_world() as world:
        world.add_people("ann", "bob")
        ann, bob, stream = await world.connect("ann"), await world.connect("bob"), None
        stream = world.node.feed.open(1)
        world.notifications.add(1, _notification("stored"))
        world.node.notices.recall()
        await world.quiet()
        assert shown(ann) == ["stored"] and shown(bob) == []
        with pytest.raises(trio.EndOfChannel):
            await stream.receive()
        assert world.node.feed.count == 0 and world.node.notices._coming == {}


async def test_an_outage_is_told_to_who_says_seen_and_nobody_else(autojump_clock):
    async with open_world() as world:
        world.add_people("ann")
        ann, other = await world.connect("ann"), await world.connect("ann")
        batcher = next(run.__self__ for task, run in world.node._tasks if task == "seen")

        async def away(_keys):
            raise OSError

        batcher._fetch = away
        world.node.notices.seen(ann, Seen(ids=["one"], rid=3))
        await world.quiet()
        assert [(each.code, each.rid) for each in ann.of(Error)] == [("unavailable", 3)]
        assert gone(other) == [] and ann.of(Ok) == []
