"""Whatever happens, what a client made of live events is what a fresh client is given.

Four people do everything there is, at once and one after another, go away and come back. In the
end each one's rooms (kept by the client that comes with the protocol) equal a fresh summary, and
the page that he loaded at some time, with the live events since, equals a fresh page.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs
from test_room_changes import applied
from trio.testing import MockClock
from world import ROOM, FakeSession, World, is_in, open_world

from actors import room_state
from actors.ports import OutcomeUnknown
from actors.records import PageQuery, PageResult
from actors.requests import Caller
from actors.rules.changing import Restore
from actors.rules.event_frames import RoomExtra
from protocol.client.core import Core
from protocol.client.record import Record, decode
from protocol.codec import MSGPACK
from protocol.errors import ProtocolError
from protocol.events import Event, Listed, Message
from protocol.frames import Delete, Edit, Pin, React, Room, RoomGone, Welcome
from protocol.ids import SessionId, UserId

NAMES = ("ann", "bob", "cat", "dan")


class Device:
    """One person's client: his rooms, and one page of ROOM kept fresh by live events."""

    def __init__(self, world: World, name: str) -> None:
        self.world, self.name = world, name
        self.session: FakeSession | None = None
        self.core = Core(
            token="t",
            device=None,
            listen=True,
            chance=lambda: 0.5,
            most_events=10**6,
            most_sends=1,
        )
        self.view: dict[int, Listed] | None = None
        self.upto = self.taken = 0

    @property
    def me(self) -> str:
        """How the room names this person."""
        room = self.world.store.rooms[1]
        return self.world.store.named(room, self.world.numbers[self.name])

    async def connect(self) -> None:
        resume = None if self.view is None else {ROOM: self.upto}
        self.session = await self.world.connect(self.name, resume)
        self.taken = 0
        self.core.opened()
        self.core.next_payload(0)
        rooms = [structs.replace(room) for room in self.session.summaries]
        welcome = Welcome(
            user=UserId(self.name),
            session=SessionId("s"),
            time=0,
            ping_ms=1,
            max_frame=1,
            features=[],
            rooms=rooms,
        )
        self.core.received(MSGPACK.encode(welcome), 0)
        if not rooms:
            self.view = None
        elif self.view is None:
            await self.load()

    async def come_back(self) -> None:
        """Connect, unless connected."""
        if self.session is None:
            await self.connect()

    async def load(self) -> None:
        """The newest page, as of some seq."""
        query = PageQuery(ROOM, self.world.numbers[self.name], None, None, 200, None)
        found = await self.world.node.page(query)
        if isinstance(found, PageResult):
            self.view, self.upto = {each.seq: each for each in found.events}, found.upto

    async def take(self) -> None:
        """Everything that came since."""
        if self.session is None:
            return
        while self.taken < len(self.session.frames):
            frame = self.session.frames[self.taken]
            self.taken += 1
            self.core.received(MSGPACK.encode(frame), 0)
            if isinstance(frame, RoomGone):
                self.view = None
            elif isinstance(frame, Room) and self.view is None:
                await self.load()
            elif isinstance(frame, Event) and self.view is not None and frame.seq > self.upto:
                assert frame.seq == self.upto + 1
                self._apply(frame)
                self.upto = frame.seq

    def _apply(self, event: Event) -> None:
        assert self.view is not None
        if isinstance(event, Message) or getattr(event, "of", None) is not None:
            messages = {s: each for s, each in self.view.items() if isinstance(each, Message)}
            applied(messages, event, self.me)
            self.view.update(messages)
        else:
            self.view[event.seq] = event  # type: ignore[assignment]

    async def leave(self) -> None:
        """The connection is lost; what had come by then is known."""
        await self.take()
        if self.session is not None:
            self.session.close(1001, "gone")  # type: ignore[arg-type]
            self.core.lost(1006, "gone", 0)
            self.session = None


def fresh_rooms(world: World, name: str) -> dict[str, Record]:
    """What a client that connects now is told."""
    room, number = world.store.rooms[1], world.numbers[name]
    if not is_in(room, number):
        return {}
    frame = decode(MSGPACK.encode(Room(**structs.asdict(world.in_full(room, number)))))
    frame.pop("t")
    return {ROOM: frame}


def told(summary: Record) -> Record:
    """A message that nobody deleted says so in a page; when it comes it need not."""
    last = summary.last_message
    return Record(summary, last_message=Record({"deleted": False} | last)) if last else summary


def caller(world: World, name: str) -> Caller:
    return Caller(world.numbers[name], UserId(name), name, "user")


SEQ = st.integers(1, 12)
WHO = st.sampled_from(NAMES)
STEPS = st.one_of(
    st.tuples(st.just("send"), st.sampled_from([None, "@all", *NAMES])),
    st.tuples(st.just("files"), st.integers(1, 3)),
    st.tuples(st.just("reply"), SEQ),
    st.tuples(st.just("thread"), SEQ),
    st.tuples(st.just("edit"), SEQ),
    st.tuples(st.just("delete"), SEQ),
    st.tuples(st.just("restore"), SEQ),
    st.tuples(st.just("react"), st.tuples(SEQ, st.sampled_from("ab"), st.booleans())),
    st.tuples(st.just("pin"), st.tuples(SEQ, st.booleans())),
    st.tuples(st.just("read"), st.integers(1, 30)),
    st.tuples(st.just("mark"), st.integers(0, 12)),
    st.tuples(st.just("add"), WHO),
    st.tuples(st.just("remove"), WHO),
    st.tuples(st.just("join"), st.none()),
    st.tuples(st.just("role"), st.tuples(WHO, st.sampled_from(["admin", "member", "guest"]))),
    st.tuples(st.just("rename"), st.sampled_from(["뜰", "마당"])),
    st.tuples(st.just("archive"), st.booleans()),
    st.tuples(st.just("post"), st.sampled_from(["guest", "admin"])),
    st.tuples(st.just("metadata"), st.sampled_from([{}, {"topic": "봄"}])),
    st.tuples(st.just("away"), st.none()),
    st.tuples(st.just("back"), st.none()),
    st.tuples(st.just("lose"), st.none()),
    st.tuples(st.just("rest"), st.none()),
)
SCRIPT = st.lists(st.tuples(WHO, STEPS), min_size=5, max_size=60)


class Play:
    """Plays a script."""

    def __init__(self, world: World) -> None:
        self.world, self.number = world, 0
        self.devices = {name: Device(world, name) for name in NAMES}

    async def step(self, name: str, act: str, what: Any) -> None:
        device, self.number = self.devices[name], self.number + 1
        if act == "away":
            await device.leave()
        elif act == "back":
            await device.come_back()
        elif act == "lose":
            self.world.journal.lose_next = [OutcomeUnknown("x")]
        elif act == "rest":
            await trio.sleep(0.3)
        elif act in ("add", "remove", "join", "role", "rename", "archive", "post", "metadata"):
            self.world.nursery.start_soon(self.ask, name, act, what)
        elif device.session is not None:
            self.say(device.session, act, what)

    def say(self, session: FakeSession, act: str, what: Any) -> None:
        if act == "files":
            self.send(session, files=self.files(session.user_id, what))
            return
        says: dict[str, Callable[[], None]] = {
            "send": partial(self.send, session, mentions=[self.named(what)] if what else None),
            "reply": partial(self.send, session, reply_to=what),
            "thread": partial(self.send, session, thread=what),
            "edit": lambda: session.change(Edit(room=ROOM, seq=what, body=f"e{self.number}")),
            "delete": lambda: session.change(Delete(room=ROOM, seq=what)),
            "restore": lambda: session.change(Restore(ROOM, what)),
            "react": lambda: session.change(
                React(room=ROOM, seq=what[0], emoji=what[1], on=what[2])
            ),
            "pin": lambda: session.change(Pin(room=ROOM, seq=what[0], on=what[1])),
            "read": lambda: session.read(what),
            "mark": lambda: session.mark(what),
        }
        says[act]()

    def send(self, session: FakeSession, **fields: object) -> None:
        session.send(f"n{self.number}", f"said {self.number}", **fields)

    def files(self, owner: str, count: int) -> list[str]:
        names = [f"f{self.number}-{place}" for place in range(count)]
        return [self.world.add_file(owner, name, "image").id for name in names]

    def named(self, name: str) -> str:
        if name not in self.world.numbers:
            return name
        return self.world.store.named(self.world.store.rooms[1], self.world.numbers[name])

    async def ask(self, name: str, act: str, what: Any) -> None:
        requests, who = self.world.requests, caller(self.world, name)
        asks: dict[str, Callable[[], Any]] = {
            "add": lambda: requests.add_member(who, ROOM, UserId(what)),
            "remove": lambda: requests.remove_member(who, ROOM, self.named(what)),
            "join": lambda: requests.join(who, ROOM),
            "role": lambda: requests.change_role(who, ROOM, self.named(what[0]), what[1]),
            "rename": lambda: requests.change_room(who, ROOM, RoomExtra(name=what)),
            "archive": lambda: requests.change_room(who, ROOM, RoomExtra(archived=what)),
            "post": lambda: requests.change_room(who, ROOM, RoomExtra(post=what)),
            "metadata": lambda: requests.change_room(who, ROOM, RoomExtra(metadata=what)),
        }
        with suppress(ProtocolError):
            await asks[act]()

    async def end(self) -> None:
        """Everybody is there, everything has come: compare."""
        await trio.sleep(5)
        for device in self.devices.values():
            await device.come_back()
        await trio.sleep(10)
        for name, device in self.devices.items():
            await device.take()
            rooms = {room: told(summary) for room, summary in device.core.rooms.items()}
            assert rooms == fresh_rooms(self.world, name), name
            seen, upto = device.view, device.upto
            device.view = None
            await device.load()
            assert (seen, upto if seen else 0) == (device.view, device.upto if seen else 0), name


async def played(script: list[Any], *, blind: bool, commit_s: float) -> None:
    async with open_world(commit_s=commit_s) as world:
        world.summarise = world.in_full
        world.add_people(*NAMES)
        if blind:
            world.add_room(*NAMES, kind="matching", blind=True)
        else:
            world.add_room(*NAMES[:3])
        play = Play(world)
        for device in play.devices.values():
            await device.connect()
        for name, (act, what) in script:
            await play.step(name, act, what)
        await play.end()


@pytest.mark.parametrize("most", [2, 200])
@settings(max_examples=120)
@given(SCRIPT, st.booleans(), st.sampled_from([0.0, 0.05]))
def test_live_events_and_a_fresh_look_agree(
    most: int, script: list[Any], blind: bool, commit_s: float
) -> None:
    """Also where a room of more than two is a crowd."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(room_state, "CURSORS_MOST", most)
        trio.run(
            partial(played, script, blind=blind, commit_s=commit_s),
            clock=MockClock(autojump_threshold=0),
        )
