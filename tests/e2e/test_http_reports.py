"""Reports of messages: what is kept, for how long, and who sees it."""

from __future__ import annotations

from typing import Any

from http_world import HttpWorld, MovableClock, Person, open_http

from protocol.limits import RESTORE_WITHIN_S
from server.postgres.erasure import Erasure

ADMIN = "/api/v1/admin/reports"


class QuietLog:
    def info(self, event: str, **fields: object) -> None: ...
    def warning(self, event: str, **fields: object) -> None: ...


async def said(http: HttpWorld, by: Person, room: str, body: str) -> str:
    """The path of a new message."""
    path = f"/api/v1/chats/rooms/{room}/messages"
    posted = await http.ask("POST", path, {"body": body}, token=by.token)
    return f"{path}/{posted.json['seq']}"


async def listed(http: HttpWorld, admin: Person, query: str = "") -> list[Any]:
    reply = await http.ask("GET", ADMIN + query, token=admin.token)
    assert reply.status == 200
    items: list[Any] = reply.json["items"]
    return items


async def test_a_report_keeps_what_was_said_then(database_url: str) -> None:
    async with open_http(database_url) as http:
        ann, bob, admin = await http.person(), await http.person(), await http.admin()
        room = await http.team(ann, bob)
        path = await said(http, ann, room, "as it was")
        await http.ask("PATCH", path, {"body": "나쁜 말"}, token=ann.token)
        body = {"reason": "abuse", "note": "보세요"}
        made = await http.ask("POST", f"{path}/report", body, token=bob.token)
        at = http.parts.clock.now_ms()
        assert made.status == 201
        assert made.json == {"id": made.json["id"], "at": at, **body}
        await http.ask("PATCH", path, {"body": "innocent"}, token=ann.token)
        await http.ask("DELETE", path, token=ann.token)
        (found,) = await listed(http, admin, "?status=open")
        assert found == {
            "id": made.json["id"],
            "status": "open",
            "room": room,
            "seq": 1,
            "reporter": bob.id,
            **body,
            "at": at,
            "changed_at": at,
            "message": {"sender": ann.id, "at": at, "edited_at": at, "body": "나쁜 말"},
        }


async def test_a_second_report_changes_the_first(database_url: str) -> None:
    async with open_http(database_url) as http:
        ann, bob, admin = await http.person(), await http.person(), await http.admin()
        path = await said(http, ann, await http.team(ann, bob), "x")
        first = await http.ask("POST", f"{path}/report", {"reason": "spam"}, token=bob.token)
        await http.ask("POST", f"{path}/report", {"reason": "spam"}, token=ann.token)
        await http.ask("DELETE", path, token=ann.token)
        http.parts.clock.ms += 1000  # type: ignore[attr-defined]
        body = {"reason": "illegal", "note": "worse"}
        again = await http.ask("POST", f"{path}/report", body, token=bob.token)
        assert (again.status, again.json) == (200, {**first.json, **body})
        of_ann, of_bob = await listed(http, admin)
        assert of_ann["reporter"] == ann.id
        assert (of_bob["reason"], of_bob["note"], of_bob["message"]["body"]) == (
            "illegal",
            "worse",
            "x",
        )
        assert of_bob["changed_at"] == of_bob["at"] + 1000


async def test_what_cannot_be_reported(database_url: str) -> None:
    async with open_http(database_url) as http:
        ann, bob, eve = [await http.person() for _ in range(3)]
        room = await http.team(ann, bob)
        path = await said(http, ann, room, "x")

        async def code(path: str, body: Any, by: Person = bob) -> tuple[int, str]:
            reply = await http.ask("POST", f"{path}/report", body, token=by.token)
            return reply.status, reply.json["code"]

        spam = {"reason": "spam"}
        below = f"/api/v1/chats/rooms/{room}/messages"
        assert await code(path, spam, eve) == (404, "not_found")
        assert await code(f"{below}/2", spam) == (404, "not_found")
        assert await code(f"{below}/99999999999999", spam) == (404, "not_found")
        assert await code(f"{below}/x", spam) == (404, "not_found")
        assert await code(path, {"reason": "dull"}) == (400, "invalid")
        assert await code(path, {}) == (400, "invalid")
        assert await code(path, {"reason": "spam", "note": "x" * 1001}) == (400, "invalid")
        left = f"/api/v1/chats/rooms/{room}/members/{bob.id}"
        seq = (await http.ask("DELETE", left, token=bob.token)).json["seq"]
        assert await code(path, spam) == (403, "not_member")
        assert await code(f"{below}/{seq}", spam, ann) == (404, "not_found")
        await http.ask("DELETE", path, token=ann.token)
        assert await code(path, spam, ann) == (410, "gone")


async def test_reports_come_in_pages_and_are_settled(database_url: str) -> None:
    async with open_http(database_url) as http:
        ann, bob, admin = await http.person(), await http.person(), await http.admin()
        room = await http.team(ann, bob)
        for number in range(5):
            path = await said(http, ann, room, f"{number}")
            await http.ask("POST", f"{path}/report", {"reason": "spam"}, token=bob.token)
        bodies, query = [], "?limit=2"
        while query:
            page = (await http.ask("GET", ADMIN + query, token=admin.token)).json
            bodies += [each["message"]["body"] for each in page["items"]]
            query = f"?limit=2&after={page['next']}" if "next" in page else ""
        assert bodies == ["4", "3", "2", "1", "0"]
        one = (await listed(http, admin))[0]["id"]
        done = {"status": "closed", "resolution": "warned"}
        closed = await http.ask("PATCH", f"{ADMIN}/{one}", done, token=admin.token)
        at = http.parts.clock.now_ms()
        assert closed.status == 200
        assert closed.json == closed.json | done | {"closed_at": at, "closed_by": admin.id}
        assert [each["id"] for each in await listed(http, admin, "?status=closed")] == [one]
        assert len(await listed(http, admin, "?status=open")) == 4
        opened = await http.ask("PATCH", f"{ADMIN}/{one}", {"status": "open"}, token=admin.token)
        assert opened.json["resolution"] == "warned" and "closed_at" not in opened.json
        wrong = await http.ask("PATCH", f"{ADMIN}/{one}", {"status": "x"}, token=admin.token)
        assert (wrong.status, wrong.json["code"]) == (400, "invalid")


async def test_the_copy_outlasts_the_message_while_the_report_is_open(database_url: str) -> None:
    async with open_http(database_url) as http:
        ann, bob, admin = await http.person(), await http.person(), await http.admin()
        room = await http.team(ann, bob)
        for body in ("deleted", "stays"):
            path = await said(http, ann, room, body)
            await http.ask("POST", f"{path}/report", {"reason": "spam"}, token=bob.token)
        await http.ask("DELETE", path.removesuffix("2") + "1", token=ann.token)
        late = MovableClock()
        late.ms += (RESTORE_WITHIN_S + 1) * 1000
        erasure = Erasure(http.database, clock=late, log=QuietLog())

        async def kept() -> list[str | None]:
            return [each["message"].get("body") for each in await listed(http, admin)]

        assert await erasure.erase_due() == 1
        assert await kept() == ["stays", "deleted"]
        for each in await listed(http, admin):
            path = f"{ADMIN}/{each['id']}"
            await http.ask("PATCH", path, {"status": "closed"}, token=admin.token)
        assert await erasure.erase_due() == 0
        assert await kept() == ["stays", None]


async def test_reporting_is_limited(database_url: str) -> None:
    async with open_http(database_url) as http:
        ann = await http.person()
        path = await said(http, ann, await http.team(ann), "x")
        statuses = [
            (await http.ask("POST", f"{path}/report", {"reason": "spam"}, token=ann.token)).status
            for _ in range(22)
        ]
        assert statuses[:20] == [201] + [200] * 19 and 429 in statuses[20:]


async def test_a_report_from_a_blind_room_tells_no_admin_who_is_who(database_url: str) -> None:
    async with open_http(database_url) as http:
        ann, bob, admin = await http.person(), await http.person(), await http.admin()
        groups = {"A": [ann.id], "B": [bob.id]}
        body = {"type": "matching", "mode": "blind", "groups": groups}
        made = await http.ask("POST", "/api/v1/chats/rooms", body, token=ann.token)
        path = await said(http, ann, made.json["id"], "x")
        await http.ask("POST", f"{path}/report", {"reason": "spam"}, token=bob.token)
        (found,) = await listed(http, admin)
        assert found["message"]["sender"] == made.json["me"]
        assert not {ann.id, bob.id} & {found["reporter"], found["message"]["sender"]}
