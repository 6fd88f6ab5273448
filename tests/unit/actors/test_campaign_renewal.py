"""What people who are connected see of a campaign in the app: once, in order, and at once."""

from __future__ import annotations

import random
from contextlib import asynccontextmanager

import trio
from campaign_world import VirtualClock
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock
from world import FakeSession, World, open_world

from actors.campaign import CampaignActor
from actors.campaign_audience import CampaignAudience
from actors.campaign_channels import CampaignSurroundings
from actors.campaign_gate import LocalRate
from actors.records import EventKind, NewEvent
from actors.room_commands import MarkRead, Post
from actors.rules.age_groups import AgeGroup
from protocol.frames import Ack, Error, Ok, Read, Room, Send
from protocol.ids import UserId
from server.memory.campaigns import KnownRecipient, MemoryCampaigns, MemoryJob

SERVICE = "madang"


class Campaigning:
    """A node on which the service writes to ann, bob and the others."""

    def __init__(self, world: World, *names: str) -> None:
        self.world = world
        world.add_people(SERVICE, *names)
        node = world.node
        node.campaign_audience._service = UserId(SERVICE)  # as the node's own port says it
        self.store = MemoryCampaigns(world.store, service_no=1)
        self.names = names
        around = CampaignSurroundings(
            audience=node.campaign_audience,
            provider=None,
            rate=LocalRate(0),
            commits=lambda: 0,
            progress=node.job_watchers.changed,
            alert=lambda *_, **__: None,
            clock=VirtualClock(),
            random=random.Random(1),  # noqa: S311 - of back-off
            log=world.log,
        )
        self.actor = CampaignActor(self.store, around)

    def room_of(self, name: str) -> str:
        number = self.store.room_with(self.world.numbers[name])
        return self.world.store.rooms[number].summary.id

    async def campaign(self) -> None:
        """One message to everybody, delivered."""
        number = len(self.store.jobs) + 1
        audience = sorted(self.world.numbers[name] for name in self.names)
        for no in audience:
            self.store.people.setdefault(no, KnownRecipient())
        self.store.jobs[number] = job = MemoryJob(
            job_no=number,
            job_id=f"job-{number}",
            channel="in_app",
            message="hello",
            group=AgeGroup.TEENS,
            audience=audience,
        )
        self.actor.wake()
        with trio.fail_after(60):
            while job.status != "COMPLETED":  # noqa: ASYNC110 - a look
                await trio.sleep(0.05)
        await self.world.quiet()

    def send(self, session: FakeSession, client_id: str) -> None:
        room = self.room_of(session.user_id)
        frame = Send(room=room, id=client_id, body="hi")
        self.world.node.rooms.tell(room, Post(session, frame))


@asynccontextmanager
async def open_campaigning(*names, commit_s=0.0):
    async with open_world(commit_s=commit_s) as world:
        found = Campaigning(world, *names)
        world.nursery.start_soon(found.actor.run)
        yield found


async def test_a_new_room_is_shown_with_its_message_to_every_device(autojump_clock):
    async with open_campaigning("ann", "bob") as node:
        ann = [await node.world.connect("ann") for _ in range(2)]
        await node.campaign()
        for session in ann:
            assert [room.id for room in session.of(Room)] == [node.room_of("ann")]
            assert session.of(Room)[0].last_seq == 1, "the summary tells of it"
        bob = await node.world.connect("bob")
        assert [(room.last_seq, room.unread) for room in bob.summaries] == [(1, 1)]


async def test_a_room_at_rest_wakes_and_shows_it_once(autojump_clock):
    async with open_campaigning("ann") as node:
        node.room_of("ann")
        ann = await node.world.connect("ann")
        assert node.room_of("ann") not in node.world.node.rooms
        await node.campaign()
        await node.campaign()
        assert ann.events() == [1, 2] and ann.of(Room) == []


async def test_an_active_room_starts_anew_and_shows_it_once_in_order(autojump_clock):
    async with open_campaigning("ann") as node:
        node.room_of("ann")
        ann = await node.world.connect("ann")
        node.send(ann, "before")
        await node.world.quiet()
        await node.campaign()
        node.send(ann, "after")
        await node.world.quiet()
        assert ann.events() == [1, 2, 3]
        assert [ack.seq for ack in ann.of(Ack)] == [1, 3]


async def test_a_send_in_flight_meets_it_and_is_acknowledged_once(autojump_clock):
    async with open_campaigning("ann", commit_s=1.0) as node:
        node.room_of("ann")
        ann = await node.world.connect("ann")
        node.send(ann, "before")
        await trio.sleep(3)
        node.send(ann, "flying")
        await trio.sleep(0.5)
        await node.campaign()
        await trio.sleep(5)
        assert ann.events() == [1, 2, 3]
        assert [(ack.id, ack.seq) for ack in ann.of(Ack)] == [("before", 1), ("flying", 3)]
        bodies = [event.body for event in node.world.store.rooms[1].events]
        assert bodies == ["hi", "hello", "hi"]


async def test_who_went_away_a_moment_ago_can_read_it_when_he_is_back(autojump_clock):
    async with open_campaigning("ann") as node:
        room = node.room_of("ann")
        ann = await node.world.connect("ann")
        node.send(ann, "before")
        await node.world.quiet()
        ann.close(1000, "bye")
        assert room in node.world.node.rooms
        await node.campaign()
        ann = await node.world.connect("ann")
        assert ann.summaries[0].last_seq == 2
        node.world.node.rooms.tell(room, MarkRead(ann, Read(room=room, seq=2, rid=1)))
        await node.world.quiet()
        assert [ok.rid for ok in ann.of(Ok)] == [1] and ann.of(Error) == []


async def test_an_active_room_of_others_is_left_alone(autojump_clock):
    async with open_campaigning("ann", "bob") as node:
        node.world.add_room("ann", "bob")
        ann = await node.world.connect("ann")
        ann.send("1")
        await node.world.quiet()
        cell = node.world.node.rooms._cells["room"]
        before = cell.active
        await node.campaign()
        assert cell.active is before and ann.events() == [1]


async def test_what_was_loading_is_loaded_again(autojump_clock):
    async with open_world(commit_s=0) as world:
        world.add_people("ann")
        world.add_room("ann")
        ann = await world.connect("ann")
        claims = next(run.__self__ for task, run in world.node._tasks if task == "claims")
        fetch = claims._fetch

        async def slow(keys):
            found = await fetch(keys)
            await trio.sleep(1)
            return found

        claims._fetch = slow
        world.node.rooms.wake("room")
        await trio.sleep(0.5)
        room = world.store.rooms[1]
        room.epoch += 1
        room.extend([NewEvent(1, 5, EventKind.MESSAGE, 1, 1, "c", body="written by another")])
        world.node.rooms.renew("room")
        await trio.sleep(0.8)
        assert ann.events() == []
        await trio.sleep(2)
        assert ann.events() == [1]
        ann.send("mine")
        await world.quiet()
        assert ann.events() == [1, 2] and ann.acks() == [("mine", 2, False)]


async def test_renewing_who_is_not_there_wakes_nobody(autojump_clock):
    async with open_world() as world:
        world.add_people("ann")
        world.add_room("ann")
        world.node.rooms.renew("room")
        await world.quiet()
        assert "room" not in world.node.rooms


def test_whenever_it_comes_each_sees_each_event_once_and_in_order() -> None:
    @settings(max_examples=30)
    @given(seed=st.integers(0, 10**9), commit_s=st.sampled_from([0.0, 0.05, 0.4]))
    def check(seed: int, commit_s: float) -> None:
        trio.run(sees_all, seed, commit_s, clock=MockClock(autojump_threshold=0))

    check()


async def sees_all(seed: int, commit_s: float) -> None:
    dice = random.Random(seed)  # noqa: S311 - a test
    async with open_campaigning("ann", commit_s=commit_s) as node:
        node.room_of("ann")
        ann = [await node.world.connect("ann") for _ in range(2)]
        for number in range(12):
            if dice.random() < 0.3:
                node.world.nursery.start_soon(node.campaign)
            else:
                node.send(dice.choice(ann), str(number))
            await trio.sleep(dice.choice([0, 0.01, 0.3, 1.1]))
        await trio.sleep(20)
        there = [event.seq for event in node.world.store.rooms[1].events]
        for session in ann:
            assert session.events() == there
        acked = [ack.id for session in ann for ack in session.of(Ack)]
        assert len(acked) == len(set(acked))


def test_whom_a_node_looks_after_is_forgotten_with_his_room():
    audience = CampaignAudience(service=None, sessions=None, rooms=None, requests=None)
    audience._active["r"] = [1, 2]
    audience._count.update([1, 2])
    audience.rested("r")
    audience.rested("r")
    assert not audience._count and not audience._active


async def test_sessions_know_who_is_here_by_number(autojump_clock):
    async with open_world() as world:
        world.add_people("ann")
        first, second = await world.connect("ann"), await world.connect("ann")
        first.close(1000, "bye")
        assert world.node.sessions.has(1)
        second.close(1000, "bye")
        assert not world.node.sessions.has(1)
