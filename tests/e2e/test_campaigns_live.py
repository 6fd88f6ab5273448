"""Campaigns on a real server: shown live, watched as they go on, and none lost by a restart."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from running_server import REPOSITORY, Person, RunningServer
from websockets.sync.client import ClientConnection, connect

SEND = "/api/admin/messages/send"
BORN = "2000-05-05"
MORE_THAN_STREAMS = 80
METRICS = (
    'campaign_per_second{channel="in_app"}',
    'campaign_mean_s{channel="in_app"}',
    'campaign_p95_s{channel="in_app"}',
    'campaign_failure_rate{channel="in_app"}',
    'campaign_active{channel="in_app"}',
    'campaign_idle{channel="in_app"}',
    'campaign_queue{channel="in_app"}',
    'campaign_succeeded_total{channel="in_app"}',
    'campaign_failed_total{channel="in_app"}',
    'campaign_completed_total{channel="in_app"}',
    'campaign_refused_total{channel="in_app"}',
    "memory_bytes",
)


@pytest.fixture
def server(open_folder: Path) -> Iterator[RunningServer]:
    with RunningServer(open_folder / f"campaigns-{time.monotonic_ns()}") as running:
        yield running


def person(server: RunningServer, name: str) -> Person:
    made = server.sign_up(name)
    server.call("PATCH", "/api/v1/me", {"birth_date": BORN}, token=made.token)
    return made


def admin(server: RunningServer) -> Person:
    made = server.sign_up("chief")
    command = [sys.executable, "-m", "server", "admin", "grant", "chief", "--data", server.data]
    subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True)
    again = server.call(
        "POST", "/api/v1/auth/token", {"username": "chief", "password": "correct horse"}
    )
    return made._replace(token=again["token"])


def send(server: RunningServer, chief: Person, message: str, **fields: Any) -> Any:
    body = {"ageGroup": "TWENTIES", "message": message, **fields}
    answer = server.call("POST", SEND, body, token=chief.token)
    assert answer["success"]
    return answer["data"]


def over(server: RunningServer, chief: Person, job: str) -> Any:
    path = f"{SEND}/{job}/status"

    def ended() -> Any:
        data = server.call("GET", path, token=chief.token)["data"]
        return data if data["status"] in ("COMPLETED", "PARTIALLY_FAILED", "FAILED") else None

    return until(ended)


def until(holds: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + 30
    while not (found := holds()):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return found


@contextmanager
def listening(server: RunningServer, person: Person) -> Iterator[ClientConnection]:
    kinds: Any = ["madang.v1.json"]
    with connect(server.ws, subprotocols=kinds) as peer:
        peer.send(json.dumps({"t": "hello", "token": person.token}))
        assert json.loads(peer.recv(timeout=15))["t"] == "welcome"
        yield peer


def frame(peer: ClientConnection, kind: str) -> Any:
    """The next frame of that kind."""
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        found = json.loads(peer.recv(timeout=15))
        if found["t"] == kind:
            return found
    raise AssertionError(f"no {kind}")


def events(server: RunningServer, chief: Person, job: str) -> Iterator[Any]:
    """What the stream tells until it ends."""
    request = urllib.request.Request(
        f"{server.url}{SEND}/{job}/events", headers={"authorization": f"Bearer {chief.token}"}
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        assert answer.headers["content-type"] == "text/event-stream"
        name = ""
        for line in answer:
            field, _, value = line.decode().rstrip("\n").partition(": ")
            if field == "event":
                name = value
            elif field == "data":
                yield name, json.loads(value)


def test_who_is_connected_gets_it_live_in_a_new_room_and_in_one_that_is_open(
    server: RunningServer,
) -> None:
    ann, chief = person(server, "ann"), admin(server)
    with listening(server, ann) as peer:
        job = send(server, chief, "첫 소식")
        assert job["totalUsers"] == 1
        room = frame(peer, "room")
        assert (room["type"], room["peer"], room["name"]) == ("direct", "madang", "마당")
        shown = room["last_message"]
        assert (shown["body"], shown["sender"], room["unread"]) == ("첫 소식", "madang", 1)
        assert over(server, chief, job["jobId"])["successCount"] == 1

        path = f"/api/v1/chats/rooms/{room['id']}/messages"
        said = server.call("POST", path, {"body": "고마워요"}, token=ann.token)
        assert frame(peer, "message")["body"] == "고마워요"
        second = send(server, chief, "둘째 소식")
        shown = frame(peer, "message")
        assert (shown["body"], shown["seq"]) == ("둘째 소식", said["seq"] + 1)
        over(server, chief, second["jobId"])
        server.call("POST", path, {"body": "또 왔네요"}, token=ann.token)
        assert frame(peer, "message")["seq"] == said["seq"] + 2
    bodies = [event["body"] for event in server.messages(ann, room["id"]) if "body" in event]
    assert bodies == ["첫 소식", "고마워요", "둘째 소식", "또 왔네요"]
    check_metrics(server)


def check_metrics(server: RunningServer) -> None:
    with urllib.request.urlopen(server.url + "/metrics", timeout=15) as answer:
        lines = dict(
            line.rsplit(" ", 1) for line in answer.read().decode().splitlines() if line[0] != "#"
        )
    values = {name: float(lines[f"madang_{name}"]) for name in METRICS}
    assert values['campaign_succeeded_total{channel="in_app"}'] == 2
    assert values['campaign_failed_total{channel="in_app"}'] == 0
    assert values['campaign_completed_total{channel="in_app"}'] == 2
    assert values['campaign_p95_s{channel="in_app"}'] > 0
    assert 2**24 < values["memory_bytes"] < 2**31


def test_a_scheduled_job_outlives_a_restart_and_is_watched_to_its_end(
    server: RunningServer,
) -> None:
    for name in ("ann", "bob", "eve"):
        person(server, name)
    chief = admin(server)
    soon = int(time.time() * 1000) + 8_000
    job = send(server, chief, "예약한 소식", scheduledAt=soon)
    assert job["status"] == "SCHEDULED"
    assert server.stop() == 0
    server.start()
    told = list(events(server, chief, job["jobId"]))
    assert {name for name, _ in told} == {"progress"}
    assert all(set(each) == {"job", "status", "total", "done", "failed"} for _, each in told)
    last = told[-1][1]
    assert (last["status"], last["total"], last["done"], last["failed"]) == ("COMPLETED", 3, 3, 0)
    end = over(server, chief, job["jobId"])
    assert end["successCount"] == 3
    assert end["startedAt"] >= end["scheduledAt"]


def test_streams_tell_what_changes_and_end_with_the_job_and_with_the_server(
    server: RunningServer,
) -> None:
    person(server, "ann")
    chief = admin(server)
    later = int(time.time() * 1000) + 3_600_000
    gone = send(server, chief, "취소할 소식", scheduledAt=later)["jobId"]
    stream = events(server, chief, gone)
    first = next(stream)[1]
    server.call("POST", f"{SEND}/{gone}/cancel", token=chief.token)
    last = [each for _, each in stream]
    assert (first["status"], [each["status"] for each in last]) == ("SCHEDULED", ["CANCELLED"])
    job = send(server, chief, "나중에", scheduledAt=later)
    for _ in range(MORE_THAN_STREAMS):  # who leaves makes room
        left = events(server, chief, job["jobId"])
        assert next(left)[0] == "progress"
        left.close()  # type: ignore[attr-defined]
    stream = events(server, chief, job["jobId"])
    assert next(stream)[1]["status"] == "SCHEDULED"
    began = time.monotonic()
    assert server.stop() == 0
    assert list(stream) == []
    assert time.monotonic() - began < 5
