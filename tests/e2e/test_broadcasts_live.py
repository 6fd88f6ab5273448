"""Broadcasts on a real server: told live, kept for who is away, none lost or doubled by kills."""

from __future__ import annotations

import json
import random
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from recordings import recorded
from running_server import Person, RunningServer
from websockets.sync.client import ClientConnection, connect

PATH = "/api/v1/broadcasts"
TONE = recorded(1.2)
KILLS = 20
DEMO = 2  # accounts that every server has here, and that hear broadcasts too


def people(server: RunningServer, *names: str) -> list[Person]:
    """People with phones."""
    found = [server.sign_up(name) for name in names]
    for number, person in enumerate(found):
        phone = {"phone": f"010-2222-{number:04}"}
        server.call("PATCH", "/api/v1/me", phone, token=person.token)
    return found


def send(server: RunningServer, person: Person, key: str, recipients: int = 100) -> Any:
    head = b"--cut\r\nContent-Disposition: form-data; name="
    body = head + b'"recipient_count"\r\n\r\n%d\r\n' % recipients
    body += head + b'"audio"; filename="a.webm"\r\n\r\n' + TONE + b"\r\n--cut--\r\n"
    request = urllib.request.Request(
        server.url + PATH,
        method="POST",
        data=body,
        headers={
            "content-type": "multipart/form-data; boundary=cut",
            "authorization": f"Bearer {person.token}",
            "idempotency-key": key,
        },
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read())


@contextmanager
def listening(server: RunningServer, person: Person) -> Iterator[ClientConnection]:
    kinds: Any = ["madang.v1.json"]
    with connect(server.ws, subprotocols=kinds) as peer:
        peer.send(json.dumps({"t": "hello", "token": person.token}))
        assert json.loads(peer.recv(timeout=15))["t"] == "welcome"
        yield peer


def frame(peer: ClientConnection, kind: str) -> Any:
    """The next frame of that kind."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        found = json.loads(peer.recv(timeout=30))
        if found["t"] == kind:
            return found
    raise AssertionError(f"no {kind}")


def until(holds: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + 60
    while not (found := holds()):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return found


def test_who_is_connected_is_told_at_once_and_who_is_not_when_he_comes(open_folder: Path) -> None:
    with RunningServer(open_folder / "broadcasts") as server:
        ann, bob, eve = people(server, "ann", "bob", "eve")
        with listening(server, ann) as at_ann, listening(server, bob) as at_bob:
            made = send(server, ann, "first")
            told = frame(at_bob, "broadcast")
            assert (told["id"], told["change"], told["sender"]) == (made["id"], "received", ann.id)
            assert len(told["waveform"]) == 64
            server.call("PUT", f"{PATH}/{made['id']}/mark_as_read", token=bob.token)
            read = frame(at_ann, "broadcast")
            assert (read["change"], read["counts"]) == (
                "read",
                {"delivered": 2 + DEMO, "read": 1, "replied": 0},
            )
            body = {"body": "잘 들었어요"}
            said = server.call("POST", f"{PATH}/{made['id']}/reply", body, token=bob.token)
            rooms = [frame(peer, "room") for peer in (at_ann, at_bob)]
            assert [room["broadcast"] for room in rooms] == [made["id"]] * 2
            assert rooms[0]["id"] == said["room"] and rooms[0]["peer"] == bob.id
            bodies = [frame(at_ann, "message") for _ in range(2)]
            assert [each["kind"] for each in bodies] == ["audio", "text"]
            replied = frame(at_ann, "broadcast")
            assert (replied["change"], replied["room"]) == ("replied", said["room"])
        check_metrics(server)
        told_until_seen(server, eve, ann, made["id"])


def told_until_seen(server: RunningServer, eve: Person, ann: Person, broadcast: str) -> None:
    for _ in range(2):
        with listening(server, eve) as at_eve:
            shown = frame(at_eve, "notification")
            assert shown["type"] == "broadcast.received"
            assert shown["data"] == {"broadcast": broadcast} and shown["sender"] == ann.id
    with listening(server, eve) as at_eve:
        frame(at_eve, "notification")
        at_eve.send(json.dumps({"t": "seen", "ids": [shown["id"]], "rid": 7}))
        assert frame(at_eve, "ok")["rid"] == 7
    with listening(server, eve) as at_eve:
        at_eve.send(json.dumps({"t": "ping"}))
        assert json.loads(at_eve.recv(timeout=15))["t"] == "pong"


def check_metrics(server: RunningServer) -> None:
    with urllib.request.urlopen(f"{server.url}/metrics", timeout=15) as answer:
        metrics = answer.read().decode().splitlines()
    assert "madang_broadcasts_delivered_total 1.0" in metrics
    assert f"madang_broadcast_recipients_total {2.0 + DEMO}" in metrics
    assert "madang_selection_seconds_count 1.0" in metrics
    assert 'madang_http_request_seconds_count{route="create_broadcast"} 1.0' in metrics


@pytest.mark.timeout(600)
def test_kills_at_any_moment_leave_each_recipient_once(open_folder: Path) -> None:
    """Twenty kill -9 while broadcasts are taken in, selected for, delivered and announced."""
    chance = random.Random(6)  # noqa: S311 - the same moments each time
    with RunningServer(open_folder / "killed") as server:
        senders = people(server, "ann", "bob", "cem", "dia")
        made: dict[str, Any] = {}

        def sending(number: int) -> None:
            with suppress(OSError, urllib.error.URLError, ConnectionError, TimeoutError):
                key = f"key-{number}"
                made[key] = send(server, senders[number % 4], key)

        for number in range(KILLS):
            at_work = threading.Thread(target=sending, args=(number,))
            at_work.start()
            time.sleep(chance.random() * 0.8)
            server.kill()
            at_work.join()
            server.start()
        for number in range(KILLS):
            until(lambda number=number: f"key-{number}" in made or sending(number))
        shown = [until(lambda each=each: done(server, senders, each)) for each in made.values()]
        assert all(each["counts"]["delivered"] == 3 + DEMO for each in shown), shown
        assert len({each["id"] for each in shown}) == KILLS
        heard = [heard_by(server, person) for person in senders]
        for person, found in zip(senders, heard, strict=True):
            assert len(found) == len(set(found)), "each once"
            assert len(found) == KILLS - KILLS // 4
            assert sorted(told_on_connect(server, person)) == sorted(found)


def done(server: RunningServer, senders: list[Person], each: Any) -> Any:
    for person in senders:
        with suppress(urllib.error.HTTPError):
            found = server.call("GET", f"{PATH}/{each['id']}", token=person.token)
            if found["mine"]:
                return found if found["status"] == "delivered" else None
    return None


def heard_by(server: RunningServer, person: Person) -> list[str]:
    page = server.call("GET", f"{PATH}/received?limit=100", token=person.token)
    return [each["id"] for each in page["items"]]


def told_on_connect(server: RunningServer, person: Person) -> list[str]:
    with listening(server, person) as peer:
        return [frame(peer, "notification")["data"]["broadcast"] for _ in range(KILLS * 3 // 4)]
