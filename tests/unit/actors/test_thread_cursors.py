"""Reading threads, through the room's actor."""

from __future__ import annotations

import pytest
import trio
from msgspec import UNSET
from trio.testing import MockClock as Clock
from world import ROOM, FakeSession, World, open_world

from actors.ports import OutcomeUnknown, StoreUnavailable
from actors.requests import Caller
from actors.rules.changing import Restore
from protocol.frames import Delete, Ok, Read, Receipt, Unread
from protocol.ids import UserId


async def talked(world: World) -> tuple[FakeSession, FakeSession, FakeSession]:
    """ann wrote the root 1, bob replied with 2 and 3; cyd only looks on."""
    world.add_people("ann", "bob", "cyd", "eve")
    world.add_room("ann", "bob", "cyd")
    ann, bob, cyd = [await world.connect(name) for name in ("ann", "bob", "cyd")]
    ann.send("1")
    await world.quiet()
    bob.send("2", thread=1)
    bob.send("3", thread=1)
    await world.quiet()
    return ann, bob, cyd


def counts(session: FakeSession) -> list[tuple[int, int, int]]:
    """(unread, cursor, as of) of each frame about the thread."""
    return [(f.unread, f.upto, f.last_seq) for f in session.of(Unread) if f.thread == 1]


async def test_reading_a_thread_moves_its_cursor_alone(autojump_clock: Clock) -> None:
    async with open_world() as world:
        ann, bob, _ = await talked(world)
        phone = await world.connect("ann")
        ann.read(2, rid=1, thread=1)
        await world.quiet()
        assert counts(ann) == counts(phone) == [(1, 2, 3)] and len(ann.of(Ok)) == 1
        assert not ann.of(Receipt) and not bob.of(Receipt) and not counts(bob)
        ann.read(3, thread=1)
        await world.quiet()
        assert counts(ann) == [(1, 2, 3), (0, 3, 3)]
        assert world.store.rooms[1].members[world.numbers["ann"]].read_seq == 1


async def test_what_changes_no_count_is_confirmed_and_told_to_nobody(autojump_clock: Clock) -> None:
    async with open_world() as world:
        ann, bob, _ = await talked(world)
        for rid, seq in enumerate((3, 3, 2), 1):
            ann.read(seq, rid, thread=1)
            await world.quiet()
        bob.read(3, rid=9, thread=1)
        await world.quiet()
        assert counts(ann) == [(0, 3, 3)] and [ok.rid for ok in ann.of(Ok)] == [1, 2, 3]
        assert not counts(bob) and [ok.rid for ok in bob.of(Ok)] == [9], "he wrote last himself"


async def test_a_message_is_told_of_to_nobody(autojump_clock: Clock) -> None:
    async with open_world() as world:
        ann, bob, cyd = await talked(world)
        ann.send("4", thread=1)
        await world.quiet()
        assert not any(counts(session) for session in (ann, bob, cyd))
        ann.read(4, rid=1, thread=1)
        await world.quiet()
        assert not counts(ann) and len(ann.of(Ok)) == 1


@pytest.mark.parametrize(
    ("who", "seq", "root", "code"),
    [
        ("ann", 9, 1, "invalid"),
        ("ann", 2, 2, "invalid"),
        ("ann", 2, 9, "invalid"),
        ("eve", 2, 1, "not_found"),
    ],
)
async def test_what_names_no_thread_is_refused(
    autojump_clock: Clock, who: str, seq: int, root: int, code: str
) -> None:
    async with open_world() as world:
        ann, _, _ = await talked(world)
        asker = ann if who == "ann" else await world.connect(who)
        asker.read(seq, 1, thread=root)
        await world.quiet()
        assert asker.errors() == [code] and not world.store.rooms[1].thread_cursors


async def test_one_who_left_reads_no_thread(autojump_clock: Clock) -> None:
    async with open_world() as world:
        _, bob, _ = await talked(world)
        caller = Caller(world.numbers["bob"], UserId("bob"), "bob", "user")
        await world.requests.remove_member(caller, ROOM, UserId("bob"))
        bob.read(3, 1, thread=1)
        await world.quiet()
        assert bob.errors() == ["not_member"]


async def test_a_deletion_is_told_to_those_who_take_part(
    autojump_clock: Clock,
) -> None:
    async with open_world() as world:
        ann, bob, cyd = await talked(world)
        bob.change(Delete(room=ROOM, seq=2))
        await world.quiet()
        assert counts(ann) == [(1, 0, 4)] and counts(bob) and not counts(cyd)
        ann.read(4, thread=1)
        await world.quiet()
        ann.change(Restore(ROOM, 2))
        bob.change(Delete(room=ROOM, seq=3))
        await world.quiet()
        told = counts(ann)[1:]
        assert {(unread, upto) for unread, upto, _ in told} == {(0, 4)}, "both below the cursor"
        assert told[-1][2] == 6


async def test_who_is_mentioned_takes_part(autojump_clock: Clock) -> None:
    async with open_world() as world:
        _, bob, cyd = await talked(world)
        bob.send("4", thread=1, mentions=["cyd"])
        await world.quiet()
        bob.change(Delete(room=ROOM, seq=2))
        await world.quiet()
        (frame,) = [f for f in cyd.of(Unread) if f.thread is not UNSET]
        assert (frame.thread, frame.unread, frame.mentions) == (1, 2, 1)


async def test_cursors_outlast_the_incarnation(autojump_clock: Clock) -> None:
    async with open_world() as world:
        ann, bob, _ = await talked(world)
        ann.read(2, thread=1)
        await trio.sleep(world.node.IDLE_S * 2)
        assert len(world.node.rooms) == 0
        ann.read(1, 1, thread=1)
        bob.send("4", thread=1)
        await world.quiet()
        ann.read(3, 2, thread=1)
        await world.quiet()
        assert counts(ann) == [(1, 2, 3), (1, 3, 4)] and len(ann.of(Ok)) == 2


@pytest.mark.parametrize("stored", [True, False])
async def test_a_cursor_of_unknown_outcome_is_confirmed_once(
    autojump_clock: Clock, *, stored: bool
) -> None:
    async with open_world() as world:
        ann, _, _ = await talked(world)
        failures = world.journal.lose_next if stored else world.journal.fail_next
        failures.append(OutcomeUnknown("cut"))
        ann.read(3, 1, thread=1)
        await trio.sleep(5)
        assert len(ann.of(Ok)) == 1 and not ann.errors()
        assert world.store.rooms[1].thread_cursors == {(1, 1): 3}


async def test_without_a_store_nothing_is_confirmed(autojump_clock: Clock) -> None:
    async with open_world() as world:
        ann, _, _ = await talked(world)
        world.journal.away = StoreUnavailable("away")
        ann.read(3, 1, thread=1)
        await trio.sleep(1)
        assert ann.errors() == ["unavailable"] and not ann.of(Ok)


async def test_http_reads_the_same(autojump_clock: Clock) -> None:
    async with open_world() as world:
        ann, _, _ = await talked(world)
        caller = Caller(world.numbers["ann"], UserId("ann"), "ann", "user")
        await world.requests.read(caller, Read(room=ROOM, seq=3, thread=1))
        await world.quiet()
        assert counts(ann) == [(0, 3, 3)] and not ann.of(Ok)
