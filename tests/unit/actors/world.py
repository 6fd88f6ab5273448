"""A whole node on virtual time: memory adapters, and sessions that write down what they get."""

from __future__ import annotations

from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Hashable,
    Iterable,
    Mapping,
    Sequence,
)
from contextlib import asynccontextmanager
from copy import deepcopy
from typing import TypeVar

import trio
import trio.testing
from msgspec import UNSET, structs
from remembering_log import RememberingLog

from actors.node import Node, Ports
from actors.ports import Claims, Standing
from actors.records import Attached, Claimed
from actors.room_commands import Change, MarkRead, Post, SetMark, Type
from actors.room_state import RoomState
from actors.rules.changing import ChangeFrame
from protocol.close import CloseCode
from protocol.events import Event, FileInfo
from protocol.fields import FileKind, RoomType
from protocol.frames import Ack, Error, MarkUnread, Read, RoomSummary, Send, ServerFrame, SetTyping
from protocol.ids import Millis, RoomId, SessionId, UserId
from protocol.limits import CURSORS_MOST
from server.memory.blocks import MemoryBlocks
from server.memory.events import MemoryEvents
from server.memory.files import MemoryFiles
from server.memory.journal import MemoryJournal, MemoryLog, MemoryRoom
from server.memory.notifications import MemoryNotifications
from server.memory.people import MemoryPeople
from server.memory.presences import MemoryPresences, Shared

F = TypeVar("F")
ROOM = RoomId("room")


class VirtualClock:
    def now_ms(self) -> Millis:
        return Millis(int(trio.current_time() * 1000))


class FakeSession:
    """One device. ``blocked`` makes it a slow reader."""

    def __init__(self, world: World, user: str, jti: str) -> None:
        self._world = world
        self.user_id, self.user_no = UserId(user), 0
        self.session_id = SessionId(jti)
        self.claims = Claims(self.user_id, jti, 0, 10**9)
        self.opened = self.gone = self.blocked = False
        self.changed: frozenset[RoomId] = frozenset()
        self.rooms: set[RoomId] = set()
        self.known_in: set[RoomId] = set()
        self.hidden = False
        self.admits_admins = True
        self.fit = 1000  # rooms its ``welcome`` has place for
        self.frames: list[ServerFrame] = []
        self.states: dict[Hashable, ServerFrame] = {}
        self.summaries: list[RoomSummary] = []
        self.closed: CloseCode | None = None

    def offer(self, frame: ServerFrame) -> None:
        self.frames.append(structs.replace(frame))

    def offer_state(self, key: Hashable, frame: ServerFrame) -> None:
        self.offer(frame)
        self.states[key] = frame

    def close(self, code: CloseCode, reason: str) -> None:
        if not self.gone:
            self.closed, self.gone = code, True
            self._world.node.arrivals.end(self)

    async def ready(self) -> None:
        while self.blocked and not self.gone:  # noqa: ASYNC110 - a test flips it
            await trio.sleep(0.1)

    def later(self, job: Callable[[], Awaitable[None]]) -> None:
        self._world.nursery.start_soon(job)

    @property
    def congested(self) -> bool:
        return self.blocked

    def admit(self, standing: Standing) -> None:
        self.user_no = standing.user_no

    def welcome(self, summaries: list[RoomSummary]) -> list[RoomSummary]:
        self.opened, self.summaries = True, summaries[: self.fit]
        self.frames.clear()
        return summaries[self.fit :]

    def of(self, kind: type[F]) -> list[F]:
        return [frame for frame in self.frames if isinstance(frame, kind)]

    def events(self) -> list[int]:
        return [frame.seq for frame in self.frames if isinstance(frame, Event)]

    def errors(self) -> list[str]:
        return [error.code for error in self.of(Error)]

    def acks(self) -> list[tuple[str, int, bool]]:
        return [(ack.id, ack.seq, ack.dup) for ack in self.of(Ack)]

    def send(self, client_id: str, body: str = "hi", **fields: object) -> None:
        frame = Send(room=ROOM, id=client_id, body=body, **fields)  # type: ignore[arg-type]
        self._world.node.rooms.tell(ROOM, Post(self, frame))

    def read(self, seq: int, rid: int | None = None, *, thread: int | None = None) -> None:
        frame = Read(room=ROOM, seq=seq, rid=rid, thread=thread)
        self._world.node.rooms.tell(ROOM, MarkRead(self, frame))

    def mark(self, seq: int | None, rid: int | None = None) -> None:
        frame = MarkUnread(room=ROOM, seq=seq, rid=rid)
        self._world.node.rooms.tell(ROOM, SetMark(self, frame))

    def change(self, frame: ChangeFrame) -> None:
        self._world.node.rooms.tell(ROOM, Change(self, frame))

    def type(self) -> None:
        self._world.node.rooms.tell(ROOM, Type(self, SetTyping(room=ROOM, on=True)))


class World:
    """The node and everything outside it."""

    def __init__(self, nursery: trio.Nursery, commit_s: float) -> None:
        self.nursery, self.log = nursery, RememberingLog()
        self.store = MemoryLog()
        self.journal = MemoryJournal(self.store, commit_s=commit_s)
        self.blocks = MemoryBlocks(self.store)
        shared: Shared = {}
        self.presences = MemoryPresences(shared, node="node")
        self.other_node = MemoryPresences(shared, node="other")
        self.notifications = MemoryNotifications()
        self.events = MemoryEvents(self.store)
        self.files = MemoryFiles(self.store)
        self.people = MemoryPeople(
            rooms_of=self._rooms_of, blocks_of=self.blocks.of, summaries=self._summaries
        )
        self.numbers: dict[str, int] = {}
        self.summarise = self._in_brief
        ports = Ports(
            self.journal,
            self.events,
            self.files,
            self.people,
            self.blocks,
            self.presences,
            self.notifications,
            self._fan_out,
            VirtualClock(),
            lambda: None,
        )
        self.node = Node(ports, log=self.log)
        self.requests = self.node.requests

    def add_people(self, *names: str) -> None:
        for name in names:
            number = self.people.add(UserId(name)).user_no
            self.numbers[name] = number
            self.store.add_user(number, UserId(name))

    def add_file(self, owner: str, file: str, kind: FileKind = "image") -> FileInfo:
        """A file that *owner* has uploaded."""
        info = FileInfo(id=file, name=f"{owner}-{file}.x", type="x/y", size=7, kind=kind)
        attached = Attached(len(self.store.files) + 1, info)
        self.store.files[file] = (self.numbers[owner], attached)
        return info

    def add_room(
        self, *members: str, kind: RoomType = "team", room: str = ROOM, blind: bool = False
    ) -> None:
        """With *blind* user 1 goes by ``mask-{room}-1``, and so on."""
        summary = RoomSummary(
            id=room,
            type=kind,
            name="",
            mode="blind" if blind else "open",
            me="",
            last_seq=0,
            read_seq=0,
            unread=0,
            mentions=0,
        )
        names = {self.numbers[name]: f"mask-{room}-{self.numbers[name]}" for name in members}
        roles = {self.numbers[name]: "member" for name in members}
        roles[self.numbers[members[0]]] = "owner" if kind == "team" else "member"
        names = names if blind else {}
        self.store.add_room(len(self.store.rooms) + 1, summary, roles, names)  # type: ignore[arg-type]

    async def connect(self, user: str, resume: Mapping[str, int] | None = None) -> FakeSession:
        jti = f"{user}-{len(self.node.sessions.holders(UserId(user), None))}-{id(object())}"
        session = FakeSession(self, user, jti)
        self.node.arrivals.begin(session, resume or {})
        await self.quiet()
        return session

    async def quiet(self) -> None:
        """Let everything that can happen without time passing happen, then a second pass."""
        await trio.sleep(0.2)

    def _rooms_of(self, user: UserId) -> frozenset[RoomId]:
        return frozenset(RoomId(room.id) for room in self._mine(user) if room.mode == "open")

    async def _summaries(self, users: Sequence[UserId]) -> Mapping[UserId, list[RoomSummary]]:
        return {user: self._mine(user) for user in users}

    def _mine(self, user: UserId) -> list[RoomSummary]:
        number = self.numbers.get(user, 0)
        rooms = [room for room in self.store.rooms.values() if is_in(room, number)]
        return [self.summarise(room, number) for room in rooms]

    def _in_brief(self, room: MemoryRoom, number: int) -> RoomSummary:
        """As far as most tests look: rooms of thousands cost no time."""
        member, last = room.members[number], len(room.events)
        return structs.replace(
            room.summary,
            me=self.store.named(room, number),
            crowded=sum(each.active for each in room.members.values()) > CURSORS_MOST,
            last_seq=last,
            read_seq=member.read_seq,
            unread=room.unread(number),
            mentions=room.mentioned(number, member.counted_from, last),
            marked=member.marked or UNSET,
        )

    def in_full(self, room: MemoryRoom, number: int) -> RoomSummary:
        """As a claim of *room* would make it."""
        state = RoomState(as_claimed(self.store, room))
        frame = state.room_frame(state.members[number], state.durable.seq, now=0)
        return RoomSummary(**structs.asdict(frame))

    @staticmethod
    def _fan_out(
        sessions: Iterable[FakeSession], frame: ServerFrame, key: Hashable | None = None
    ) -> None:
        for session in sessions:
            if key is None:
                session.offer(frame)
            else:
                session.offer_state(key, frame)


def is_in(room: MemoryRoom, number: int) -> bool:
    member = room.members.get(number)
    return member is not None and member.active


def as_claimed(store: MemoryLog, room: MemoryRoom) -> Claimed:
    """The room as a claim would find it now; nobody loses it by that."""
    return MemoryJournal(store)._claimed(deepcopy(room), 300)


@asynccontextmanager
async def open_world(*, commit_s: float = 0.0) -> AsyncIterator[World]:
    async with trio.open_nursery() as nursery:
        world = World(nursery, commit_s)
        await nursery.start(world.node.run)
        yield world
        nursery.cancel_scope.cancel()
