"""What a client knows of its unread, from what it was sent alone, is what a fresh one is told."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest
import trio
from msgspec import UNSET
from trio.testing import MockClock as Clock
from world import ROOM, FakeSession, World, open_world

from actors.records import ThreadKey
from actors.rules.changing import Restore
from protocol.events import Event, Message
from protocol.frames import Delete, Room, RoomSummary, Unread

PEOPLE = ("ann", "bob", "cyd")
ALL = {"@all"}


@dataclass
class Count:
    """What a server said of one subject, and what a client adds to it."""

    unread: int = 0
    mentions: int = 0
    cursor: int = 0
    upto: int = 0  # as of this event; later messages are counted here
    later: list[tuple[int, bool, bool]] = field(default_factory=list)  # seq, counts, mentions

    def said(self, frame: Unread | RoomSummary, cursor: int) -> None:
        if cursor < self.cursor or frame.last_seq < self.upto:
            return
        self.unread, self.mentions = frame.unread, frame.mentions
        self.cursor, self.upto = cursor, frame.last_seq
        self.later = [entry for entry in self.later if entry[0] > self.upto]

    def own(self, seq: int) -> None:
        if seq > self.upto:
            self.unread = self.mentions = 0
            self.cursor = self.upto = seq
            self.later.clear()

    def message(self, seq: int, *, counts: bool, meant: bool) -> None:
        if seq > self.upto:
            self.later.append((seq, counts, meant))

    def now(self) -> tuple[int, int]:
        counts = sum(counts for _, counts, _ in self.later)
        return self.unread + counts, self.mentions + sum(meant for _, _, meant in self.later)


class Client:
    """One member's device, written from the contract alone."""

    def __init__(self, world: World, name: str, session: FakeSession) -> None:
        self.world, self.name = world, name
        self.room, self.seq = Count(), 0
        self.marked: object = UNSET
        self.threads: dict[int, Count] = {}
        self.arrive(session)

    def arrive(self, session: FakeSession) -> None:
        self.session, self.taken = session, 0
        summary = session.summaries[0]
        self.room = Count()
        self.room.said(summary, summary.read_seq)
        self.marked = summary.marked

    async def load(self, root: int) -> None:
        """What `GET …/threads` says of one thread."""
        room = self.world.store.rooms[1]
        last = len(room.events)
        key = ThreadKey(1, root, self.world.numbers[self.name], last, 0)
        found = (await self.world.events.thread_counts([key]))[key]
        self.threads[root] = Count(found.unread, found.mentions, found.read_seq, last)

    async def follow(self) -> None:
        """Take in what has come since."""
        frames = self.session.frames
        while self.taken < len(frames):
            frame = frames[self.taken]
            self.taken += 1
            if isinstance(frame, Message) and frame.seq > self.seq:
                await self._message(frame)
            elif isinstance(frame, Room):
                self.room.said(frame, frame.read_seq)
                self.marked = frame.marked
            elif isinstance(frame, Unread):
                self._unread(frame)
            if isinstance(frame, Event):
                self.seq = max(self.seq, frame.seq)

    async def _message(self, frame: Message) -> None:
        mine, root = frame.sender == self.name, frame.thread
        meant = not ALL.union([self.name]).isdisjoint(frame.mentions or [])
        if mine:
            self.room.own(frame.seq)
            self.marked = UNSET
        else:
            self.room.message(frame.seq, counts=root is UNSET, meant=meant)
        if root is UNSET:
            if mine:
                self.threads[frame.seq] = Count(0, 0, 0, frame.seq)
            return
        if root not in self.threads:
            if mine or self.name in (frame.mentions or []):
                await self.load(root)  # one takes part from here on
        elif mine:
            self.threads[root].own(frame.seq)
        else:
            self.threads[root].message(frame.seq, counts=True, meant=meant)

    def _unread(self, frame: Unread) -> None:
        if frame.thread is UNSET:
            self.room.said(frame, frame.upto)
            self.marked = frame.marked
        elif frame.thread in self.threads:
            self.threads[frame.thread].said(frame, frame.upto)


def act(client: Client, chance: random.Random, step: int, *, last: int) -> None:
    session, seq = client.session, chance.randint(1, max(last, 1))
    match chance.randint(0, 9):
        case 0 | 1:
            session.send(f"s{step}", mentions=_mentioned(chance))
        case 2 | 3:
            session.send(f"t{step}", thread=chance.randint(1, 4), mentions=_mentioned(chance))
        case 4:
            session.read(seq)
        case 5:
            session.read(seq, thread=chance.randint(1, 4))
        case 6:
            session.mark(chance.choice([0, seq, seq]))
        case 7 | 8:
            session.change(Delete(room=ROOM, seq=seq))
        case _:
            session.change(Restore(ROOM, seq))


def _mentioned(chance: random.Random) -> list[str] | None:
    return chance.choice([None, None, ["ann"], ["bob", "cyd"], ["@all"]])


@pytest.mark.parametrize("seed", range(30))
async def test_what_a_client_counts_is_what_a_fresh_one_is_told(
    autojump_clock: Clock, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311
    async with open_world(commit_s=chance.choice([0.0, 0.05])) as world:
        world.add_people(*PEOPLE)
        world.add_room(*PEOPLE)
        for member in world.store.rooms[1].members.values():
            member.role = "owner"
        clients = [Client(world, name, await world.connect(name)) for name in PEOPLE]
        for number in range(4):
            clients[number % 3].session.send(f"root{number}")
            await world.quiet()
        for step in range(90):
            client = chance.choice(clients)
            act(client, chance, step, last=len(world.store.rooms[1].events))
            if chance.random() < 0.4:
                await trio.sleep(chance.choice([0.01, 0.1, 0.3]))
                await chance.choice(clients).follow()
            if chance.random() < 0.05:
                await _come_back(world, client)
            if step % 6 == 5:
                await _compare_all(world, clients)


async def _compare_all(world: World, clients: list[Client]) -> None:
    await trio.sleep(2)
    for client in clients:
        await client.follow()
        await _compare(world, client)


async def _come_back(world: World, client: Client) -> None:
    await client.follow()
    client.session.close(1001, "gone")  # type: ignore[arg-type]
    client.arrive(await world.connect(client.name, {ROOM: client.seq}))
    for root in list(client.threads):
        await client.load(root)


async def _compare(world: World, client: Client) -> None:
    session = await world.connect(client.name)
    (fresh,) = session.summaries
    session.close(1001, "seen")  # type: ignore[arg-type]
    assert client.room.now() == (fresh.unread, fresh.mentions), client.name
    assert client.marked == fresh.marked
    room, number = world.store.rooms[1], world.numbers[client.name]
    mine = [root for root in range(1, 5) if number in room.participants(root)]
    assert sorted(client.threads) == [*mine, *(r for r in client.threads if r > 4)]
    for root in mine:
        key = ThreadKey(1, root, number, len(room.events), 0)
        count = (await world.events.thread_counts([key]))[key]
        assert client.threads[root].now() == (count.unread, count.mentions), (client.name, root)
