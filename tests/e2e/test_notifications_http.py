"""Notifications over HTTP: who may send what to whom, and what becomes of it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import trio
from http_world import KEY, Person, open_http
from notification_calls import (
    INVITED,
    NOTE,
    PATH,
    SEND,
    arrived,
    ask,
    befriend,
    good,
    listed,
    refused,
    send,
    subscription,
    two_friends,
    until,
)

from protocol.errors import ProtocolError
from protocol.ids import Millis, UserId
from server.http import notification_sending
from server.http.bodies import decode
from server.http.notification_schemas import NewNotice
from server.http.notification_sending import told_of
from server.postgres.notification_inbox import PlatformOutcome, SentNotification
from server.settings import Place, read_settings

NOW = 1_800_000_000_000
BLOCKS = "/api/v1/blocks"
HOUR_MS = 3_600_000


async def test_what_is_sent_is_on_the_list_of_who_it_is_for(database_url: str) -> None:
    async with open_http(database_url, notifies=True) as http:
        ann, bob = await two_friends(http)
        data = {"meeting": {"id": "m1", "days": [1, 2.5, None, True]}}
        body = {"recipientId": bob.username, **NOTE, "data": data, "priority": 4}
        made = await ask(http, ann, "POST", "/send", body)
        assert made.status == 202
        assert {**made.json, "id": ""} == {
            "id": "",
            "status": "pending",
            "scheduledAt": "2027-01-15T08:00:00Z",
            "repeated": False,
        }
        shown = await arrived(http, bob, made.json["id"])
        assert shown.pop("id") == made.json["id"]
        assert datetime.fromisoformat(shown.pop("timestamp")).timestamp() * 1000 == NOW
        assert shown == {
            "type": INVITED,
            "title": NOTE["title"],
            "message": NOTE["message"],
            "data": data,
            "priority": 3,
            "read": False,
            "sender": {"id": ann.id, "name": "ann"},
        }
        sent = await good(http, ann, "GET", f"/sent/{made.json['id']}")
        platforms = [{"platform": "web", "status": "sent", "reason": ""}]
        assert sent == {
            "id": made.json["id"],
            "recipient": bob.id,
            "title": NOTE["title"],
            "scheduledAt": made.json["scheduledAt"],
            "status": "sent",
            "platforms": platforms,
        }
        [entry] = (await good(http, bob, "GET", f"/{made.json['id']}/why"))["entries"]
        assert (entry["platform"], entry["status"], entry["reason"]) == ("web", "sent", "")


async def test_who_may_send_what_to_whom(database_url: str) -> None:
    async with open_http(database_url, notifies=True) as http:
        ann, bob = await two_friends(http)
        eve, mate, admin = await http.person(), await http.person(), await http.admin()
        await http.team(ann, mate)
        for number, (who, to, kind, status) in enumerate(
            (
                (ann, bob, INVITED, 202),
                (ann, bob, "meeting_invitation", 202),
                (ann, ann, "reminder", 202),
                (ann, mate, INVITED, 202),
                (ann, mate, "friend_request", 202),
                (admin, ann, "system.announcement", 202),
                (admin, ann, "calendar.reminder", 202),
                (eve, ann, INVITED, 403),
                (eve, ann, "friend_request", 403),
                (ann, bob, "calendar.conflict", 403),
                (ann, bob, "system.announcement", 403),
                (ann, ann, INVITED, 403),
                (mate, bob, INVITED, 403),
            )
        ):
            reply = await ask(
                http, who, "POST", "/send", {"recipientId": to.id, **NOTE, "type": kind}
            )
            assert reply.status == status, (number, reply)
            assert status == 202 or reply.json["code"] == "forbidden"
        http.address = "203.0.113.9"
        elsewhere = {"recipientId": ann.id, **NOTE, "type": "system.announcement"}
        assert await refused(http, admin, "POST", "/send", elsewhere) == (403, "forbidden")


async def test_who_is_not_there_and_who_has_a_block_are_not_told_apart(database_url: str) -> None:
    async with open_http(database_url, notifies=True) as http:
        ann, bob = await two_friends(http)
        gone, admin = await http.person(), await http.admin()
        await befriend(http, ann, gone)
        path = f"/api/v1/admin/users/{gone.id}"
        deleted = await http.ask("PATCH", path, {"status": "deleted"}, token=admin.token)
        assert deleted.status == 200
        blocked = await http.ask("PUT", f"{BLOCKS}/{ann.id}", token=bob.token)
        assert blocked.status == 200
        replies = [
            await ask(http, who, "POST", "/send", {"recipientId": to, **NOTE})
            for who, to in ((ann, "nobody"), (ann, bob.id), (bob, ann.id), (ann, gone.id))
        ]
        assert {reply.status for reply in replies} == {404}
        assert len({reply.text for reply in replies}) == 1


async def test_friends_are_those_who_both_agreed_and_blind_rooms_tell_nobody(
    database_url: str,
) -> None:
    async with open_http(database_url, notifies=True) as http:
        ann, bob, eve = [await http.person() for _ in range(3)]
        await befriend(http, ann, bob, "asked")
        groups = {"A": [ann.id], "B": [eve.id]}
        body = {"type": "matching", "mode": "blind", "groups": groups}
        room = await http.ask("POST", "/api/v1/chats/rooms", body, token=ann.token)
        assert room.status == 201
        for other in (bob, eve):
            asked = {"recipientId": other.id, **NOTE}
            assert await refused(http, ann, "POST", "/send", asked) == (403, "forbidden")


WRONG: dict[str, list[tuple[str, Any]]] = {
    "recipientId": [("recipientId", "x" * 65), ("recipientId", 5)],
    "type": [("type", "no.such"), ("type", ""), ("type", "broadcast.received")],
    "title": [
        *(("title", ""), ("title", "x" * 256), ("title", " \n "), ("title", "\u200b")),
        *(("title", f"to {each} us") for each in "\u202a\u202b\u202c\u202d\u202e"),
    ],
    "message": [
        *(("message", ""), ("message", "x" * 4_001), ("message", "\u200e ")),
        *(("message", f"to {each} us") for each in "\u202e\u2066\u2067\u2068\u2069"),
    ],
    "data": [
        ("data", []),
        ("data", {"x": "x" * 4_097}),
        ("data", {"x": [[[[[1]]]]]}),
        ("data", {"x": "a\x00b"}),
        ("data", {"x": {"\ud800": 1}}),
        ("data", {"x": 1e300}),
        ("data", {"x": 1e-300}),
        ("data", {"x": 2**53}),
    ],
    "platforms": [
        ("platforms", []),
        ("platforms", ["web", "web"]),
        ("platforms", ["fax"]),
        ("platforms", "web"),
    ],
    "priority": [("priority", 0), ("priority", 5), ("priority", "1")],
    "scheduledAt": [
        ("scheduledAt", "soon"),
        ("scheduledAt", "2027-01-16T00:00:00"),
        ("scheduledAt", "2028-01-16T00:00:00Z"),
        ("scheduledAt", NOW),
    ],
    "routing": [("routing", "any")],
    "unreadAfter": [("unreadAfter", 0), ("unreadAfter", 10**9)],
    "dedupeKey": [("dedupeKey", ""), ("dedupeKey", "x" * 256)],
    "ttl": [("ttl", 0), ("ttl", 31 * 86_400)],
    "collapseKey": [("collapseKey", ""), ("collapseKey", "x" * 256)],
    "recipient_id": [("recipient_id", "x")],
}


@pytest.mark.parametrize("field", WRONG)
async def test_a_slip_is_named_and_nothing_is_sent(database_url: str, field: str) -> None:
    async with open_http(database_url, notifies=True) as http:
        ann, bob = await two_friends(http)
        for name, value in WRONG[field]:
            http.parts.clock.ms += 1_000  # type: ignore[attr-defined]
            body = {"recipientId": bob.id, **NOTE, name: value}
            assert await refused(http, ann, "POST", "/send", body) == (400, field), value
        assert await http.database.fetchval("SELECT count(*) FROM notification_queue") == 0


async def test_data_may_be_as_long_and_deep_as_is_said(database_url: str) -> None:
    async with open_http(database_url, notifies=True) as http:
        ann, bob = await two_friends(http)
        deepest = {"a": [[[["x" * 4_000, -5, 0.5, 2**53 - 1, 0]]]]}
        sent = await send(http, ann, bob, data=deepest)
        assert (await arrived(http, bob, sent))["data"] == deepest


async def test_nobody_is_told_what_must_not_leave_a_text(database_url: str) -> None:
    async with open_http(database_url, notifies=True) as http:
        ann, bob = await two_friends(http)
        text = "주민번호 900101-1234567, 카드 4111 1111 1111 1111,\u200e 오세요"
        shown = await arrived(http, bob, await send(http, ann, bob, title=text, message=text))
        for said in (shown["title"], shown["message"]):
            assert "1234567" not in said
            assert "4111 1111 1111 1111" not in said
            assert "\u200e" not in said
            assert said.endswith("오세요")
        kept = await http.database.fetch("SELECT q::text AS said FROM notification_queue q")
        assert "1234567" not in kept[0]["said"]


async def test_nobody_is_told_it_by_data_and_ids_times_and_places_stay(database_url: str) -> None:
    stays = {
        "id": "0190a1b2-0c3d-7e4f-8a5b-1234567890ab",
        "short": "Ab3_dE5-gH7jK9mN",
        "at": "2027-01-15T10:00:00.123+09:00",
        "range": ["2027-01-15 10:00", "2027-01-16"],
        "ms": 1_800_000_000_123,
        "digits": ["1704067200000", "1704067200", "4111111111111111", "9001011234567"],
        "place": {"lat": 37.5665351, "lng": 126.9779692, "text": "37.5665351, 126.9779692"},
        "none": [None, True, 0.5, "", "010-1234-5678"],
    }
    secret = {"a": "900101-1234567", "b": [["4111-1111-1111-1111"], {"c": "x 9001011234568"}]}
    hidden = {"a": "******-*******", "b": [["****-****-****-****"], {"c": "x *************"}]}
    async with open_http(database_url, notifies=True) as http:
        ann, bob = await two_friends(http)
        sent = await send(http, ann, bob, data={**stays, **secret})
        assert (await arrived(http, bob, sent))["data"] == {**stays, **hidden}
        kept = await http.database.fetch("SELECT q::text AS said FROM notification_queue q")
        assert "900101-1234567" not in kept[0]["said"] and "1234568" not in kept[0]["said"]


async def test_words_that_the_settings_forbid_are_said_to_nobody(database_url: str) -> None:
    place = Place(Path("data"), None, None)
    environ = {"MADANG_BLOCKED_WORDS": "casino, 도박"}
    settings = read_settings(environ, place, host="127.0.0.1", port=0, token_key=KEY)
    async with open_http(database_url, settings=settings) as http:
        ann, bob = await two_friends(http)
        for field, text in (("title", "\uff23asino!"), ("message", "온라인 도\u200b박장")):
            body = {"recipientId": bob.id, **NOTE, field: text}
            reply = await ask(http, ann, "POST", "/send", body)
            why = "forbidden_words: has a word that this server does not let through"
            assert (reply.status, reply.json["fields"]) == (400, {field: why})


async def test_the_same_dedupe_key_is_the_same_notification(database_url: str) -> None:
    async with open_http(database_url, notifies=True) as http:
        ann, bob = await two_friends(http)
        eve = await http.person()
        await befriend(http, eve, bob)
        later = "2027-01-15T19:00:00+09:00"
        body = {"recipientId": bob.id, **NOTE, "dedupeKey": "one", "scheduledAt": later}
        first = await good(http, ann, "POST", "/send", body)
        again = await good(http, ann, "POST", "/send", body | {"scheduledAt": None})
        assert again == {**first, "repeated": True}
        other = await good(http, eve, "POST", "/send", body)
        assert (other["repeated"], other["id"] == first["id"]) == (False, False)
        http.parts.clock.ms += 2 * HOUR_MS  # type: ignore[attr-defined]
        await arrived(http, bob, first["id"])
        assert (await good(http, ann, "POST", "/send", body))["status"] == "sent"
        assert len(await listed(http, bob)) == 2


async def test_a_collapse_key_takes_the_place_of_what_was_not_read(database_url: str) -> None:
    async with open_http(database_url, notifies=True) as http:
        ann, bob = await two_friends(http)
        for number in range(3):
            last = await send(http, ann, bob, collapseKey="score", title=f"{number}")
            await arrived(http, bob, last)
        [shown] = await listed(http, bob)
        assert (shown["id"], shown["title"]) == (last, "2")


async def test_what_is_scheduled_waits_and_what_is_past_does_not(database_url: str) -> None:
    async with open_http(database_url, notifies=True) as http:
        ann, bob = await two_friends(http)
        later = await send(http, ann, bob, scheduledAt="2027-01-15T09:00:00Z")
        past = await send(http, ann, bob, scheduledAt="1999-01-01T00:00:00Z")
        await arrived(http, bob, past)
        assert [each["id"] for each in await listed(http, bob)] == [past]
        sent = await good(http, ann, "GET", f"/sent/{later}")
        assert (sent["status"], sent["platforms"][0]["status"]) == ("pending", "pending")
        http.parts.clock.ms += HOUR_MS  # type: ignore[attr-defined]
        await arrived(http, bob, later)


async def test_what_is_too_old_is_not_sent(database_url: str) -> None:
    async with open_http(database_url, notifies=True) as http:
        ann, bob = await two_friends(http)
        quiet = {"quietHours": {"start": "00:00", "end": "00:00"}}
        wanted = {"platform": "discord", "preferences": quiet}
        await good(http, bob, "PUT", "/settings", wanted)
        await good(http, bob, "POST", "/endpoints/discord", {"webhookUrl": WEBHOOK})
        sent = await send(http, ann, bob, ttl=60, platforms=["discord"])
        await until(http, bob, f"/{sent}/why", lambda found: len(found["entries"]) == 1)
        http.parts.clock.ms += 61_000  # type: ignore[attr-defined]
        found = await until(http, ann, f"/sent/{sent}", lambda each: each["status"] == "expired")
        expired = {"platform": "discord", "status": "expired", "reason": "expired"}
        assert found["platforms"] == [expired]


async def test_senders_and_recipients_have_their_limits(database_url: str) -> None:
    async with open_http(database_url, notifies=True) as http:
        people = [await http.person() for _ in range(4)]
        bob, admin = await http.person(), await http.admin()
        await http.team(bob, *people)
        counts, said, began = [], [], trio.current_time()
        for person in people:
            taken, begun_at = 0, trio.current_time()
            while True:
                reply = await ask(http, person, "POST", "/send", {"recipientId": bob.id, **NOTE})
                if reply.status != 202:
                    break
                taken += 1
            assert (reply.status, reply.json["code"]) == (429, "rate_limited")
            assert int(reply.headers["Retry-After"]) > 0
            assert taken <= 21 + trio.current_time() - begun_at
            counts.append(taken)
            said.append(reply.json["detail"])
        assert counts[0] >= 20 and counts[1] >= 20
        assert 60 <= sum(counts) <= 61 + (trio.current_time() - began) * 240 / 3_600
        assert counts[3] <= 1, "the recipient has had enough"
        # Whoever is slower than one a second is stopped by the next limit, which is as high.
        assert said[0] in {"you send too many", "you send this person too many"}
        assert said[3] == "this person is sent too many by all together"
        for _ in range(3):
            await send(http, admin, bob, type="system.announcement")


async def test_one_sender_uses_up_nobody_else_s_share(database_url: str) -> None:
    async with open_http(database_url, notifies=True) as http:
        ann, bob = await two_friends(http)
        eve = await http.person()
        await http.team(ann, bob, eve)
        known = {"recipientId": bob.id, **NOTE, "dedupeKey": "one"}
        first = await good(http, ann, "POST", "/send", known)
        while (reply := await ask(http, ann, "POST", "/send", to_him(bob))).status == 202:
            pass
        await trio.sleep(4)  # of his own he has some again
        for body in (to_him(bob), known | {"dedupeKey": "two"}):
            reply = await ask(http, ann, "POST", "/send", body)
            assert (reply.status, int(reply.headers["Retry-After"]) > 60) == (429, True)
            assert reply.json["detail"] == "you send this person too many"
        again = await good(http, ann, "POST", "/send", known)
        assert (again["id"], again["repeated"]) == (first["id"], True)
        await send(http, ann, eve)
        await send(http, eve, bob)


def to_him(person: Person) -> dict[str, Any]:
    return {"recipientId": person.id, **NOTE}


async def test_so_many_may_be_scheduled_for_somebody(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notification_sending, "SCHEDULED_MOST", 3)
    later = {"scheduledAt": "2027-01-15T09:00:00Z"}
    async with open_http(database_url, notifies=True) as http:
        ann, bob = await two_friends(http)
        eve, admin = await http.person(), await http.admin()
        await http.team(ann, bob, eve)
        last = [await send(http, ann, bob, dedupeKey=key, **later) for key in "abc"][-1]
        for _ in range(2):
            assert await refused(http, ann, "POST", "/send", to_him(bob) | later) == CONFLICT
        assert await send(http, ann, bob, dedupeKey="c", **later) == last
        for who, to in ((ann, eve), (eve, bob)):
            await send(http, who, to, **later)
        for _ in range(5):
            await send(http, admin, bob, type="system.announcement", **later)
        await send(http, ann, bob)
        await good(http, ann, "DELETE", f"/sent/{last}")
        await send(http, ann, bob, **later)
        assert await refused(http, ann, "POST", "/send", to_him(bob) | later) == CONFLICT
        http.parts.clock.ms += 2 * HOUR_MS  # type: ignore[attr-defined]
        await send(http, ann, bob, scheduledAt="2027-01-15T19:00:00Z")


CONFLICT = (409, "conflict")


async def test_only_so_much_from_one_is_urgent(
    database_url: str,
) -> None:
    async def urgent(who: Person, to: Person, kind: str) -> int:
        sent = await send(http, who, to, type=kind, priority=4)
        return int((await arrived(http, to, sent))["priority"])

    async with open_http(database_url, notifies=True) as http:
        ann, bob = await two_friends(http)
        admin = await http.admin()
        await http.team(ann, bob)
        assert await urgent(ann, bob, "meeting.cancelled") == 3
        assert [await urgent(ann, ann, "calendar.reminder") for _ in range(6)] == [4] * 6
        assert [await urgent(admin, bob, "meeting.cancelled") for _ in range(6)] == [4] * 6
        body = {"participantIds": [bob.id], "title": "together"}
        made = await http.ask("POST", "/api/meetings/coordinate", body, token=ann.token)
        assert made.status == 201
        assert [await urgent(ann, bob, "meeting.cancelled") for _ in range(7)] == [4] * 5 + [3] * 2
        assert await urgent(bob, ann, "meeting.cancelled") == 4


async def test_a_batch_sends_what_can_be_sent(database_url: str) -> None:
    async with open_http(database_url, notifies=True) as http:
        ann, bob = await two_friends(http)
        admin = await http.admin()
        assert (await http.ask("PUT", f"{BLOCKS}/{admin.id}", token=bob.token)).status == 200
        note = {**NOTE, "type": "system.announcement"}
        batch = [
            {**note, "recipientId": ann.id, "dedupeKey": "one"},
            {**note, "recipientId": "nobody"},
            {**note, "recipientId": ann.id, "dedupeKey": "one"},
            {**note, "recipientId": bob.id},
            {**note, "recipientId": ann.id, "title": " "},
            {**note, "recipientId": ann.username, "type": "no.such"},
            {"recipientId": bob.id},
            {**note, "recipientId": ann.id, "message": "\0"},
            {**note, "recipientId": ann.id, "title": "x" * 256},
            5,
            {**note, "recipientId": ann.username},
        ]
        reply = await ask(http, admin, "POST", "/send/batch", {"notifications": batch})
        assert reply.status == 202
        first, *others, last = reply.json["results"]
        assert (first["repeated"], last["repeated"]) == (False, False)
        assert others[1] == {"id": first["id"], "repeated": True}
        assert [each.get("code") for each in others] == [
            "not_found",
            None,
            "not_found",
            *["invalid"] * 6,
        ]
        blamed = [list(each.get("fields", {})) for each in others[3:]]
        assert blamed == [["title"], ["type"], ["type"], ["message"], ["title"], []]
        for each in (first, last):
            await arrived(http, ann, each["id"])
        audit = await http.ask("GET", "/api/v1/admin/audit", token=admin.token)
        noted = [each for each in audit.json["items"] if each["action"] == "notification.send"]
        assert [(each["count"], each["details"]) for each in noted] == [(3, {})]


async def test_a_batch_is_for_admins_and_the_service(database_url: str) -> None:
    async with open_http(database_url, notifies=True) as http:
        ann, bob = await two_friends(http)
        admin, service = await http.admin(), await http.person()
        await http.parts.users.grant(service.username, "service")
        one = {"notifications": [{**NOTE, "recipientId": bob.id}]}
        assert await refused(http, ann, "POST", "/send/batch", one) == (403, "forbidden")
        assert (await ask(http, service, "POST", "/send/batch", one)).status == 202
        for wrong, field in (
            ([], "notifications"),
            ([one["notifications"][0]] * 501, "notifications"),
            ({"recipientId": bob.id}, "notifications"),
        ):
            found = await refused(http, admin, "POST", "/send/batch", {"notifications": wrong})
            assert found == (400, field)
        http.address = "203.0.113.9"
        assert await refused(http, admin, "POST", "/send/batch", one) == (403, "forbidden")
        assert len(await listed(http, bob)) <= 1


async def test_what_is_refused_is_said_in_words(database_url: str) -> None:
    numbers = "must be a map of any JSON values, with numbers up to 9007199254740991"
    async with open_http(database_url, notifies=True) as http:
        ann, bob = await two_friends(http)
        for field, value, what in (
            ("data", [], numbers),
            ("title", " ", "blank: must have something that can be seen"),
            (
                "title",
                "a\nb",
                "control: must have no control characters, none that turn the direction of"
                " writing, and a title no line breaks",
            ),
        ):
            reply = await ask(http, ann, "POST", "/send", to_him(bob) | {field: value})
            assert (reply.status, reply.json["fields"]) == (400, {field: what})
        assert decoded_fault(b'{"x": 1e400}') == {"data": numbers}


def decoded_fault(data: bytes) -> object:
    with pytest.raises(ProtocolError) as caught:
        decode(
            b'{"recipientId": "x", "type": "x", "title": "x", "message": "x", "data": %b}' % data,
            NewNotice,
        )
    return caught.value.fields


async def test_an_admin_who_does_what_only_he_may_leaves_an_entry(database_url: str) -> None:
    async with open_http(database_url, notifies=True) as http:
        ann, admin = await http.person(), await http.admin()
        await befriend(http, ann, admin)
        await send(http, admin, ann)
        sent = await send(http, admin, ann, type="system.announcement")
        audit = await http.ask("GET", "/api/v1/admin/audit", token=admin.token)
        [entry] = [each for each in audit.json["items"] if each["action"] == "notification.send"]
        assert (entry["subject"], entry["actor"], entry["count"]) == (ann.id, admin.id, 1)
        assert entry["details"] == {"notification": sent, "type": "system.announcement"}
        assert NOTE["title"] not in str(audit.json)


async def test_a_sender_learns_nothing_of_what_its_recipient_wants(database_url: str) -> None:
    async with open_http(database_url, notifies=True) as http:
        ann, bob = await two_friends(http)
        await good(http, bob, "PUT", "/settings", {"platform": "web", "preferences": DND})
        off = {"platform": "push", "notificationTypes": {INVITED: False}}
        await good(http, bob, "PUT", "/settings", off)
        sent = await send(http, ann, bob, platforms=["web", "push", "discord"])
        await until(http, bob, f"/{sent}/why", lambda found: len(found["entries"]) == 3)
        why = (await good(http, bob, "GET", f"/{sent}/why"))["entries"]
        assert {each["platform"]: each["reason"] for each in why} == {
            "web": "dnd",
            "push": "type_off",
            "discord": "no_endpoint",
        }
        found = await good(http, ann, "GET", f"/sent/{sent}")
        assert {
            each["platform"]: (each["status"], each["reason"]) for each in found["platforms"]
        } == {
            "web": ("sent", ""),
            "push": ("skipped", ""),
            "discord": ("skipped", ""),
        }


DND = {"dndMode": True}


@pytest.mark.parametrize("routing", ["all", "fallback"])
async def test_a_sender_does_not_learn_that_it_was_read(database_url: str, routing: str) -> None:
    """Push waits: for the end of do-not-disturb, or for its turn."""
    async with open_http(database_url, notifies=True) as http:
        ann, bob = await two_friends(http)
        added = await ask(http, bob, "POST", "/endpoints/push", subscription())
        assert added.status == 201
        await good(http, bob, "PUT", "/settings", {"platform": "push", "preferences": DND})
        sent = []
        for _ in range(2):
            sent.append(await send(http, ann, bob, platforms=["web", "push"], routing=routing))
            await arrived(http, bob, sent[-1])
        assert (await ask(http, bob, "PUT", f"/{sent[0]}/read")).status == 204
        seen = [await good(http, ann, "GET", f"/sent/{each}") for each in sent]
        has_it = {"platform": "web", "status": "sent", "reason": ""}
        if routing == "fallback":
            whole = [(each["id"], each["status"], each["platforms"]) for each in seen]
            assert whole == [(each, "sent", [has_it]) for each in sent]
        else:  # as where it was sent when do-not-disturb had ended
            assert seen[0]["platforms"] == [has_it, has_it | {"platform": "push"}]
        replies = [await ask(http, ann, "DELETE", f"/sent/{each}") for each in sent]
        assert [reply.status for reply in replies] == [204, 204]


def test_whether_an_address_is_still_good_is_the_recipient_s_own_affair() -> None:
    for reason in ("endpoint_gone", "not_authorized", "address_refused", "no_endpoint"):
        for stored in (("failed", reason), ("skipped", "no_endpoint")):
            assert told(stored) == ("cancelled", [("skipped", "")])
        assert told(("unknown", "no_answer"), ("failed", reason))[0] == "unknown"
        assert told(("pending", ""), ("failed", reason))[0] == "pending"
    both = told(("failed", "provider_error"), ("failed", "endpoint_gone"))
    assert both == ("failed", [("failed", "provider_error"), ("skipped", "")])


def test_that_it_was_held_back_until_it_was_forgotten_is_told_nobody() -> None:
    expired = ("expired", "expired")
    assert told(expired) == ("cancelled", [("skipped", "")])
    assert told(expired, has_ttl=True) == ("expired", [expired])


def test_the_whole_does_not_say_that_it_was_read() -> None:
    assert told(("cancelled", "read")) == ("sent", [("sent", "")])


def told(*stored: tuple[str, str], has_ttl: bool = False) -> tuple[str, list[tuple[str, str]]]:
    platforms = [PlatformOutcome("push", *each) for each in stored]
    sent = SentNotification("n1", Millis(NOW), platforms, False, has_ttl, UserId("bob"), "저녁")
    found = told_of(sent)
    return found.status, [(each.status, each.reason) for each in found.platforms]


WEBHOOK = "https://discord.com/api/webhooks/112233445566778899/" + "s" * 68


async def test_what_was_not_sent_yet_can_be_taken_back_once(database_url: str) -> None:
    async with open_http(database_url, notifies=True) as http:
        ann, bob = await two_friends(http)
        sent = await send(http, ann, bob, scheduledAt="2027-01-15T09:00:00Z")
        for stranger in (bob, await http.person()):
            for method in ("GET", "DELETE"):
                path = f"/sent/{sent}"
                assert await refused(http, stranger, method, path) == (404, "not_found")
        assert (await ask(http, ann, "DELETE", f"/sent/{sent}")).status == 204
        assert await refused(http, ann, "DELETE", f"/sent/{sent}") == (409, "conflict")
        found = await good(http, ann, "GET", f"/sent/{sent}")
        assert (found["status"], found["platforms"][0]["reason"]) == ("cancelled", "cancelled")
        http.parts.clock.ms += 2 * HOUR_MS  # type: ignore[attr-defined]
        other = await send(http, ann, bob)
        await arrived(http, bob, other)
        assert [each["id"] for each in await listed(http, bob)] == [other]


async def test_the_document_describes_what_is_refused(database_url: str) -> None:
    async with open_http(database_url, notifies=True) as http:
        document = await http.openapi()
        described = document["paths"][SEND]["post"]["requestBody"]["content"]["application/json"]
        schema = described["schema"] | {"components": document["components"]}
        validator = jsonschema.Draft202012Validator(schema)
        validator.check_schema(schema)
        assert validator.is_valid({"recipientId": "x", **NOTE})
        for name, value in (("ttl", 0), ("priority", 9), ("platforms", ["fax"]), ("extra", 1)):
            assert not validator.is_valid({"recipientId": "x", **NOTE, name: value})
        batch = document["components"]["schemas"]["NewBatch"]["properties"]["notifications"]
        assert batch["items"] == {"$ref": "#/components/schemas/NewNotice"}
        assert "NewNotice" in document["components"]["schemas"]
        stream = document["paths"][PATH + "/stream"]["get"]
        [last] = stream["parameters"]
        assert (last["name"], last["in"], last["required"]) == ("Last-Event-ID", "header", False)
        for said in ("`notification`", "`gone`", "`reset`", "every 15 seconds"):
            assert said in stream["description"]
