"""Who is online: in a room over HTTP, in Redis, and what of it can be kept from others."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from http_world import open_http
from running_server import Person, RunningServer
from test_session import Speaker

from protocol.ids import UserId

ROOMS = "/api/v1/chats/rooms"


@pytest.fixture(scope="module")
def server(open_folder: Path) -> Iterator[RunningServer]:
    with RunningServer(open_folder / "presence") as running:
        yield running


@pytest.fixture
def people(server: RunningServer, request: pytest.FixtureRequest) -> list[Person]:
    number = abs(hash(request.node.name)) % 10**9
    return [server.sign_up(f"{name}{number}") for name in ("ann", "bob", "eve")]


def test_a_room_says_who_of_it_is_online(server: RunningServer, people: list[Person]) -> None:
    ann, bob, eve = people
    path = f"{ROOMS}/{server.make_room(ann, bob, eve)}/presence"

    def asked(by: Person = ann) -> Any:
        found = server.call("GET", path, token=by.token)
        return found["online"], found["members"], {p["user"]: p["state"] for p in found["people"]}

    assert asked() == (0, 3, {})
    with Speaker(server) as one, Speaker(server) as two, Speaker(server) as three:
        for speaker, person in ((one, ann), (two, bob), (three, eve)):
            speaker.enter(person)
        two.say("status", state="away", rid=1)
        three.say("status", state="invisible", rid=1)
        two.hear("ok"), three.hear("ok")
        assert asked() == (2, 3, {ann.id: "online", bob.id: "away"})
        server.call("PUT", f"/api/v1/blocks/{ann.id}", token=bob.token)
        assert asked() == (1, 3, {ann.id: "online"})
        assert asked(bob) == (1, 3, {bob.id: "away"})
        assert asked(eve) == (2, 3, {ann.id: "online", bob.id: "away"})


async def test_who_is_online_on_another_node_is_so_here(database_url: str) -> None:
    async with open_http(database_url) as http:
        owner, member = await http.person(), await http.person()
        room = await http.team(owner, member)
        await http.other_node.put({UserId(member.id): "away"}, kept_s=60)
        reply = await http.ask("GET", f"{ROOMS}/{room}/presence", token=owner.token)
        assert reply.json["people"] == [{"user": member.id, "state": "away"}]


async def test_a_large_room_shows_counts_and_no_people(database_url: str) -> None:
    async with open_http(database_url) as http:
        owner = await http.person()
        sql = "INSERT INTO users (user_no, user_id, username) SELECT n, 'm' || n, 'm' || n"
        await http.database.execute(sql + " FROM generate_series(1001, 1200) n")
        members = [f"m{number}" for number in range(1001, 1200)]
        body = {"type": "team", "name": "large", "members": members}
        room = (await http.ask("POST", ROOMS, body, token=owner.token)).json["id"]
        path = f"{ROOMS}/{room}"
        found = await http.ask("GET", f"{path}/presence", token=owner.token)
        assert found.json == {"online": 0, "members": 200, "people": []}
        await http.ask("POST", f"{path}/members", {"user": "m1200"}, token=owner.token)
        found = await http.ask("GET", f"{path}/presence", token=owner.token)
        assert found.json == {"online": 0, "members": 201}


async def test_a_blind_room_says_nothing_of_it(database_url: str) -> None:
    async with open_http(database_url) as http:
        ann, bob = await http.person(), await http.person()
        groups = {"A": [ann.id], "B": [bob.id]}
        body = {"type": "matching", "mode": "blind", "groups": groups}
        room = (await http.ask("POST", ROOMS, body, token=ann.token)).json["id"]
        refused = await http.ask("GET", f"{ROOMS}/{room}/presence", token=ann.token)
        assert (refused.status, refused.json["code"]) == (403, "forbidden")


def test_the_last_time_can_be_kept_from_others(server: RunningServer, people: list[Person]) -> None:
    ann, bob, _ = people
    server.make_room(ann, bob)
    assert server.call("GET", "/api/v1/me", token=ann.token)["last_seen"] == "everybody"
    with Speaker(server) as one:
        one.enter(ann)
        with Speaker(server) as two:
            two.enter(bob)
            one.say("presence", watch=[bob.id])
            assert one.hear("presence")["state"] == "online"
        gone = one.hear("presence")
        assert gone["state"] == "offline" and gone["last_seen"] > 0
        change = ("PATCH", "/api/v1/me", {"last_seen": "nobody"})
        assert server.call(*change, token=bob.token)["last_seen"] == "nobody"
        assert "last_seen" not in one.hear("presence")
    with Speaker(server) as one:
        one.enter(ann)
        one.say("presence", watch=[bob.id])
        assert one.hear("presence") == {"t": "presence", "user": bob.id, "state": "offline"}


def in_redis(server: RunningServer, person: Person) -> list[str]:
    """The states that nodes wrote of *person*."""
    url = json.loads((server.data / "lock").read_text())["redis_url"]
    with redis.Redis.from_url(url) as client:
        fields: Any = client.hvals(f"madang:online:{person.id}")
        return [field.decode().split()[0] for field in fields]


def wait_until(ready: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not ready():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_other_programs_find_in_redis_who_is_online(
    server: RunningServer, people: list[Person]
) -> None:
    ann, bob, _ = people
    with Speaker(server) as one, Speaker(server) as two:
        one.enter(ann)
        two.enter(bob)
        wait_until(lambda: in_redis(server, ann) == in_redis(server, bob) == ["online"])
        one.say("status", state="dnd")
        two.say("status", state="invisible")
        wait_until(lambda: (in_redis(server, ann), in_redis(server, bob)) == (["dnd"], []))
    wait_until(lambda: in_redis(server, ann) == [])


def test_chat_goes_on_without_redis_and_the_log_says_so_once(open_folder: Path) -> None:
    with RunningServer(open_folder / "alone", MADANG_REDIS_URL="redis://127.0.0.1:1/0") as server:
        ann, bob = server.sign_up("ann"), server.sign_up("bob")
        room = server.make_room(ann, bob)
        with Speaker(server) as one, Speaker(server) as two:
            one.enter(ann)
            two.enter(bob)
            for number in range(20):
                one.say("send", room=room, id=str(number), body="hi")
                assert two.hear("message")["seq"] == number + 1
                one.say("status", state=("dnd", "online")[number % 2])
                time.sleep(0.1)
            path = f"{ROOMS}/{room}/presence"
            assert server.call("GET", path, token=ann.token)["online"] == 2
        assert server.log().count("presences_are_local") == 1
