"""'Mark unread from here', through the room's actor."""

from __future__ import annotations

import pytest
import trio
from msgspec import UNSET
from trio.testing import MockClock as Clock
from world import ROOM, FakeSession, World, open_world

from actors.ports import OutcomeUnknown, StoreUnavailable
from actors.requests import Caller
from actors.rules.changing import Restore
from protocol.frames import Delete, MarkUnread, Ok, Receipt, Unread
from protocol.ids import UserId
from protocol.limits import MARK_BACK_MOST


async def talked(world: World) -> tuple[FakeSession, FakeSession]:
    """bob said 1, 2, 4 and 5, ann 3; ann has read it all."""
    world.add_people("ann", "bob", "eve")
    world.add_room("ann", "bob")
    ann, bob = await world.connect("ann"), await world.connect("bob")
    for number in range(1, 6):
        (ann if number == 3 else bob).send(str(number), mentions=["ann"] if number == 2 else None)
        await world.quiet()
    ann.read(5)
    await world.quiet()
    return ann, bob


def told(session: FakeSession) -> tuple[int, int, int, object]:
    """(unread, mentions, cursor, mark) of the last count."""
    last = session.of(Unread)[-1]
    return last.unread, last.mentions, last.upto, last.marked


async def fresh(world: World) -> tuple[int, int, int, object]:
    summary = (await world.connect("ann")).summaries[0]
    return summary.unread, summary.mentions, summary.read_seq, summary.marked


async def test_a_mark_counts_from_there_and_moves_no_cursor(autojump_clock: Clock) -> None:
    async with open_world() as world:
        ann, bob = await talked(world)
        phone = await world.connect("ann")
        before = len(bob.frames)
        ann.mark(2, rid=7)
        await world.quiet()
        assert told(ann) == told(phone) == await fresh(world) == (3, 1, 5, 2)
        assert [ok.rid for ok in ann.of(Ok)] == [7] and len(bob.frames) == before
        bob.send("6")
        await world.quiet()
        assert await fresh(world) == (4, 1, 5, 2)
        ann.mark(None, rid=8)
        await world.quiet()
        assert told(ann) == await fresh(world) == (1, 0, 5, UNSET)
        assert [ok.rid for ok in ann.of(Ok)] == [7, 8]


@pytest.mark.parametrize("seq", [2, 3, 5])
async def test_reading_at_or_above_it_ends_it(autojump_clock: Clock, seq: int) -> None:
    async with open_world() as world:
        ann, bob = await talked(world)
        receipts = len(bob.of(Receipt))
        ann.mark(2)
        await world.quiet()
        ann.read(1, 1)
        await world.quiet()
        assert told(ann) == (3, 1, 5, 2), "below it, it stands"
        ann.read(seq, 2)
        await world.quiet()
        assert told(ann) == await fresh(world) == (0, 0, 5, UNSET)
        assert [ok.rid for ok in ann.of(Ok)] == [1, 2]
        assert len(bob.of(Receipt)) == receipts, "no cursor moved"


async def test_a_message_of_one_s_own_ends_it(autojump_clock: Clock) -> None:
    async with open_world() as world:
        ann, bob = await talked(world)
        ann.mark(2)
        await world.quiet()
        bob.send("6")
        ann.send("7")
        await world.quiet()
        assert told(ann) == await fresh(world) == (0, 0, 7, UNSET)
        assert world.store.rooms[1].members[world.numbers["ann"]].marked == 0


async def test_the_last_word_of_one_batch_counts(autojump_clock: Clock) -> None:
    async with open_world(commit_s=1) as world:
        ann, _ = await talked(world)
        await trio.sleep(10)
        for steps in ("mr", "rm", "ms", "sm", "mrm", "msm"):
            for step in steps:
                match step:
                    case "m":
                        ann.mark(2)
                    case "r":
                        ann.read(5)
                    case _:
                        ann.send(steps)
            await trio.sleep(10)
            assert (told(ann)[3] == 2) is steps.endswith("m"), steps
            now = await fresh(world)
            assert (told(ann)[:2], told(ann)[3]) == (now[:2], now[3]), steps
            ann.mark(0)
            await trio.sleep(10)


async def test_a_mark_above_the_cursor_stands_while_reading_below_it(autojump_clock: Clock) -> None:
    async with open_world() as world:
        ann, bob = await talked(world)
        for number in range(6, 10):
            bob.send(str(number))
        await world.quiet()
        ann.mark(9)
        await world.quiet()
        assert told(ann) == (1, 0, 5, 9)
        ann.read(7)
        await world.quiet()
        assert await fresh(world) == (1, 0, 7, 9)
        ann.read(9)
        await world.quiet()
        assert told(ann) == await fresh(world) == (0, 0, 9, UNSET)


async def test_deletions_are_counted_from_the_mark(autojump_clock: Clock) -> None:
    async with open_world() as world:
        ann, bob = await talked(world)
        ann.mark(2)
        await world.quiet()
        bob.change(Delete(room=ROOM, seq=2))
        ann.change(Delete(room=ROOM, seq=3))
        bob.change(Delete(room=ROOM, seq=1))
        await world.quiet()
        assert told(ann) == await fresh(world) == (2, 0, 5, 2)
        ann.change(Restore(ROOM, 2))
        ann.change(Restore(ROOM, 3))
        await world.quiet()
        assert told(ann) == await fresh(world) == (3, 1, 5, 2)


async def test_marks_outlast_the_incarnation(autojump_clock: Clock) -> None:
    async with open_world() as world:
        ann, bob = await talked(world)
        ann.mark(2)
        await trio.sleep(world.node.IDLE_S * 2)
        assert len(world.node.rooms) == 0
        bob.send("6")
        await world.quiet()
        assert await fresh(world) == (4, 1, 5, 2)
        ann.read(6)
        await world.quiet()
        assert told(ann) == await fresh(world) == (0, 0, 6, UNSET)


@pytest.mark.parametrize(
    ("who", "seq", "code"),
    [("ann", 9, "invalid"), ("eve", 2, "not_found"), ("bob", 2, "not_member")],
)
async def test_what_cannot_be_marked_is_refused(
    autojump_clock: Clock, who: str, seq: int, code: str
) -> None:
    async with open_world() as world:
        ann, bob = await talked(world)
        if who == "bob":
            caller = Caller(world.numbers["bob"], UserId("bob"), "bob", "user")
            await world.requests.remove_member(caller, ROOM, UserId("bob"))
        asker = {"ann": ann, "bob": bob}.get(who) or await world.connect(who)
        asker.mark(seq, 1)
        await world.quiet()
        assert asker.errors() == [code]


async def test_a_mark_reaches_only_so_far_back(autojump_clock: Clock) -> None:
    async with open_world() as world:
        ann, bob = await talked(world)
        for number in range(6, MARK_BACK_MOST + 2):
            bob.send(str(number))
            if number % 200 == 0:
                await world.quiet()
        await world.quiet()
        ann.mark(1, 1)
        ann.mark(2, 2)
        await world.quiet()
        assert ann.errors() == ["invalid"] and [ok.rid for ok in ann.of(Ok)] == [2]


@pytest.mark.parametrize("stored", [True, False])
async def test_a_mark_of_unknown_outcome_is_there_once_it_is_confirmed(
    autojump_clock: Clock, *, stored: bool
) -> None:
    async with open_world() as world:
        ann, _ = await talked(world)
        failures = world.journal.lose_next if stored else world.journal.fail_next
        failures.append(OutcomeUnknown("cut"))
        ann.mark(2, 1)
        await trio.sleep(5)
        assert len(ann.of(Ok)) == 1 and not ann.errors()
        assert await fresh(world) == (3, 1, 5, 2)


async def test_without_a_store_there_is_no_mark(autojump_clock: Clock) -> None:
    async with open_world() as world:
        ann, _ = await talked(world)
        world.journal.away = StoreUnavailable("away")
        ann.mark(2, 1)
        await trio.sleep(1)
        assert ann.errors() == ["unavailable"] and not ann.of(Ok)


async def test_who_leaves_with_a_mark_comes_back_without(autojump_clock: Clock) -> None:
    async with open_world() as world:
        _, bob = await talked(world)
        bob.mark(3)
        await world.quiet()
        ann, away = [
            Caller(world.numbers[name], UserId(name), name, "user") for name in ("ann", "bob")
        ]
        await world.requests.remove_member(away, ROOM, UserId("bob"))
        await world.requests.add_member(ann, ROOM, UserId("bob"))
        await world.requests.mark_unread(ann, MarkUnread(room=ROOM, seq=1))
        await world.quiet()
        assert world.store.rooms[1].members[world.numbers["bob"]].marked == 0
        assert (await world.connect("bob")).summaries[0].marked is UNSET
