"""Who has read, over HTTP."""

from __future__ import annotations

from typing import Any

from http_world import HttpWorld, Person, open_http
from test_threads import say

ROOMS = "/api/v1/chats/rooms"


async def readers(http: HttpWorld, who: Person, room: str, seq: int) -> Any:
    path = f"{ROOMS}/{room}/messages/{seq}/readers"
    reply = await http.ask("GET", path, token=who.token)
    assert reply.status == 200, reply
    return reply.json


async def read(http: HttpWorld, who: Person, room: str, seq: int, **more: Any) -> None:
    http.parts.clock.ms += 1000  # type: ignore[attr-defined]
    body = {"seq": seq, **more}
    reply = await http.ask("PUT", f"{ROOMS}/{room}/read", body, token=who.token)
    assert reply.status == 200, reply


def named(found: Any) -> list[tuple[str, int | None]]:
    return [(each["user"], each.get("at")) for each in found["readers"]]


async def test_who_has_read_a_message_and_when(database_url: str) -> None:
    async with open_http(database_url) as http:
        ann, bob, cyd, dan = [await http.person(name) for name in ("ann", "bob", "cyd", "dan")]
        room = await http.team(ann, bob, cyd)
        start = http.parts.clock.now_ms()
        for body in ("one", "two", "three"):
            await say(http, ann, room, body)
        assert await readers(http, ann, room, 1) == {"unread": 2, "readers": []}
        await read(http, bob, room, 2)
        await read(http, bob, room, 3)
        http.parts.clock.ms += 1000  # type: ignore[attr-defined]
        await say(http, cyd, room, "I have read it")
        assert named(await readers(http, ann, room, 1)) == [
            (bob.id, start + 1000),
            (cyd.id, start + 3000),
        ]
        assert named(await readers(http, bob, room, 3))[0] == (bob.id, start + 2000)
        assert (await readers(http, ann, room, 4))["unread"] == 2
        await http.ask("POST", f"{ROOMS}/{room}/members", {"user": dan.id}, token=ann.token)
        assert (await readers(http, dan, room, 1))["unread"] == 0, "dan was not there"
        assert len((await readers(http, dan, room, 1))["readers"]) == 2
        for seq in (5, 99, 2**40):
            path = f"{ROOMS}/{room}/messages/{seq}/readers"
            assert (await http.ask("GET", path, token=ann.token)).status == 404


async def test_a_reply_is_read_with_its_thread(database_url: str) -> None:
    async with open_http(database_url) as http:
        ann, bob, cyd = [await http.person(name) for name in ("ann", "bob", "cyd")]
        room = await http.team(ann, bob, cyd)
        root = await say(http, ann, room, "root")
        reply = await say(http, bob, room, "reply", thread=root)
        await read(http, ann, room, reply)
        assert await readers(http, bob, room, reply) == {"unread": 1, "readers": []}
        await read(http, ann, room, reply, thread=root)
        assert await readers(http, bob, room, reply) == {
            "unread": 0,
            "readers": [{"user": ann.id, "name": "ann"}],
        }


async def test_who_does_not_show_it_is_counted_and_not_named(database_url: str) -> None:
    async with open_http(database_url) as http:
        ann, bob, cyd = [await http.person(name) for name in ("ann", "bob", "cyd")]
        room = await http.team(ann, bob, cyd)
        await say(http, ann, room, "one")
        await read(http, bob, room, 1)
        me = "/api/v1/me"
        assert (await http.ask("GET", me, token=bob.token)).json["read_receipts"] is True
        told = await http.ask("PATCH", me, {"read_receipts": False}, token=bob.token)
        assert told.json["read_receipts"] is False
        assert await readers(http, ann, room, 1) == {"unread": 1, "readers": []}
        await read(http, cyd, room, 1)
        assert await readers(http, bob, room, 1) == {"unread": 0}
        cursors = {}
        for who in (ann, bob):
            found = await http.ask("GET", f"{ROOMS}/{room}", token=who.token)
            cursors[who.username] = found.json.get("cursors")
        assert cursors == {"ann": {ann.id: 1, cyd.id: 1}, "bob": None}
        rooms = (await http.ask("GET", ROOMS, token=ann.token)).json["items"]
        assert rooms[0]["cursors"] == {ann.id: 1, cyd.id: 1}
        await say(http, ann, room, "two")
        await read(http, bob, room, 2)
        await http.ask("PATCH", me, {"read_receipts": True}, token=bob.token)
        assert named(await readers(http, ann, room, 2)) == [(bob.id, None)], "it was not noted"
