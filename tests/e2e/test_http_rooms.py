"""Rooms, their members and their messages over HTTP."""

from __future__ import annotations

import trio
from http_world import HttpWorld, Person, open_http

ROOMS = "/api/v1/chats/rooms"


async def test_a_team_room_has_its_maker_as_owner_and_everybody_named(database_url: str) -> None:
    async with open_http(database_url) as http:
        owner, junho, sora = [await http.person() for _ in range(3)]
        body = {
            "type": "team",
            "name": "기획팀",
            "members": [junho.id, sora.username.upper(), junho.username, owner.id],
        }
        made = await http.ask("POST", ROOMS, body, token=owner.token)
        assert made.status == 201
        room = made.json["id"]
        assert made.headers["Location"] == f"{ROOMS}/{room}"
        assert (made.json["name"], made.json["role"], made.json["last_seq"]) == (
            "기획팀",
            "owner",
            0,
        )
        assert http.requests.told == [(room, [owner.id, junho.id, sora.id])]
        shown = await http.ask("GET", f"{ROOMS}/{room}", token=sora.token)
        assert shown.json["role"] == "member"
        assert [(m["user"], m["username"], m["role"]) for m in shown.json["members"]] == [
            (owner.id, owner.username, "owner"),
            (junho.id, junho.username, "member"),
            (sora.id, sora.username, "member"),
        ]


async def test_two_people_have_one_direct_room_whoever_asks(database_url: str) -> None:
    async with open_http(database_url) as http:
        minji, junho = await http.person(name="민지"), await http.person(name="준호")
        body = {"type": "direct", "members": [junho.username]}
        first = await http.ask("POST", ROOMS, body, token=minji.token)
        again = await http.ask(
            "POST", ROOMS, {"type": "direct", "members": [minji.id]}, token=junho.token
        )
        assert (first.status, again.status) == (201, 200)
        assert first.json["id"] == again.json["id"]
        assert (first.json["name"], again.json["name"]) == ("준호", "민지")
        assert (first.json["peer"], again.json["peer"]) == (junho.id, minji.id)
        assert len(http.requests.told) == 1


async def test_rooms_with_impossible_members_are_refused(database_url: str) -> None:
    async with open_http(database_url) as http:
        minji, junho, sora, admin = [await http.person() for _ in range(3)] + [await http.admin()]
        path = f"/api/v1/admin/users/{sora.id}"
        await http.ask("PATCH", path, {"status": "suspended"}, token=admin.token)
        for body in (
            {"type": "direct", "members": []},
            {"type": "direct", "members": [minji.id]},
            {"type": "direct", "members": [junho.id, admin.id]},
            {"type": "direct"},
            {"type": "team", "members": ["nobody"]},
            {"type": "team", "members": [sora.id]},
            {"type": "team", "members": [""]},
            {"type": "team", "members": [7]},
            {"type": "team", "members": ["a\x00b"]},
            {"type": "team", "members": ["x"] * 1001},
            {"type": "team", "members": None},
        ):
            reply = await http.ask("POST", ROOMS, body, token=minji.token)
            assert (reply.status, reply.json["code"]) == (400, "invalid"), body
            assert list(reply.json["fields"]) == ["members"], body
        long_name = {"type": "team", "name": "x" * 101}
        wrongs: list[dict[str, object]] = [{"type": "matching"}, {**long_name}, {"members": []}]
        for wrong in wrongs:
            assert (await http.ask("POST", ROOMS, wrong, token=minji.token)).status == 400
        assert (await http.ask("GET", ROOMS, token=minji.token)).json["items"] == []


async def test_a_room_without_a_name_is_called_after_its_members(database_url: str) -> None:
    async with open_http(database_url) as http:
        minji = await http.person()
        others = [await http.person(name=name) for name in ("준호", "소라")]
        body = {"type": "team", "members": [other.id for other in others]}
        assert (await http.ask("POST", ROOMS, body, token=minji.token)).json["name"] == "준호, 소라"


async def test_the_list_of_rooms_is_paged_without_loss(database_url: str) -> None:
    async with open_http(database_url) as http:
        minji = await http.person()
        made = [await http.team(minji) for _ in range(5)]
        seen: list[str] = []
        path = f"{ROOMS}?limit=2"
        while path:
            page = (await http.ask("GET", path, token=minji.token)).json
            seen += [room["id"] for room in page["items"]]
            path = f"{ROOMS}?limit=2&after={page['next']}" if "next" in page else ""
        assert seen == made[::-1]
        lost = await http.ask("GET", f"{ROOMS}?after=nothing", token=minji.token)
        assert (lost.status, list(lost.json["fields"])) == (400, ["after"])
        assert (await http.ask("GET", f"{ROOMS}?limit=1001", token=minji.token)).status == 400


async def test_members_come_and_go_as_events_of_the_room(database_url: str) -> None:
    async with open_http(database_url) as http:
        owner, junho, sora = [await http.person() for _ in range(3)]
        room = await http.team(owner, junho)
        path = f"{ROOMS}/{room}/members"
        joined = await http.ask("POST", path, {"user": sora.username}, token=owner.token)
        assert (joined.status, joined.json["seq"]) == (200, 1)
        again = await http.ask("POST", path, {"user": sora.id}, token=owner.token)
        assert (again.status, again.json) == (200, {})
        refused = await http.ask("DELETE", f"{path}/{sora.id}", token=junho.token)
        assert (refused.status, refused.json["code"]) == (403, "forbidden")
        left = await http.ask("DELETE", f"{path}/{sora.id}", token=sora.token)
        assert left.json["seq"] == 2
        kicked = await http.ask("DELETE", f"{path}/{junho.username}", token=owner.token)
        assert kicked.json["seq"] == 3
        for gone in (junho, sora):
            assert (await http.ask("GET", f"{ROOMS}/{room}", token=gone.token)).status == 403
        unknown = await http.ask("POST", path, {"user": "nobody"}, token=owner.token)
        assert (unknown.status, list(unknown.json["fields"])) == (400, ["user"])
        events = (await http.ask("GET", f"{ROOMS}/{room}/messages", token=owner.token)).json
        assert [(e["t"], e["change"], e["user"]) for e in events["items"]] == [
            ("member", "joined", sora.id),
            ("member", "left", sora.id),
            ("member", "kicked", junho.id),
        ]


async def test_a_posted_message_is_acknowledged_and_read_back(database_url: str) -> None:
    async with open_http(database_url) as http:
        minji, junho = await http.person(), await http.person()
        room = await http.team(minji, junho)
        path = f"{ROOMS}/{room}/messages"
        posted = await http.ask("POST", path, {"body": "안녕"}, token=minji.token, key="one")
        assert posted.status == 201
        assert posted.json == {
            "room": room,
            "id": "one",
            "seq": 1,
            "at": posted.json["at"],
            "dup": False,
        }
        reply = {"body": "응", "reply_to": 1, "mentions": [minji.id]}
        assert (await http.ask("POST", path, reply, token=junho.token)).json["seq"] == 2
        page = (await http.ask("GET", path, token=junho.token)).json
        assert [event["body"] for event in page["items"]] == ["안녕", "응"]
        assert page["items"][1]["reply_to"] == 1
        assert (page["more"], page["upto"], "next" in page) == (False, 2, False)
        mine = (await http.ask("GET", f"{ROOMS}/{room}", token=minji.token)).json
        assert (mine["unread"], mine["mentions"], mine["last_message"]["body"]) == (1, 1, "응")


async def test_the_same_message_again_is_the_first_and_other_content_a_conflict(
    database_url: str,
) -> None:
    async with open_http(database_url) as http:
        minji, junho = await http.person(), await http.person()
        room = await http.team(minji, junho)
        path = f"{ROOMS}/{room}/messages"
        first = await http.ask("POST", path, {"body": "hi"}, token=minji.token, key="k" * 64)
        again = await http.ask("POST", path, {"body": "hi"}, token=minji.token, key="k" * 64)
        assert (again.status, again.json) == (200, first.json | {"dup": True})
        assert again.headers["Idempotency-Replay"] == "true"
        other = await http.ask("POST", path, {"body": "ho"}, token=minji.token, key="k" * 64)
        assert (other.status, other.json["code"]) == (409, "conflict")
        theirs = await http.ask("POST", path, {"body": "ho"}, token=junho.token, key="k" * 64)
        assert theirs.status == 201
        for key in ("k" * 65, "", "\x7f", "é"):
            reply = await http.ask("POST", path, {"body": "hi"}, token=minji.token, key=key)
            assert (reply.status, list(reply.json["fields"])) == (400, ["Idempotency-Key"])


async def test_messages_that_cannot_be_are_refused_and_nothing_is_stored(
    database_url: str,
) -> None:
    async with open_http(database_url) as http:
        minji = await http.person()
        room = await http.team(minji)
        path = f"{ROOMS}/{room}/messages"
        for body, field in (
            ({}, "body"),
            ({"body": ""}, "body"),
            ({"body": " \n"}, "body"),
            ({"body": 1}, "body"),
            ({"body": "a\x00"}, "body"),
            ({"body": "a\ud800"}, "body"),
            ({"body": "hi", "kind": "image"}, "files"),
            ({"body": "hi", "kind": "system"}, "kind"),
            ({"body": "hi", "files": ["f"]}, "files"),
            ({"body": "hi", "reply_to": 1}, "reply_to"),
            ({"body": "hi", "reply_to": -1}, "reply_to"),
            ({"body": "hi", "reply_to": 2**53}, "reply_to"),
            ({"body": "hi", "reply_to": 2**53 - 1}, "reply_to"),
            ({"body": "hi", "reply_to": 2**31}, "reply_to"),
            ({"body": "hi", "reply_to": 10**30}, "reply_to"),
            ({"body": "hi", "thread": 2**40}, "thread"),
            ({"body": "hi", "thread": 7}, "thread"),
            ({"body": "hi", "mentions": ["stranger"]}, "mentions"),
        ):
            reply = await http.ask("POST", path, body, token=minji.token)
            assert (reply.status, reply.json["code"]) == (400, "invalid"), body
            assert list(reply.json["fields"]) == [field], body
        large = await http.ask("POST", path, {"body": "가" * 22_000}, token=minji.token)
        assert (large.status, large.json["code"]) == (413, "too_large")
        forged = {"body": "hi", "seq": 99, "at": 1, "sender": "x", "room": "y", "id": "z"}
        posted = await http.ask("POST", path, forged, token=minji.token)
        assert (posted.json["seq"], posted.json["room"]) == (1, room)
        assert posted.json["id"] != "z"


async def test_pages_of_messages_follow_each_other_both_ways(database_url: str) -> None:
    async with open_http(database_url) as http:
        minji = await http.person()
        room = await http.team(minji)
        path = f"{ROOMS}/{room}/messages"
        for number in range(7):
            await http.ask("POST", path, {"body": str(number)}, token=minji.token)
        assert await _walk(http, minji, path, "after", "0") == [[1, 2, 3], [4, 5, 6], [7]]
        assert await _walk(http, minji, path, "before", "8") == [[5, 6, 7], [2, 3, 4], [1]]
        for bound in (2**31, 2**53 - 1):
            far = await http.ask("GET", f"{path}?after={bound}", token=minji.token)
            assert (far.status, far.json["items"]) == (200, [])
            near = await http.ask("GET", f"{path}?before={bound}", token=minji.token)
            assert len(near.json["items"]) == 7
            thread = await http.ask("GET", f"{path}?thread={bound}", token=minji.token)
            assert (thread.status, thread.json["items"]) == (200, [])
        for query in (
            "after=1&before=3",
            "limit=0",
            "limit=201",
            "after=-1",
            "after=x",
            "thread=0",
        ):
            assert (await http.ask("GET", f"{path}?{query}", token=minji.token)).status == 400


async def _walk(http: HttpWorld, who: Person, path: str, side: str, bound: str) -> list[list[int]]:
    pages = []
    while bound:
        page = (await http.ask("GET", f"{path}?{side}={bound}&limit=3", token=who.token)).json
        pages.append([event["seq"] for event in page["items"]])
        assert page["more"] == ("next" in page)
        bound = str(page.get("next", ""))
    return pages


async def test_a_room_asked_for_twice_with_one_key_is_made_once(database_url: str) -> None:
    async with open_http(database_url) as http:
        minji, junho = await http.person(), await http.person()
        body = {"type": "team", "name": "A", "members": [junho.id]}
        first = await http.ask("POST", ROOMS, body, token=minji.token, key="k" * 255)
        again = await http.ask("POST", ROOMS, body, token=minji.token, key="k" * 255)
        assert (again.status, again.json) == (201, first.json)
        assert again.headers["Location"] == first.headers["Location"]
        assert "Idempotency-Replay" not in first.headers
        assert again.headers["Idempotency-Replay"] == "true"
        other = await http.ask(
            "POST", ROOMS, body | {"name": "B"}, token=minji.token, key="k" * 255
        )
        assert (other.status, other.json["code"]) == (409, "conflict")
        theirs = await http.ask(
            "POST", ROOMS, {"type": "team", "name": "A"}, token=junho.token, key="k" * 255
        )
        assert theirs.json["id"] != first.json["id"]
        assert len((await http.ask("GET", ROOMS, token=minji.token)).json["items"]) == 1
        reply = await http.ask("POST", ROOMS, body, token=minji.token, key="k" * 256)
        assert reply.status == 400


async def test_many_at_once_with_one_key_make_one_room(database_url: str) -> None:
    async with open_http(database_url) as http:
        minji = await http.person()
        replies = []

        async def make() -> None:
            body = {"type": "team", "name": "A"}
            replies.append(await http.ask("POST", ROOMS, body, token=minji.token, key="k"))

        async with trio.open_nursery() as nursery:
            for _ in range(6):
                nursery.start_soon(make)
        made = {reply.json["id"] for reply in replies if reply.status == 201}
        under_way = [reply for reply in replies if reply.status == 409]
        assert len(made) == 1
        assert len(replies) == 6
        assert all(reply.json["retry_after_ms"] for reply in under_way)
        assert len((await http.ask("GET", ROOMS, token=minji.token)).json["items"]) == 1


async def test_a_refused_request_leaves_its_key_free(database_url: str) -> None:
    async with open_http(database_url) as http:
        minji = await http.person()
        body = {"type": "team", "members": ["junho"]}
        assert (await http.ask("POST", ROOMS, body, token=minji.token, key="k")).status == 400
        await http.person("junho")
        assert (await http.ask("POST", ROOMS, body, token=minji.token, key="k")).status == 201


async def test_a_key_whose_server_died_makes_the_same_room_again(database_url: str) -> None:
    async with open_http(database_url) as http:
        minji = await http.person()
        body = {"type": "team", "name": "A"}
        first = await http.ask("POST", ROOMS, body, token=minji.token, key="k")
        database = http.parts.users._database  # as a crash leaves it: made, but not answered
        await database.execute("UPDATE idempotency_keys SET status = NULL, body = NULL")
        early = await http.ask("POST", ROOMS, body, token=minji.token, key="k")
        assert (early.status, early.json["code"]) == (409, "conflict")
        http.parts.clock.ms += 61_000  # type: ignore[attr-defined]
        later = await http.ask("POST", ROOMS, body, token=minji.token, key="k")
        assert (later.status, later.json["id"]) == (201, first.json["id"])
        assert len((await http.ask("GET", ROOMS, token=minji.token)).json["items"]) == 1


async def test_a_key_may_serve_for_something_new_after_a_day(database_url: str) -> None:
    async with open_http(database_url) as http:
        minji = await http.person()
        body = {"type": "team", "name": "A"}
        first = await http.ask("POST", ROOMS, body, token=minji.token, key="k")
        http.parts.clock.ms += 86_401_000  # type: ignore[attr-defined]
        other = await http.ask("POST", ROOMS, body | {"name": "B"}, token=minji.token, key="k")
        assert other.status == 201
        assert other.json["id"] != first.json["id"]


async def test_the_id_of_a_room_made_with_a_key_tells_nothing_of_the_request(
    database_url: str,
) -> None:
    body, ids, token = {"type": "team", "name": "A"}, [], ""
    for ids_key in (b"one" * 11, b"two" * 11, b"two" * 11):
        async with open_http(database_url, ids_key=ids_key) as http:
            token = token or (await http.person()).token
            made = await http.ask("POST", ROOMS, body, token=token, key="k")
            ids.append(made.json["id"])
            await http.database.execute("TRUNCATE idempotency_keys")
    assert ids[0] != ids[1] == ids[2]


async def test_a_room_that_was_made_before_is_not_told_of_again(database_url: str) -> None:
    async with open_http(database_url) as http:
        minji, junho = await http.person(), await http.person()
        groups = {"A": [minji.id], "B": [junho.id]}
        for body in (
            {"type": "team", "name": "A", "members": [junho.id]},
            {"type": "matching", "groups": groups},
        ):
            first = await http.ask("POST", ROOMS, body, token=minji.token, key=body["type"])
            room = first.json["id"]
            left = f"{ROOMS}/{room}/members/{junho.id}"
            assert (await http.ask("DELETE", left, token=junho.token)).status == 200
            http.parts.clock.ms += 86_401_000  # type: ignore[attr-defined]
            http.requests.told.clear()
            again = await http.ask("POST", ROOMS, body, token=minji.token, key=body["type"])
            assert (again.status, again.json["id"]) == (201, room)
            assert http.requests.told == []
