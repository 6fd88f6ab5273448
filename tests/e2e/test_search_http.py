"""Searching over HTTP: who is shown what, filters, pages, excerpts, and what is refused."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import asyncpg
import pytest
import trio
from http_world import HttpWorld, Person, open_http
from running_server import RunningServer

ROOMS = "/api/v1/chats/rooms"
HIGHEST = 2**53 - 1
GIF = bytes.fromhex(
    "474946383761010001008100000000000000000000000000002c000000000100010000080400010404003b"
)


async def say(http: HttpWorld, person: Person, room: str, *bodies: str) -> None:
    for body in bodies:
        path = f"{ROOMS}/{room}/messages"
        reply = await http.ask("POST", path, {"body": body}, token=person.token)
        assert reply.status == 201, reply


async def search(http: HttpWorld, person: Person, q: str | None = None, **query: Any) -> Any:
    """The answer's status and body."""
    asked = urlencode({"q": q, **query} if q is not None else query)
    reply = await http.ask("GET", f"/api/v1/chats/search?{asked}", token=person.token)
    return reply.status, reply.json


async def bodies(http: HttpWorld, person: Person, q: str | None = None, **query: Any) -> list[str]:
    status, found = await search(http, person, q, **query)
    assert status == 200, found
    return [item["message"]["body"] for item in found["items"]]


async def index(http: HttpWorld) -> None:
    sql = "SELECT behind FROM index_rooms(ARRAY(SELECT room_no FROM chat_rooms), 1000)"
    assert await http.database.fetchval(sql) == []


async def blind(http: HttpWorld, one: Person, other: Person) -> tuple[str, str, str]:
    """A blind room of two, and their pseudonyms."""
    groups = {"A": [one.id], "B": [other.id]}
    body = {"type": "matching", "mode": "blind", "groups": groups}
    room = (await http.ask("POST", ROOMS, body, token=one.token)).json
    theirs = (await http.ask("GET", f"{ROOMS}/{room['id']}", token=other.token)).json
    return room["id"], room["me"], theirs["me"]


async def post_file(http: HttpWorld, person: Person, room: str, name: str, data: bytes) -> None:
    asked = {"raw": data, "headers": {"Content-Type": "application/octet-stream"}}
    path = f"/api/v1/chats/files?{urlencode({'name': name})}"
    made = await http.ask("POST", path, token=person.token, **asked)
    assert made.status == 201, made
    body = {"body": "", "files": [made.json["id"]], "kind": made.json["kind"]}
    reply = await http.ask("POST", f"{ROOMS}/{room}/messages", body, token=person.token)
    assert reply.status == 201, reply


async def test_files_are_found_by_name_and_kind_but_not_by_a_name_that_is_masked(
    database_url: str,
) -> None:
    async with open_http(database_url) as http:
        ann, bob = [await http.person() for _ in range(2)]
        room = await http.team(ann, bob)
        masked, _, _ = await blind(http, ann, bob)
        await say(http, ann, room, "회의 시작")
        await post_file(http, ann, room, "회의 기록.pdf", b"%PDF-1.7 x")
        await post_file(http, ann, room, "봄.gif", GIF)
        await post_file(http, ann, masked, "비밀 기록.gif", GIF)
        for _ in ("as a tail", "from the index"):
            assert await names(http, bob, "기록") == [["회의 기록.pdf"]]
            assert await names(http, bob, "회의") == [["회의 기록.pdf"], []]
            assert await names(http, bob, "ㄱㄹ") == [["회의 기록.pdf"]]
            assert await names(http, bob, "비밀") == []
            assert await names(http, bob, "image", room=room) == []
            assert await names(http, bob, kind="file") == [["회의 기록.pdf"]]
            assert await names(http, bob, kind="image", room=room) == [["봄.gif"]]
            assert await names(http, bob, has="file", room=room) == [["봄.gif"], ["회의 기록.pdf"]]
            assert await names(http, bob, kind="text") == [[]]
            assert len(await names(http, bob, has="file", room=masked)) == 1
            await index(http)


async def names(http: HttpWorld, person: Person, q: str | None = None, **query: Any) -> Any:
    status, found = await search(http, person, q, **query)
    assert status == 200, found
    return [[file["name"] for file in item["message"].get("files", [])] for item in found["items"]]


async def test_what_is_found_comes_as_in_a_page_with_what_was_found_marked(
    database_url: str,
) -> None:
    async with open_http(database_url) as http:
        ann, bob = [await http.person() for _ in range(2)]
        room = await http.team(ann, bob)
        await say(http, ann, room, "내일 회의 있어요", "<b>회의</b>", "점심")
        path = f"{ROOMS}/{room}/messages/1/reactions/👍"
        await http.ask("PUT", path, token=bob.token)
        _, found = await search(http, bob, "ㅎㅇ")
        second, first = found["items"]
        assert "next" not in found
        assert first["excerpt"] == {
            "text": "내일 회의 있어요",
            "marks": [[3, 5]],
            "cut_before": False,
            "cut_after": False,
        }
        assert second["excerpt"]["text"] == "<b>회의</b>" and second["excerpt"]["marks"] == [[3, 5]]
        page = await http.ask("GET", f"{ROOMS}/{room}/messages", token=bob.token)
        assert [first["message"], second["message"]] == page.json["items"][:2]
        assert first["room"] == room and first["message"]["reactions"]["👍"]["me"] is True
        long = "가" * 300 + " 회의록 " + "나" * 300
        await say(http, ann, room, long)
        excerpt = (await search(http, bob, "회의록"))[1]["items"][0]["excerpt"]
        (start, end), text = excerpt["marks"][0], excerpt["text"]
        assert text[start:end] == "회의록" and len(text) <= 140 and text in long
        assert excerpt["cut_before"] and excerpt["cut_after"]


async def test_what_is_typed_every_day_is_marked_whatever_else_is_on_the_page(
    database_url: str,
) -> None:
    async with open_http(database_url) as http:
        ann = await http.person()
        room = await http.team(ann)
        await say(
            http, ann, room, "회의 하나", "회의 ㅋㅋㅋ ㅠㅠ 네ㅎㅎ", *["회의 " + "ㅋ" * 3900] * 4
        )
        _, found = await search(http, ann, "회의")
        marked = [bool(item["excerpt"]["marks"]) for item in found["items"]]
        assert marked == [True, True, False, False, True, True], "long ones that are hard to fold"
        for q, marks in (("ㅠㅠ", [[7, 9]]), ("네", [[10, 11]]), ("ㅎㅎ 회", [[0, 1], [11, 13]])):
            items = (await search(http, ann, q))[1]["items"]
            assert [item["excerpt"]["marks"] for item in items] == [marks]


@pytest.mark.parametrize("indexed", [False, True], ids=["tail", "index"])
async def test_only_present_members_find_what_a_room_says(database_url: str, indexed: bool) -> None:
    async with open_http(database_url) as http:
        ann, bob, eve = [await http.person() for _ in range(3)]
        room = await http.team(ann, bob)
        await say(http, ann, room, "비밀 하나", *(f"그 밖에 {n}" for n in range(130)))
        if indexed:
            await index(http)
        assert await bodies(http, bob, "비밀") == ["비밀 하나"]
        assert await bodies(http, eve, "비밀") == []
        status, refused = await search(http, eve, "비밀", room=room)
        assert (status, refused["code"]) == (404, "not_found")
        await http.ask("DELETE", f"{ROOMS}/{room}/members/{bob.id}", token=ann.token)
        assert await bodies(http, bob, "비밀") == []
        status, refused = await search(http, bob, "비밀", room=room)
        assert (status, refused["code"]) == (403, "not_member")
        await http.ask("POST", f"{ROOMS}/{room}/members", {"user": bob.id}, token=ann.token)
        assert await bodies(http, bob, "비밀", room=room) == ["비밀 하나"]


@pytest.mark.parametrize("indexed", [False, True], ids=["tail", "index"])
async def test_what_one_blocks_is_left_out_of_open_rooms_alone(
    database_url: str, indexed: bool
) -> None:
    async with open_http(database_url) as http:
        ann, bob = [await http.person() for _ in range(2)]
        room = await http.team(ann, bob)
        hidden, _, _ = await blind(http, ann, bob)
        await say(http, ann, room, "열린 방", *(f"그 밖에 {n}" for n in range(130)))
        await say(http, ann, hidden, "열린 마음")
        if indexed:
            await index(http)
        assert await bodies(http, bob, "열린") == ["열린 마음", "열린 방"]
        block = f"/api/v1/blocks/{ann.id}"
        await http.ask("PUT", block, token=bob.token)
        assert await bodies(http, bob, "열린") == ["열린 마음"]
        assert await bodies(http, ann, "열린") == ["열린 마음", "열린 방"], "he blocks nobody"
        await http.ask("DELETE", block, token=bob.token)
        assert await bodies(http, bob, "열린") == ["열린 마음", "열린 방"]


async def test_a_sender_is_who_the_room_calls_so(database_url: str) -> None:
    async with open_http(database_url) as http:
        ann, bob = [await http.person() for _ in range(2)]
        room = await http.team(ann, bob)
        hidden, ann_there, bob_there = await blind(http, ann, bob)
        await say(http, ann, room, "앤이 연 말")
        await say(http, bob, room, "밥이 연 말")
        await say(http, ann, hidden, "앤이 숨은 말")
        await say(http, bob, hidden, "밥이 숨은 말")
        for _ in range(2):
            assert await bodies(http, bob, "말", **{"from": ann.id}) == ["앤이 연 말"]
            assert await bodies(http, bob, "말", **{"from": ann_there}) == ["앤이 숨은 말"]
            assert await bodies(http, bob, **{"from": bob_there}) == ["밥이 숨은 말"]
            assert await bodies(http, bob, room=hidden, **{"from": ann.id}) == []
            assert await bodies(http, bob, room=room, **{"from": ann_there}) == []
            assert await bodies(http, bob, "말", **{"from": "nobody"}) == []
            await index(http)
        _, found = await search(http, bob, "숨은", room=hidden)
        senders = [item["message"]["sender"] for item in found["items"]]
        assert senders == [bob_there, ann_there]


async def test_filters_narrow_and_some_of_them_need_no_word(database_url: str) -> None:
    async with open_http(database_url) as http:
        ann = await http.person()
        room = await http.team(ann)
        clock: Any = http.parts.clock
        begun = clock.ms
        for number in range(4):
            clock.ms = begun + number * 1000
            await say(http, ann, room, f"말 {number}")
        between = {"since": begun + 1000, "until": begun + 2000}
        for _ in range(2):
            assert await bodies(http, ann, "말", **between) == ["말 2", "말 1"]
            assert await bodies(http, ann, room=room, **between) == ["말 2", "말 1"]
            assert await bodies(http, ann, "말", since=begun + 5000) == []
            assert await bodies(http, ann, "말", since=HIGHEST, until=0) == []
            assert await bodies(http, ann, "말", until=HIGHEST, kind="text", limit=1) == ["말 3"]
            assert await bodies(http, ann, kind="image") == []
            assert await bodies(http, ann, has="file") == []
            await index(http)


async def test_pages_go_on_where_the_last_one_ended(database_url: str) -> None:
    async with open_http(database_url) as http:
        ann = await http.person()
        rooms = [await http.team(ann) for _ in range(2)]
        for number in range(15):
            await say(http, ann, rooms[number % 2], f"말 {number}")  # all in the same millisecond
        for _ in range(2):
            seen, query = [], {"limit": 4}
            while True:
                _, found = await search(http, ann, "말", **query)
                seen += [(item["room"], item["message"]["seq"]) for item in found["items"]]
                if "next" not in found:
                    break
                query["after"] = found["next"]
            assert len(seen) == len(set(seen)) == 15
            await index(http)
        for forged in ("0-0-", "9" * 16 + "-" + "9" * 10 + "-" + "x" * 64, "5-5-" + rooms[0]):
            status, _ = await search(http, ann, "말", after=forged)
            assert status == 200
        eve = await http.person()
        assert (await search(http, eve, "말", after=f"{HIGHEST}-9-{rooms[0]}"))[1] == {"items": []}


BAD = [
    ({}, "q"),
    ({"q": ""}, "q"),
    ({"q": " \u3000\x01"}, "q"),
    ({"q": "가" * 201}, "q"),
    ({"q": " ".join(map(str, range(11)))}, "q"),
    ({"q": "a\x00"}, "q"),
    ({"since": 5}, "q"),
    ({"q": "a", "since": -1}, "since"),
    ({"q": "a", "until": "tomorrow"}, "until"),
    ({"q": "a", "limit": 51}, "limit"),
    ({"q": "a", "limit": 0}, "limit"),
    ({"q": "a", "kind": "poem"}, "kind"),
    ({"q": "a", "has": "love"}, "has"),
    ({"q": "a", "after": "yesterday"}, "after"),
    ({"q": "a", "from": ""}, "from"),
    ({"q": "a", "room": "x" * 65}, "room"),
]


async def test_what_cannot_be_searched_is_refused_by_its_field(database_url: str) -> None:
    async with open_http(database_url) as http:
        ann = await http.person()
        for query, field in BAD:
            status, refused = await search(http, ann, **query)
            assert (status, refused["code"], list(refused["fields"])) == (400, "invalid", [field])
        assert http.log.errors == []


async def test_nothing_that_is_sought_breaks_the_search(database_url: str) -> None:
    async with open_http(database_url) as http:
        ann = await http.person()
        room = await http.team(ann)
        await say(
            http, ann, room, "a'b\"c\\d%e_f(g)[h]{i}*j+k?l|m^n$o.p", "\u1112" * 300, "e\u0301" * 40
        )
        for _ in range(2):
            for q in ("'b\"c\\d%e_f(g)[h]{i}*j+k?l|m^n$o.", "ㅎ" * 199, "é" * 40, "***=a", "(?i)x"):
                status, found = await search(http, ann, q)
                assert status == 200 and len(found["items"]) == (
                    0 if q in ("***=a", "(?i)x") else 1
                )
                marks = found["items"] and found["items"][0]["excerpt"]["marks"]
                assert all(start < end for start, end in marks)
            await index(http)


async def test_searches_are_limited_by_user(database_url: str) -> None:
    async with open_http(database_url) as http:
        ann, bob = [await http.person() for _ in range(2)]
        statuses: list[int] = []

        async def one() -> None:
            statuses.append((await search(http, ann, "a"))[0])

        async with trio.open_nursery() as nursery:
            for _ in range(60):
                nursery.start_soon(one)
        assert statuses.count(200) >= 20 and 429 in statuses
        assert (await search(http, bob, "a"))[0] == 200


def test_a_server_indexes_what_is_said_once_it_is_calm_and_ends_at_once(open_folder: Path) -> None:
    with RunningServer(open_folder / "search") as server:
        ann = server.sign_up("ann")
        room = server.make_room(ann)
        path = f"{ROOMS}/{room}/messages"
        server.call("POST", path, {"body": "찾을 말"}, token=ann.token)
        for _ in range(200):
            if asyncio.run(_indexed(server)) == ["찾을 말"]:
                break
            time.sleep(0.1)
        else:
            raise AssertionError(server.log())
        found = server.call("GET", "/api/v1/chats/search?q=%EC%B0%BE", token=ann.token)
        assert [item["message"]["body"] for item in found["items"]] == ["찾을 말"]
        server.call("POST", path, {"body": "더"}, token=ann.token)
        begun = time.monotonic()
        assert server.stop() == 0 and time.monotonic() - begun < 10


async def _indexed(server: RunningServer) -> list[str]:
    url = json.loads((server.data / "lock").read_text())["database_url"]
    connection = await asyncpg.connect(url)
    try:
        rows = await connection.fetch("SELECT texts FROM search_chunks")
    finally:
        await connection.close()
    return [text for row in rows for text in row["texts"]]
