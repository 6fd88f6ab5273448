"""Edits, deletions, reactions and pins, through the room's actor."""

from __future__ import annotations

import random
from typing import Any

import pytest
import trio
from msgspec import UNSET, structs
from trio.testing import MockClock as Clock
from world import ROOM, FakeSession, World, open_world

from actors.ports import OutcomeUnknown, StoreUnavailable
from actors.records import PageQuery, PageResult
from actors.requests import Caller
from actors.room_commands import MarkRead
from actors.rules.changing import Restore
from protocol.errors import ErrorCode, ProtocolError
from protocol.events import (
    Event,
    Message,
    MessageDeleted,
    MessageRestored,
    MessageUpdated,
    Pinned,
    Reaction,
    Tally,
)
from protocol.frames import Delete, Edit, Ok, Pin, React, Read, Send, Unread
from protocol.ids import UserId
from protocol.limits import EMOJI_KINDS, RESTORE_WITHIN_S


def edit(seq: int, body: str, rid: int | None = 1) -> Edit:
    return Edit(room=ROOM, seq=seq, body=body, rid=rid)


def delete(seq: int, rid: int | None = 1) -> Delete:
    return Delete(room=ROOM, seq=seq, rid=rid)


def react(seq: int, emoji: str = "👍", *, on: bool = True, rid: int | None = 1) -> React:
    return React(room=ROOM, seq=seq, emoji=emoji, on=on, rid=rid)


def pin(seq: int, *, on: bool = True, rid: int | None = 1) -> Pin:
    return Pin(room=ROOM, seq=seq, on=on, rid=rid)


def restore(seq: int) -> Restore:
    return Restore(ROOM, seq, 1)


async def said(world: World, *bodies: str) -> tuple[FakeSession, FakeSession]:
    """ann owns the room, bob is a member; bob has said *bodies*."""
    world.add_people("ann", "bob", "eve")
    world.add_room("ann", "bob")
    ann, bob = await world.connect("ann"), await world.connect("bob")
    for number, body in enumerate(bodies):
        bob.send(f"b{number}", body)
    await world.quiet()
    return ann, bob


async def page(world: World, user: str) -> list[Any]:
    found = await world.node.page(PageQuery(ROOM, world.numbers[user], None, None, 200, None))
    assert isinstance(found, PageResult)
    return found.events


def oks(session: FakeSession) -> list[int | None]:
    return [None if ok.seq is UNSET else ok.seq for ok in session.of(Ok)]


async def test_each_change_is_an_event_for_all_and_confirmed_first(autojump_clock: Clock) -> None:
    async with open_world() as world:
        ann, bob = await said(world, "hi")
        bob.change(edit(1, "ho"))
        ann.change(react(1))
        ann.change(pin(1))
        ann.change(delete(1))
        await world.quiet()
        ann.change(restore(1))
        await world.quiet()
        assert ann.events() == bob.events() == [1, 2, 3, 4, 5, 6]
        kinds = [type(frame) for frame in bob.frames if isinstance(frame, Event)]
        assert kinds == [Message, MessageUpdated, Reaction, Pinned, MessageDeleted, MessageRestored]
        assert (oks(bob), oks(ann)) == ([2], [3, 4, 5, 6])
        place = [isinstance(f, Ok) for f in bob.frames if isinstance(f, Ok | MessageUpdated)]
        assert place == [True, False]
        assert bob.of(MessageRestored)[0].body == "ho"


async def test_nothing_is_confirmed_or_shown_before_the_commit(autojump_clock: Clock) -> None:
    async with open_world(commit_s=5) as world:
        _, bob = await said(world)
        bob.send("1")
        await trio.sleep(6)
        bob.change(edit(1, "ho"))
        await trio.sleep(4)
        assert not bob.of(Ok) and not bob.of(MessageUpdated)
        await trio.sleep(2)
        assert oks(bob) == [2] and len(bob.of(MessageUpdated)) == 1


@pytest.mark.parametrize(
    ("who", "frame", "code"),
    [
        ("ann", edit(1, "x"), "forbidden"),
        ("bob", edit(1, " \n"), "invalid"),
        ("bob", edit(9, "x"), "not_found"),
        ("bob", delete(2), "forbidden"),
        ("bob", restore(1), "forbidden"),
        ("bob", react(1, "a b"), "invalid"),
        ("bob", react(3), "not_found"),
        ("eve", react(1), "not_found"),
        ("eve", delete(1), "not_found"),
    ],
)
async def test_what_is_not_allowed_changes_nothing(
    autojump_clock: Clock, who: str, frame: Any, code: str
) -> None:
    async with open_world() as world:
        ann, bob = await said(world, "hi")
        ann.send("2")
        await world.requests.add_member(caller(world, "ann"), ROOM, UserId("eve"))
        await world.requests.remove_member(caller(world, "ann"), ROOM, UserId("eve"))
        await world.requests.remove_member(caller(world, "ann"), ROOM, UserId("bob"))
        await world.requests.add_member(caller(world, "ann"), ROOM, UserId("bob"))
        before = len(world.store.rooms[1].events)
        if who == "eve":
            world.add_people("zoe")
        asker = {"ann": ann, "bob": bob}.get(who) or await world.connect("zoe")
        asker.change(frame)
        await world.quiet()
        assert asker.errors() == [code] and len(world.store.rooms[1].events) == before


def caller(world: World, name: str) -> Caller:
    return Caller(world.numbers[name], UserId(name), name, "user")


async def test_one_who_left_is_told_so(autojump_clock: Clock) -> None:
    async with open_world() as world:
        _, bob = await said(world, "hi")
        await world.requests.remove_member(caller(world, "bob"), ROOM, UserId("bob"))
        bob.change(edit(1, "x"))
        await world.quiet()
        assert bob.errors() == ["not_member"]


async def test_a_deleted_message_is_gone_and_deleting_it_again_changes_nothing(
    autojump_clock: Clock,
) -> None:
    async with open_world(commit_s=1) as world:
        _, bob = await said(world)
        bob.send("1")
        await trio.sleep(3)
        for frame in (delete(1), delete(1), edit(1, "x"), react(1), pin(1)):
            bob.change(frame)
        await trio.sleep(10)
        assert oks(bob) == [2, None] and bob.errors() == ["gone", "gone", "gone"]
        bob.send("2", reply_to=1)
        await trio.sleep(3)
        assert bob.acks()[-1] == ("2", 3, False), "what is said about it is not lost"


@pytest.mark.parametrize("frame", [react(1), pin(1)])
async def test_what_is_there_already_makes_no_second_event(
    autojump_clock: Clock, frame: React | Pin
) -> None:
    async with open_world() as world:
        ann, _ = await said(world, "hi")
        off = structs.replace(frame, on=False)
        ann.change(off)
        for each in (frame, frame, off, off, frame):
            ann.change(each)
        await world.quiet()
        assert sorted(filter(None, oks(ann))) == [2, 3, 4] and oks(ann).count(None) == 3
        await trio.sleep(world.node.IDLE_S * 2)
        assert len(world.node.rooms) == 0
        ann.change(frame)
        await world.quiet()
        assert oks(ann)[-1] is None, "a new incarnation asks the store"


@pytest.mark.parametrize("frame", [delete(1), react(1), pin(1)])
async def test_nothing_is_agreed_to_before_what_makes_it_so_is_durable(
    autojump_clock: Clock, frame: Delete | React | Pin
) -> None:
    async with open_world(commit_s=1) as world:
        _, bob = await said(world)
        bob.send("1")
        await trio.sleep(3)
        bob.change(frame)
        bob.change(structs.replace(frame, rid=2))
        await trio.sleep(0.5)
        assert not bob.of(Ok)
        world.journal.away = StoreUnavailable("away")
        await trio.sleep(3)
        assert not bob.of(Ok) and bob.errors() == ["unavailable", "unavailable"]


async def test_a_slow_reader_is_not_told_what_was_deleted_meanwhile(autojump_clock: Clock) -> None:
    async with open_world() as world:
        _, bob = await said(world, *(f"secret {number}" for number in range(40)))
        slow = FakeSession(world, "ann", "slow")
        slow.blocked = True
        world.node.arrivals.begin(slow, {ROOM: 0})
        await world.quiet()
        for seq in range(1, 41):
            bob.change(delete(seq))
        await world.quiet()
        slow.blocked = False
        await trio.sleep(2)
        assert slow.events() == list(range(1, 81)) and "secret" not in repr(slow.frames)


async def test_a_count_that_changed_while_it_was_asked_is_told(autojump_clock: Clock) -> None:
    async with open_world() as world:
        ann, bob = await said(world, "one", "two", "three")
        world.node.rooms.tell(ROOM, _read(ann, 1))
        bob.send("four")
        await world.quiet()
        assert (
            ann.of(Unread)[-1].unread
            + sum(message.seq > ann.of(Unread)[-1].last_seq for message in ann.of(Message))
            == 3
        )


async def test_a_message_has_so_many_kinds_of_emoji(autojump_clock: Clock) -> None:
    async with open_world() as world:
        ann, bob = await said(world, "hi")
        for number in range(EMOJI_KINDS):
            ann.change(react(1, f"e{number}"))
            await world.quiet()
        ann.change(react(1, "one too many"[:3]))
        bob.change(react(1, "e7"))
        await world.quiet()
        assert ann.errors() == ["invalid"] and not bob.errors() and len(oks(bob)) == 1


async def test_a_change_of_an_old_message_asks_the_store(autojump_clock: Clock) -> None:
    async with open_world() as world:
        ann, bob = await said(world, "old")
        for number in range(1100):
            ann.send(str(number))
            if number % 100 == 0:
                await world.quiet()
        await trio.sleep(world.node.IDLE_S * 2)
        bob.change(edit(1, "new"))
        ann.change(edit(1, "mine now"))
        bob.change(delete(1))
        bob.change(edit(1, "too late"))
        await world.quiet()
        assert ann.errors() == ["forbidden"] and bob.errors() == ["gone"]
        assert [seq for seq in oks(bob) if seq] == [1102, 1103]


async def test_deleting_takes_it_from_the_unread_of_those_who_have_not_read_it(
    autojump_clock: Clock,
) -> None:
    async with open_world() as world:
        ann, bob = await said(world, "one", "two", "three")
        world.node.rooms.tell(ROOM, _read(ann, 1))
        await world.quiet()
        assert ann.of(Unread)[-1].unread == 2
        bob.change(delete(1))
        bob.change(delete(2))
        await world.quiet()
        assert (ann.of(Unread)[-1].unread, len(ann.of(Unread))) == (1, 2), "1 was read before"
        assert bob.of(Unread) == []
        ann.change(restore(2))
        await world.quiet()
        assert ann.of(Unread)[-1].unread == 2
        assert (await world.connect("ann")).summaries[0].unread == 2


async def test_deleting_takes_a_mention_back(autojump_clock: Clock) -> None:
    async with open_world() as world:
        ann, bob = await said(world)
        bob.send("1", mentions=["ann"])
        bob.send("2", mentions=["ann"])
        await world.quiet()
        bob.change(delete(1))
        await world.quiet()
        last = ann.of(Unread)[-1]
        assert (last.unread, last.mentions) == (1, 1)
        ann.change(restore(1))
        await world.quiet()
        last = ann.of(Unread)[-1]
        assert (last.unread, last.mentions) == (2, 2)


def _read(session: FakeSession, seq: int) -> Any:
    return MarkRead(session, Read(room=ROOM, seq=seq))


async def test_who_arrives_later_is_not_told_what_was_deleted(autojump_clock: Clock) -> None:
    async with open_world() as world:
        _, bob = await said(world, "secret", "other")
        bob.change(edit(1, "more secret"))
        bob.change(delete(1))
        await world.quiet()
        for resting in (False, True):
            if resting:
                await trio.sleep(world.node.IDLE_S * 2)
            back = await world.connect("ann", {ROOM: 0})
            assert back.events() == [1, 2, 3, 4]
            assert "secret" not in repr(back.frames)
            assert back.of(Message)[1].body == "other"


async def test_a_restore_is_too_late_after_its_time(autojump_clock: Clock) -> None:
    async with open_world() as world:
        ann, bob = await said(world, "hi")
        bob.change(delete(1))
        await world.quiet()
        world.store.rooms[1].events[1].at -= RESTORE_WITHIN_S * 1000 + 1000
        ann.change(restore(1))
        await world.quiet()
        assert ann.errors() == ["gone"]


async def test_a_direct_room_has_no_moderator(autojump_clock: Clock) -> None:
    async with open_world() as world:
        world.add_people("ann", "bob")
        world.add_room("ann", "bob", kind="direct")
        ann, bob = await world.connect("ann"), await world.connect("bob")
        bob.send("1")
        await world.quiet()
        ann.change(delete(1))
        bob.change(delete(1))
        await world.quiet()
        ann.change(restore(1))
        bob.change(restore(1))
        await world.quiet()
        assert ann.errors() == ["forbidden", "forbidden"] and oks(bob) == [2, 3]


@pytest.mark.parametrize("stored", [True, False])
async def test_a_change_of_unknown_outcome_happens_once(
    autojump_clock: Clock, *, stored: bool
) -> None:
    async with open_world() as world:
        ann, bob = await said(world, "hi")
        failures = world.journal.lose_next if stored else world.journal.fail_next
        failures.append(OutcomeUnknown("cut"))
        bob.change(edit(1, "ho"))
        bob.change(delete(1, rid=2))
        await trio.sleep(5)
        assert sorted(filter(None, oks(bob))) == [2, 3] and not bob.errors()
        assert ann.events() == [1, 2, 3]
        assert (await page(world, "ann"))[0].deleted is True


async def test_a_change_without_a_store_is_refused(autojump_clock: Clock) -> None:
    async with open_world() as world:
        _, bob = await said(world, "hi")
        world.journal.away = StoreUnavailable("away")
        bob.change(edit(1, "ho"))
        await trio.sleep(1)
        assert bob.errors() == ["unavailable"]


async def test_http_asks_the_same(autojump_clock: Clock) -> None:
    async with open_world() as world:
        await said(world, "hi")
        ok = await world.requests.change(caller(world, "bob"), edit(1, "ho", rid=None))
        assert ok.seq == 2
        with pytest.raises(ProtocolError) as refused:
            await world.requests.change(caller(world, "ann"), edit(1, "mine"))
        assert refused.value.code is ErrorCode.FORBIDDEN


def applied(state: dict[int, Message], event: Any, me: str) -> None:
    """What a client does with a live event: written from the contract alone."""
    if isinstance(event, Message):
        state[event.seq] = structs.replace(event, deleted=False)
        return
    message = state.get(getattr(event, "of", 0))
    if message is None:
        return
    match event:
        case MessageUpdated():
            message = structs.replace(message, body=event.body, edited_at=event.at)
        case MessageDeleted():
            message = structs.replace(
                message, deleted=True, body=UNSET, edited_at=UNSET, mentions=UNSET, files=UNSET
            )
        case MessageRestored(body=body, edited_at=at, mentions=mentions, files=files):
            message = structs.replace(
                message, deleted=False, body=body, edited_at=at, mentions=mentions, files=files
            )
        case Pinned():
            message = structs.replace(message, pinned=True if event.on else UNSET)
        case Reaction():
            message = _reacted(message, event, me)
    state[message.seq] = message


def _reacted(message: Message, event: Reaction, me: str) -> Message:
    counts = {e: [t.count, t.me] for e, t in (message.reactions or {}).items()}
    tally = counts.setdefault(event.emoji, [0, False])
    tally[0] += 1 if event.on else -1
    if event.sender == me:
        tally[1] = event.on
    left = {e: Tally(c, m) for e, (c, m) in counts.items() if c}
    return structs.replace(message, reactions=left or UNSET)


@pytest.mark.parametrize("seed", range(12))
async def test_live_events_on_an_old_page_make_a_fresh_page(
    autojump_clock: Clock, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311
    async with open_world(commit_s=chance.choice([0.0, 0.05])) as world:
        ann, bob = await said(world, "one", "two")
        people = {"ann": ann, "bob": bob}
        views: dict[str, dict[int, Message]] = {}
        seen: dict[str, int] = {}
        for name in people:
            views[name] = {m.seq: m for m in await page(world, name) if isinstance(m, Message)}
            seen[name] = len(world.store.rooms[1].events)
        for step in range(60):
            name = chance.choice(["ann", "bob"])
            _one_change(people[name], chance, step)
            if chance.random() < 0.1:
                await world.quiet()
                people[name].close(1001, "gone")  # type: ignore[arg-type]
                _apply(views, seen, people, name)
                people[name] = await world.connect(name, {ROOM: seen[name]})
        await trio.sleep(2)
        for name in ("ann", "bob"):
            _apply(views, seen, people, name)
            fresh = {m.seq: m for m in await page(world, name) if isinstance(m, Message)}
            assert views[name] == fresh


def _apply(
    views: dict[str, dict[int, Message]],
    seen: dict[str, int],
    people: dict[str, FakeSession],
    name: str,
) -> None:
    for event in people[name].frames:
        if isinstance(event, Event) and event.seq > seen[name]:
            assert event.seq == seen[name] + 1
            applied(views[name], event, name)
            seen[name] = event.seq


def _one_change(session: FakeSession, chance: random.Random, step: int) -> None:
    seq = chance.randint(1, 6)
    match chance.randint(0, 6):
        case 0:
            frame = Send(room=ROOM, id=f"s{step}", body=f"said {step}")
            session.send(frame.id, frame.body, mentions=["ann"])
        case 1:
            session.change(edit(seq, f"edit {step}"))
        case 2:
            session.change(delete(seq))
        case 3:
            session.change(restore(seq))
        case 4:
            session.change(pin(seq, on=chance.random() < 0.6))
        case _:
            session.change(react(seq, chance.choice("ab"), on=chance.random() < 0.6))
