"""The chat session over real sockets, by a client that shares no code with the server."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgpack
import pytest
from running_server import Person, RunningServer
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect


class Speaker:
    """One socket; speaks the codec of its subprotocol."""

    def __init__(self, server: RunningServer, codec: str = "json", path: str = "/ws", **more: Any):
        kinds: Any = [f"madang.v1.{codec}"] if codec else None
        url = f"ws://127.0.0.1:{server.port}{path}"
        more |= {"compression": None, "legacy": True}
        self.socket: ClientConnection = connect(url, subprotocols=kinds, **more)
        self._json = codec != "msgpack"

    def __enter__(self) -> Speaker:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def say(self, t: str, **fields: Any) -> None:
        frame = {"t": t, **fields}
        self.socket.send(json.dumps(frame) if self._json else msgpack.packb(frame))

    def hear(self, t: str = "") -> dict[str, Any]:
        while True:
            data = self.socket.recv(timeout=5)
            frame: dict[str, Any] = json.loads(data) if self._json else msgpack.unpackb(data)
            if not t or frame["t"] == t:
                return frame

    def enter(self, person: Person, **fields: Any) -> dict[str, Any]:
        self.say("hello", token=person.token, **fields)
        return self.hear("welcome")

    def closed(self) -> int:
        with contextlib.suppress(ConnectionClosed):
            while self.socket.recv(timeout=10):
                pass
        return int(self.socket.close_code or 0)


@pytest.fixture(scope="module")
def server(open_folder: Path) -> Iterator[RunningServer]:
    with RunningServer(open_folder / "session") as running:
        yield running


@pytest.fixture
def ann(server: RunningServer, request: pytest.FixtureRequest) -> Person:
    return server.sign_up(f"ann{abs(hash(request.node.name)) % 10**9}")


@pytest.fixture
def bob(server: RunningServer, request: pytest.FixtureRequest) -> Person:
    return server.sign_up(f"bob{abs(hash(request.node.name)) % 10**9}")


@pytest.mark.parametrize("codec", ["json", "msgpack"])
def test_both_codecs_carry_the_same(
    server: RunningServer, ann: Person, bob: Person, codec: str
) -> None:
    room = server.make_room(ann, bob)
    with Speaker(server, codec) as one, Speaker(server, "json") as two:
        welcome = one.enter(ann, rid=7)
        assert (welcome["rid"], welcome["rooms"][0]["id"]) == (7, room)
        two.enter(bob)
        one.say("send", room=room, id="1", body="안녕", rid=5)
        assert one.hear("ack")["rid"] == 5
        assert one.hear("message") == two.hear("message")


def test_what_follows_hello_at_once_is_handled_after_welcome(
    server: RunningServer, ann: Person
) -> None:
    room = server.make_room(ann)
    with Speaker(server) as one:
        one.say("hello", token=ann.token)
        one.say("send", room=room, id="1", body="x")
        one.say("ping", rid=1)
        assert one.hear()["t"] == "welcome"
        assert {one.hear()["t"] for _ in range(3)} == {"ack", "message", "pong"}


def test_before_hello_nothing_is_done_and_a_second_hello_is_invalid(
    server: RunningServer, ann: Person
) -> None:
    with Speaker(server) as one:
        one.say("ping", rid=1)
        assert one.hear()["code"] == "unauthenticated"
        one.enter(ann)
        one.say("hello", token=ann.token, rid=2)
        assert one.hear("error") | {"message": ""} == {
            "t": "error", "code": "invalid", "message": "", "rid": 2,
        }  # fmt: skip


@pytest.mark.parametrize("path", ["/api/v1/chats/ws", "/api/ws/notifications"])
def test_the_specified_paths_speak_json_and_need_no_hello_with_a_token(
    server: RunningServer, ann: Person, path: str
) -> None:
    with Speaker(server, "", f"{path}?token={ann.token}") as one:
        assert one.hear()["t"] == "welcome"


def test_a_token_in_the_header_counts_and_hello_still_opens(
    server: RunningServer, ann: Person, bob: Person
) -> None:
    header = {"Authorization": f"Bearer {ann.token}"}
    with Speaker(server, additional_headers=header) as one:
        assert one.enter(bob)["user"] == ann.id


def test_bad_tokens_are_accepted_and_then_closed(server: RunningServer, ann: Person) -> None:
    for path, token in (("/ws?token=bad", None), ("/ws", "bad"), ("/ws", None)):
        with Speaker(server, path=path) as one:
            if "?" not in path:
                one.say("hello", token=token)
            assert one.closed() == 4501


def test_a_token_that_was_revoked_or_whose_owner_is_suspended_is_told_apart(
    server: RunningServer, ann: Person
) -> None:
    with Speaker(server) as one:
        one.enter(ann)
        began = time.monotonic()
        server.call("POST", "/api/v1/auth/logout", token=ann.token)
        assert one.closed() == 4501 and time.monotonic() - began < 2
    with Speaker(server) as one:
        one.say("hello", token=ann.token)
        assert one.closed() == 4501


def test_a_lone_page_comes_at_once(server: RunningServer, ann: Person) -> None:
    room = server.make_room(ann)
    with Speaker(server) as one:
        one.enter(ann)
        one.say("send", room=room, id="1", body="x")
        one.hear("message")
        waits = []
        for rid in range(5):
            began = time.monotonic()
            one.say("history", room=room, rid=rid)
            assert one.hear("page")["events"][0]["deleted"] is False
            waits.append(time.monotonic() - began)
        assert min(waits) < 0.2


def test_sixteen_frames_that_are_none_close_and_a_good_one_forgives(
    server: RunningServer, ann: Person
) -> None:
    with Speaker(server) as one:
        one.enter(ann)
        for _ in range(15):
            one.socket.send("[]")
        one.say("ping")
        assert one.hear("pong")
        for _ in range(16):
            one.say("nonsense")
        assert one.closed() == 4500


def test_the_other_kind_of_message_is_a_bad_frame(server: RunningServer, ann: Person) -> None:
    with Speaker(server) as one:
        one.enter(ann)
        one.socket.send(b'{"t":"ping"}')
        assert one.hear("error")["code"] == "bad_frame"


def test_a_message_that_is_too_long_closes_with_1009(server: RunningServer, ann: Person) -> None:
    with Speaker(server) as one:
        one.enter(ann)
        one.say("send", room="r", id="1", body="x" * 70_000)
        assert one.hear("goodbye")["code"] == 1009
        assert one.closed() == 1009


def test_a_flood_is_told_to_wait_and_then_closed(server: RunningServer, ann: Person) -> None:
    with Speaker(server) as one:
        one.enter(ann)
        for rid in range(4000):
            try:
                one.say("ping", rid=rid)
            except ConnectionClosed:
                break
        limited = one.hear("error")
        assert limited["code"] == "rate_limited" and limited["retry_after_ms"] > 0
        assert one.closed() == 4029


def test_the_twenty_first_connection_of_a_user_is_closed(
    server: RunningServer, ann: Person
) -> None:
    speakers = [Speaker(server) for _ in range(21)]
    for speaker in speakers[:20]:
        speaker.enter(ann)
    speakers[20].say("hello", token=ann.token)
    assert speakers[20].closed() == 4504
    for speaker in speakers:
        speaker.socket.close()


def test_a_foreign_page_may_not_connect(server: RunningServer) -> None:
    with pytest.raises(InvalidStatus):
        Speaker(server, origin="https://good.example.evil")


def test_members_who_are_added_and_removed_see_what_they_should(
    server: RunningServer, ann: Person, bob: Person
) -> None:
    room = server.make_room(ann)
    members = f"/api/v1/chats/rooms/{room}/members"
    with Speaker(server) as one, Speaker(server) as two:
        one.enter(ann)
        two.enter(bob)
        server.call("POST", members, {"user": bob.username}, token=ann.token)
        assert [two.hear()["t"] for _ in range(2)] == ["room", "member"]
        server.call("DELETE", f"{members}/{bob.id}", token=ann.token)
        assert two.hear()["change"] == "kicked"
        assert two.hear() == {"t": "room_gone", "room": room, "reason": "kicked"}
        two.say("send", room=room, id="late", body="x")
        assert two.hear()["code"] == "not_member"
        two.say("history", room=room)
        assert two.hear()["code"] == "not_member"
        two.say("history", room="elsewhere")
        assert two.hear()["code"] == "not_found"
        assert [one.hear("member")["seq"] for _ in range(2)] == [1, 2]


def test_whatever_is_invalid_names_its_field_in_the_message(
    server: RunningServer, ann: Person
) -> None:
    room = server.make_room(ann)
    with Speaker(server) as one:
        one.enter(ann)
        one.say("history", room=room, limit=201)
        one.say("history", room=room, after=1, before=2)
        one.say("presence", watch=[f"u{number}" for number in range(501)])
        for field in ("limit", "before", "watch"):
            error = one.hear("error")
            assert error["code"] == "invalid"
            assert error["message"] == f"{field}: {error['fields'][field]}"


def test_a_new_direct_room_appears_at_the_peer_and_is_named_after_him(
    server: RunningServer, ann: Person, bob: Person
) -> None:
    with Speaker(server) as two:
        two.enter(bob)
        body = {"type": "direct", "members": [bob.id]}
        made = server.call("POST", "/api/v1/chats/rooms", body, token=ann.token)
        shown = two.hear("room")
        assert shown["id"] == made["id"] and shown["peer"] == ann.id
        assert (made["name"], shown["name"]) == (bob.username, ann.username)


@pytest.mark.parametrize("codec", ["json", "msgpack"])
def test_a_replay_of_long_messages_comes_whole_to_whoever_reads(
    server: RunningServer, ann: Person, bob: Person, codec: str
) -> None:
    room = server.make_room(ann, bob)
    with Speaker(server, "msgpack") as one:
        one.enter(ann)
        for number in range(60):
            one.say("send", room=room, id=str(number), body="x" * 40_000)
            one.hear("ack")
    with Speaker(server, codec) as two:
        two.enter(bob, resume={room: 0})
        assert [two.hear("message")["seq"] for _ in range(60)] == list(range(1, 61))


def test_invalid_frames_count_like_any_others(server: RunningServer, ann: Person) -> None:
    with Speaker(server) as one:
        one.enter(ann)
        with contextlib.suppress(ConnectionClosed):
            for _ in range(4000):
                one.say("send", room="r", id="", body="")
        assert one.hear()["code"] == "invalid"
        assert one.closed() == 4029


def test_watching_many_costs_more_than_a_frame(server: RunningServer, ann: Person) -> None:
    with Speaker(server) as one:
        one.enter(ann)
        strangers = [f"nobody{number}" for number in range(500)]
        with contextlib.suppress(ConnectionClosed):
            for _ in range(1200):
                one.say("presence", watch=strangers)
                one.say("presence", unwatch=strangers)
        assert one.closed() == 4029
