"""A blind room: everybody goes by a pseudonym, in everything that anybody is shown."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
import trio
from test_room_settings import caller, code
from trio.testing import MockClock as Clock
from world import ROOM, FakeSession, World, open_world

from actors.ports import OutcomeUnknown
from actors.room_commands import WatchHere
from actors.rules.pseudonyms import ANIMALS, QUALITIES, is_pseudonym, pseudonym
from protocol.events import Event, Member, Message
from protocol.frames import (
    Delete,
    Edit,
    Ok,
    Pin,
    PresenceChange,
    React,
    Receipt,
    Room,
    TypingState,
    WatchPresence,
)
from protocol.ids import UserId

NAMES = ("ann-marker", "bob-marker", "cat-marker")
ANN, BOB, CAT = NAMES
MASKS = [f"mask-{ROOM}-{number}" for number in (1, 2, 3)]


async def masked(world: World) -> list[FakeSession]:
    world.add_people(*NAMES, "eve")
    world.add_room(*NAMES, kind="matching", blind=True)
    return [await world.connect(name) for name in NAMES]


def said_to(session: FakeSession) -> bytes:
    """Everything a session was given, but for its own ``welcome``."""
    frames: Iterable[object] = [*session.frames, *session.summaries]
    return msgspec.json.encode(frames)


def watch(world: World, session: FakeSession, *names: str, **more: object) -> None:
    frame = WatchPresence(room=ROOM, watch=list(names), rid=7, **more)  # type: ignore[arg-type]
    world.node.rooms.tell(ROOM, WatchHere(session, frame))


async def test_nothing_that_a_member_is_shown_names_another(autojump_clock: Clock) -> None:
    async with open_world() as world:
        ann, bob, cat = await masked(world)
        assert bob.summaries[0].me == MASKS[1]
        ann.send("1", "hello", mentions=[MASKS[1]])
        await world.quiet()
        bob.send("2", "hi", reply_to=1)
        await world.quiet()
        for frame in (
            React(room=ROOM, seq=1, emoji="👍", on=True, rid=1),
            Pin(room=ROOM, seq=1, on=True, rid=2),
            Edit(room=ROOM, seq=2, body="ho", rid=3),
            Delete(room=ROOM, seq=2, rid=4),
        ):
            bob.change(frame)
        cat.read(2)
        cat.type()
        await world.quiet()
        await world.requests.remove_member(caller(world, CAT), ROOM, CAT)
        await world.requests.join(caller(world, CAT), ROOM)
        await world.quiet()
        late = await world.connect(BOB, {ROOM: 0})
        for name, session in ((ANN, ann), (BOB, bob), (BOB, late), (CAT, cat)):
            others = [other for other in NAMES if other != name]
            assert not any(other.encode() in said_to(session) for other in others)
        assert {message.sender for message in ann.of(Message)} == set(MASKS[:2])
        assert ann.of(Message)[0].mentions == [MASKS[1]]
        assert [(m.user, m.change) for m in ann.of(Member)] == [
            (MASKS[2], "left"),
            (MASKS[2], "joined"),
        ]
        assert [r.user for r in ann.of(Receipt)] == [MASKS[2]]
        assert [t.user for t in ann.of(TypingState)] == [MASKS[2]]
        assert cat.of(Room)[-1].me == MASKS[2]
        assert list(cat.of(Room)[-1].cursors) == sorted(MASKS)  # type: ignore[arg-type]


async def test_a_new_incarnation_still_knows_the_pseudonyms(autojump_clock: Clock) -> None:
    async with open_world() as world:
        ann, bob, _ = await masked(world)
        ann.send("1")
        await world.quiet()
        world.journal.lose_next = [OutcomeUnknown("x")]
        bob.send("2")
        await trio.sleep(3)
        ann.send("3", mentions=[MASKS[2]])
        await trio.sleep(1)
        assert [m.sender for m in ann.of(Message)] == [MASKS[0], MASKS[1], MASKS[0]]
        assert await world.requests.remove_member(caller(world, BOB), ROOM, MASKS[1])


async def test_only_who_was_there_may_come_back_and_nobody_removes_another(
    autojump_clock: Clock,
) -> None:
    async with open_world() as world:
        ann, *_ = await masked(world)
        requests = world.requests
        for refused, expected in (
            (requests.join(caller(world, "eve"), ROOM), "not_found"),
            (requests.add_member(caller(world, ANN), ROOM, UserId("eve")), "forbidden"),
            (requests.remove_member(caller(world, ANN), ROOM, MASKS[1]), "forbidden"),
            (requests.remove_member(caller(world, ANN), ROOM, BOB), "forbidden"),
            (requests.change_role(caller(world, ANN), ROOM, MASKS[1], "guest"), "forbidden"),
        ):
            assert await code(refused) == expected
        assert (await requests.join(caller(world, ANN), ROOM)) == Ok()
        ann.send("1", mentions=[BOB])
        await world.quiet()
        assert ann.errors() == ["invalid"]


async def test_who_comes_back_has_the_same_pseudonym_whatever_else_happens(
    autojump_clock: Clock,
) -> None:
    async with open_world() as world:
        ann, bob, _ = await masked(world)
        await world.requests.remove_member(caller(world, BOB), ROOM, MASKS[1])
        world.journal.lose_next = [OutcomeUnknown("x")]
        assert (await world.requests.join(caller(world, BOB), ROOM)).seq == 2
        await trio.sleep(1)
        bob.send("1")
        await trio.sleep(1)
        assert ann.of(Message)[-1].sender == MASKS[1]


async def test_two_who_agreed_are_revealed_once(autojump_clock: Clock) -> None:
    async with open_world() as world:
        ann, *_ = await masked(world)
        reveal = world.requests.reveal
        assert (await reveal(caller(world, ANN), ROOM, MASKS[1])).seq == 1
        assert await reveal(caller(world, BOB), ROOM, MASKS[0]) == Ok()
        await world.quiet()
        told = ann.of(Member)
        assert [(m.user, m.change, m.by) for m in told] == [(MASKS[1], "revealed", MASKS[0])]
        world.journal.lose_next = [OutcomeUnknown("x")]
        assert (await reveal(caller(world, CAT), ROOM, MASKS[1])).seq == 2
        assert await reveal(caller(world, BOB), ROOM, MASKS[2]) == Ok()
        assert await code(reveal(caller(world, ANN), ROOM, BOB)) == "not_found"
        assert await code(reveal(caller(world, ANN), ROOM, MASKS[0])) == "not_found"
        assert [e.seq for e in ann.of(Event)] == [1, 2]  # type: ignore[type-abstract]


async def test_a_pseudonym_is_there_for_a_while_after_what_all_could_see(
    autojump_clock: Clock,
) -> None:
    async with open_world() as world:
        ann, bob, cat = await masked(world)
        watch(world, ann, *MASKS, BOB, "nobody")
        await world.quiet()
        told = [(p.user, p.state, p.room) for p in ann.of(PresenceChange)]
        assert told == [(mask, "offline", ROOM) for mask in MASKS], "to be connected tells nothing"
        bob.send("1")
        cat.type()
        await world.quiet()
        bob.close(4000, "")  # type: ignore[arg-type]
        await trio.sleep(60)
        last = {(p.user, p.state) for p in ann.of(PresenceChange)[3:]}
        assert last == {(MASKS[1], "online"), (MASKS[2], "online")}
        await trio.sleep(200)
        cat.read(1)
        await trio.sleep(100)
        assert [(p.user, p.state) for p in ann.of(PresenceChange)[5:]] == [(MASKS[1], "offline")]
        await trio.sleep(300)
        assert (ann.of(PresenceChange)[-1].user, len(ann.of(PresenceChange))) == (MASKS[2], 7)
        assert cat.of(PresenceChange) == []


async def test_watching_somebody_by_his_own_name_does_not_tell_that_he_is_here(
    autojump_clock: Clock,
) -> None:
    from actors.user_commands import Watch  # noqa: PLC0415 - the one use

    async with open_world() as world:
        ann, *_ = await masked(world)
        world.node.users.tell(UserId(ANN), Watch(ann, WatchPresence(watch=[BOB])))
        await world.quiet()
        assert ann.of(PresenceChange) == []
        await world.requests.remove_member(caller(world, BOB), ROOM, MASKS[1])
        await world.requests.join(caller(world, BOB), ROOM)
        await trio.sleep(3)
        assert ann.of(PresenceChange) == []


async def test_watching_by_room_is_for_its_members_and_for_blind_rooms(
    autojump_clock: Clock,
) -> None:
    async with open_world() as world:
        await masked(world)
        world.add_room(ANN, BOB, room="open")
        eve = await world.connect("eve")
        watch(world, eve, MASKS[0])
        again = await world.connect(ANN)
        frame = WatchPresence(room="open", watch=[BOB], rid=1)
        world.node.rooms.tell("open", WatchHere(again, frame))
        await world.quiet()
        assert eve.errors() == ["not_found"] and again.errors() == ["invalid"]


def test_pseudonyms_differ_by_room_and_never_collide() -> None:
    taken: set[str] = set()
    for number in range(500):
        name = pseudonym(b"key", "room", f"user{number}", taken)
        assert name not in taken and len(name) <= 12
        taken.add(name)
    one = [pseudonym(b"key", f"room{n}", "ann", ()) for n in range(100)]
    assert len(set(one)) > 90
    assert all(map(is_pseudonym, [*taken, *one]))
    assert not any(map(is_pseudonym, ("여우", "유쾌한", "여우유쾌한", "유쾌한여우씨", "minji")))
    assert pseudonym(b"key", "r", "ann", ()) != pseudonym(b"other", "r", "ann", ())
    assert len(QUALITIES) * len(ANIMALS) > 8000
    everything = {quality + animal for quality in QUALITIES for animal in ANIMALS}
    assert len(everything) == len(QUALITIES) * len(ANIMALS), "two pairs spell the same"


def test_when_all_names_are_taken_there_is_a_number() -> None:
    class All:
        def __contains__(self, name: object) -> bool:
            return not str(name)[-1].isdigit()

    assert pseudonym(b"key", "room", "ann", All())[-1].isdigit()
