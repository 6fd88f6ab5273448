"""Roles, and what is said of a room itself, through the room's actor."""

from __future__ import annotations

import pytest
import trio
from msgspec import structs
from trio.testing import MockClock as Clock
from world import ROOM, FakeSession, World, open_world

from actors.ports import OutcomeUnknown
from actors.requests import Caller
from actors.rules.event_frames import RoomExtra
from protocol.errors import ProtocolError
from protocol.events import Member, RoomChanged
from protocol.fields import Role
from protocol.frames import Delete, Room
from protocol.ids import UserId


def caller(world: World, name: str) -> Caller:
    return Caller(world.numbers[name], UserId(name), name, "user")


async def team(world: World) -> tuple[FakeSession, FakeSession]:
    world.add_people("ann", "bob", "cat", "eve")
    world.add_room("ann", "bob", "cat")
    return await world.connect("ann"), await world.connect("bob")


async def change(world: World, who: str, **fields: object) -> int | None:
    ok = await world.requests.change_room(caller(world, who), ROOM, RoomExtra(**fields))  # type: ignore[arg-type]
    return ok.seq or None


async def role(world: World, who: str, whom: str, to: Role) -> int | None:
    ok = await world.requests.change_role(caller(world, who), ROOM, UserId(whom), to)
    return ok.seq or None


async def code(refused: object) -> str:
    with pytest.raises(ProtocolError) as info:
        await refused  # type: ignore[misc]
    return info.value.code.value


async def test_a_change_is_one_event_and_a_summary_for_everybody(autojump_clock: Clock) -> None:
    async with open_world() as world:
        ann, bob = await team(world)
        assert await change(world, "ann", name="뜰", description="모두의 뜰") == 1
        assert await change(world, "ann", name="뜰") is None
        for session in (ann, bob):
            told = session.of(RoomChanged)
            assert [(t.by, t.name, t.description) for t in told] == [("ann", "뜰", "모두의 뜰")]
            summary = session.of(Room)[-1]
            assert (summary.name, summary.last_seq) == ("뜰", 1)
        assert (await world.connect("cat")).summaries[0].name == "뜰"


async def test_who_may_post_is_a_setting(autojump_clock: Clock) -> None:
    async with open_world() as world:
        ann, bob = await team(world)
        assert await change(world, "ann", post="admin") == 1
        bob.send("1")
        ann.send("1")
        await world.quiet()
        assert bob.errors() == ["forbidden"] and ann.errors() == []
        assert await role(world, "ann", "bob", "admin") == 3
        bob.send("2")
        await world.quiet()
        assert bob.errors() == ["forbidden"] and bob.of(Room)[-1].post == "admin"
        assert await code(change(world, "bob", post="guest")) == "forbidden"


async def test_metadata_is_replaced_as_a_whole(autojump_clock: Clock) -> None:
    async with open_world() as world:
        ann, _ = await team(world)
        assert await change(world, "ann", metadata={"topic": "봄", "color": "green"}) == 1
        assert await change(world, "ann", metadata={"color": "green", "topic": "봄"}) is None
        assert await change(world, "ann", metadata={}) == 2
        assert [told.metadata for told in ann.of(RoomChanged)][-1] == {}
        assert (await world.connect("cat")).summaries[0].metadata == {}


async def test_an_archived_room_is_silent_until_it_is_opened_again(autojump_clock: Clock) -> None:
    async with open_world(commit_s=0.5) as world:
        ann, bob = await team(world)
        bob.send("1")
        await trio.sleep(2)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(lambda: change(world, "ann", archived=True))
            await trio.sleep(0.1)
            bob.send("2")
            bob.change(Delete(room=ROOM, seq=1))
        assert bob.errors() == ["forbidden", "forbidden"]
        assert await code(change(world, "ann", name="x")) == "forbidden"
        assert (
            await code(world.requests.add_member(caller(world, "ann"), ROOM, UserId("eve")))
            == "forbidden"
        )
        bob.send("1")
        await trio.sleep(2)
        assert bob.acks()[-1] == ("1", 1, True), "what was stored is known still"
        assert await change(world, "ann", archived=False) == 3
        bob.send("3")
        await trio.sleep(2)
        assert bob.acks()[-1] == ("3", 4, False)
        assert ann.events() == bob.events() == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("who", "fields", "refused"),
    [
        ("bob", {"name": "x"}, "forbidden"),
        ("bob", {"archived": True}, "forbidden"),
        ("eve", {"name": "x"}, "not_found"),
    ],
)
async def test_what_a_role_may_not_change(
    autojump_clock: Clock, who: str, fields: dict[str, object], refused: str
) -> None:
    async with open_world() as world:
        await team(world)
        assert await code(change(world, who, **fields)) == refused


async def test_an_admin_describes_but_neither_shows_nor_archives(autojump_clock: Clock) -> None:
    async with open_world() as world:
        await team(world)
        await role(world, "ann", "bob", "admin")
        assert await change(world, "bob", description="new") == 2
        assert await code(change(world, "bob", visibility="public")) == "forbidden"
        assert await code(change(world, "bob", description="newer", archived=True)) == "forbidden"
        assert await change(world, "bob", description="newer") == 3, "nothing was changed by half"


async def test_a_role_is_an_event_and_a_summary_for_whom_it_concerns(autojump_clock: Clock) -> None:
    async with open_world() as world:
        ann, bob = await team(world)
        bob.send("1")
        await world.quiet()
        assert await role(world, "ann", "bob", "guest") == 2
        assert await role(world, "ann", "bob", "guest") is None
        told = ann.of(Member)[-1]
        assert (told.user, told.change, told.role, told.by) == ("bob", "role", "guest", "ann")
        summary = bob.of(Room)[-1]
        assert (summary.role, summary.last_seq, summary.read_seq) == ("guest", 2, 1)
        assert not ann.of(Room)
        bob.send("2")
        await world.quiet()
        assert bob.acks()[-1][1] == 3


@pytest.mark.parametrize(
    ("who", "whom", "to", "refused"),
    [
        ("cat", "bob", "guest", "forbidden"),
        ("bob", "ann", "member", "forbidden"),
        ("bob", "cat", "owner", "forbidden"),
        ("bob", "cat", "admin", "forbidden"),
        ("ann", "eve", "guest", "not_found"),
        ("ann", "ann", "member", "conflict"),
        ("eve", "bob", "guest", "not_found"),
    ],
)
async def test_roles_that_are_not_given(
    autojump_clock: Clock, who: str, whom: str, to: Role, refused: str
) -> None:
    async with open_world() as world:
        await team(world)
        await role(world, "ann", "bob", "admin")
        assert await code(role(world, who, whom, to)) == refused


async def test_a_room_may_have_two_owners_and_then_one_may_step_down(autojump_clock: Clock) -> None:
    async with open_world() as world:
        await team(world)
        assert await role(world, "ann", "bob", "owner") == 1
        assert await role(world, "ann", "ann", "member") == 2
        assert await code(role(world, "ann", "cat", "guest")) == "forbidden"
        assert await role(world, "bob", "ann", "guest") == 3


async def test_an_admin_removes_those_below_and_nobody_else(autojump_clock: Clock) -> None:
    async with open_world() as world:
        await team(world)
        await role(world, "ann", "bob", "admin")
        remove = world.requests.remove_member
        assert await code(remove(caller(world, "bob"), ROOM, UserId("ann"))) == "forbidden"
        assert (await remove(caller(world, "bob"), ROOM, UserId("cat"))).seq == 2


async def test_everybody_may_join_a_public_room_and_nobody_a_private_one(
    autojump_clock: Clock,
) -> None:
    async with open_world() as world:
        ann, _ = await team(world)
        assert await code(world.requests.join(caller(world, "eve"), ROOM)) == "not_found"
        await change(world, "ann", visibility="public")
        eve = await world.connect("eve")
        assert (await world.requests.join(caller(world, "eve"), ROOM)).seq == 2
        assert not (await world.requests.join(caller(world, "eve"), ROOM)).seq
        assert (eve.of(Room)[0].role, eve.events()) == ("member", [2])
        assert (ann.of(Member)[0].user, ann.of(Member)[0].change) == ("eve", "joined")
        await change(world, "ann", archived=True)
        world.add_people("zoe")
        assert await code(world.requests.join(caller(world, "zoe"), ROOM)) == "forbidden"


async def test_a_change_back_to_what_is_durable_still_is_no_change_lost(
    autojump_clock: Clock,
) -> None:
    async with open_world(commit_s=1) as world:
        await team(world)
        await change(world, "ann", name="X")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(lambda: change(world, "ann", name="Y"))
            await trio.sleep(0.2)
            assert await change(world, "ann", name="X") == 3
        assert world.store.rooms[1].summary.name == "X"


@pytest.mark.parametrize("stored", [True, False])
async def test_a_change_of_unknown_outcome_happens_once(
    autojump_clock: Clock, *, stored: bool
) -> None:
    async with open_world() as world:
        ann, _ = await team(world)
        for act in (change(world, "ann", name="뜰"), role(world, "ann", "bob", "admin")):
            failures = world.journal.lose_next if stored else world.journal.fail_next
            failures.append(OutcomeUnknown("cut"))
            assert await act
        assert ann.events() == [1, 2]
        summary = structs.asdict(world.store.rooms[1].summary)
        assert summary["name"] == "뜰" and world.store.rooms[1].members[2].role == "admin"
