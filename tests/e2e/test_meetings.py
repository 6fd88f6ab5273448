"""Meetings on a real server: called, voted over sockets and HTTP, and decided by themselves."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from running_server import Person, RunningServer
from test_session import Speaker

MEETINGS = "/api/meetings"


@pytest.fixture(scope="module")
def server(open_folder: Path) -> Iterator[RunningServer]:
    with RunningServer(open_folder / "meetings") as running:
        yield running


@pytest.fixture(scope="module")
def people(server: RunningServer) -> list[Person]:
    """Three who share a room, and a fourth who does not."""
    made = [server.sign_up(f"{name}-meets") for name in ("ann", "bob", "cho", "dee")]
    server.make_room(*made[:3])
    return made


def at(hours: float) -> str:
    return (datetime.now(UTC) + timedelta(hours=hours)).isoformat(timespec="seconds")


def call(server: RunningServer, caller: Person, *others: Person, **more: Any) -> dict[str, Any]:
    body = {
        "participantIds": [each.id for each in others],
        "title": "금요일 저녁",
        "proposedTimes": [{"datetime": at(24)}, {"datetime": at(48), "description": "늦게"}],
        **more,
    }
    found: dict[str, Any] = server.call("POST", f"{MEETINGS}/coordinate", body, token=caller.token)
    return found


def do(
    server: RunningServer, person: Person, method: str, meeting: str, path: str, body: Any = None
) -> dict[str, Any]:
    found: dict[str, Any] = server.call(
        method, f"{MEETINGS}/{meeting}{path}", body, token=person.token
    )
    return found


def refused(
    server: RunningServer, person: Person, method: str, meeting: str, path: str, body: Any = None
) -> str:
    with pytest.raises(HTTPError) as caught:
        do(server, person, method, meeting, path, body)
    return str(json.loads(caught.value.read())["code"])


def calendar(server: RunningServer, person: Person, meeting: str) -> str:
    request = Request(
        f"{server.url}{MEETINGS}/{meeting}/calendar.ics",
        headers={"authorization": f"Bearer {person.token}"},
    )
    with urlopen(request, timeout=10) as answer:
        return str(answer.read().decode())


class Window:
    """A connection that forgets nothing it was told."""

    def __init__(self, speaker: Speaker, person: Person) -> None:
        self.speaker, self.frames = speaker, list[dict[str, Any]]()
        speaker.enter(person)

    def until(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The first that is *wanted*, of those that came and those that come."""
        for frame in self.frames:
            if wanted(frame):
                return frame
        while not wanted(frame := self.speaker.hear()):
            self.frames.append(frame)
        self.frames.append(frame)
        return frame

    def answered(self, rid: int) -> None:
        self.until(lambda each: (each["t"], each.get("rid")) == ("ok", rid))

    def meeting(self, status: str) -> dict[str, Any]:
        return self.until(lambda each: each["t"] == "meeting" and each["status"] == status)

    def told(self, kind: str) -> dict[str, Any]:
        return self.until(lambda each: each["t"] == "notification" and each["type"] == kind)


def test_all_vote_and_it_is_decided_and_everybody_sees_it_at_once(
    server: RunningServer, people: list[Person]
) -> None:
    ann, bob, cho, _ = people
    with contextlib.ExitStack() as stack:
        windows = [
            Window(stack.enter_context(Speaker(server)), person) for person in (ann, bob, cho)
        ]
        place = {"name": "뜰", "address": "중구", "coordinates": {"lat": 37.5, "lng": 127.0}}
        made = call(server, ann, bob, cho, proposedLocations=[place], rule={"early": False})
        options = [each["id"] for each in made["proposedTimes"] + made["proposedLocations"]]
        for window in windows:
            first = window.meeting("proposing")
            assert (first["id"], first["room"]) == (made["id"], made["room"])
        assert windows[1].told("meeting.invitation")["data"]["meeting"] == made["id"]

        for number, window in enumerate(windows):
            for rid, option in enumerate(options, start=10 * number):
                vote = "no" if (number, option) == (2, options[1]) else "yes"
                window.speaker.say("vote", rid=rid, meeting=made["id"], option=option, vote=vote)
                window.answered(rid)
        for window in windows:
            decision = window.meeting("confirmed")["decision"]
            assert (decision["time"], decision["place"]) == (options[0], options[2])
            assert (decision["because"], decision["considered"][0]["yes"]) == ("all_answered", 3)
        assert windows[2].told("meeting.confirmed")["data"]["meeting"] == made["id"]


def test_votes_by_index_name_what_was_proposed_in_that_place_for_ever(
    server: RunningServer, people: list[Person]
) -> None:
    ann, bob, cho, _ = people
    made = call(server, ann, bob, cho)
    first, second = (each["id"] for each in made["proposedTimes"])
    do(server, ann, "DELETE", made["id"], f"/options/{first}")
    shown = do(server, bob, "PUT", made["id"], "/vote", {"timeIndex": 1, "vote": "maybe"})
    votes = {each["id"]: each["votes"] for each in shown["proposedTimes"]}
    assert votes == {first: {}, second: {bob.id: "maybe"}}
    assert (
        refused(server, bob, "PUT", made["id"], "/vote", {"timeIndex": 0, "vote": "no"}) == "gone"
    )
    index = {"timeIndex": 7, "vote": "no"}
    assert refused(server, bob, "PUT", made["id"], "/vote", index) == "not_found"


def test_the_deadline_decides_by_itself(server: RunningServer, people: list[Person]) -> None:
    ann, bob, cho, _ = people
    rule = {"early": False, "whenAllAnswered": False}
    soon = (datetime.now(UTC) + timedelta(seconds=4)).isoformat()
    made = call(server, ann, bob, cho, deadline=soon, rule=rule)
    do(server, bob, "PUT", made["id"], "/vote", {"timeIndex": 1, "vote": "yes"})
    with Speaker(server) as speaker:
        shown = Window(speaker, cho).meeting("confirmed")
    assert shown["decision"]["because"] == "deadline"
    assert shown["decision"]["time"] == made["proposedTimes"][1]["id"]
    late = {"timeIndex": 0, "vote": "yes"}
    assert refused(server, cho, "PUT", made["id"], "/vote", late) == "conflict"


def test_who_takes_no_part_finds_nothing(server: RunningServer, people: list[Person]) -> None:
    ann, bob, _, dee = people
    made = call(server, ann, bob)
    assert refused(server, dee, "GET", made["id"], "") == "not_found"
    vote = {"timeIndex": 0, "vote": "yes"}
    assert refused(server, dee, "PUT", made["id"], "/vote", vote) == "not_found"
    assert refused(server, bob, "POST", made["id"], "/cancel", {}) == "forbidden"
    body = {"participantIds": [dee.id], "title": "x"}
    assert refused(server, ann, "POST", "coordinate", "", body) == "invalid", "whom she knows not"


def test_the_initiator_cancels_reopens_and_confirms(
    server: RunningServer, people: list[Person]
) -> None:
    ann, bob, _, _ = people
    made = call(server, ann, bob)
    time_id = made["proposedTimes"][0]["id"]
    gone = do(server, ann, "POST", made["id"], "/cancel", {"reason": "비가 온다"})
    assert (gone["status"], gone["decision"]["reason"]) == ("cancelled", "비가 온다")
    again = do(server, ann, "POST", made["id"], "/reopen", {"deadline": at(12)})
    assert (again["status"], "decision" in again) == ("voting", False)
    held = do(server, ann, "POST", made["id"], "/confirm", {"time": time_id})
    assert held["decision"]["because"] == "confirmed"
    assert held["decision"]["by"] == ann.id
    assert held["decision"]["startsAt"] == held["proposedTimes"][0]["datetime"]
    again = call(
        server, ann, bob, proposedTimes=[{"datetime": made["proposedTimes"][0]["datetime"]}]
    )
    shown = do(server, bob, "GET", again["id"], "")
    assert [each["title"] for each in shown["conflicts"]] == ["금요일 저녁"]
    do(server, ann, "POST", made["id"], "/cancel", {})
    assert "METHOD:CANCEL" in (file := calendar(server, bob, made["id"])) and "SEQUENCE:2" in file
    kinds = [each["kind"] for each in do(server, bob, "GET", made["id"], "/history")["entries"]]
    assert kinds == ["cancelled", "confirmed", "reopened", "cancelled", "called"]


def test_who_declines_leaves_the_room_and_may_be_asked_again(
    server: RunningServer, people: list[Person]
) -> None:
    ann, bob, cho, _ = people
    made = call(server, ann, bob, cho)

    def members() -> set[str]:
        room = server.call("GET", f"/api/v1/chats/rooms/{made['room']}", token=ann.token)
        return {each["user"] for each in room["members"]}

    assert members() == {ann.id, bob.id, cho.id}
    do(server, cho, "PUT", made["id"], "/participation", {"standing": "declined"})
    assert members() == {ann.id, bob.id}
    do(server, ann, "POST", made["id"], "/participants", {"participantIds": [cho.id]})
    assert members() == {ann.id, bob.id, cho.id}
    shown = do(server, cho, "PUT", made["id"], "/participation", {"standing": "accepted"})
    assert {each["id"]: each["standing"] for each in shown["participants"]} == {
        ann.id: "accepted",
        bob.id: "invited",
        cho.id: "accepted",
    }


def test_the_same_key_calls_one_meeting(server: RunningServer, people: list[Person]) -> None:
    ann, bob, _, _ = people
    body = {"participantIds": [bob.id], "title": "한 번", "proposedTimes": [{"datetime": at(5)}]}
    made = [
        server.call(
            "POST",
            f"{MEETINGS}/coordinate",
            body,
            token=ann.token,
            **{"idempotency-key": "once"},
        )
        for _ in range(2)
    ]
    assert made[0]["id"] == made[1]["id"]
    listed = server.call("GET", f"{MEETINGS}?limit=100", token=bob.token)["meetings"]
    assert [each["title"] for each in listed].count("한 번") == 1


def test_a_kill_loses_no_vote_and_no_deadline(open_folder: Path) -> None:
    folder = open_folder / "meetings-killed"
    with RunningServer(folder) as server:
        ann, bob = (server.sign_up(f"{name}-killed") for name in ("ann", "bob"))
        server.make_room(ann, bob)
        rule = {"early": False, "whenAllAnswered": False}
        soon = datetime.now(UTC) + timedelta(seconds=4)
        made = call(server, ann, bob, deadline=soon.isoformat(), rule=rule)
        do(server, bob, "PUT", made["id"], "/vote", {"timeIndex": 0, "vote": "yes"})
        server.kill()
    with RunningServer(folder) as server:
        while (shown := do(server, ann, "GET", made["id"], ""))["status"] == "voting":
            time.sleep(0.2)
        assert shown["decision"]["because"] == "deadline"
        assert shown["decision"]["time"] == made["proposedTimes"][0]["id"]


def test_who_meets_may_tell_urgently_until_it_is_cancelled(
    server: RunningServer, people: list[Person]
) -> None:
    ann, bob, _, _ = people
    made = call(server, ann, bob)

    def priority(kind: str) -> int:
        note = {"recipientId": bob.id, "type": kind, "title": "곧", "message": "곧", "priority": 4}
        sent = server.call("POST", "/api/notifications/send", note, token=ann.token)
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            found = server.call("GET", "/api/notifications", token=bob.token)["notifications"]
            for each in found:
                if each["id"] == sent["id"]:
                    return int(each["priority"])
        raise AssertionError("it did not come")

    assert priority("meeting.cancelled") == 4
    listed = server.call("GET", f"{MEETINGS}?limit=100", token=ann.token)["meetings"]
    for each in listed:
        if each["initiator"] == ann.id:
            do(server, ann, "POST", each["id"], "/cancel", {})
    assert priority("meeting.cancelled") == 3
    assert made["id"] in {each["id"] for each in listed}


def test_the_invitation_is_answered_where_it_is_read(
    server: RunningServer, people: list[Person]
) -> None:
    ann, bob, cho, _ = people
    made = call(server, ann, bob, cho)

    def answer(person: Person, said: str) -> None:
        path, mine, until = "/api/notifications", list[str](), time.monotonic() + 10
        while not mine and time.monotonic() < until:
            found = server.call("GET", path, token=person.token)["notifications"]
            mine = [each["id"] for each in found if each["data"].get("meeting") == made["id"]]
        server.call("PUT", f"{path}/{mine[0]}/answer", {"answer": said}, token=person.token)

    answer(bob, "accept")
    answer(cho, "decline")
    shown = do(server, ann, "GET", made["id"], "")
    assert [each["standing"] for each in shown["participants"]] == [
        "accepted",
        "accepted",
        "declined",
    ]
    room = server.call("GET", f"/api/v1/chats/rooms/{made['room']}", token=ann.token)
    assert {each["user"] for each in room["members"]} == {ann.id, bob.id}
