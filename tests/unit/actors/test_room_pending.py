"""Changes that meet others of the same message which are still on their way to the store."""

from __future__ import annotations

import pytest
import trio
from msgspec import structs
from test_room_changes import delete, edit, oks, page, react, restore, said
from trio.testing import MockClock as Clock
from world import World, open_world

from actors.ports import OutcomeUnknown, StoreUnavailable
from actors.records import EventKind
from protocol.events import MessageUpdated
from protocol.frames import Unread
from protocol.limits import EMOJI_KINDS


def kinds_of(world: World, seq: int) -> int:
    changes = world.store.rooms[1].changes[seq]
    return len({c.extra for c in changes if c.kind is EventKind.REACTION})


async def test_a_restore_waits_for_what_is_on_its_way(autojump_clock: Clock) -> None:
    async with open_world(commit_s=1) as world:
        ann, bob = await said(world, "hi")
        await trio.sleep(3)
        bob.change(edit(1, "ho"))
        ann.change(delete(1))
        ann.change(restore(1))
        bob.change(edit(1, "hu"))
        await trio.sleep(10)
        assert ann.errors() == bob.errors() == []
        assert (oks(bob), oks(ann)) == ([2, 5], [3, 4])
        assert (await page(world, "ann"))[0].body == "hu"


async def test_a_restore_that_waits_is_not_lost_with_its_flight(autojump_clock: Clock) -> None:
    for failure, errors in (
        (OutcomeUnknown("cut"), []),
        (StoreUnavailable("away"), ["unavailable"] * 2),
    ):
        async with open_world(commit_s=1) as world:
            ann, _ = await said(world, "hi")
            await trio.sleep(3)
            world.journal.fail_next.append(failure)
            ann.change(delete(1))
            ann.change(restore(1))
            await trio.sleep(10)
            assert ann.errors() == errors and oks(ann) == ([] if errors else [2, 3])
            ann.change(delete(1))
            await trio.sleep(5)
            assert oks(ann)[-1] == (2 if errors else 4), "the room goes on"


@pytest.mark.parametrize("frame", [delete(1), restore(1)])
async def test_counts_are_shown_after_an_unknown_outcome(
    autojump_clock: Clock, frame: object
) -> None:
    async with open_world() as world:
        ann, bob = await said(world, "one", "two")
        if frame == restore(1):
            ann.change(delete(1))
            await world.quiet()
        shown = len(ann.of(Unread))
        world.journal.lose_next.append(OutcomeUnknown("cut"))
        ann.change(frame)  # type: ignore[arg-type]
        await trio.sleep(5)
        assert [frame.unread for frame in ann.of(Unread)[shown:]] == [
            1 if frame == delete(1) else 2
        ]
        assert ann.of(Unread)[-1].last_seq == len(world.store.rooms[1].events)
        assert bob.of(Unread) == [], "he had read it all"


async def test_so_many_kinds_of_emoji_hold_in_any_order(autojump_clock: Clock) -> None:
    async with open_world(commit_s=1) as world:
        ann, bob = await said(world, "hi")
        await trio.sleep(3)
        for number in range(EMOJI_KINDS + 1):  # what they find in the store is nothing yet
            ann.change(react(1, f"e{number}", on=False))
        await trio.sleep(5)
        for number in range(EMOJI_KINDS + 1):
            ann.change(react(1, f"e{number}"))
        await trio.sleep(100)
        assert ann.errors() == ["invalid"] and kinds_of(world, 1) == EMOJI_KINDS
        ann.change(react(1, "e0", on=False))
        bob.change(react(1, "new"))
        bob.change(react(1, "newer"))
        ann.change(react(1, "e0"))
        await trio.sleep(100)
        assert bob.errors() == ["invalid"] and ann.errors() == ["invalid"] * 2


async def test_different_people_cannot_put_too_many_at_once(autojump_clock: Clock) -> None:
    async with open_world(commit_s=1) as world:
        ann, bob = await said(world, "hi")
        await trio.sleep(3)
        for number in range(EMOJI_KINDS):
            (ann if number % 2 else bob).change(react(1, f"e{number}"))
            (bob if number % 2 else ann).change(react(1, f"f{number}"))
        await trio.sleep(500)
        assert kinds_of(world, 1) == EMOJI_KINDS
        assert len(ann.errors() + bob.errors()) == EMOJI_KINDS


async def test_an_edit_that_changes_nothing_is_no_event(autojump_clock: Clock) -> None:
    async with open_world(commit_s=1) as world:
        ann, bob = await said(world, "hi")
        await trio.sleep(3)
        bob.change(edit(1, "hi"))
        bob.change(edit(1, "ho", rid=2))
        bob.change(edit(1, "ho", rid=3))
        await trio.sleep(5)
        assert sorted(filter(None, oks(bob))) == [2] and oks(bob).count(None) == 2
        assert len(ann.of(MessageUpdated)) == 1
        await trio.sleep(world.node.IDLE_S * 2)
        bob.change(edit(1, "ho"))
        await trio.sleep(3)
        assert oks(bob)[-1] is None, "a new incarnation asks the store"
        bob.change(delete(1))
        ann.change(restore(1))
        bob.change(edit(1, "ho"))
        bob.change(edit(1, "hi"))
        await trio.sleep(9)
        assert [type(e).__name__ for e in bob.frames if hasattr(e, "of")][1:] == [
            "MessageDeleted",
            "MessageRestored",
            "MessageUpdated",
        ]


async def test_an_edit_of_unknown_outcome_that_is_sent_again_is_one_event(
    autojump_clock: Clock,
) -> None:
    async with open_world() as world:
        ann, bob = await said(world, "hi")
        world.journal.lose_next.append(OutcomeUnknown("cut"))
        bob.change(edit(1, "ho"))
        bob.change(structs.replace(edit(1, "ho"), rid=2))
        await trio.sleep(5)
        assert sorted(oks(bob), key=str) == [2, None] and len(ann.of(MessageUpdated)) == 1


@pytest.mark.parametrize(
    "emoji", ["\u200b", "\u2060", "\ufeff", "\u202ex", "\x85", "\u3164", "x\u200b"]
)
async def test_what_cannot_be_seen_is_no_emoji(autojump_clock: Clock, emoji: str) -> None:
    async with open_world() as world:
        ann, _ = await said(world, "hi")
        ann.change(react(1, emoji))
        await world.quiet()
        assert ann.errors() == ["invalid"]


@pytest.mark.parametrize(
    "emoji", ["👩\u200d👩\u200d👧", "❤\ufe0f", "1\ufe0f\u20e3", "🏴\U000e0067\U000e007f", "+1"]
)
async def test_what_is_put_together_is_an_emoji(autojump_clock: Clock, emoji: str) -> None:
    async with open_world() as world:
        ann, _ = await said(world, "hi")
        ann.change(react(1, emoji))
        await world.quiet()
        assert oks(ann) == [2]
