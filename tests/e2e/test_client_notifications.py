"""What the Python client asks of notifications, of the real server; and its stream and metrics."""

from __future__ import annotations

import json
import re
import threading
import time
import urllib.request
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from queue import Queue
from typing import Any

import pytest
import trio
from notification_providers import Sens, SetClock
from provider_thread import provider_of
from running_server import Person, RunningServer
from test_blind import grant

from protocol.client import Client, RequestError, open_client

STREAM = "/api/notifications/stream"
INVITED = "meeting.invitation"
WEBHOOK = "https://discord.com/api/webhooks/112233445566778899/" + "s" * 68


async def refused(call: Awaitable[Any], code: str) -> RequestError:
    with pytest.raises(RequestError) as info:
        await call
    assert info.value.code == code
    return info.value


async def told(client: Client, kind: str) -> Any:
    """The next event of that kind."""
    async for event in client:
        if event.t == kind:
            return event
    raise AssertionError("the client ended")


async def test_a_program_sends_notifications_and_reads_them(open_folder: Path) -> None:
    with RunningServer(open_folder / "sdk-notifications") as server:
        ann, bob, chief = [server.sign_up(name) for name in ("ann", "bob", "chief")]
        grant(server, chief)
        server.make_room(ann, bob)
        with trio.fail_after(60):
            async with (
                open_client(server.url, ann.token) as one,
                open_client(server.url, bob.token) as two,
                open_client(server.url, chief.token, listen=False) as three,
            ):
                await sent_and_read(one, two, bob)
                await answered(one, two, bob)
                await taken_back(one, bob)
                await announced(two, three, bob)
                await settled(two)
                await reached(two)


async def sent_and_read(one: Client, two: Client, bob: Person) -> None:
    sent = await one.notify(
        bob.username, INVITED, "저녁", "같이 먹어요", data={"x": 1}, dedupeKey="once", priority=2
    )
    again = await one.notify(bob.id, INVITED, "저녁", "같이 먹어요", dedupeKey="once")
    assert (again.id, sent.repeated, again.repeated) == (sent.id, False, True)
    event = await told(two, "notification")
    assert (event.id, event.title, event.body, event.data.x) == (sent.id, "저녁", "같이 먹어요", 1)
    outcome = await one.sent_notification(sent.id)
    assert [(each.platform, each.status) for each in outcome.platforms] == [("web", "sent")]
    page = await two.notifications(unread=True, limit=1)
    assert (page.unreadCount, [each.id for each in page.notifications]) == (1, [sent.id])
    assert [each.status for each in (await two.why_notified(sent.id)).entries] == ["sent"]
    await two.read_notification(sent.id)
    assert (await told(two, "notification_gone")).ids == [sent.id]
    assert (await two.read_notifications([sent.id])).read == 0
    assert (await two.notifications()).unreadCount == 0
    await two.delete_notification(sent.id)
    assert (await two.notifications()).notifications == []
    await refused(two.delete_notification(sent.id), "not_found")
    await refused(one.read_notification(sent.id), "not_found")


async def answered(one: Client, two: Client, bob: Person) -> None:
    sent = await one.notify(bob.id, INVITED, "점심", "내일 어때요?")
    await told(two, "notification")
    await two.answer_invitation(sent.id, "accept")
    event = await told(one, "notification")
    assert (event.type, event.data.invitation, event.data.answer) == (
        "meeting.response",
        sent.id,
        "accept",
    )
    await refused(two.answer_invitation(sent.id, "decline"), "conflict")
    await one.seen(event.id)


async def taken_back(one: Client, bob: Person) -> None:
    at = "2099-01-01T00:00:00+09:00"
    error = await refused(one.notify(bob.id, INVITED, "x", "x", scheduledAt=at), "invalid")
    assert set(error.fields or ()) == {"scheduledAt"}
    await refused(one.notify(bob.id, "system.announcement", "x", "x"), "forbidden")
    await refused(one.notify("nobody", INVITED, "x", "x"), "not_found")
    later = await one.ping() + 3_600_000
    sent = await one.notify(bob.id, INVITED, "x", "x", scheduledAt=iso(later))
    await one.cancel_notification(sent.id)
    await refused(one.cancel_notification(sent.id), "conflict")
    assert (await one.sent_notification(sent.id)).status == "cancelled"


async def announced(two: Client, three: Client, bob: Person) -> None:
    note = {"recipientId": bob.id, "type": "system.announcement", "title": "공지", "message": "x"}
    results = (await three.notify_many([note, note | {"recipientId": "nobody"}])).results
    assert (results[0].repeated, results[1].code) == (False, "not_found")
    assert (await told(two, "notification")).id == results[0].id
    assert (await two.read_notifications()).read == 1
    await refused(two.notify_many([note]), "forbidden")


async def settled(two: Client) -> None:
    quiet = {"start": "22:00", "end": "07:00"}
    changed = await two.change_notification_settings(
        "discord", {INVITED: False}, quietHours=quiet, timeZone="Asia/Seoul"
    )
    assert changed.notificationTypes[INVITED] is False
    settings = (await two.notification_settings()).settings
    assert [each.platform for each in settings] == ["web", "push", "kakao", "discord"]
    assert settings[3] == changed
    error = await refused(two.change_notification_settings("web", timeZone="x"), "invalid")
    assert set(error.fields or ()) == {"preferences.timeZone"}


async def reached(two: Client) -> None:
    made = await two.add_discord_webhook(WEBHOOK)
    assert (await two.endpoints()).endpoints == [made]
    await two.remove_endpoint(made.id)
    assert (await two.endpoints()).endpoints == []
    await refused(two.add_phone(), "not_found")
    await refused(two.link_code("kakao"), "not_found")


async def test_a_program_adds_a_phone_by_the_code_that_came_there(open_folder: Path) -> None:
    sens = Sens(SetClock(time.time_ns() // 1_000_000))
    with provider_of(sens.play) as port:
        environ = {
            "MADANG_PRIVATE_ADDRESSES": "1",
            "MADANG_SENS_API_URL": f"http://127.0.0.1:{port}",
            "MADANG_SENS_ACCESS_KEY": Sens.ACCESS,
            "MADANG_SENS_SECRET_KEY": Sens.SECRET,
            "MADANG_SENS_SERVICE_ID": Sens.SERVICE,
            "MADANG_SENS_CHANNEL": Sens.CHANNEL,
            "MADANG_SENS_TEMPLATES": f"verification={Sens.TEMPLATE}",
        }
        with RunningServer(open_folder / "sdk-phones", **environ) as server:
            bob = server.sign_up("bob")
            server.call("PATCH", "/api/v1/me", {"phone": "010-1234-5678"}, token=bob.token)
            with trio.fail_after(30):
                async with open_client(server.url, bob.token, listen=False) as client:
                    begun = await client.add_phone()
                    found = re.search(r"\b\d{6}\b", sens.sent[-1]["content"])
                    assert found is not None and begun.label == "010…5678"
                    wrong = await refused(
                        client.add_phone(f"{10**6 - 1 - int(found[0]):06}"), "invalid"
                    )
                    assert set(wrong.fields or ()) == {"code"}
                    made = await client.add_phone(found[0])
                    assert (await client.endpoints()).endpoints == [made]
            assert found[0] not in server.log() and "12345678" not in server.log()


def iso(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat()


@contextmanager
def streamed(server: RunningServer, person: Person) -> Iterator[Queue[tuple[str, Any]]]:
    """Events as they come; at the end of the block the stream has ended by itself, or fails."""
    request = urllib.request.Request(
        server.url + STREAM, headers={"authorization": f"Bearer {person.token}"}
    )
    heard: Queue[tuple[str, Any]] = Queue()
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.headers["content-type"] == "text/event-stream"

        def read() -> None:
            name = ""
            for line in answer:
                field, _, value = line.decode().rstrip("\n").partition(": ")
                if field == "event":
                    name = value
                elif field == "data":
                    heard.put((name, json.loads(value)))
            heard.put(("end", None))

        thread = threading.Thread(target=read, daemon=True)
        thread.start()
        yield heard
        thread.join(timeout=15)
        assert not thread.is_alive()


def test_the_stream_tells_over_a_real_connection_and_ends_with_the_server(
    open_folder: Path,
) -> None:
    with RunningServer(open_folder / "notification-stream") as server:
        ann, bob = server.sign_up("ann"), server.sign_up("bob")
        server.make_room(ann, bob)
        body = {"recipientId": "bob", "type": INVITED, "title": "저녁", "message": "같이"}
        with streamed(server, bob) as heard:
            sent = server.call("POST", "/api/notifications/send", body, token=ann.token)
            name, payload = heard.get(timeout=10)
            assert (name, payload["id"], payload["sender"]["id"]) == (
                "notification",
                sent["id"],
                ann.id,
            )
            server.call("PUT", "/api/notifications/read", {}, token=bob.token)
            assert heard.get(timeout=10) == ("gone", {"ids": [sent["id"]]})
            metrics = urllib.request.urlopen(server.url + "/metrics", timeout=10).read().decode()
            for line in (
                r"madang_notification_streams 1\.0",
                r'madang_notification_attempts_total\{\w+="sent",platform="web",reason=""\} 1\.0',
                r'madang_notification_decisions_total\{decision="go",reason=""\} 1\.0',
                r"madang_notification_lag_seconds 0\.0",
                r'madang_notification_under_way\{platform="push"\} 0\.0',
                r'madang_notification_circuit_open\{platform="discord"\} 0\.0',
                r'madang_notification_seconds_count\{platform="push"\} 0\.0',
                r"madang_notification_wait_seconds_count 1\.0",
            ):
                assert re.search(f"^{line}$", metrics, flags=re.M), line
            assert server.stop() == 0
            assert heard.get(timeout=10) == ("end", None)


def test_a_stream_whose_token_was_taken_back_ends(open_folder: Path) -> None:
    with RunningServer(open_folder / "notification-stream-over") as server:
        bob = server.sign_up("bob")
        with streamed(server, bob) as heard:
            server.call("POST", "/api/v1/auth/logout", token=bob.token)
            assert heard.get(timeout=25) == ("end", None)
