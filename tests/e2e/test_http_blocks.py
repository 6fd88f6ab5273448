"""Blocking over HTTP, and what it does to open sockets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from http_world import open_http
from running_server import Person, RunningServer
from test_changes import refused
from test_session import Speaker

BLOCKS = "/api/v1/blocks"
ROOMS = "/api/v1/chats/rooms"


@pytest.fixture(scope="module")
def server(open_folder: Path) -> Iterator[RunningServer]:
    with RunningServer(open_folder / "blocks") as running:
        yield running


@pytest.fixture
def people(server: RunningServer, request: pytest.FixtureRequest) -> list[Person]:
    number = abs(hash(request.node.name)) % 10**9
    return [server.sign_up(f"{name}{number}") for name in ("ann", "bob", "eve")]


def direct(server: RunningServer, one: Person, other: Person) -> str:
    body = {"type": "direct", "members": [other.id]}
    return str(server.call("POST", ROOMS, body, token=one.token)["id"])


@pytest.mark.parametrize("codec", ["json", "msgpack"])
def test_a_block_takes_effect_in_both_directions_at_once(
    server: RunningServer, people: list[Person], codec: str
) -> None:
    ann, bob, _ = people
    room = direct(server, ann, bob)
    with Speaker(server, codec) as one, Speaker(server, codec) as two:
        one.enter(ann)
        two.enter(bob)
        two.say("presence", watch=[ann.id])
        assert two.hear("presence")["state"] == "online"
        two.say("send", room=room, id="1", body="hi")
        assert one.hear("message")["body"] == "hi"
        for number in range(200):
            two.say("send", room=room, id=f"in flight {number}", body="x")
        told = server.call("PUT", f"{BLOCKS}/{bob.username}", token=ann.token)
        assert (told["user"], told["username"]) == (bob.id, bob.username)
        two.say("send", room=room, id="after", body="no", rid=1)
        one.say("send", room=room, id="after", body="no", rid=1)
        gone = two.hear("presence")
        assert (gone["state"], "last_seen" in gone) == ("offline", False)
        for speaker in (one, two):
            error = speaker.hear("error")
            while error["id"] != "after":
                assert error["code"] == "blocked"
                error = speaker.hear("error")
            assert (error["rid"], error["code"], error["room"]) == (1, "blocked", room)
        assert "no" not in [each.get("body") for each in server.messages(bob, room)]
        post = ("POST", f"{ROOMS}/{room}/messages", {"body": "x"})
        assert refused(server, *post, token=bob.token) == (403, "blocked")
        assert direct(server, bob, ann) == room
        server.call("DELETE", f"{BLOCKS}/{bob.id}", token=ann.token)
        two.say("send", room=room, id="again", body="yes")
        message = one.hear("message")
        while message["body"] != "yes":
            message = one.hear("message")


def test_it_outlives_a_restart(server: RunningServer, people: list[Person]) -> None:
    ann, bob, eve = people
    room, team = direct(server, ann, bob), server.make_room(eve, ann, bob)
    server.call("PUT", f"{BLOCKS}/{ann.id}", token=bob.token)
    server.kill()
    server.start()
    with Speaker(server) as one:
        one.enter(ann)
        one.say("presence", watch=[bob.id, eve.id])
        assert one.hear("presence")["user"] == eve.id
        one.say("send", room=room, id="1", body="hi")
        assert one.hear("error")["code"] == "blocked"
        one.say("send", room=team, id="2", body="hi", mentions=[bob.id])
        assert one.hear("ack")["id"] == "2"
    mine = server.call("GET", ROOMS, token=bob.token)["items"]
    assert {each["id"]: each["mentions"] for each in mine} == {room: 0, team: 0}


async def test_who_may_block_whom(database_url: str) -> None:
    async with open_http(database_url) as http:
        ann, bob, eve = [await http.person() for _ in range(3)]

        async def ask(method: str, user: str, by: Any = ann) -> tuple[int, Any]:
            reply = await http.ask(method, f"{BLOCKS}/{user}", token=by.token)
            return reply.status, reply.json and (reply.json.get("code") or reply.json["user"])

        assert await ask("PUT", bob.id) == (200, bob.id)
        assert await ask("PUT", bob.username.upper()) == (200, bob.id)
        assert await ask("PUT", ann.id) == (400, "invalid")
        assert await ask("DELETE", ann.username) == (400, "invalid")
        assert await ask("PUT", "nobody at all".replace(" ", "_")) == (404, "not_found")
        assert await ask("DELETE", "nobody") == (404, "not_found")
        assert await ask("DELETE", eve.id) == (204, None)
        await ask("PUT", eve.id)
        listed = (await http.ask("GET", BLOCKS, token=ann.token)).json
        assert [each["user"] for each in listed["items"]] == [eve.id, bob.id]
        page = (await http.ask("GET", f"{BLOCKS}?limit=1", token=ann.token)).json
        assert page["next"] == eve.id, "a number would count what others do"
        rest = (await http.ask("GET", f"{BLOCKS}?after={page['next']}", token=ann.token)).json
        lost = await http.ask("GET", f"{BLOCKS}?after={ann.id}", token=ann.token)
        assert (lost.status, list(lost.json["fields"])) == (400, ["after"])
        assert [*page["items"], *rest["items"]] == listed["items"] and "next" not in rest
        assert (await http.ask("GET", BLOCKS, token=bob.token)).json == {"items": []}


async def test_nobody_who_is_apart_is_invited(database_url: str) -> None:
    async with open_http(database_url) as http:
        ann, bob, eve = [await http.person() for _ in range(3)]
        team = await http.team(ann, eve)
        await http.ask("PUT", f"{BLOCKS}/{ann.id}", token=bob.token)

        async def code(path: str, body: Any, by: Any = ann) -> str:
            reply = await http.ask("POST", path, body, token=by.token)
            assert reply.status == 403
            return str(reply.json["code"])

        assert await code(ROOMS, {"type": "direct", "members": [bob.id]}) == "blocked"
        assert await code(ROOMS, {"type": "direct", "members": [ann.id]}, bob) == "blocked"
        members = [eve.id, bob.id]
        assert await code(ROOMS, {"type": "team", "members": members}) == "blocked"
        assert await code(f"{ROOMS}/{team}/members", {"user": bob.id}) == "blocked"
        both = {"type": "team", "members": [ann.id, bob.id]}
        assert (await http.ask("POST", ROOMS, both, token=eve.token)).status == 201


async def test_admins_see_who_blocked_whom_and_when(database_url: str) -> None:
    async with open_http(database_url) as http:
        ann, bob, admin = await http.person(), await http.person(), await http.admin()
        for method, by, of in (("PUT", ann, bob), ("PUT", bob, ann), ("DELETE", ann, bob)):
            await http.ask(method, f"{BLOCKS}/{of.id}", token=by.token)
        path = f"/api/v1/admin/blocks?user={bob.username}"
        found = (await http.ask("GET", path, token=admin.token)).json["items"]
        at = http.parts.clock.now_ms()
        assert found == [
            {"user": ann.id, "other": bob.id, "on": False, "at": at},
            {"user": bob.id, "other": ann.id, "on": True, "at": at},
            {"user": ann.id, "other": bob.id, "on": True, "at": at},
        ]
        page = (await http.ask("GET", f"{path}&limit=2", token=admin.token)).json
        rest = await http.ask("GET", f"{path}&after={page['next']}", token=admin.token)
        assert page["items"] == found[:2] and rest.json == {"items": found[2:]}
        nobody = await http.ask("GET", "/api/v1/admin/blocks?user=nobody", token=admin.token)
        assert nobody.status == 404


async def test_blocking_back_and_forth_is_limited(database_url: str) -> None:
    async with open_http(database_url) as http:
        ann, bob = await http.person(), await http.person()
        statuses: list[int] = []
        while 429 not in statuses and len(statuses) < 500:  # the bucket fills meanwhile
            reply = await http.ask("PUT", f"{BLOCKS}/{bob.id}", token=ann.token)
            statuses.append(reply.status)
        assert statuses[:60] == [200] * 60 and statuses[-1] == 429


async def test_who_is_gone_is_not_named_to_one_who_blocks_him(database_url: str) -> None:
    async with open_http(database_url) as http:
        ann, bob, eve, admin = [await http.person() for _ in range(3)] + [await http.admin()]
        await http.ask("PUT", f"{BLOCKS}/{eve.id}", token=ann.token)
        for gone in (bob, eve):
            path = f"/api/v1/admin/users/{gone.id}"
            await http.ask("PATCH", path, {"status": "deleted"}, token=admin.token)
        answers = [
            (await http.ask("PUT", f"{BLOCKS}/{name}", token=ann.token)).json
            for name in (bob.username, bob.id, eve.id, "nobody")
        ]
        assert answers == [answers[-1]] * 4 and answers[0]["code"] == "not_found"
        assert (await http.ask("DELETE", f"{BLOCKS}/{eve.id}", token=ann.token)).status == 204
        assert (await http.ask("GET", BLOCKS, token=ann.token)).json == {"items": []}
        path = f"/api/v1/admin/blocks?user={eve.username}"
        log = (await http.ask("GET", path, token=admin.token)).json["items"]
        assert [each["on"] for each in log] == [False, True]


async def test_an_invitation_does_not_tell_the_suspended_from_the_deleted(
    database_url: str,
) -> None:
    async with open_http(database_url) as http:
        ann, bob, admin = await http.person(), await http.person(), await http.admin()
        told = []
        for status in ("suspended", "deleted"):
            path = f"/api/v1/admin/users/{bob.id}"
            await http.ask("PATCH", path, {"status": status}, token=admin.token)
            body = {"type": "team", "members": [bob.id]}
            told.append((await http.ask("POST", ROOMS, body, token=ann.token)).json)
        assert told[0] == told[1] and "cannot be added" in told[0]["fields"]["members"]
