"""Messages that change, over sockets and HTTP, by clients that share no code with the server."""

from __future__ import annotations

import json
import threading
import urllib.error
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
import trio
from running_server import Person, RunningServer
from test_session import Speaker

from protocol.client import RequestError, open_client

ROOMS = "/api/v1/chats/rooms"


@pytest.fixture(scope="module")
def server(open_folder: Path) -> Iterator[RunningServer]:
    with RunningServer(open_folder / "changes") as running:
        yield running


@pytest.fixture
def people(server: RunningServer, request: pytest.FixtureRequest) -> tuple[Person, Person]:
    number = abs(hash(request.node.name)) % 10**9
    return server.sign_up(f"ann{number}"), server.sign_up(f"bob{number}")


def refused(server: RunningServer, *call: Any, token: str) -> tuple[int, str]:
    with pytest.raises(urllib.error.HTTPError) as info:
        server.call(*call, token=token)
    return info.value.code, json.loads(info.value.read())["code"]


@pytest.mark.parametrize("codec", ["json", "msgpack"])
def test_changes_are_seen_by_all_in_one_order(
    server: RunningServer, people: tuple[Person, Person], codec: str
) -> None:
    ann, bob = people
    room = server.make_room(ann, bob)
    with Speaker(server, codec) as one, Speaker(server, "json") as two:
        one.enter(ann)
        two.enter(bob)
        two.say("send", room=room, id="1", body="hi")
        assert two.hear("ack")["seq"] == 1
        two.say("edit", room=room, seq=1, body="ho", rid=1)
        one.say("react", room=room, seq=1, emoji="👍", on=True, rid=2)
        told = two.hear("ok")
        assert (told["rid"], told["seq"]) == (1, 2)
        updated, reaction = one.hear("message_updated"), one.hear("reaction")
        assert (updated["of"], updated["body"], updated["sender"]) == (1, "ho", bob.id)
        assert (reaction["of"], reaction["emoji"], reaction["on"]) == (1, "👍", True)
        assert two.hear("message_updated") == updated and two.hear("reaction") == reaction
        one.say("react", room=room, seq=1, emoji="👍", on=True, rid=3)
        assert one.hear("ok") == {"t": "ok", "rid": 3}
        one.say("history", room=room, rid=4)
        page = one.hear("page")
        assert [event["seq"] for event in page["events"]] == [1] and page["upto"] == 3
        message = page["events"][0]
        assert (message["body"], message["edited_at"], message["deleted"]) == (
            "ho",
            updated["at"],
            False,
        )
        assert message["reactions"] == {"👍": {"count": 1, "me": True}}
        one.say("delete", room=room, seq=1, rid=5)
        assert two.hear("message_deleted")["sender"] == ann.id
        two.say("edit", room=room, seq=1, body="again", rid=6)
        assert two.hear("error")["code"] == "gone"


def test_a_resumed_client_gets_the_changes_without_deleted_words(
    server: RunningServer, people: tuple[Person, Person]
) -> None:
    ann, bob = people
    room = server.make_room(ann, bob)
    with Speaker(server) as two:
        two.enter(bob)
        two.say("send", room=room, id="1", body="a secret")
        two.hear("ack")
        two.say("edit", room=room, seq=1, body="another secret")
        two.say("delete", room=room, seq=1, rid=1)
        two.hear("ok")
    server.stop()
    server.start()
    with Speaker(server) as one:
        welcome = one.enter(ann, resume={room: 0})
        heard = [one.hear() for _ in range(3)]
        assert [frame["t"] for frame in heard] == ["message", "message_updated", "message_deleted"]
        assert "secret" not in repr((welcome, heard))
        assert welcome["rooms"][0]["last_message"]["deleted"] is True
        assert welcome["rooms"][0]["unread"] == 0


def test_http_changes_what_the_socket_shows(
    server: RunningServer, people: tuple[Person, Person]
) -> None:
    ann, bob = people
    room = server.make_room(ann, bob)
    messages = f"{ROOMS}/{room}/messages"
    thumb = f"{messages}/1/reactions/{quote('👍')}"
    with Speaker(server) as one:
        one.enter(ann)
        server.call("POST", messages, {"body": "hi"}, token=bob.token)
        assert server.call("PATCH", f"{messages}/1", {"body": "ho"}, token=bob.token)["seq"] == 2
        assert server.call("PUT", thumb, token=bob.token)["seq"] == 3
        assert server.call("PUT", thumb, token=bob.token) == {}
        assert server.call("PUT", f"{messages}/1/pin", token=bob.token)["seq"] == 4
        for kind in ("message", "message_updated", "reaction", "pinned"):
            assert one.hear()["t"] == kind
    versions = server.call("GET", f"{messages}/1/versions", token=ann.token)["items"]
    assert [(each["seq"], each["body"], each["user"]) for each in versions] == [
        (1, "hi", bob.id),
        (2, "ho", bob.id),
    ]
    reactions = server.call("GET", f"{messages}/1/reactions", token=ann.token)["items"]
    assert [(each["emoji"], each["user"]) for each in reactions] == [("👍", bob.id)]
    pins = server.call("GET", f"{ROOMS}/{room}/pins", token=ann.token)["items"]
    assert [(each["seq"], each["body"], each["pinned"]) for each in pins] == [(1, "ho", True)]
    assert server.call("DELETE", thumb, token=bob.token)["seq"] == 5
    assert server.call("DELETE", f"{messages}/1/pin", token=bob.token)["seq"] == 6
    assert server.call("DELETE", f"{messages}/1", token=ann.token)["seq"] == 7
    assert server.call("GET", f"{ROOMS}/{room}/pins", token=ann.token)["items"] == []
    assert refused(server, "GET", f"{messages}/1/versions", token=ann.token) == (410, "gone")
    assert refused(server, "POST", f"{messages}/1/restore", token=bob.token) == (403, "forbidden")
    assert server.call("POST", f"{messages}/1/restore", token=ann.token)["seq"] == 8
    assert server.messages(ann, room)[0]["body"] == "ho"


def test_one_message_is_had_by_its_seq(
    server: RunningServer, people: tuple[Person, Person]
) -> None:
    ann, bob = people
    room = server.make_room(ann, bob)
    messages = f"{ROOMS}/{room}/messages"
    for body in ("one", "two", "three"):
        server.call("POST", messages, {"body": body}, token=bob.token)
    server.call("PATCH", f"{messages}/2", {"body": "dos"}, token=bob.token)
    page = server.call("GET", f"{messages}?around=2&limit=1", token=ann.token)
    one = server.call("GET", f"{messages}/2", token=ann.token)
    assert one == {"message": page["items"][0], "upto": 4} and one["message"]["body"] == "dos"
    assert (page["more"], page["next"]) == (True, 2)
    for seq in (4, 5, 2**40, "x"):
        assert refused(server, "GET", f"{messages}/{seq}", token=ann.token) == (404, "not_found")
    two = f"{messages}?around=2&after=1"
    assert refused(server, "GET", two, token=ann.token) == (400, "invalid")
    with Speaker(server) as one_socket:
        one_socket.enter(ann)
        one_socket.say("history", room=room, around=2, limit=2, rid=1)
        assert [event["seq"] for event in one_socket.hear("page")["events"]] == [1, 2]
        one_socket.say("history", room=room, around=2, before=2, rid=2)
        assert one_socket.hear("error")["fields"].keys() == {"before"}


def test_versions_and_pins_come_in_pages(
    server: RunningServer, people: tuple[Person, Person]
) -> None:
    ann, bob = people
    room = server.make_room(ann, bob)
    messages, pins = f"{ROOMS}/{room}/messages", f"{ROOMS}/{room}/pins"
    for body in ("one", "two"):
        server.call("POST", messages, {"body": body}, token=bob.token)
    server.call("PATCH", f"{messages}/1", {"body": "uno"}, token=bob.token)
    for seq in (2, 1):
        server.call("PUT", f"{messages}/{seq}/pin", token=bob.token)
    for path, last in ((f"{messages}/1/versions", 3), (pins, 2)):
        page = server.call("GET", f"{path}?limit=1", token=ann.token)
        rest = server.call("GET", f"{path}?limit=1&after={page['next']}", token=ann.token)
        assert [each["seq"] for each in page["items"] + rest["items"]] == [1, last]
        assert "next" not in rest
        assert refused(server, "GET", f"{path}?after=x", token=ann.token) == (400, "invalid")


def test_bad_changes_get_clear_errors(server: RunningServer, people: tuple[Person, Person]) -> None:
    ann, bob = people
    room = server.make_room(ann, bob)
    messages = f"{ROOMS}/{room}/messages"
    server.call("POST", messages, {"body": "hi"}, token=ann.token)
    for call, expected in (
        (("PATCH", f"{messages}/1", {"body": "  "}), (400, "invalid")),
        (("PATCH", f"{messages}/1", {}), (400, "invalid")),
        (("PATCH", f"{messages}/1", {"body": "x" * 70_000}), (413, "too_large")),
        (("PATCH", f"{messages}/2", {"body": "x"}), (404, "not_found")),
        (("PATCH", f"{messages}/x", {"body": "x"}), (404, "not_found")),
        (("PATCH", f"{messages}/{10**30}", {"body": "x"}), (404, "not_found")),
        (("GET", f"{messages}/{2**40}/versions"), (404, "not_found")),
        (("PUT", f"{messages}/1/reactions/{'x' * 33}"), (400, "invalid")),
        (("DELETE", f"{messages}/0"), (404, "not_found")),
    ):
        assert refused(server, *call, token=ann.token) == expected, call
    with Speaker(server) as one:
        one.enter(ann)
        for fields in (
            {"t": "edit", "room": room, "seq": 0, "body": "x"},
            {"t": "edit", "room": room, "seq": 1},
            {"t": "react", "room": room, "seq": 1, "emoji": "", "on": True},
            {"t": "react", "room": room, "seq": 1, "emoji": "x" * 33, "on": True},
            {"t": "react", "room": room, "seq": 1, "emoji": "a b", "on": True},
            {"t": "pin", "room": room, "seq": 1, "on": 1},
        ):
            one.say(**fields, rid=9)  # type: ignore[arg-type]
            error = one.hear("error")
            assert (error["code"], error["rid"], error["room"]) == ("invalid", 9, room)
    assert server.messages(ann, room)[0]["body"] == "hi"


async def test_the_sdk_changes_messages_and_keeps_its_rooms_fresh(
    server: RunningServer, people: tuple[Person, Person]
) -> None:
    ann, bob = people
    room = server.make_room(ann, bob)
    with trio.fail_after(30):
        async with (
            open_client(server.url, ann.token) as one,
            open_client(server.url, bob.token) as two,
        ):
            await two.send(room, "hi")
            assert (await two.edit(room, 1, "ho")).seq == 2
            assert (await one.react(room, 1, "👍")).seq == 3
            assert (await one.react(room, 1, "👍")).seq is None
            assert (await one.pin(room, 1)).seq == 4
            with pytest.raises(RequestError) as info:
                await one.edit(room, 1, "mine")
            assert info.value.code == "forbidden"
            await _until(one, "pinned")
            summary = one.rooms[room]
            assert (summary.unread, summary.last_message.body) == (1, "ho")
            assert (await one.delete(room, 1)).seq == 5
            await _until(one, "unread")
            summary = one.rooms[room]
            assert (summary.unread, summary.last_message.body) == (0, None)
            assert summary.last_message.deleted is True


async def test_an_edit_whose_answer_was_lost_is_one_event(
    server: RunningServer, people: tuple[Person, Person]
) -> None:
    ann, bob = people
    room = server.make_room(ann, bob)
    async with _losing(server) as (url, lose), open_client(url, bob.token) as two:
        with trio.fail_after(30):
            await two.send(room, "hi")
            lose.set()
            assert (await two.edit(room, 1, "ho")).seq is None, "the second time it says so already"
    versions = server.call("GET", f"{ROOMS}/{room}/messages/1/versions", token=ann.token)["items"]
    assert [each["body"] for each in versions] == ["hi", "ho"]
    assert not lose.is_set() and server.messages(ann, room)[0]["body"] == "ho"


@asynccontextmanager
async def _losing(server: RunningServer) -> AsyncIterator[tuple[str, threading.Event]]:
    """A way to the server that breaks, once told, instead of bringing the server's next answer."""
    lose = threading.Event()
    there = urlsplit(server.url)

    async def join(near: trio.SocketStream) -> None:
        far = await trio.open_tcp_stream(there.hostname or "", there.port or 0)
        async with near, far, trio.open_nursery() as nursery:
            nursery.start_soon(_carry, near, far)
            async for data in far:
                if lose.is_set():
                    lose.clear()
                    break
                await near.send_all(data)
            nursery.cancel_scope.cancel()

    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(partial(trio.serve_tcp, join, 0, host="127.0.0.1"))
        yield f"http://127.0.0.1:{listeners[0].socket.getsockname()[1]}", lose
        nursery.cancel_scope.cancel()


async def _carry(one: trio.SocketStream, other: trio.SocketStream) -> None:
    with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
        async for data in one:
            await other.send_all(data)


async def _until(client: Any, kind: str) -> None:
    async for event in client:
        if event.t == kind:
            return
