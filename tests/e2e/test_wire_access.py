"""Who may send what: a row for every frame a client has, so that a new one without a row fails.

The columns: nobody yet (before ``hello``), a stranger, a former member, a member, the owner and an
admin of the server, all in one team room; one who was blocked, in the direct room with whom he was
blocked by; and a member of a blind room. The first message of each room was said by another, but
for the owner's.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from running_server import RunningServer
from test_blind import grant
from test_session import Speaker
from websockets.exceptions import ConnectionClosed

from protocol.fields import frame_name
from protocol.frames import ClientFrame

ROOMS = "/api/v1/chats/rooms"
COLUMNS = ("anonymous", "stranger", "former", "member", "owner", "admin", "blocked", "blind")
STRANGE = "unauthenticated not_found not_member"

# frame -> fields, and what each column is answered: the reply, or the error's code. In this order.
MATRIX: dict[str, tuple[dict[str, Any], str]] = {
    "send": ({"id": "1", "body": "hi"}, f"{STRANGE} ack ack not_found blocked ack"),
    "edit": ({"seq": 1, "body": "ho"}, f"{STRANGE} forbidden ok not_found forbidden forbidden"),
    "react": ({"seq": 1, "emoji": "x", "on": True}, f"{STRANGE} ok ok not_found blocked ok"),
    "pin": ({"seq": 1, "on": True}, f"{STRANGE} ok ok not_found blocked ok"),
    "read": ({"seq": 1}, f"{STRANGE} ok ok not_found ok ok"),
    "mark_unread": ({"seq": 1}, f"{STRANGE} ok ok not_found ok ok"),
    "typing": ({"on": True}, f"{STRANGE} ok ok not_found blocked ok"),
    "history": ({}, f"{STRANGE} page page not_found page page"),
    "presence": (
        {"watch": ["x"]},
        f"{STRANGE} invalid invalid not_found invalid ok",  # of a room: a blind one alone
    ),
    "status": ({"state": "online"}, "unauthenticated ok ok ok ok ok ok ok"),
    "seen": ({"ids": ["of-nobody"]}, "unauthenticated ok ok ok ok ok ok ok"),
    "vote": (
        {"meeting": "of-nobody", "option": "x", "vote": "yes"},
        "unauthenticated not_found not_found not_found not_found not_found not_found not_found",
    ),
    "watch_job": (
        {"job": "of-nobody", "on": True},
        "unauthenticated not_found not_found not_found not_found not_found not_found not_found",
    ),
    "ping": ({}, "unauthenticated pong pong pong pong pong pong pong"),
    "delete": ({"seq": 1}, f"{STRANGE} forbidden ok not_found forbidden forbidden"),
    "hello": ({}, "4501 invalid invalid invalid invalid invalid invalid invalid"),
}


@pytest.fixture(scope="module")
def server(open_folder: Path) -> Iterator[RunningServer]:
    with RunningServer(open_folder / "wire-access") as running:
        yield running


class Cast:
    """Everybody, each with the room that it is about."""

    def __init__(self, server: RunningServer) -> None:
        self.server = server
        self.people = {name: server.sign_up(f"{name}-of-wire") for name in (*COLUMNS[1:], "other")}
        people, owner, other = self.people, self.people["owner"], self.people["other"]
        grant(server, people["admin"])
        self.team = team = server.make_room(owner, people["member"], people["former"])
        server.call(
            "DELETE", f"{ROOMS}/{team}/members/{people['former'].id}", token=people["former"].token
        )
        direct = {"type": "direct", "members": [people["blocked"].id]}
        groups = {"A": [other.id], "B": [people["blind"].id, people["stranger"].id]}
        blind = {"type": "matching", "mode": "blind", "groups": groups}
        self.rooms = dict.fromkeys(COLUMNS, team)
        self.rooms["blocked"] = server.call("POST", ROOMS, direct, token=other.token)["id"]
        self.rooms["blind"] = server.call("POST", ROOMS, blind, token=other.token)["id"]
        for person, room in ((owner, team), (other, "blocked"), (other, "blind")):
            path = f"{ROOMS}/{self.rooms.get(room, room)}/messages"
            server.call("POST", path, {"body": "first"}, token=person.token)
        server.call("PUT", f"/api/v1/blocks/{people['blocked'].id}", token=other.token)


def answered(speaker: Speaker, rid: int) -> str:
    """The reply to the frame *rid*, the code of an error, or of the close."""
    with contextlib.suppress(ConnectionClosed):
        while True:
            frame = speaker.hear()
            if frame.get("rid") == rid:
                return str(frame["code"] if frame["t"] == "error" else frame["t"])
    return str(speaker.socket.close_code)


def test_every_frame_is_answered_as_the_matrix_says(server: RunningServer) -> None:
    cast = Cast(server)
    with contextlib.ExitStack() as stack:
        speakers = {name: stack.enter_context(Speaker(server)) for name in COLUMNS}
        for name, speaker in speakers.items():
            if name != "anonymous":
                speaker.enter(cast.people[name])
        found: dict[str, str] = {}
        for rid, (t, (fields, _)) in enumerate(MATRIX.items()):
            ways = []
            for name, speaker in speakers.items():
                room = (
                    {}
                    if t in {"status", "seen", "vote", "watch_job", "ping", "hello"}
                    else {"room": cast.rooms[name]}
                )
                place = {} if "seq" not in fields else {"seq": 1 + (room["room"] == cast.team)}
                speaker.say(t, rid=rid, **room, **fields | place)
                ways.append(answered(speaker, rid))
            found[t] = " ".join(ways)
    assert found == {t: expected for t, (_, expected) in MATRIX.items()}


def test_every_frame_has_a_row() -> None:
    assert {frame_name(kind.__name__) for kind in get_args(ClientFrame)} == set(MATRIX)
