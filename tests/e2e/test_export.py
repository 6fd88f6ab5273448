"""A whole room to take away, over HTTP."""

from __future__ import annotations

import http.client
import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import trio
from running_server import Person, RunningServer
from test_changes import refused

from protocol.client import Client, open_client

ROOMS = "/api/v1/chats/rooms"
MIB = 2**20
BODY = "가" * 1000
MESSAGES = 5_000


@pytest.fixture(scope="module")
def server(open_folder: Path) -> Iterator[RunningServer]:
    limits = {"MADANG_RATE_PER_CONNECTION": "0", "MADANG_RATE_PER_USER": "0"}
    with RunningServer(open_folder / "export", **limits) as running:
        yield running


@pytest.fixture
def people(server: RunningServer, request: pytest.FixtureRequest) -> tuple[Person, Person]:
    number = abs(hash(request.node.name)) % 10**9
    return server.sign_up(f"ann{number}"), server.sign_up(f"bob{number}")


class Reader:
    """Reads an export as slowly as a test wants: little waits for it on the way."""

    def __init__(self, server: RunningServer, person: Person, room: str) -> None:
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        self._socket.connect(("127.0.0.1", server.port))
        head = f"GET {ROOMS}/{room}/export HTTP/1.1\r\nHost: x\r\n"
        self._socket.sendall(f"{head}Authorization: Bearer {person.token}\r\n\r\n".encode())
        self.answer = http.client.HTTPResponse(self._socket, method="GET")
        self.answer.begin()

    def lines(self, count: int = 10**9) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while len(found) < count and (line := self.answer.readline()):
            found.append(json.loads(line))
        return found

    def close(self) -> None:
        self.answer.close()
        self._socket.close()


def export(server: RunningServer, person: Person, room: str) -> list[dict[str, Any]]:
    reader = Reader(server, person, room)
    lines = reader.lines()
    reader.close()
    return lines


def test_an_export_is_the_room_as_its_pages_say(
    server: RunningServer, people: tuple[Person, Person]
) -> None:
    ann, bob = people
    room = server.make_room(ann, bob)
    messages = f"{ROOMS}/{room}/messages"
    for body in ("one", "two", "three", "four"):
        server.call("POST", messages, {"body": body}, token=bob.token)
    server.call("POST", messages, {"body": "re", "reply_to": 1}, token=ann.token)
    server.call("POST", messages, {"body": "th", "thread": 2}, token=ann.token)
    server.call("PATCH", f"{messages}/1", {"body": "uno"}, token=bob.token)
    server.call("PUT", f"{messages}/1/pin", token=bob.token)
    for person, emoji in ((bob, "👍"), (ann, "👍"), (ann, "🎉"), (bob, "👀")):
        server.call("PUT", f"{messages}/1/reactions/{quote(emoji)}", token=person.token)
    server.call("DELETE", f"{messages}/1/reactions/{quote('👀')}", token=bob.token)
    for seq in (3, 4):
        server.call("DELETE", f"{messages}/{seq}", token=bob.token)
    server.call("POST", f"{messages}/4/restore", token=ann.token)
    server.call("PATCH", f"{ROOMS}/{room}", {"name": "뜰"}, token=ann.token)
    member = f"{ROOMS}/{room}/members/{bob.id}"
    server.call("PATCH", member, {"role": "admin"}, token=ann.token)
    reader = Reader(server, ann, room)
    disposition = reader.answer.headers["Content-Disposition"]
    assert disposition == f'attachment; filename="room-{room}.ndjson"'
    assert reader.answer.headers["Content-Type"] == "application/x-ndjson"
    head, *events, end = reader.lines()
    reader.close()
    assert events == server.messages(ann, room) and end == {"t": "end", "events": 8}
    assert (head["t"], head["version"], head["name"], head["upto"]) == ("export", 1, "뜰", 18)
    assert [(m["user"], m["role"]) for m in head["members"]] == [
        (ann.id, "owner"),
        (bob.id, "admin"),
    ]
    assert refused(server, "GET", f"{ROOMS}/{room}/export", token=bob.token)[0] == 403


def test_both_of_a_direct_room_may_have_it(
    server: RunningServer, people: tuple[Person, Person]
) -> None:
    ann, bob = people
    body = {"type": "direct", "members": [bob.id]}
    room = server.call("POST", ROOMS, body, token=ann.token)["id"]
    server.call("POST", f"{ROOMS}/{room}/messages", {"body": "hi"}, token=ann.token)
    for person in people:
        assert [line["t"] for line in export(server, person, room)] == ["export", "message", "end"]


def memory(server: RunningServer) -> int:
    """What the server's process holds, in bytes."""
    status = Path(f"/proc/{server.pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) * 1024


async def fill(server: RunningServer, person: Person, room: str) -> None:
    async def say(client: Client, number: int) -> None:
        await client.send(room, f"{number} {BODY}")

    async with open_client(server.url, person.token, listen=False, within=120) as client:
        for start in range(0, MESSAGES, 250):
            async with trio.open_nursery() as nursery:
                for number in range(start, start + 250):
                    nursery.start_soon(say, client, number)


def test_a_slow_reader_gets_it_all_and_costs_no_memory(
    server: RunningServer, people: tuple[Person, Person]
) -> None:
    ann, bob = people
    room = server.make_room(ann, bob)
    messages = f"{ROOMS}/{room}/messages"
    trio.run(fill, server, ann, room)
    assert len(export(server, ann, room)) == MESSAGES + 2, "a first one, to have all code in memory"
    before, highest = memory(server), 0
    reader = Reader(server, ann, room)
    lines = reader.lines(1)
    server.call("POST", messages, {"body": "later"}, token=ann.token)
    server.call("PATCH", f"{messages}/{MESSAGES}", {"body": "later"}, token=ann.token)
    server.call("DELETE", f"{messages}/{MESSAGES - 1}", token=ann.token)
    for _ in range(20):
        time.sleep(0.02)
        lines += reader.lines(MESSAGES // 20)
        highest = max(highest, memory(server))
    lines += reader.lines()
    reader.close()
    assert [line["seq"] for line in lines[1:-1]] == list(range(1, MESSAGES + 1))
    assert len(lines[-2]["body"]) > 1000, "as of the first line"
    assert lines[-3]["deleted"] is True, "but what was deleted since is told to nobody"
    assert lines[-1] == {"t": "end", "events": MESSAGES}
    assert highest - before < 6 * MIB, f"{(highest - before) / MIB:.1f} MiB for {3 * MESSAGES} kB"


def test_who_may_not_have_it_any_more_gets_no_more(
    server: RunningServer, people: tuple[Person, Person]
) -> None:
    ann, bob = people
    room = server.make_room(ann, bob)
    trio.run(fill, server, bob, room)
    server.call("PATCH", f"{ROOMS}/{room}/members/{bob.id}", {"role": "owner"}, token=ann.token)
    for method, body, code in (("PATCH", {"role": "member"}, "forbidden"), ("DELETE", None, "")):
        reader = Reader(server, ann, room)
        assert reader.lines(2)[1]["seq"] == 1
        server.call(method, f"{ROOMS}/{room}/members/{ann.id}", body, token=bob.token)
        rest = reader.lines()
        reader.close()
        assert rest[-1]["t"] == "error" and rest[-1]["code"] == (code or "not_member")
        assert len(rest) < MESSAGES / 2
        if body:
            owner = {"role": "owner"}
            server.call("PATCH", f"{ROOMS}/{room}/members/{ann.id}", owner, token=bob.token)


def test_one_user_has_so_many_at_a_time(
    server: RunningServer, people: tuple[Person, Person]
) -> None:
    ann, _ = people
    room = server.make_room(ann)
    trio.run(fill, server, ann, room)
    readers = [Reader(server, ann, room) for _ in range(2)]
    assert all(reader.lines(1) for reader in readers)
    limited = refused(server, "GET", f"{ROOMS}/{room}/export", token=ann.token)
    assert limited == (429, "rate_limited")
    for reader in readers:
        reader.close()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        again = Reader(server, ann, room)
        status = again.answer.status
        again.close()
        if status == 200:
            return
        time.sleep(0.2)
    raise AssertionError("those that were given up still count")
