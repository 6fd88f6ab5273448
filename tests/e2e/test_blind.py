"""A blind room through the front door: no byte that a member receives names another.

The same is done in an open room as a control: there the same markers must be found, else the search
itself would be blind.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgpack
import pytest
from PIL import Image
from running_server import REPOSITORY, Person, RunningServer
from test_changes import refused
from websockets.sync.client import connect

ROOMS = "/api/v1/chats/rooms"
FILES = "/api/v1/chats/files"
NAMES = ("marker-ann", "marker-bob", "marker-cat", "marker-dan")


class Ear:
    """Keeps every byte that one member receives, over his socket and over HTTP."""

    def __init__(self, server: RunningServer, person: Person) -> None:
        self.server, self.person, self.heard, self.photo = server, person, b"", ""
        kinds: Any = ["madang.v1.msgpack"]
        self.socket = connect(server.ws, subprotocols=kinds, compression=None, legacy=True)  # type: ignore[call-arg]
        self.say("hello", token=person.token)
        self.me = {room["id"]: room["me"] for room in self.wait("welcome")["rooms"]}

    def say(self, t: str, **fields: Any) -> None:
        self.socket.send(msgpack.packb({"t": t, **fields}))

    def wait(self, t: str, **wanted: Any) -> dict[str, Any]:
        """The next frame of that kind; all before it are heard, too."""
        while True:
            data = self.socket.recv(timeout=10)
            assert isinstance(data, bytes)
            self.heard += data
            frame: dict[str, Any] = msgpack.unpackb(data)
            if frame["t"] == t and wanted.items() <= frame.items():
                return frame

    def ask(self, method: str, path: str, body: object = None, *, lines: bool = False) -> Any:
        """One request; an error answers, too."""
        request = urllib.request.Request(
            self.server.url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "content-type": "application/json",
                "authorization": f"Bearer {self.person.token}",
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=15) as answer:
                text, headers = answer.read(), answer.headers
        except urllib.error.HTTPError as error:
            text, headers = error.read(), error.headers
        self.heard += text + str(headers).encode()
        return text.splitlines() if lines else json.loads(text or b"null")

    def fetch(self, path: str) -> bytes:
        """The bytes and the headers of a file."""
        asked = {"authorization": f"Bearer {self.person.token}"}
        request = urllib.request.Request(self.server.url + path, headers=asked)
        with urllib.request.urlopen(request, timeout=15) as answer:
            data: bytes = answer.read()
            self.heard += data + str(answer.headers).encode()
        return data

    def upload(self) -> str:
        """A ``photo`` that names its owner; what one is told oneself is not heard."""
        name, data = f"{self.person.username}.jpg", marked_photo(self.person)
        request = urllib.request.Request(
            f"{self.server.url}{FILES}?name={quote(name)}",
            data=data,
            headers={"authorization": f"Bearer {self.person.token}"},
        )
        with urllib.request.urlopen(request, timeout=15) as answer:
            self.photo = str(json.loads(answer.read())["id"])
        return self.photo

    def names(self, other: Person) -> list[str]:
        """What of *other* was heard."""
        markers = (other.id, other.username, f"실명 {other.username}")
        forms = {marker: (marker, quote(marker)) for marker in markers}
        return [
            marker
            for marker in markers
            if any(form.encode() in self.heard for form in forms[marker])
        ]


def marked_photo(person: Person) -> bytes:
    """A photo that says in every way it can who made it, and where."""
    exif = Image.Exif()
    exif[0x013B] = exif[0x010E] = person.username
    exif.get_ifd(0x8825)[29] = person.username
    out = io.BytesIO()
    Image.new("RGB", (900, 600), "navy").save(
        out, "JPEG", exif=exif, comment=person.username, xmp=person.username.encode()
    )
    assert out.getvalue().count(person.username.encode()) >= 4
    return out.getvalue()


@pytest.fixture(scope="module")
def server(open_folder: Path) -> Iterator[RunningServer]:
    with RunningServer(open_folder / "blind") as running:
        yield running


@pytest.fixture
def people(server: RunningServer, request: pytest.FixtureRequest) -> list[Person]:
    number = abs(hash(request.node.name)) % 10**6
    made = [server.sign_up(f"{name}{number}") for name in NAMES]
    for person in made:
        name = {"name": f"실명 {person.username}"}
        server.call("PATCH", "/api/v1/me", name, token=person.token)
    return made


def blind(server: RunningServer, people: list[Person]) -> str:
    ann, bob, cat, dan = people
    groups = {"A": [ann.username, bob.id], "B": [cat.id, dan.username]}
    body = {"type": "matching", "mode": "blind", "groups": groups}
    return str(server.call("POST", ROOMS, body, token=ann.token)["id"])


def everything(
    server: RunningServer, people: list[Person], room: str, *, adds: bool = False
) -> list[Ear]:
    """Chat, react, read, type, watch, leave, come back; look at all there is."""
    ears = [Ear(server, person) for person in people]
    ann, bob, cat, dan = ears
    ann.say("send", room=room, id="1", body="안녕", mentions=[bob.me[room]], files=[ann.upload()])
    bob.wait("message", seq=1)
    bob.say("send", room=room, id="2", body="그래", reply_to=1)
    bob.say("send", room=room, id="3", body="실 하나", thread=1)
    cat.wait("message", seq=3)
    for ear, (t, fields) in zip(
        (cat, dan, bob, cat, ann),
        (
            ("react", {"seq": 1, "emoji": "👍", "on": True}),
            ("pin", {"seq": 1, "on": True}),
            ("edit", {"seq": 2, "body": "그래요"}),
            ("read", {"seq": 3}),
            ("typing", {"on": True}),
        ),
        strict=True,
    ):
        ear.say(t, room=room, rid=9, **fields)
        ear.wait("ok", rid=9)
    bob.wait("typing")
    for ear in ears:
        watched = [other.me[room] for other in ears]
        ear.say("presence", watch=[other.person.id for other in ears], rid=10)
        ear.say("presence", room=room, watch=watched, rid=11)
        ear.say("history", room=room, rid=12)
        ear.wait("page", rid=12)
        look(ear, room)
    mine = quote(dan.person.id)
    dan.ask("DELETE", f"{ROOMS}/{room}/members/{mine}")
    ann.wait("member")
    if adds:
        ann.ask("POST", f"{ROOMS}/{room}/members", {"user": dan.person.id})
    else:
        dan.ask("POST", f"{ROOMS}/{room}/join")
    dan.say("send", room=room, id="9", body="다시 왔어요")
    for ear in ears:
        ear.wait("message", body="다시 왔어요")
        look(ear, room)
    again = Ear(server, bob.person)
    again.say("history", room=room, rid=12)
    again.wait("page")
    return [*ears, again]


def look(ear: Ear, room: str) -> None:
    """Every reading call of a room, and of the file in it."""
    file = ear.ask("GET", f"{ROOMS}/{room}/messages/1")["message"]["files"][0]["id"]
    for path in ("", "/thumbnail", "/link"):
        ear.fetch(f"{FILES}/{file}{path}")
    for path in (
        "",
        "/messages",
        "/messages?thread=1",
        "/messages/1",
        "/messages?around=1",
        "/messages/1/reactions",
        "/messages/2/versions",
        "/messages/1/readers",
        "/messages/3/readers",
        "/threads",
        "/pins",
        "/reveals",
    ):
        ear.ask("GET", f"{ROOMS}/{room}{path}")
    for name in ("", *ear.me.values()):
        for q in ("그래", "ㄱㄹ", "marker"):
            query = f"q={quote(q)}" + (f"&from={quote(name)}" if name else "")
            ear.ask("GET", f"/api/v1/chats/search?room={room}&{query}")
    ear.ask("GET", f"{ROOMS}/{room}/export", lines=True)
    ear.ask("GET", ROOMS)
    ear.ask("GET", f"{ROOMS}/public")


def test_no_member_of_a_blind_room_receives_a_byte_that_names_another(
    server: RunningServer, people: list[Person]
) -> None:
    room = blind(server, people)
    ears = everything(server, people, room)
    for ear in ears:
        for other in people:
            if other is not ear.person:
                assert ear.names(other) == [], (ear.person.username, other.username)
        assert ear is ears[0] or ears[0].photo.encode() not in ear.heard
        assert len(ear.me[room]) < 20 and ear.me[room].encode() in ear.heard
    assert "marker" not in server.log()


def test_control_in_an_open_room_the_same_search_finds_them(
    server: RunningServer, people: list[Person]
) -> None:
    ann, *others = people
    body = {"type": "team", "members": [other.id for other in others]}
    room = str(server.call("POST", ROOMS, body, token=ann.token)["id"])
    *ears, _ = everything(server, people, room, adds=True)
    for ear in ears:
        for other in people:
            if other is not ear.person:
                assert len(ear.names(other)) == 3, (ear.person.username, other.username)


def test_two_learn_of_each_other_when_both_agreed_and_not_before(
    server: RunningServer, people: list[Person]
) -> None:
    room = blind(server, people)
    ann, bob, cat, _ = [Ear(server, person) for person in people]
    path = f"{ROOMS}/{room}/reveals"
    to_bob, to_ann = quote(bob.me[room]), quote(ann.me[room])
    assert ann.ask("PUT", f"{path}/{to_bob}") == {"name": bob.me[room], "mutual": False}
    assert bob.ask("GET", path) == {"items": []}
    assert bob.names(ann.person) == []
    agreed = bob.ask("PUT", f"{path}/{to_ann}")
    person = {
        "user": ann.person.id,
        "username": ann.person.username,
        "name": f"실명 {ann.person.username}",
    }
    assert agreed == {"name": ann.me[room], "mutual": True, "person": person}
    told = cat.wait("member")
    assert (told["change"], {told["user"], told["by"]}) == (
        "revealed",
        {ann.me[room], bob.me[room]},
    )
    assert ann.ask("PUT", f"{path}/{to_bob}")["person"]["user"] == bob.person.id
    assert ann.ask("GET", path)["items"][0]["person"]["user"] == bob.person.id
    assert ann.ask("DELETE", f"{path}/{to_bob}")["code"] == "conflict"
    assert cat.ask("PUT", f"{path}/{to_ann}")["mutual"] is False
    assert cat.ask("DELETE", f"{path}/{to_ann}") is None
    assert ann.ask("PUT", f"{path}/{quote(cat.me[room])}")["mutual"] is False
    for name in (ann.me[room], ann.person.id, bob.person.id, "없는이름"):
        assert ann.ask("PUT", f"{path}/{quote(name)}")["code"] == "not_found"
    assert cat.names(ann.person) == [] and cat.names(bob.person) == []
    events = cat.ask("GET", f"{ROOMS}/{room}/messages")["items"]
    assert [event["t"] for event in events] == ["member"], "told once, however often agreed"


def test_a_consent_ends_with_the_membership(server: RunningServer, people: list[Person]) -> None:
    room = blind(server, people)
    ann, bob, *_ = [Ear(server, person) for person in people]
    path = f"{ROOMS}/{room}/reveals"
    assert bob.ask("PUT", f"{path}/{quote(ann.me[room])}")["mutual"] is False
    bob.ask("DELETE", f"{ROOMS}/{room}/members/{bob.person.id}")
    assert ann.ask("PUT", f"{path}/{quote(bob.me[room])}")["code"] == "not_found"
    assert ann.ask("GET", path) == {"items": []} and ann.names(bob.person) == []
    assert bob.ask("DELETE", f"{path}/{quote(ann.me[room])}") is None
    bob.ask("POST", f"{ROOMS}/{room}/join")
    assert ann.ask("PUT", f"{path}/{quote(bob.me[room])}")["mutual"] is False


def test_who_hides_what_he_has_read_is_not_told_apart_by_that(
    server: RunningServer, people: list[Person]
) -> None:
    ann, bob, cat, dan = people
    room = blind(server, people)
    open_room = server.make_room(ann, bob, cat, dan)
    server.call("PATCH", "/api/v1/me", {"read_receipts": False}, token=dan.token)
    for awake in (False, True):
        if awake:
            body = {"body": "hi"}
            for each in (room, open_room):
                server.call("POST", f"{ROOMS}/{each}/messages", body, token=ann.token)
        shown = server.call("GET", f"{ROOMS}/{open_room}", token=ann.token)["cursors"]
        assert set(shown) == {ann.id, bob.id, cat.id}
        assert len(server.call("GET", f"{ROOMS}/{room}", token=ann.token)["cursors"]) == 4
        assert len(server.call("GET", f"{ROOMS}/{room}", token=dan.token)["cursors"]) == 4


def test_admins_learn_who_it_is_only_by_two(server: RunningServer, people: list[Person]) -> None:
    ann, bob, cat, dan = people
    room = blind(server, people)
    me = server.call("GET", f"{ROOMS}/{room}", token=ann.token)["me"]
    for admin in (cat, dan):
        grant(server, admin)
    body = {"name": me, "reason": "신고 12번"}
    orders = f"/api/v1/admin/rooms/{room}/reveals"
    assert refused(server, "POST", orders, body, token=bob.token) == (403, "forbidden")
    order = server.call("POST", orders, body, token=cat.token)
    assert order["name"] == me and "person" not in order and order["asked_by"] == cat.username
    approve = f"/api/v1/admin/reveals/{order['id']}/approve"
    assert refused(server, "POST", approve, token=cat.token) == (403, "forbidden")
    approved = server.call("POST", approve, token=dan.token)
    assert approved["person"]["user"] == ann.id and approved["approved_by"] == dan.username
    listed = server.call("GET", "/api/v1/admin/reveals", token=cat.token)["items"]
    assert listed[0]["person"]["username"] == ann.username
    empty = body | {"reason": " "}
    assert refused(server, "POST", orders, empty, token=cat.token) == (400, "invalid")
    nobody = body | {"name": ann.id}
    assert refused(server, "POST", orders, nobody, token=cat.token) == (404, "not_found")


def test_groups_that_make_no_sense_are_refused(server: RunningServer, people: list[Person]) -> None:
    ann, bob, cat, _ = people
    for groups in (
        None,
        {"A": [], "B": [bob.id]},
        {"A": [bob.id], "B": [cat.id]},
        {"A": [ann.id, bob.id], "B": [bob.username]},
        {"A": [ann.id], "B": ["nobody-there"]},
    ):
        body = {"type": "matching", "groups": groups}
        assert refused(server, "POST", ROOMS, body, token=ann.token) == (400, "invalid"), groups
    good = {"type": "matching", "groups": {"A": [ann.id], "B": [bob.id]}}
    for more in ({"members": [cat.id]}, {"visibility": "public"}, {"mode": "dark"}):
        body = good | more
        assert refused(server, "POST", ROOMS, body, token=ann.token) == (400, "invalid"), more
    team = {"type": "team", "mode": "blind"}
    assert refused(server, "POST", ROOMS, team, token=ann.token) == (400, "invalid")
    made = server.call("POST", ROOMS, good, token=ann.token)
    assert (made["type"], made["mode"], made["me"]) == ("matching", "open", ann.id)
    path = f"{ROOMS}/{made['id']}/messages"
    assert server.call("POST", path, {"body": "hi"}, token=ann.token)["seq"] == 1
    server.call("DELETE", f"{path}/1", token=ann.token)
    assert refused(server, "POST", f"{path}/1/restore", token=bob.token) == (403, "forbidden")
    assert server.call("POST", f"{path}/1/restore", token=ann.token)["seq"] == 3
    detail = server.call("GET", f"{ROOMS}/{made['id']}", token=bob.token)
    assert {each["username"]: each["group"] for each in detail["members"]} == {
        ann.username: "A",
        bob.username: "B",
    }


def grant(server: RunningServer, person: Person) -> None:
    command = [sys.executable, "-m", "server", "admin", "grant", person.username]
    done = subprocess.run(
        [*command, "--data", str(server.data)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
