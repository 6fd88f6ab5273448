"""Broadcasts over HTTP: sent, chosen for, received, heard and answered."""

from __future__ import annotations

from typing import Any
from unicodedata import normalize

import pytest
from broadcast_calls import HOUR_MS, PATH, announced, delivered, items, people, send
from http_world import HttpWorld, Person, open_http

from actors.selection_records import Selected


async def test_a_broadcast_from_the_recording_to_the_conversation(database_url: str) -> None:
    async with open_http(database_url) as http:
        ann, bob, eve = await people(http, 3)
        made = await send(http, ann)
        assert made.status == 201, made
        assert (made.json["status"], made.json["recipient_count"]) == ("waiting", 100)
        assert len(made.json["waveform"]) == 64 and abs(made.json["duration_ms"] - 2_000) < 60
        broadcast = made.json["id"]
        done = await delivered(http, ann, broadcast)
        assert done["status"] == "delivered"
        assert done["counts"] == {"delivered": 2, "read": 0, "replied": 0}

        [received] = await items(http, bob, "/received")
        assert (received["id"], received["sender"], received["status"]) == (
            broadcast,
            ann.id,
            "delivered",
        )
        sound = await http.ask("GET", f"/api/v1/chats/files/{received['file']}", token=bob.token)
        assert sound.status == 200 and sound.headers["Content-Type"].startswith("audio/")

        path = f"{PATH}/{broadcast}"
        for _ in range(2):
            read = await http.ask("PUT", f"{path}/mark_as_read", token=bob.token)
            assert read.status == 204
        assert (await delivered(http, ann, broadcast))["counts"]["read"] == 1

        room = await answer(http, bob, ann, broadcast)
        done = await delivered(http, ann, broadcast)
        assert done["counts"] == {"delivered": 2, "read": 1, "replied": 1}
        [received] = await items(http, bob, "/received")
        assert (received["status"], received["room"]) == ("replied", room)
        [received] = await items(http, eve, "/received")
        assert received["status"] == "delivered"


async def answer(http: HttpWorld, bob: Person, ann: Person, broadcast: str) -> Any:
    """Bob replies to ann, and the conversation opens for both; the room it is."""
    path = f"{PATH}/{broadcast}"
    assert await rooms(http, bob) == await rooms(http, ann) == []
    for replay in (None, "true"):
        said = await http.ask("POST", f"{path}/reply", {"body": "안녕!"}, token=bob.token, key="k")
        assert said.status == 201, said
        assert said.headers.get("Idempotency-Replay") == replay
    for person, peer in ((ann, bob), (bob, ann)):
        [room] = await rooms(http, person)
        assert (room["type"], room["peer"], room["broadcast"]) == ("direct", peer.id, broadcast)
    messages = f"/api/v1/chats/rooms/{room['id']}/messages"
    found = (await http.ask("GET", messages, token=ann.token)).json["items"]
    assert [(each["sender"], each["kind"], each["body"]) for each in found] == [
        (ann.id, "audio", ""),
        (bob.id, "text", "안녕!"),
    ]
    direct = {"type": "direct", "members": [bob.id]}
    own = await http.ask("POST", "/api/v1/chats/rooms", direct, token=ann.token)
    assert own.json["id"] != room["id"]
    return room["id"]


async def rooms(http: HttpWorld, person: Person) -> Any:
    return (await http.ask("GET", "/api/v1/chats/rooms", token=person.token)).json["items"]


async def test_strangers_learn_nothing_and_hear_nothing(database_url: str) -> None:
    async with open_http(database_url) as http:
        ann, bob = await people(http, 2)
        stranger = await http.person()
        made = (await send(http, ann)).json
        await delivered(http, ann, made["id"])
        path = f"{PATH}/{made['id']}"
        for method, end, body in (
            ("GET", "", None),
            ("PUT", "/mark_as_read", None),
            ("POST", "/reply", {"body": "hi"}),
            ("DELETE", "", None),
        ):
            reply = await http.ask(method, path + end, body, token=stranger.token)
            assert reply.status == 404, (method, reply)
        assert (await http.ask("PUT", f"{path}/mark_as_read", token=ann.token)).status == 404
        sound = f"/api/v1/chats/files/{made['file']}"
        statuses = [
            (await http.ask("GET", sound, token=each.token)).status for each in (ann, bob, stranger)
        ]
        assert statuses == [200, 200, 404]
        blocked = await http.ask("PUT", f"/api/v1/blocks/{bob.id}", token=ann.token)
        assert blocked.status == 200
        assert await items(http, bob, "/received") == []
        assert (await http.ask("GET", sound, token=bob.token)).status == 404
        assert (await http.ask("GET", path, token=bob.token)).status == 404
        said = await http.ask("POST", f"{path}/reply", {"body": "hi"}, token=bob.token)
        assert (said.status, said.json["code"]) == (403, "blocked")
        assert await rooms(http, bob) == []


async def test_the_same_request_again_makes_nothing_new(database_url: str) -> None:
    async with open_http(database_url) as http:
        ann, _ = await people(http, 2)
        first, second = [await send(http, ann, key="once") for _ in range(2)]
        assert (first.status, second.status) == (201, 201)
        assert first.json == second.json and second.headers["Idempotency-Replay"] == "true"
        other = await send(http, ann, key="once", recipient_count=3)
        assert (other.status, other.json["code"]) == (409, "conflict")
        assert len(await items(http, ann, "")) == 1
        mine = (await http.ask("GET", "/api/v1/chats/files", token=ann.token)).json
        assert len(mine["items"]) == 1, "what came a second time is gone"


async def test_ten_an_hour_and_when_to_come_again(database_url: str) -> None:
    async with open_http(database_url) as http:
        ann, _ = await people(http, 2)
        for _ in range(10):
            assert (await send(http, ann)).status == 201
        for key in (None, "k"):
            reply = await send(http, ann, key=key)
            assert (reply.status, reply.json["code"]) == (429, "rate_limited")
            assert 0 < reply.json["retry_after_ms"] <= HOUR_MS
        mine = (await http.ask("GET", "/api/v1/chats/files", token=ann.token)).json
        assert len(mine["items"]) == 10
        assert len(await items(http, ann, "?limit=50")) == 10
        page = await http.ask("GET", f"{PATH}?limit=4", token=ann.token)
        rest = await http.ask("GET", f"{PATH}?limit=9&after={page.json['next']}", token=ann.token)
        assert (len(page.json["items"]), len(rest.json["items"])) == (4, 6)
        assert "next" not in rest.json


async def test_a_scheduled_one_waits_and_can_be_taken_back(database_url: str) -> None:
    async with open_http(database_url) as http:
        ann, bob = await people(http, 2)
        at = http.parts.clock.now_ms() + 2 * HOUR_MS
        made = (await send(http, ann, schedule=at)).json
        assert (made["status"], made["start_at"]) == ("scheduled", at)
        taken = await http.ask("DELETE", f"{PATH}/{made['id']}", token=ann.token)
        assert taken.status == 204
        [mine] = await items(http, ann, "")
        assert mine["status"] == "cancelled"
        assert await items(http, bob, "/received") == []
        now = (await send(http, ann)).json
        await delivered(http, ann, now["id"])
        late = await http.ask("DELETE", f"{PATH}/{now['id']}", token=ann.token)
        assert (late.status, late.json["code"]) == (409, "conflict")


async def test_a_group_and_what_is_asked_of_people(database_url: str) -> None:
    async with open_http(database_url) as http:
        ann, bob, eve = await people(http, 3)
        seoul = {"region": "서울", "gender": "female", "birth_date": "2000-01-01"}
        assert (await http.ask("PATCH", "/api/v1/me", seoul, token=bob.token)).status == 200
        admin = await http.admin()
        body = {"name": "이웃", "members": [eve.id, ann.username]}
        group = await http.ask("POST", "/api/v1/admin/groups", body, token=admin.token)
        assert (group.status, group.json["people"]) == (201, 2)
        listed = await http.ask("GET", f"{PATH}/groups", token=ann.token)
        assert listed.json["items"] == [{"id": group.json["id"], "name": "이웃"}]
        of_admins = await http.ask("GET", "/api/v1/admin/groups", token=admin.token)
        assert of_admins.json["items"] == [group.json]
        to_group = (await send(http, ann, group=group.json["id"])).json
        assert to_group["audience"] == {"group": group.json["id"]}
        apart = normalize("NFD", " 서울")  # as some systems spell it
        to_seoul = (await send(http, ann, region=apart, age_from=20, gender="female")).json
        for made, person in ((to_group, eve), (to_seoul, bob)):
            assert (await delivered(http, ann, made["id"]))["counts"]["delivered"] == 1
            assert [each["id"] for each in await items(http, person, "/received")] == [made["id"]]
        nobody = (await send(http, ann, region="섬")).json
        failed = await delivered(http, ann, nobody["id"])
        assert (failed["status"], failed["reason"]) == ("failed", "nobody")
        assert (await items(http, ann, ""))[-1]["audience"] == {"group": group.json["id"]}
        one = f"/api/v1/admin/groups/{group.json['id']}"
        assert (await http.ask("DELETE", one, token=admin.token)).status == 204
        assert (await items(http, ann, ""))[-1]["audience"] == {}


async def test_groups_are_the_admins_to_keep(database_url: str) -> None:
    async with open_http(database_url) as http:
        [ann] = await people(http, 1)
        admin, path = await http.admin(), "/api/v1/admin/groups"
        made = await http.ask("POST", path, {"name": "하나"}, token=admin.token)
        again = await http.ask("POST", path, {"name": "하나"}, token=admin.token)
        assert (made.status, again.status) == (201, 409)
        one = f"{path}/{made.json['id']}"
        wrong = await http.ask("PATCH", one, {"add": ["nobody"]}, token=admin.token)
        assert (wrong.status, wrong.json["fields"]) == (400, {"add": "no such user: nobody"})
        change = {"name": "둘", "add": [ann.id]}
        changed = await http.ask("PATCH", one, change, token=admin.token)
        assert (changed.json["name"], changed.json["people"]) == ("둘", 1)
        members = await http.ask("GET", f"{one}/members", token=admin.token)
        assert members.json == {"items": [ann.id]}
        gone = await http.ask("PATCH", one, {"remove": [ann.id]}, token=admin.token)
        assert gone.json["people"] == 0
        statuses = [(await http.ask("DELETE", one, token=admin.token)).status for _ in range(2)]
        assert statuses == [204, 404]


async def test_admins_are_told_why(database_url: str) -> None:
    async with open_http(database_url) as http:
        ann, bob, eve = await people(http, 3)
        phoneless = await http.person("phoneless")
        admin = await http.admin()
        made = (await send(http, ann, recipient_count=1)).json
        path = f"{PATH}/{made['id']}/explain"
        done = await delivered(http, ann, made["id"])
        assert done["counts"]["delivered"] == 1
        told = (await http.ask("GET", path, token=admin.token)).json
        [chosen], [near] = told["chosen"], told["near"]
        assert {chosen["user"], near["user"]} == {bob.id, eve.id}
        assert (chosen["why"], near["why"]) == ("certain", "undrawn")
        assert told["recipient_count"] == 1 and told["counts"]["allowed"] == 2
        weights = {score["name"]: score["weight"] for score in told["strategy"]["scores"]}
        assert weights == {
            "response": 0.25,
            "interaction": 0.25,
            "preference": 0.2,
            "activity": 0.3,
        }
        about = await http.ask("GET", f"{path}?user=phoneless", token=admin.token)
        assert about.json["asked_about"]["why"] == "phoneless"
        assert about.json["asked_about"]["user"] == phoneless.id
        of_chosen = await http.ask("GET", f"{path}?user={chosen['user']}", token=admin.token)
        assert of_chosen.json["asked_about"] == chosen
        assert (await http.ask("GET", path, token=ann.token)).status == 403
        [late] = await people(http, 1)
        later = await http.ask("GET", f"{path}?user={late.id}", token=admin.token)
        assert later.json["asked_about"]["why"] == "undrawn", "it did not go to him"
        unknown = await http.ask("GET", f"{path}?user=who", token=admin.token)
        assert unknown.status == 400


async def test_admins_are_told_why_there_is_nothing_to_explain(database_url: str) -> None:
    async with open_http(database_url) as http:
        [ann] = await people(http, 1)
        admin = await http.admin()
        at = http.parts.clock.now_ms() + HOUR_MS
        nobody = (await send(http, ann)).json["id"]
        assert (await delivered(http, ann, nobody))["reason"] == "nobody"
        waiting, cancelled = [(await send(http, ann, schedule=at)).json["id"] for _ in range(2)]
        await http.ask("DELETE", f"{PATH}/{cancelled}", token=ann.token)
        for broadcast, why in (
            (nobody, "nobody was chosen: it failed"),
            (waiting, "nobody was chosen yet"),
            (cancelled, "nobody was chosen: it was taken back"),
        ):
            told = await http.ask("GET", f"{PATH}/{broadcast}/explain", token=admin.token)
            assert (told.status, told.json["detail"]) == (409, why)


async def test_one_that_reached_nobody_after_all_is_explained(database_url: str) -> None:
    async with open_http(database_url) as http:
        [ann] = await people(http, 1)
        admin = await http.admin()
        at = http.parts.clock.now_ms() + HOUR_MS
        made = (await send(http, ann, schedule=at)).json["id"]
        runs = http.parts.broadcasts.runs
        [due], _ = await runs.lease(now=at, until=at + HOUR_MS, most=1)
        chosen_left = Selected(
            chosen=[], near=[], counts={"allowed": 1}, strategy={"name": "001"}, took_ms=1
        )
        assert await runs.deliver(due, chosen_left, at=at) == 0
        assert await runs.fail(due, "nobody")
        assert (await delivered(http, ann, made))["reason"] == "nobody"
        told = await http.ask("GET", f"{PATH}/{made}/explain", token=admin.token)
        assert (told.status, told.json["chosen"]) == (200, [])
        assert told.json["counts"] == {"allowed": 1}


async def test_admins_see_how_broadcasts_do(database_url: str) -> None:
    async with open_http(database_url) as http:
        ann, bob, _ = await people(http, 3)
        admin, path = await http.admin(), "/api/v1/admin/broadcasts/figures"
        empty = (await http.ask("GET", path, token=admin.token)).json
        assert (empty["broadcasts"], empty["read_rate"], empty["exposure"][:2]) == (0, 0.0, [3, 0])
        made = (await send(http, ann)).json
        await delivered(http, ann, made["id"])
        nobody = (await send(http, ann, region="섬")).json
        await delivered(http, ann, nobody["id"])
        body = {"body": "네"}
        said = await http.ask("POST", f"{PATH}/{made['id']}/reply", body, token=bob.token)
        assert said.status == 201
        found = (await http.ask("GET", f"{path}?days=1", token=admin.token)).json
        assert (found["broadcasts"], found["failed"], found["success_rate"]) == (1, 1, 0.5)
        assert (found["recipients"], found["read_rate"], found["reply_rate"]) == (2, 0.5, 0.5)
        assert found["exposure"][:3] == [1, 2, 0] and found["goal"] == 0.3
        assert [(day["recipients"], day["replied"]) for day in found["daily"]] == [(2, 1)]
        assert found["gini"] == pytest.approx(1 / 3), "two of three have one each"


async def test_lists_are_kept_and_never_older_than_a_change(database_url: str) -> None:
    async with open_http(database_url) as http:
        ann, bob, eve = await people(http, 3)
        assert await items(http, ann, "") == await items(http, bob, "/received") == []
        made = (await send(http, ann)).json
        assert [each["status"] for each in await items(http, ann, "")] == ["waiting"]
        await delivered(http, ann, made["id"])
        for _ in range(2):
            [mine] = await items(http, ann, "")
            assert (mine["status"], mine["counts"]["delivered"]) == ("delivered", 2)
            [_received] = await items(http, bob, "/received")
        name = {"name": "새 이름"}
        assert (await http.ask("PATCH", "/api/v1/me", name, token=ann.token)).status == 200
        assert [each["name"] for each in await items(http, bob, "/received")] == ["새 이름"]
        read = f"{PATH}/{made['id']}/mark_as_read"
        await http.ask("PUT", read, token=bob.token)
        assert [each["status"] for each in await items(http, bob, "/received")] == ["read"]
        assert [each["counts"]["read"] for each in await items(http, ann, "")] == [1]
        block = f"/api/v1/blocks/{ann.id}"
        for method, count in (("PUT", 0), ("DELETE", 1)):
            await http.ask(method, block, token=eve.token)
            assert len(await items(http, eve, "/received")) == count
        at = http.parts.clock.now_ms() + HOUR_MS
        later = (await send(http, ann, schedule=at)).json
        assert next(each["status"] for each in await items(http, ann, "")) == "scheduled"
        http.parts.clock.ms = at
        assert next(each["status"] for each in await items(http, ann, "")) != "scheduled"
        await delivered(http, ann, later["id"])


async def test_what_a_lost_node_had_not_told_the_same_request_tells(database_url: str) -> None:
    async with open_http(database_url) as http:
        ann, bob = await people(http, 2)
        made = (await send(http, ann)).json
        await announced(http, made["id"])
        [before] = await items(http, bob, "/received")
        users, replies = http.parts.users, http.parts.broadcasts.stores.replies
        numbers = {each.id: (await users.by_id(each.id)).user_no for each in (ann, bob)}
        await users.patch(numbers[ann.id], {"name": "새 이름"})
        await replies.read(made["id"], numbers[bob.id], at=http.parts.clock.now_ms())
        assert await items(http, bob, "/received") == [before], "it is kept"
        name = {"name": "새 이름"}
        assert (await http.ask("PATCH", "/api/v1/me", name, token=ann.token)).status == 200
        assert [each["name"] for each in await items(http, bob, "/received")] == ["새 이름"]
        read = f"{PATH}/{made['id']}/mark_as_read"
        assert (await http.ask("PUT", read, token=bob.token)).status == 204
        assert [each["counts"]["read"] for each in await items(http, ann, "")] == [1]


async def test_a_reply_that_is_refused_opens_nothing(database_url: str) -> None:
    async with open_http(database_url) as http:
        ann, bob = await people(http, 2)
        made = (await send(http, ann)).json
        await delivered(http, ann, made["id"])
        upload = {"raw": b"x", "headers": {"Content-Type": "text/plain"}}
        anns = await http.ask("POST", "/api/v1/chats/files", token=ann.token, **upload)
        path = f"{PATH}/{made['id']}/reply"
        for body, blamed in (
            ({}, "body"),
            ({"body": " "}, "body"),
            ({"files": ["nowhere"]}, "files"),
            ({"files": [anns.json["id"]]}, "files"),
            ({"files": ["a", "a"]}, "files"),
            ({"files": [f"f{number}" for number in range(11)]}, "files"),
        ):
            reply = await http.ask("POST", path, body, token=bob.token)
            assert (reply.status, list(reply.json["fields"])) == (400, [blamed]), reply
        assert await rooms(http, ann) == await rooms(http, bob) == []
        own = await http.ask("POST", "/api/v1/chats/files", token=bob.token, **upload)
        said = await http.ask("POST", path, {"files": [own.json["id"]]}, token=bob.token)
        assert said.status == 201, said
        assert len(await rooms(http, ann)) == 1


async def test_a_recording_can_be_shown_in_a_room_and_its_broadcast_taken_back(
    database_url: str,
) -> None:
    async with open_http(database_url) as http:
        ann, bob = await people(http, 2)
        room = await http.team(ann, bob)
        at = http.parts.clock.now_ms() + HOUR_MS
        made = (await send(http, ann, schedule=at)).json
        messages = f"/api/v1/chats/rooms/{room}/messages"
        body = {"body": "", "files": [made["file"]]}
        assert (await http.ask("POST", messages, body, token=ann.token)).status == 201
        assert (await http.ask("DELETE", f"{PATH}/{made['id']}", token=ann.token)).status == 204
        file = f"/api/v1/chats/files/{made['file']}"
        assert (await http.ask("DELETE", file, token=ann.token)).status == 409
        assert (await http.ask("GET", file, token=bob.token)).status == 200
