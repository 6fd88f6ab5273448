"""Threads over HTTP, beside what the socket says."""

from __future__ import annotations

from typing import Any

from http_world import HttpWorld, Person, open_http


async def say(http: HttpWorld, who: Person, room: str, body: str, **fields: Any) -> int:
    path = f"/api/v1/chats/rooms/{room}/messages"
    reply = await http.ask("POST", path, {"body": body, **fields}, token=who.token)
    assert reply.status == 201, reply
    return int(reply.json["seq"])


async def threads(http: HttpWorld, who: Person, room: str, query: str = "") -> Any:
    reply = await http.ask("GET", f"/api/v1/chats/rooms/{room}/threads{query}", token=who.token)
    assert reply.status == 200, reply
    return reply.json


async def test_the_threads_of_a_room_with_what_is_unread_in_each(database_url: str) -> None:
    async with open_http(database_url) as http:
        ann, bob, cyd = [await http.person(name) for name in ("ann", "bob", "cyd")]
        room = await http.team(ann, bob, cyd)
        assert await threads(http, ann, room) == {"items": [], "upto": 0}
        one = await say(http, ann, room, "one")
        two = await say(http, bob, room, "two")
        await say(http, bob, room, "in one", thread=one)
        await say(http, ann, room, "in two", thread=two, mentions=[cyd.id])
        last = await say(http, bob, room, "in one again", thread=one)
        found = await threads(http, ann, room)
        assert [item["root"]["seq"] for item in found["items"]] == [one, two]
        assert found["upto"] == last
        first = found["items"][0]
        assert (first["replies"], first["last_seq"], first["unread"]) == (2, last, 2)
        assert (first["participants"], first["participant_count"]) == ([ann.id, bob.id], 2)
        second = found["items"][1]
        assert (second["unread"], second["participants"]) == (0, [bob.id, ann.id, cyd.id])

        path = f"/api/v1/chats/rooms/{room}"
        body = {"seq": last, "thread": one}
        assert (await http.ask("PUT", f"{path}/read", body, token=ann.token)).status == 200
        found = await threads(http, ann, room)
        assert [(i["unread"], i["read_seq"]) for i in found["items"]] == [(0, last), (0, last - 1)]
        mine = await threads(http, cyd, room, "?mine=true")
        assert [(i["root"]["seq"], i["unread"]) for i in mine["items"]] == [(two, 1)]


async def test_pages_of_threads_end_and_deleted_replies_do_not_count(database_url: str) -> None:
    async with open_http(database_url) as http:
        ann, bob = [await http.person(name) for name in ("ann", "bob")]
        room = await http.team(ann, bob)
        roots = [await say(http, ann, room, f"root {n}") for n in range(5)]
        for root in roots:
            seq = await say(http, bob, room, "reply", thread=root)
        path = f"/api/v1/chats/rooms/{room}/messages"
        await http.ask("DELETE", f"{path}/{seq}", token=bob.token)
        await http.ask("DELETE", f"{path}/{roots[-1]}", token=ann.token)
        seen, query = [], "?limit=2"
        while True:
            page = await threads(http, ann, room, query)
            seen += page["items"]
            if "next" not in page:
                break
            query = f"?limit=2&before={page['next']}"
        assert [item["root"]["seq"] for item in seen] == roots[::-1]
        assert (seen[0]["replies"], seen[0]["unread"]) == (0, 0)
        assert seen[0]["root"]["deleted"] and "body" not in seen[0]["root"]
        assert all((i["replies"], i["unread"]) == (1, 1) for i in seen[1:])


async def test_the_total_is_that_of_all_rooms_without_the_muted(database_url: str) -> None:
    async with open_http(database_url) as http:
        ann, bob = [await http.person(name) for name in ("ann", "bob")]
        rooms = [await http.team(ann, bob) for _ in range(3)]
        for room in rooms:
            root = await say(http, ann, room, "root")
            await say(http, bob, room, "reply", thread=root)
            await say(http, bob, room, "hi", mentions=[ann.id])
        path = "/api/v1/chats/rooms"
        await http.ask("PUT", f"{path}/{rooms[0]}/mute", {}, token=ann.token)
        read = {"seq": 2, "thread": 1}
        await http.ask("PUT", f"{path}/{rooms[1]}/read", read, token=ann.token)

        async def total(who: Person) -> Any:
            return (await http.ask("GET", "/api/v1/chats/unread", token=who.token)).json

        assert await total(ann) == {"rooms": 3, "unread": 2, "mentions": 3, "threads": 1}
        assert await total(bob) == {"rooms": 0, "unread": 0, "mentions": 0, "threads": 0}
        await http.ask("PUT", f"{path}/{rooms[2]}/read", {"seq": 3}, token=ann.token)
        assert await total(ann) == {"rooms": 2, "unread": 1, "mentions": 2, "threads": 1}


async def test_a_cursor_above_the_room_is_refused(database_url: str) -> None:
    async with open_http(database_url) as http:
        ann = await http.person("ann")
        room = await http.team(ann)
        path = f"/api/v1/chats/rooms/{room}/read"
        for body in ({"seq": 7}, {"seq": 0, "thread": 3}, {}, {"seq": -1}):
            reply = await http.ask("PUT", path, body, token=ann.token)
            assert (reply.status, reply.json["code"]) == (400, "invalid")
