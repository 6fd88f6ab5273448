"""Notifications over HTTP for those whom they are for: reading, answering, settings, endpoints."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any, get_args

import pytest
import trio
from http_world import KEY, HttpWorld, Person, open_http
from notification_calls import (
    ADMIN,
    INVITED,
    PATH,
    PUSH,
    arrived,
    ask,
    befriend,
    good,
    listed,
    listening,
    refused,
    send,
    subscription,
    two_friends,
    until,
)

from actors.notification_records import PLATFORMS
from protocol.notices import Notification, NotificationGone
from server.http.notification_endpoints import Way
from server.http.notification_stream import (
    MARGIN_MS,
    OPENED,
    REMEMBERED,
    NotificationStream,
    ToldLately,
)
from server.settings import Place, Settings, read_settings

HOUR_MS = 3_600_000
WEBHOOK = "https://discord.com/api/webhooks/112233445566778899/" + "s" * 68
TYPES = {
    "meeting.invitation",
    "meeting.response",
    "meeting.confirmed",
    "meeting.cancelled",
    "friend.request",
    "friend.accepted",
    "calendar.reminder",
    "calendar.conflict",
    "system.announcement",
}


def settings_of(environ: dict[str, str], database_url: str | None = None) -> Settings:
    place = Place(Path("data"), database_url, None)
    return read_settings(environ, place, host="127.0.0.1", port=0, token_key=KEY)


async def three_for(http: HttpWorld, ann: Person, bob: Person) -> list[str]:
    """Ids of three that are on the list of *bob*, the oldest first."""
    found = []
    for number in range(3):
        http.parts.clock.ms += 1_000  # type: ignore[attr-defined]
        found.append(await send(http, ann, bob, title=f"no {number}"))
        await arrived(http, bob, found[-1])
    return found


# ---- reading


async def test_the_list_comes_in_pages_and_counts_what_is_unread(database_url: str) -> None:
    async with open_http(database_url, notifies=True) as http:
        ann, bob = await two_friends(http)
        ids = await three_for(http, ann, bob)
        first = await good(http, bob, "GET", "?limit=2")
        assert [each["id"] for each in first["notifications"]] == ids[:0:-1]
        assert first["unreadCount"] == 3
        rest = await good(http, bob, "GET", f"?limit=2&cursor={first['cursor']}")
        assert [each["id"] for each in rest["notifications"]] == ids[:1]
        assert "cursor" not in rest
        assert (await ask(http, bob, "PUT", f"/{ids[1]}/read")).status == 204
        unread = await good(http, bob, "GET", "?unread=true")
        assert [each["id"] for each in unread["notifications"]] == [ids[2], ids[0]]
        assert unread["unreadCount"] == 2
        assert [each["read"] for each in await listed(http, bob)] == [False, True, False]
        for wrong in ("?cursor=x", "?cursor=1", "?limit=0", "?limit=101", "?unread=perhaps"):
            status, field = await refused(http, bob, "GET", wrong)
            assert (status, field) == (400, wrong[1:].split("=")[0])


async def test_many_or_all_are_read_at_once(database_url: str) -> None:
    async with open_http(database_url, notifies=True) as http:
        ann, bob = await two_friends(http)
        ids, others = await three_for(http, ann, bob), await three_for(http, bob, ann)
        body = {"ids": [ids[0], others[0], "none", ids[0]]}
        assert await good(http, bob, "PUT", "/read", body) == {"read": 1}
        assert await good(http, bob, "PUT", "/read", body) == {"read": 0}
        assert (await good(http, ann, "GET", ""))["unreadCount"] == 3
        assert await good(http, bob, "PUT", "/read", {}) == {"read": 2}
        assert (await good(http, bob, "GET", ""))["unreadCount"] == 0
        for wrong in ({"ids": []}, {"ids": ["x"] * 501}, {"all": True}):
            assert (await refused(http, bob, "PUT", "/read", wrong))[0] == 400


async def test_what_is_deleted_is_listed_no_more(database_url: str) -> None:
    async with open_http(database_url, notifies=True) as http:
        ann, bob = await two_friends(http)
        ids = await three_for(http, ann, bob)
        assert (await ask(http, bob, "DELETE", f"/{ids[1]}")).status == 204
        assert [each["id"] for each in await listed(http, bob)] == [ids[2], ids[0]]
        assert (await good(http, bob, "GET", ""))["unreadCount"] == 2
        assert await refused(http, bob, "DELETE", f"/{ids[1]}") == (404, "not_found")
        sent = await good(http, ann, "GET", f"/sent/{ids[1]}")
        assert sent["platforms"] == [{"platform": "web", "status": "sent", "reason": ""}]


async def test_what_is_somebody_else_s_is_not_there(database_url: str) -> None:
    async with open_http(database_url, notifies=True) as http:
        ann, bob = await two_friends(http)
        eve = await http.person()
        sent = await send(http, ann, bob)
        await arrived(http, bob, sent)
        calls: list[tuple[str, str, Any]] = [
            ("PUT", "/read", None),
            ("DELETE", "", None),
            ("PUT", "/answer", {"answer": "accept"}),
            ("GET", "/why", None),
        ]
        for stranger in (ann, eve):
            for method, path, body in calls:
                found = await refused(http, stranger, method, f"/{sent}{path}", body)
                assert found == (404, "not_found")
                nothing = await refused(http, stranger, method, f"/none{path}", body)
                assert nothing == found
        assert [each["read"] for each in await listed(http, bob)] == [False]
        for method, path, body in calls[:1] + calls[2:] + calls[1:2]:
            assert (await ask(http, bob, method, f"/{sent}{path}", body)).status < 300


async def test_what_is_read_is_sent_nowhere_else(database_url: str) -> None:
    async with open_http(database_url, notifies=True) as http:
        ann, bob = await two_friends(http)
        await good(http, bob, "POST", "/endpoints/discord", {"webhookUrl": WEBHOOK})
        quiet = {"platform": "discord", "preferences": {"dndMode": True}}
        await good(http, bob, "PUT", "/settings", quiet)
        sent = await send(http, ann, bob, platforms=["web", "discord"])
        await arrived(http, bob, sent)
        await until(http, bob, f"/{sent}/why", lambda found: len(found["entries"]) == 2)
        assert (await ask(http, bob, "PUT", f"/{sent}/read")).status == 204
        why = (await good(http, bob, "GET", f"/{sent}/why"))["entries"]
        assert (why[-1]["platform"], why[-1]["status"], why[-1]["reason"]) == (
            "discord",
            "cancelled",
            "read",
        )
        told = (await good(http, ann, "GET", f"/sent/{sent}"))["platforms"]
        assert told[1] == {"platform": "discord", "status": "sent", "reason": ""}, "as if it were"


async def test_an_invitation_is_answered_once_and_who_sent_it_is_told(database_url: str) -> None:
    async with open_http(database_url, notifies=True) as http:
        ann, bob = await two_friends(http)
        sent = await send(http, ann, bob, data={"meeting": "m1"})
        await arrived(http, bob, sent)
        accept, decline = {"answer": "accept"}, {"answer": "decline"}
        for _ in range(2):  # again, as one whose answer was lost
            assert (await ask(http, bob, "PUT", f"/{sent}/answer", accept)).status == 204
        late = await ask(http, bob, "PUT", f"/{sent}/answer", decline)
        assert (late.status, late.json["code"]) == (409, "conflict")
        assert late.json["detail"] == "it was answered before: accept"
        await until(http, ann, "", lambda found: found["unreadCount"] == 1)
        [told] = await listed(http, ann)
        assert told["type"] == "meeting.response"
        assert told["sender"] == {"id": bob.id, "name": "bob"}
        assert "bob" in told["title"]
        assert told["data"] == {"meeting": "m1", "invitation": sent, "answer": "accept"}
        [mine] = await listed(http, bob)
        assert (mine["read"], mine["answer"]) == (True, "accept")
        assert (await good(http, ann, "GET", ""))["unreadCount"] == 1
        other = await send(http, ann, bob, type="meeting.confirmed")
        await arrived(http, bob, other)
        assert await refused(http, bob, "PUT", f"/{other}/answer", accept) == (409, "conflict")
        for wrong in ({}, {"answer": "perhaps"}, accept | {"why": "x"}):
            assert (await refused(http, bob, "PUT", f"/{sent}/answer", wrong))[0] == 400


async def test_an_answer_is_gone_from_other_windows_once(database_url: str) -> None:
    async with open_http(database_url, notifies=True) as http:
        ann, bob = await two_friends(http)
        sent = await send(http, ann, bob)
        await arrived(http, bob, sent)
        async with listening(http, bob) as heard:
            assert (await heard.event())[1]["id"] == sent
            for answer, status in (("accept", 204), ("accept", 204), ("decline", 409)):
                reply = await ask(http, bob, "PUT", f"/{sent}/answer", {"answer": answer})
                assert reply.status == status
            later = await send(http, ann, bob)
            found = [await heard.event() for _ in range(2)]
        assert [(name, said.get("ids", said.get("id"))) for name, said, _ in found] == [
            ("gone", [sent]),
            ("notification", later),
        ]


async def test_a_block_takes_what_each_was_told_of_the_other_from_open_windows(
    database_url: str,
) -> None:
    async with open_http(database_url, notifies=True) as http:
        ann, bob = await two_friends(http)
        eve = await http.person()
        await befriend(http, bob, eve)
        told = [await send(http, ann, bob), await send(http, ann, bob)]
        asked, kept = await send(http, bob, ann), await send(http, eve, bob)
        for person, ids in ((ann, [asked]), (bob, [*told, kept])):
            for each in ids:
                await arrived(http, person, each)
        read = await send(http, ann, bob)
        assert (await ask(http, bob, "PUT", f"/{read}/read")).status == 204
        async with listening(http, ann) as ann_heard, listening(http, bob) as bob_heard:
            await ann_heard.event()
            assert {(await bob_heard.event())[1]["id"] for _ in range(3)} == {*told, kept}
            for method in ("DELETE", "PUT"):
                path = f"/api/v1/blocks/{bob.id}"
                assert (await http.ask(method, path, token=ann.token)).status < 300
            assert await ann_heard.event() == ("gone", {"ids": [asked]}, None)
            assert await bob_heard.event() == ("gone", {"ids": sorted(told)}, None)
        assert [each["id"] for each in await listed(http, bob, "?unread=true")] == [kept]


async def test_an_invitation_that_is_out_of_date_is_gone(database_url: str) -> None:
    async with open_http(database_url, notifies=True) as http:
        ann, bob = await two_friends(http)
        sent = await send(http, ann, bob, ttl=60)
        await arrived(http, bob, sent)
        http.parts.clock.ms += 60_000  # type: ignore[attr-defined]
        body = {"answer": "accept"}
        assert await refused(http, bob, "PUT", f"/{sent}/answer", body) == (410, "gone")
        assert (await ask(http, bob, "PUT", f"/{sent}/read")).status == 204
        assert await listed(http, ann) == []


# ---- settings


async def test_settings_are_those_of_the_specification_with_everything_in_them(
    database_url: str,
) -> None:
    async with open_http(database_url) as http:
        bob = await http.person()
        patch = {"time_zone": "America/New_York"}
        assert (await http.ask("PATCH", "/api/v1/me", patch, token=bob.token)).status == 200
        settings = (await good(http, bob, "GET", "/settings"))["settings"]
        assert [each["platform"] for each in settings] == ["web", "push", "kakao", "discord"]
        first = {"dndMode": False, "soundEnabled": True, "timeZone": "America/New_York"}
        for each in settings:
            assert each["notificationTypes"] == dict.fromkeys(TYPES, True)
            assert each["preferences"] == first
        said = {
            "quietHours": {"start": "22:00", "end": "07:30", "days": [4, 0]},
            "dndMode": True,
            "dndUntil": "2027-01-16T00:00:00+09:00",
            "soundEnabled": False,
            "timeZone": "Asia/Seoul",
        }
        body = {
            "platform": "kakao",
            "notificationTypes": {"friend_request": False, "meeting.response": True},
            "preferences": said,
        }
        changed = await good(http, bob, "PUT", "/settings", body)
        assert changed["notificationTypes"] == dict.fromkeys(TYPES, True) | {
            "friend.request": False
        }
        assert changed["preferences"] == said | {
            "quietHours": {"start": "22:00", "end": "07:30", "days": [0, 4]},
            "dndUntil": "2027-01-15T15:00:00Z",
        }
        again = (await good(http, bob, "GET", "/settings"))["settings"]
        assert (again[2], again[0]) == (changed, settings[0])
        http.parts.clock.ms += 9 * HOUR_MS  # type: ignore[attr-defined]
        over = (await good(http, bob, "GET", "/settings"))["settings"][2]["preferences"]
        assert over == {
            key: value
            for key, value in (changed["preferences"] | {"dndMode": False}).items()
            if key != "dndUntil"
        }
        await good(http, bob, "PUT", "/settings", {"platform": "kakao"})
        assert (await good(http, bob, "GET", "/settings"))["settings"] == settings


async def test_all_switches_of_the_page_can_be_turned_at_once_and_no_more(
    database_url: str,
) -> None:
    async with open_http(database_url) as http:
        bob = await http.person()
        switches = len(TYPES) * len(PLATFORMS) + len(PLATFORMS)
        statuses = [
            (await ask(http, bob, "PUT", "/settings", {"platform": "web"})).status
            for _ in range(switches + 4)
        ]
        assert statuses[:switches] == [200] * switches and statuses[-1] == 429
        await good(http, bob, "GET", "/settings")


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ("platform", {"platform": "fax"}),
        ("notificationTypes", {"notificationTypes": {"no.such": True}}),
        ("notificationTypes", {"notificationTypes": {"friend.request": "no"}}),
        ("preferences.quietHours.start", {"quietHours": {"start": "24:00", "end": "07:00"}}),
        ("preferences.quietHours.end", {"quietHours": {"start": "22:00", "end": "7:00"}}),
        ("preferences.quietHours.end", {"quietHours": {"start": "22:00"}}),
        ("preferences.quietHours.days", {"quietHours": {"days": [7]}}),
        ("preferences.quietHours.days", {"quietHours": {"days": []}}),
        ("preferences.quietHours.days", {"quietHours": {"days": [1, 1]}}),
        ("preferences.dndUntil", {"dndMode": True, "dndUntil": "2027-01-15T07:00:00Z"}),
        ("preferences.dndUntil", {"dndMode": True, "dndUntil": "2027-01-16T07:00:00"}),
        ("preferences.dndUntil", {"dndUntil": "2027-01-16T07:00:00Z"}),
        ("preferences.dndUntil", {"dndMode": True, "dndUntil": "9999-12-31T23:59:59-12:00"}),
        ("preferences.timeZone", {"timeZone": "Asia/Nowhere"}),
        ("preferences.timeZone", {"timeZone": "../../etc/passwd"}),
        ("preferences.timeZone", {"timeZone": ""}),
        ("preferences.timeZone", {"timeZone": "Asia/Seoul\0"}),
        ("preferences.dnd_mode", {"dnd_mode": True}),
    ],
)
async def test_a_slip_in_settings_is_named(
    database_url: str, field: str, said: dict[str, Any]
) -> None:
    hours = {"start": "22:00", "end": "07:00"}
    if "days" in said.get("quietHours", {}):
        said = {"quietHours": hours | said["quietHours"]}
    body: dict[str, Any] = {"platform": "web"}
    body |= {"preferences": said} if field.startswith("pref") else said
    async with open_http(database_url) as http:
        bob = await http.person()
        before = await good(http, bob, "GET", "/settings")
        assert await refused(http, bob, "PUT", "/settings", body) == (400, field)
        assert await good(http, bob, "GET", "/settings") == before


async def test_what_was_held_back_is_decided_anew_when_settings_change(database_url: str) -> None:
    async with open_http(database_url, notifies=True) as http:
        ann, bob = await two_friends(http)
        await good(http, bob, "POST", "/endpoints/discord", {"webhookUrl": WEBHOOK})
        for platform in ("web", "discord"):
            wanted = {"platform": platform, "preferences": {"dndMode": True}}
            await good(http, bob, "PUT", "/settings", wanted)
        sent = await send(http, ann, bob, platforms=["web", "discord"])
        await arrived(http, bob, sent)
        off = {"platform": "discord", "notificationTypes": {INVITED: False}}
        await good(http, bob, "PUT", "/settings", off)
        why = await until(http, bob, f"/{sent}/why", lambda found: len(found["entries"]) == 3)
        told = {(each["platform"], each["status"], each["reason"]) for each in why["entries"]}
        assert told == {
            ("web", "sent", "dnd"),
            ("discord", "held", "dnd"),
            ("discord", "skipped", "type_off"),
        }
        platforms = (await good(http, ann, "GET", f"/sent/{sent}"))["platforms"]
        assert platforms[0] == {"platform": "web", "status": "sent", "reason": ""}


# ---- the stream


async def test_the_stream_tells_what_comes_and_what_is_gone(database_url: str) -> None:
    async with open_http(database_url, notifies=True) as http:
        ann, bob = await two_friends(http)
        first = await send(http, ann, bob, title="before")
        await arrived(http, bob, first)
        async with listening(http, bob) as heard:
            name, told, at = await heard.event()
            assert (name, told["id"], told["title"]) == ("notification", first, "before")
            assert "loud" not in told
            assert at == str(http.parts.clock.now_ms())
            http.parts.clock.ms += 60_000  # type: ignore[attr-defined]
            second = await send(http, ann, bob, data={"x": [1]}, priority=2)
            name, told, _ = await heard.event()
            shown = await arrived(http, bob, second)
            assert (name, told) == (
                "notification",
                {key: value for key, value in shown.items() if key != "read"} | {"loud": True},
            )
            assert set(told) == {
                *("id", "type", "title", "message", "data", "priority", "timestamp", "sender"),
                "loud",
            }
            assert (await ask(http, bob, "PUT", f"/{first}/read")).status == 204
            assert await heard.event() == ("gone", {"ids": [first]}, None)
        async with listening(http, bob, last=str(int(at or 0) - 1)) as heard:
            assert (await heard.event())[1]["id"] == second
            http.parts.clock.ms += 1_000  # type: ignore[attr-defined]
            third = await send(http, ann, bob)
            assert (await heard.event())[1]["id"] == third
        http.parts.clock.ms += MARGIN_MS + 1  # type: ignore[attr-defined]
        async with listening(http, bob, last=str(http.parts.clock.now_ms())) as heard:
            fourth = await send(http, ann, bob)
            assert (await heard.event())[1]["id"] == fourth
        for last in ("nonsense", str(http.parts.clock.now_ms() + 3_600_000)):
            async with listening(http, bob, last=last) as heard:
                assert (await heard.event())[1]["id"] == second


async def test_the_stream_says_that_it_is_loud_to_who_wants_to_hear_it(database_url: str) -> None:
    async with open_http(database_url, notifies=True) as http:
        ann, bob = await two_friends(http)
        async with listening(http, bob) as heard:
            loud = await send(http, ann, bob)
            assert (await heard.event())[1]["loud"] is True
            mute = {"platform": "web", "preferences": {"soundEnabled": False}}
            await good(http, bob, "PUT", "/settings", mute)
            silent = await send(http, ann, bob)
            assert "loud" not in (await heard.event())[1]
        async with listening(http, bob) as heard:
            told = [(await heard.event())[1] for _ in range(2)]
            assert {each["id"] for each in told} == {loud, silent}
            assert not any("loud" in each for each in told)


LIST = """
INSERT INTO notifications (notification_id, recipient_no, notification_type, title, message, data,
    priority, subject, created_at)
SELECT $4::text || lpad(n::text, 4, '0'), u.user_no, 'meeting.invitation', 't', 'm', '{}', 1,
    $4 || n, $3::bigint + n / 500
FROM users u, generate_series(0, $2::integer - 1) n WHERE u.user_id = $1"""
"""As another node does it: so many, five hundred at a time."""


async def test_all_that_was_missed_is_told_in_pages(database_url: str) -> None:
    async with open_http(database_url) as http:
        bob, now = await http.person(), http.parts.clock.now_ms()
        await http.database.execute(LIST, bob.id, 1_234, now, "m")
        names = [f"m{number:04}" for number in range(1_234)]
        async with listening(http, bob, last=str(now)) as heard:
            assert [(await heard.event())[1]["id"] for _ in names] == names
        async with listening(http, bob, last=str(now + 1 + MARGIN_MS)) as heard:
            assert [(await heard.event())[1]["id"] for _ in names[500:]] == names[500:]
        async with listening(http, bob) as heard:
            assert [(await heard.event())[1]["id"] for _ in range(100)] == names[-100:]


async def test_what_came_late_or_on_another_node_is_told_once(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(NotificationStream, "COMMENT_S", 0.2)
    async with open_http(database_url, notifies=True) as http:
        ann, bob = await two_friends(http)
        now = http.parts.clock.now_ms()
        async with listening(http, bob) as heard:
            here = await send(http, ann, bob)
            assert (await heard.event())[1]["id"] == here
            await http.database.execute(LIST, bob.id, 1, now - MARGIN_MS + 1_000, "late")
            assert (await heard.event())[1]["id"] == "late0000"
            await http.database.execute(LIST, bob.id, 1, now - MARGIN_MS - 1_000, "old")
            await http.database.execute(LIST, bob.id, 300, now, "elsewhere")
            told = [(await heard.event())[1]["id"] for _ in range(300)]
            assert told == [f"elsewhere{number:04}" for number in range(300)]
            await trio.sleep(0.5)
            last = await send(http, ann, bob)
            assert (await heard.event())[1]["id"] == last


def test_a_stream_remembers_so_many_and_looks_for_nothing_before_them() -> None:
    lately = ToldLately()
    for number in range(REMEMBERED + 3):
        assert lately.is_new(NotificationGone(ids=[]))
        assert lately.is_new(noted(number)) and not lately.is_new(noted(number))
    assert len(lately._at) == REMEMBERED and lately.since == 3
    assert not lately.is_new(noted(3)) and not lately.is_new(None)


def noted(number: int) -> Notification:
    return Notification(
        id=f"n{number}", type="x", title="", body="", data={}, priority=1, at=number
    )


async def test_streams_are_opened_so_often_and_no_oftener(database_url: str) -> None:
    async with open_http(database_url) as http:
        ann, bob = await http.person(), await http.person()
        began, statuses = trio.current_time(), list[int]()
        for _ in range(OPENED.burst + 5):
            async with http.stream(PATH + "/stream", bearer(bob)) as stream:
                statuses.append(stream.status)
        spared = (trio.current_time() - began) * OPENED.per_second
        refusal = await ask(http, bob, "GET", "/stream")
        assert refusal.json["detail"] == "you open too many streams"
        assert 200 <= statuses[0] < 300 and statuses[-1] == 429
        assert statuses.count(200) <= OPENED.burst + 1 + spared
        async with listening(http, ann):
            pass


def bearer(person: Person) -> dict[str, str]:
    return {"Authorization": f"Bearer {person.token}"}


async def test_nobody_hears_what_is_for_somebody_else(database_url: str) -> None:
    async with open_http(database_url, notifies=True) as http:
        ann, bob = await two_friends(http)
        async with listening(http, ann) as ann_heard, listening(http, bob) as bob_heard:
            one, other = await send(http, ann, bob), await send(http, bob, ann)
            assert (await ann_heard.event())[1]["id"] == other
            assert (await bob_heard.event())[1]["id"] == one


async def test_a_user_has_five_streams_at_most(database_url: str) -> None:
    async with open_http(database_url) as http:
        bob = await http.person()
        feed = http.parts.notifications.feed
        streams = [feed.open(1_000_000) for _ in range(5)]
        assert feed.count == len(streams)
        async with listening(http, bob):
            mine = await http.database.fetchval(
                "SELECT user_no FROM users WHERE user_id = $1", bob.id
            )
            for _ in range(4):
                feed.open(mine)
            reply = await ask(http, bob, "GET", "/stream")
            assert (reply.status, reply.json["detail"]) == (429, "you have 5 streams already")
        async with listening(http, bob):
            assert feed.count == 10


async def test_a_stream_ends_with_the_node(database_url: str) -> None:
    async with open_http(database_url) as http:
        bob = await http.person()
        async with listening(http, bob) as heard:
            http.parts.notifications.feed.end()
            await heard.end()
        assert await refused(http, bob, "GET", "/stream") == (429, "rate_limited")


# ---- endpoints


async def test_endpoints_are_added_listed_by_what_may_be_shown_and_ended(database_url: str) -> None:
    async with open_http(database_url) as http:
        ann, bob = await two_friends(http)
        key = (await good(http, bob, "GET", "/push-key"))["key"]
        assert len(base64.urlsafe_b64decode(key + "=")) == 65
        push = await ask(http, bob, "POST", "/endpoints/push", subscription())
        assert push.status == 201
        hook = await ask(http, bob, "POST", "/endpoints/discord", {"webhookUrl": WEBHOOK})
        assert hook.status == 201
        again = await good(http, bob, "POST", "/endpoints/discord", {"webhookUrl": WEBHOOK})
        assert again["id"] == hook.json["id"]
        found = (await good(http, bob, "GET", "/endpoints"))["endpoints"]
        assert found == [push.json, hook.json]
        assert [(each["platform"], each["kind"]) for each in found] == [
            ("push", "web_push"),
            ("discord", "discord_webhook"),
        ]
        for reply in (push, hook):
            assert "secret-of-bob" not in reply.text and "s" * 20 not in reply.text
        for secret in ("secret-of-bob", "s" * 20):
            rows = await http.database.fetch("SELECT e::text AS said FROM notification_endpoints e")
            assert len(rows) == 2 and secret not in str(rows)
        nothing = {"endpoints": [], "ways": ["web_push", "discord_webhook"]}
        assert await good(http, ann, "GET", "/endpoints") == nothing
        path = f"/endpoints/{hook.json['id']}"
        assert await refused(http, ann, "DELETE", path) == (404, "not_found")
        assert (await ask(http, bob, "DELETE", path)).status == 204
        assert await refused(http, bob, "DELETE", path) == (404, "not_found")
        assert (await good(http, bob, "GET", "/endpoints"))["endpoints"] == [push.json]


async def test_an_address_that_is_none_is_refused_without_being_shown(database_url: str) -> None:
    async with open_http(database_url) as http:
        bob = await http.person()
        bad = subscription()["keys"] | {"p256dh": "AAAA"}
        short = subscription()["keys"] | {"auth": "AAAA"}
        cases: list[tuple[str, Any, str]] = [
            ("push", subscription("http://fcm.googleapis.com/x"), "endpoint"),
            ("push", subscription("https://127.0.0.1/secret"), "endpoint"),
            ("push", subscription("https://fcm.googleapis.com.example.org/secret"), "endpoint"),
            ("push", subscription("https://fcm.googleapis.com:8443/secret"), "endpoint"),
            ("push", subscription() | {"keys": bad}, "keys"),
            ("push", subscription() | {"keys": short}, "keys"),
            ("push", subscription() | {"keys": {}}, "keys.p256dh"),
            ("push", subscription() | {"more": 1}, "more"),
            ("discord", {"webhookUrl": "https://discord.com/secret"}, "webhookUrl"),
            (
                "discord",
                {"webhookUrl": WEBHOOK.replace("discord.com", "169.254.169.254")},
                "webhookUrl",
            ),
            ("discord", {"webhookUrl": WEBHOOK + "?wait=true"}, "webhookUrl"),
            ("discord", {"webhook_url": WEBHOOK}, "webhook_url"),
        ]
        for kind, body, field in cases:
            reply = await ask(http, bob, "POST", f"/endpoints/{kind}", body)
            assert (reply.status, list(reply.json["fields"])) == (400, [field]), body
            assert "secret" not in reply.text.replace("and a secret", "")
        for port in (80, 8443, 9000):
            wrong = subscription(f"https://fcm.googleapis.com:{port}/x")
            reply = await ask(http, bob, "POST", "/endpoints/push", wrong)
            why = "must be of a known push service, by https on port 443"
            assert reply.json["fields"] == {"endpoint": why}
        reply = await ask(http, bob, "POST", "/endpoints/kakao", {"code": "12"})
        assert reply.json["fields"] == {"code": "must be a string of six digits"}
        assert await refused(http, bob, "POST", "/endpoints/kakao", {}) == (404, "not_found")
        assert (await good(http, bob, "GET", "/endpoints"))["endpoints"] == []


async def test_private_addresses_are_for_admins_and_not_for_users(database_url: str) -> None:
    near, other = "http://127.0.0.1:9000/push/x", "http://127.0.0.1:9001/push/x"
    allowed = {"MADANG_PRIVATE_ADDRESSES": "1"}
    async with open_http(database_url, settings=settings_of(allowed)) as http:
        bob = await http.person()
        for url in (near, "https://127.0.0.1/x", "https://10.0.0.1/x", "https://example.org/x"):
            found = await refused(http, bob, "POST", "/endpoints/push", subscription(url))
            assert found == (400, "endpoint")
        hook = {"webhookUrl": WEBHOOK.replace("https://discord.com", "http://127.0.0.1:9000")}
        found = await refused(http, bob, "POST", "/endpoints/discord", hook)
        assert found == (400, "webhookUrl")
        await good(http, bob, "POST", "/endpoints/push", subscription())
    named = settings_of(allowed | {"MADANG_PUSH_SERVICE_URL": "http://127.0.0.1:9000"})
    async with open_http(database_url, settings=named) as http:
        ann = await http.person("ann")
        await good(http, ann, "POST", "/endpoints/push", subscription(near))
        found = await refused(http, ann, "POST", "/endpoints/push", subscription(other))
        assert found == (400, "endpoint")


async def test_without_a_key_to_seal_by_no_address_is_kept(database_url: str) -> None:
    settings = settings_of({}, database_url="postgresql://elsewhere/madang")
    async with open_http(database_url, settings=settings, notifies=True) as http:
        ann, bob = await two_friends(http)
        assert await refused(http, bob, "GET", "/push-key") == (404, "not_found")
        assert (await good(http, bob, "GET", "/endpoints"))["ways"] == []
        for kind, body in (("push", subscription()), ("discord", {"webhookUrl": WEBHOOK})):
            found = await refused(http, bob, "POST", f"/endpoints/{kind}", body)
            assert found == (409, "conflict")
        sent = await send(http, ann, bob, platforms=["web", "push"])
        await arrived(http, bob, sent)
        why = (await good(http, bob, "GET", f"/{sent}/why"))["entries"]
        assert {each["platform"]: each["reason"] for each in why} == {
            "web": "",
            "push": "no_provider",
        }


async def test_ways_are_those_that_there_are(database_url: str) -> None:
    environ = {
        "MADANG_DISCORD_BOT_TOKEN": "token",
        "MADANG_DISCORD_PUBLIC_KEY": "ab" * 32,
        "MADANG_KAKAO_BOT_SECRET": "s" * 32,
        "MADANG_KAKAO_REST_KEY": "key",
        "MADANG_KAKAO_REDIRECT_URL": "https://example.org/api/notifications/kakao/callback",
        "MADANG_SENS_ACCESS_KEY": "access",
        "MADANG_SENS_SECRET_KEY": "secret",
        "MADANG_SENS_SERVICE_ID": "ncp:kkobizmsg:kr:1:madang",
        "MADANG_SENS_CHANNEL": "@madang",
        "MADANG_SENS_TEMPLATES": "*=told,verification=code",
    }
    async with open_http(database_url, settings=settings_of(environ)) as http:
        bob = await http.person()
        ways = (await good(http, bob, "GET", "/endpoints"))["ways"]
        assert ways == [*get_args(Way)]
    del environ["MADANG_DISCORD_PUBLIC_KEY"]
    environ["MADANG_SENS_TEMPLATES"] = "*=told"
    async with open_http(database_url, settings=settings_of(environ)) as http:
        ways = (await good(http, await http.person("ann"), "GET", "/endpoints"))["ways"]
        assert ways == ["web_push", "discord_webhook", "kakao_link", "kakao_login"]


async def test_somebody_adds_so_many_endpoints_and_no_more(database_url: str) -> None:
    async with open_http(database_url) as http:
        bob = await http.person()
        statuses = [
            (await ask(http, bob, "POST", "/endpoints/push", subscription(f"{PUSH}{n}"))).status
            for n in range(24)
        ]
        assert statuses[:20] == [201] * 20 and statuses[-1] == 429
        assert len((await good(http, bob, "GET", "/endpoints"))["endpoints"]) == 10


# ---- for admins


async def test_admins_see_how_notifications_do_and_why(database_url: str) -> None:
    async with open_http(database_url, notifies=True) as http:
        ann, bob = await two_friends(http)
        admin = await http.admin()
        await befriend(http, bob, admin)
        ids = await three_for(http, ann, bob)

        async def look(path: str) -> Any:
            reply = await http.ask("GET", ADMIN + path, token=admin.token)
            assert reply.status == 200, reply
            return reply.json

        web = (await look("/statistics"))["platforms"]["web"]
        assert (web["statuses"]["sent"], web["successRate"], web["waiting"]) == (3, 1.0, 0)
        [entry] = (await look(f"/{ids[0]}/why"))["entries"]
        assert (entry["platform"], entry["status"]) == ("web", "sent")
        page = await look(f"/users/{bob.username}/log?limit=2")
        assert [each["notification"] for each in page["items"]] == ids[:0:-1]
        assert {each["type"] for each in page["items"]} == {INVITED}
        rest = await look(f"/users/{bob.id}/log?limit=2&cursor={page['next']}")
        assert [each["notification"] for each in rest["items"]] == ids[:1]
        assert "next" not in rest
        for path in ("/none/why", "/users/nobody/log", "/templates/no.such/ko"):
            reply = await http.ask("GET", ADMIN + path, token=admin.token)
            assert (reply.status, reply.json["code"]) == (404, "not_found")
        assert (await http.ask("GET", ADMIN + "/statistics", token=ann.token)).status == 403


async def test_admins_change_how_a_type_is_told(database_url: str) -> None:
    async with open_http(database_url) as http:
        admin = await http.admin()
        path = f"{ADMIN}/templates/{INVITED}/ko"
        texts = {"title": "[{sender}] {title}", "message": "{message} ({count})"}
        for version in (1, 2):
            made = await http.ask("PUT", path, texts, token=admin.token)
            assert (made.status, made.json) == (
                200,
                {"type": INVITED, "language": "ko", "version": version, **texts},
            )
        shown = (await http.ask("GET", path, token=admin.token)).json
        assert shown["current"] == made.json
        assert [each["version"] for each in shown["versions"]] == [2, 1]
        assert shown["versions"][0]["createdBy"] == admin.id
        every = (await http.ask("GET", ADMIN + "/templates", token=admin.token)).json["templates"]
        kinds = [(each["type"], each["language"]) for each in every]
        assert kinds == sorted((kind, language) for kind in TYPES for language in ("en", "ko"))
        assert [each["version"] for each in every if each["version"]] == [2]
        for wrong, field in (
            (texts | {"message": "{phone}"}, "message"),
            (texts | {"title": "{phone}"}, "title"),
            (texts | {"title": " "}, "title"),
            (texts | {"title": ""}, "title"),
            (texts | {"title": "\u202e{title}"}, "title"),
            ({"title": "News", "message": "of {sender}"}, "message"),
            ({"title": "x"}, "message"),
        ):
            reply = await http.ask("PUT", path, wrong, token=admin.token)
            assert (reply.status, list(reply.json["fields"])) == (400, [field])
        other = await http.ask("PUT", path.replace("/ko", "/fr"), texts, token=admin.token)
        assert other.status == 404


async def test_paths_of_notifications_are_in_the_document(database_url: str) -> None:
    async with open_http(database_url) as http:
        paths = (await http.openapi())["paths"]
        assert {f"{PATH}/stream", f"{PATH}/settings", f"{ADMIN}/statistics"} <= set(paths)
        assert "text/event-stream" in str(paths[f"{PATH}/stream"])
