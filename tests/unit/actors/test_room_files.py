"""Files in messages: whose they are, in which order, and what is told of them and when."""

from __future__ import annotations

from typing import Any

import pytest
from world import ROOM, FakeSession, World, open_world

from actors.ports import StoreUnavailable
from actors.records import PageQuery, PageResult
from actors.rules.changing import Restore
from protocol.errors import ErrorCode
from protocol.events import Message, MessageRestored
from protocol.frames import Ack, Delete, Error


async def two(world: World, *, blind: bool = False) -> tuple[FakeSession, FakeSession]:
    world.add_people("ann", "bob")
    world.add_room("ann", "bob", kind="matching" if blind else "team", blind=blind)
    return await world.connect("ann"), await world.connect("bob")


async def listed(world: World, name: str) -> list[Any]:
    query = PageQuery(ROOM, world.numbers[name], None, None, 50, None)  # type: ignore[arg-type]
    found = await world.node.page(query)
    assert isinstance(found, PageResult)
    return found.events


async def test_a_message_tells_its_files_to_everybody_the_same(autojump_clock: object) -> None:
    async with open_world() as world:
        ann, bob = await two(world)
        photo, film = world.add_file("ann", "f1"), world.add_file("ann", "f2", "file")
        ann.send("1", body="", files=["f1"])
        ann.send("2", body="both", files=["f2", "f1"])
        await world.quiet()
        for session in (ann, bob):
            first, second = session.of(Message)
            assert (first.kind, first.body, first.files) == ("image", "", [photo])
            assert (second.kind, second.body, second.files) == ("file", "both", [film, photo])
        first, second = await listed(world, "bob")
        assert (first.kind, first.files, second.files) == ("image", [photo], [film, photo])


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"files": ["theirs"]}, "files"),
        ({"files": ["nowhere"]}, "files"),
        ({"files": ["mine", "theirs"]}, "files"),
        ({"files": ["mine", "mine"]}, "files"),
        ({"files": [f"f{n}" for n in range(11)]}, "files"),
        ({"kind": "image", "body": "x"}, "files"),
        ({"kind": "text", "files": ["mine"]}, "kind"),
        ({"kind": "audio", "files": ["mine"]}, "kind"),
        ({}, "body"),
    ],
)
async def test_what_cannot_be_posted_is_refused_by_its_field(
    autojump_clock: object, fields: dict[str, Any], field: str
) -> None:
    async with open_world() as world:
        ann, bob = await two(world)
        world.add_file("ann", "mine")
        world.add_file("bob", "theirs")
        ann.send("1", **({"body": ""} | fields))
        await world.quiet()
        (error,) = ann.of(Error)
        assert (error.code, list(error.fields)) == ("invalid", [field])
        assert bob.of(Message) == []


async def test_sends_keep_their_order_around_a_question_to_the_store(
    autojump_clock: object,
) -> None:
    async with open_world(commit_s=0.05) as world:
        ann, bob = await two(world)
        for number in range(6):
            world.add_file("ann", f"f{number}")
            ann.send(f"a{number}", body="", files=[f"f{number}"])
            ann.send(f"b{number}")
            bob.send(f"c{number}")
        await world.quiet()
        said = [event.id for event in ann.of(Ack)]
        assert said == [f"{letter}{number}" for number in range(6) for letter in "ab"]
        assert [m.seq for m in bob.of(Message)] == list(range(1, 19))


async def test_the_same_send_again_is_the_first_one_and_other_files_are_a_conflict(
    autojump_clock: object,
) -> None:
    async with open_world() as world:
        ann, _ = await two(world)
        world.add_file("ann", "f1")
        world.add_file("ann", "f2")
        ann.send("1", body="", files=["f1"])
        ann.send("1", body="", files=["f1"])
        await world.quiet()
        del world.store.files["f1"]  # it may be gone by now: what was said was said
        ann.send("1", body="", files=["f1"])
        ann.send("1", body="", files=["f2"])
        await world.quiet()
        assert ann.acks() == [("1", 1, False), ("1", 1, True), ("1", 1, True)]
        assert ann.errors() == [ErrorCode.CONFLICT]


async def test_without_the_store_it_is_refused_and_may_come_again(autojump_clock: object) -> None:
    async with open_world() as world:
        ann, _ = await two(world)
        world.add_file("ann", "f1")
        world.files.away = StoreUnavailable("away")
        ann.send("1", body="", files=["f1"])
        await world.quiet()
        assert ann.errors() == [ErrorCode.UNAVAILABLE]
        world.files.away = None
        ann.send("1", body="", files=["f1"])
        await world.quiet()
        assert ann.acks() == [("1", 1, False)]


async def test_a_deletion_takes_the_files_and_a_restore_brings_them_back(
    autojump_clock: object,
) -> None:
    async with open_world() as world:
        ann, bob = await two(world)
        photo = world.add_file("ann", "f1")
        ann.send("1", body="look", files=["f1"])
        await world.quiet()
        bob.close(1001, "gone")  # type: ignore[arg-type]
        ann.change(Delete(room=ROOM, seq=1))
        await world.quiet()
        late = await world.connect("bob", {ROOM: 0})
        (message,) = late.of(Message)
        assert not message.body and not message.files
        (tombstone,) = await listed(world, "ann")
        assert tombstone.deleted and not tombstone.files and tombstone.kind == "image"
        ann.change(Restore(ROOM, 1))
        await world.quiet()
        (back,) = late.of(MessageRestored)
        assert (back.body, back.files) == ("look", [photo])
        (message,) = await listed(world, "ann")
        assert (message.deleted, message.files, message.kind) == (False, [photo], "image")


async def test_a_blind_room_names_a_file_in_its_own_way(autojump_clock: object) -> None:
    async with open_world() as world:
        ann, bob = await two(world, blind=True)
        world.add_file("ann", "f1", "audio")
        ann.send("1", body="", files=["f1"])
        await world.quiet()
        (told,) = bob.of(Message)
        assert told.files[0].name == "audio" and told.files[0].id != "f1"  # type: ignore[index]
        assert "ann" not in repr(told)
