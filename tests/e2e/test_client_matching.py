"""The Python SDK makes rooms, each once, and has people of blind rooms meet."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import trio
from breaking_way import breaking_way
from running_server import Person, RunningServer
from test_blind import grant

from protocol.client import Client, RequestError, RequestTimeout, open_client
from protocol.client import http as http_module

POST = b"POST /api/v1/chats/rooms "


@pytest.fixture(scope="module")
def server(open_folder: Path) -> Iterator[RunningServer]:
    with RunningServer(open_folder / "sdk-matching") as running:
        yield running


@pytest.fixture
def people(server: RunningServer, request: pytest.FixtureRequest) -> list[Person]:
    number = abs(hash(request.node.name)) % 10**6
    return [server.sign_up(f"{name}{number}") for name in ("ann", "bob", "cat")]


def rooms(server: RunningServer, person: Person) -> list[str]:
    items = server.call("GET", "/api/v1/chats/rooms", token=person.token)["items"]
    return [room["id"] for room in items]


async def code_of(call: object) -> str:
    with pytest.raises(RequestError) as info:
        await call  # type: ignore[misc]
    return info.value.code


async def test_two_groups_meet_openly_or_blind(server: RunningServer, people: list[Person]) -> None:
    ann, bob, cat = people
    with trio.fail_after(30):
        async with open_client(server.url, ann.token, listen=False) as one:
            made = await one.create_matching_room(
                [ann.username], [bob.id, cat.username], name="저녁", description="여섯 시"
            )
            told = (made.type, made.mode, made.name, made.description, made.me, made.role)
            assert told == ("matching", "open", "저녁", "여섯 시", ann.id, "member")
            members = (await one.show_room(made.id)).members
            groups = {member.user: member.group for member in members}
            assert groups == {ann.id: "A", bob.id: "B", cat.id: "B"}
            blind = await one.create_matching_room([bob.id], [ann.id], blind=True)
            assert blind.mode == "blind" and blind.me not in (ann.id, ann.username)
            for a, b in (([], [ann.id]), ([bob.id], [cat.id]), ([ann.id], ["nobody-there"])):
                with pytest.raises(RequestError) as info:
                    await one.create_matching_room(a, b)
                assert info.value.code == "invalid" and "groups" in info.value.fields


async def test_a_lost_answer_makes_no_second_room(
    server: RunningServer, people: list[Person]
) -> None:
    ann, bob, _ = people
    with trio.fail_after(30):
        async with (
            breaking_way(server, POST, times=2) as way,
            open_client(way.url, ann.token, listen=False) as one,
        ):
            matching = await one.create_matching_room([ann.id], [bob.id])
            assert way.broken == 2
        async with (
            breaking_way(server, POST) as way,
            open_client(way.url, ann.token, listen=False) as one,
        ):
            team = await one.create_room("뜰", [bob.id])
            assert way.broken == 1
    assert (
        sorted(rooms(server, ann)) == sorted(rooms(server, bob)) == sorted([matching.id, team.id])
    )


async def test_who_gave_up_learns_by_the_id_what_became_of_it(
    server: RunningServer, people: list[Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_module, "AGAIN_S", 0.1)
    ann, bob, _ = people
    with trio.fail_after(30):
        async with (
            breaking_way(server, POST, times=99) as way,
            open_client(way.url, ann.token, listen=False, within=3) as one,
        ):
            with pytest.raises(RequestTimeout) as info:
                await one.create_room("뜰", [bob.id])
            assert info.value.id is not None and way.broken > 1
        async with open_client(server.url, ann.token, listen=False) as one:
            made = await one.create_room("뜰", [bob.id], id=info.value.id)
            assert rooms(server, bob) == [made.id]
            assert (await one.create_room("뜰", [bob.id], id=info.value.id)).id == made.id
            again = one.create_room("마당", [bob.id], id=info.value.id)
            assert await code_of(again) == "conflict"
            for bad in ("열쇠", "a\nb", "\x7f", "k" * 256):
                assert await code_of(one.create_room("뜰", id=bad)) == "invalid"
    assert len(rooms(server, ann)) == 1


async def _blind(one: Client, two: Client, ann: Person, bob: Person) -> tuple[str, str, str]:
    room = (await one.create_matching_room([ann.id], [bob.id], blind=True)).id
    names = [(await client.show_room(room)).me for client in (one, two)]
    return room, names[0], names[1]


async def test_two_of_a_blind_room_learn_who_they_are_when_both_agreed(
    server: RunningServer, people: list[Person]
) -> None:
    ann, bob, _ = people
    with trio.fail_after(30):
        async with (
            open_client(server.url, ann.token, listen=False) as one,
            open_client(server.url, bob.token, listen=False) as two,
        ):
            room, ann_there, bob_there = await _blind(one, two, ann, bob)
            told = await one.reveal(room, bob_there)
            assert (told.name, told.mutual, told.person) == (bob_there, False, None)
            await one.withdraw_reveal(room, bob_there)
            await one.withdraw_reveal(room, bob_there)
            assert (await one.reveals(room))["items"] == []
            await one.reveal(room, bob_there)
            assert (await two.reveals(room))["items"] == []
            agreed = await two.reveal(room, ann_there)
            assert (agreed.mutual, agreed.person.user, agreed.person.username) == (
                True,
                ann.id,
                ann.username,
            )
            (known,) = (await one.reveals(room))["items"]
            assert (known.name, known.mutual, known.person.user) == (bob_there, True, bob.id)
            assert await code_of(one.withdraw_reveal(room, bob_there)) == "conflict"


async def test_nobody_is_revealed_who_is_not_there(
    server: RunningServer, people: list[Person]
) -> None:
    ann, bob, cat = people
    with trio.fail_after(30):
        async with (
            open_client(server.url, ann.token, listen=False) as one,
            open_client(server.url, bob.token, listen=False) as two,
            open_client(server.url, cat.token, listen=False) as three,
        ):
            room, ann_there, bob_there = await _blind(one, two, ann, bob)
            nobody = ("없는여우", ann_there, bob.id, bob.username, "a/b", "a b", "", "..", "\ud800")
            for name in nobody:
                assert await code_of(one.reveal(room, name)) == "not_found", name
                assert await code_of(one.withdraw_reveal(room, name)) == "not_found", name
            open_room = (await one.create_matching_room([ann.id], [bob.id])).id
            for name in (bob.id, bob.username, bob_there):
                assert await code_of(one.reveal(open_room, name)) == "not_found", name
            assert (await one.reveals(open_room))["items"] == []
            assert await code_of(three.reveal(room, ann_there)) == "not_found"
            assert await code_of(three.reveals(room)) == "not_found"
            await two.remove_member(room, bob.id)
            assert await code_of(one.reveal(room, bob_there)) == "not_found"
            assert await code_of(two.reveals(room)) == "not_member"
            await two.join(room)
            assert (await one.reveal(room, bob_there)).mutual is False


async def test_admins_moderate_by_calls(server: RunningServer, people: list[Person]) -> None:
    ann, bob, cat = people
    for admin in (ann, cat):
        grant(server, admin)
    with trio.fail_after(60):
        async with (
            open_client(server.url, ann.token, listen=False) as one,
            open_client(server.url, bob.token, listen=False) as two,
            open_client(server.url, cat.token, listen=False) as three,
        ):
            room, _, bob_there = await _blind(one, two, ann, bob)
            order = await one.order_reveal(room, bob_there, "신고 12번")
            assert (order.name, order.person) == (bob_there, None)
            assert await code_of(one.approve_reveal(order.id)) == "forbidden"
            assert (await three.approve_reveal(order.id)).person.user == bob.id
            assert (await one.reveal_orders())["items"][0].approved_by == cat.username
            await two.send(room, "hi")
            own = await one.report(room, 1, "spam")
            (report,) = (await three.reports(status="open"))["items"]
            assert (report.id, report.message.body) == (own.id, "hi")
            closed = await three.change_report(own.id, "closed", resolution="경고")
            assert (closed.status, closed.resolution) == ("closed", "경고")
            await one.block(bob.id)
            (entry,) = (await three.block_log(bob.username))["items"]
            assert (entry.user, entry.other, entry.on) == (ann.id, bob.id, True)
            for call in (two.reports(), two.block_log(ann.id), two.reveal_orders()):
                assert await code_of(call) == "forbidden"
