"""Channels over HTTP and sockets: public ones, roles, what is said of them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from http_world import open_http
from running_server import Person, RunningServer
from test_changes import refused
from test_session import Speaker

ROOMS = "/api/v1/chats/rooms"


@pytest.fixture(scope="module")
def server(open_folder: Path) -> Iterator[RunningServer]:
    with RunningServer(open_folder / "channels") as running:
        yield running


@pytest.fixture
def people(server: RunningServer, request: pytest.FixtureRequest) -> list[Person]:
    number = abs(hash(request.node.name)) % 10**9
    return [server.sign_up(f"{name}{number}") for name in ("ann", "bob", "eve")]


def test_a_public_room_is_found_joined_and_renamed(
    server: RunningServer, people: list[Person]
) -> None:
    ann, bob, _ = people
    body = {"type": "team", "name": "봄 마당", "visibility": "public", "description": "모두"}
    room = server.call("POST", ROOMS, body, token=ann.token)["id"]
    server.make_room(ann)
    found = server.call("GET", f"{ROOMS}/public?q=%EB%B4%84", token=bob.token)["items"]
    mine = [each for each in found if each["id"] == room]
    assert mine == [
        {"id": room, "name": "봄 마당", "members": 1, "joined": False, "description": "모두"}
    ]
    with Speaker(server) as one, Speaker(server) as two:
        one.enter(ann)
        two.enter(bob)
        assert server.call("POST", f"{ROOMS}/{room}/join", token=bob.token)["seq"] == 1
        assert one.hear("member")["change"] == "joined"
        summary = two.hear("room")
        assert (summary["id"], summary["visibility"], summary["role"]) == (room, "public", "member")
        server.call("PATCH", f"{ROOMS}/{room}", {"name": "여름 마당"}, token=ann.token)
        told = two.hear("room_changed")
        assert (told["seq"], told["name"], told["by"]) == (2, "여름 마당", ann.id)
        assert two.hear("room")["name"] == "여름 마당"
    assert server.messages(bob, room)[-1]["t"] == "room_changed"
    assert server.call("GET", f"{ROOMS}/{room}", token=bob.token)["name"] == "여름 마당"


def test_settings_and_metadata_last(server: RunningServer, people: list[Person]) -> None:
    ann, bob, _ = people
    path = f"{ROOMS}/{server.make_room(ann, bob)}"
    metadata = {"topic": "봄", "project": "madang"}
    server.call("PATCH", path, {"post": "admin", "metadata": metadata}, token=ann.token)
    found = server.call("GET", path, token=bob.token)
    assert (found["post"], found["metadata"]) == ("admin", metadata)
    assert refused(server, "POST", f"{path}/messages", {"body": "hi"}, token=bob.token)[0] == 403
    many = {str(number): "x" for number in range(17)}
    for wrong in (many, {"": "x"}, {"k": "x" * 201}, {"k": 1}, ["x"]):
        body = {"metadata": wrong}
        assert refused(server, "PATCH", path, body, token=ann.token) == (400, "invalid"), wrong


def test_public_rooms_come_in_pages(server: RunningServer, people: list[Person]) -> None:
    ann, bob, _ = people
    body = {"type": "team", "visibility": "public"}
    names = [f"쪽 {ann.username} {number}" for number in range(5)]
    for name in names:
        server.call("POST", ROOMS, body | {"name": name}, token=ann.token)
    seen, after = [], ""
    while True:
        path = f"{ROOMS}/public?q={ann.username}&limit=2{after}"
        page = server.call("GET", path, token=bob.token)
        seen += [each["name"] for each in page["items"]]
        if "next" not in page:
            break
        after = f"&after={page['next']}"
    assert seen == names[::-1]


async def test_where_public_rooms_go_on_tells_nothing_of_private_ones(database_url: str) -> None:
    async with open_http(database_url) as http:
        ann, bob = await http.person(), await http.person()
        told = []
        for after in (await http.team(ann), "nosuchroom000000"):
            path = f"{ROOMS}/public?after={after}"
            told.append((await http.ask("GET", path, token=bob.token)).json)
        assert told[0]["code"] == "invalid" and list(told[0]["fields"]) == ["after"]
        assert told[0] == told[1]


def test_roles_reach_their_limits(server: RunningServer, people: list[Person]) -> None:
    ann, bob, eve = people
    room = server.make_room(ann, bob, eve)
    members = f"{ROOMS}/{room}/members"
    with Speaker(server) as two:
        two.enter(bob)
        server.call("PATCH", f"{members}/{bob.username}", {"role": "admin"}, token=ann.token)
        assert two.hear("member")["role"] == "admin"
        assert two.hear("room")["role"] == "admin"
    assert (
        server.call("PATCH", f"{members}/{eve.id}", {"role": "guest"}, token=bob.token)["seq"] == 2
    )
    for call, expected in (
        (("PATCH", f"{members}/{eve.id}", {"role": "king"}), (400, "invalid")),
        (("PATCH", f"{members}/{ann.id}", {"role": "member"}), (403, "forbidden")),
        (("PATCH", f"{ROOMS}/{room}", {"archived": True}), (403, "forbidden")),
        (("PATCH", f"{ROOMS}/{room}", {"name": " "}), (400, "invalid")),
        (("PATCH", f"{ROOMS}/{room}", {"description": "x" * 1001}), (400, "invalid")),
    ):
        assert refused(server, *call, token=bob.token) == expected, call
    server.call("PATCH", f"{ROOMS}/{room}", {"archived": True}, token=ann.token)
    posted = refused(server, "POST", f"{ROOMS}/{room}/messages", {"body": "hi"}, token=bob.token)
    assert posted == (403, "forbidden")
    found = server.call("GET", f"{ROOMS}/{room}", token=bob.token)
    assert found["archived"] is True and len(found["members"]) == 3


def test_what_those_said_who_left_keeps_its_name(
    server: RunningServer, people: list[Person]
) -> None:
    ann, bob, eve = people
    room = server.make_room(ann, bob, eve)
    for one in (bob, eve):
        server.call("DELETE", f"{ROOMS}/{room}/members/{one.id}", token=one.token)
    found = server.call("GET", f"{ROOMS}/{room}", token=ann.token)
    assert [each["user"] for each in found["members"]] == [ann.id]
    assert found["former"] == [{"user": one.id, "name": one.username} for one in (eve, bob)]


def test_nobody_is_removed_from_an_archived_room_and_everybody_may_leave(
    server: RunningServer, people: list[Person]
) -> None:
    ann, bob, eve = people
    room = server.make_room(ann, bob, eve)
    server.call("PATCH", f"{ROOMS}/{room}", {"archived": True}, token=ann.token)
    member = f"{ROOMS}/{room}/members"
    assert refused(server, "DELETE", f"{member}/{bob.id}", token=ann.token) == (403, "forbidden")
    assert server.call("DELETE", f"{member}/{bob.id}", token=bob.token)["seq"] == 2


def test_a_muted_room_is_muted_on_all_devices_until_its_time(
    server: RunningServer, people: list[Person]
) -> None:
    ann, bob, eve = people
    room = server.make_room(ann, bob)
    mute = f"{ROOMS}/{room}/mute"
    with Speaker(server) as one, Speaker(server) as two:
        one.enter(ann)
        assert two.enter(bob)["rooms"][0]["muted"] is False
        assert server.call("PUT", mute, {}, token=bob.token) == {"muted": True}
        assert two.hear("room")["muted"] is True
        over = int(time.time() * 1000) + 1500
        told = server.call("PUT", mute, {"until": over}, token=bob.token)
        assert told == {"muted": True, "until": over}
        told_it = two.hear("room")
        assert (told_it["muted"], told_it["muted_until"]) == (True, over)
        assert server.call("GET", f"{ROOMS}/{room}", token=bob.token)["muted_until"] == over
        server.call("PATCH", f"{ROOMS}/{room}", {"name": "new"}, token=ann.token)
        assert (two.hear("room")["muted"], one.hear("room")["muted"]) == (True, False)
    time.sleep(1.6)
    with Speaker(server) as two:
        assert two.enter(bob)["rooms"][0]["muted"] is False
    server.call("PUT", mute, {}, token=bob.token)
    assert server.call("GET", f"{ROOMS}/{room}", token=bob.token)["muted"] is True
    assert server.call("DELETE", mute, token=bob.token) == {"muted": False}
    assert server.call("GET", f"{ROOMS}/{room}", token=bob.token)["muted"] is False
    assert refused(server, "PUT", mute, {}, token=eve.token) == (404, "not_found")
    assert refused(server, "PUT", mute, {"until": 0}, token=bob.token) == (400, "invalid")
