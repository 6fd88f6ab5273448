"""Notifications through the HTTP application: people who know each other, and what they ask."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import trio
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from http_world import HttpWorld, Person, Reply, Streaming

from server.http.notification_stream import CLOCKS_MS

PATH = "/api/notifications"
SEND = PATH + "/send"
ADMIN = "/api/admin/notifications"
INVITED = "meeting.invitation"
NOTE = {"type": INVITED, "title": "저녁", "message": "같이 먹어요"}

PUSH = "https://updates.push.services.mozilla.com/wpush/v2/secret-of-bob"
RESET = "event: reset\ndata: {}\n\n"

FRIENDS = """
INSERT INTO friendships (one_no, other_no, asked_by, status, created_at, updated_at)
SELECT least(a.user_no, b.user_no), greatest(a.user_no, b.user_no), a.user_no, $3, 0, 0
FROM users a, users b WHERE a.user_id = $1 AND b.user_id = $2"""


async def befriend(http: HttpWorld, one: Person, other: Person, status: str = "accepted") -> None:
    async with http.database.service() as service:
        await service.execute(FRIENDS, one.id, other.id, status)


async def two_friends(http: HttpWorld) -> tuple[Person, Person]:
    ann, bob = await http.person("ann"), await http.person("bob")
    await befriend(http, ann, bob)
    return ann, bob


async def ask(http: HttpWorld, person: Person, method: str, path: str, body: Any = None) -> Reply:
    return await http.ask(method, PATH + path, body, token=person.token)


async def good(http: HttpWorld, person: Person, method: str, path: str, body: Any = None) -> Any:
    """What it answers, which has to be something good."""
    reply = await ask(http, person, method, path, body)
    assert reply.status < 300, reply
    return reply.json


async def send(http: HttpWorld, sender: Person, to: Person, **fields: Any) -> str:
    """The id of a notification that was sent."""
    made = await good(http, sender, "POST", "/send", {"recipientId": to.id, **NOTE, **fields})
    return str(made["id"])


async def listed(http: HttpWorld, person: Person, query: str = "") -> list[Any]:
    return (await good(http, person, "GET", query))["notifications"]  # type: ignore[no-any-return]


async def arrived(http: HttpWorld, person: Person, notification: str) -> Any:
    """It, once it is on the list of *person*."""
    with trio.fail_after(10):
        while True:
            for each in await listed(http, person):
                if each["id"] == notification:
                    return each
            await trio.sleep(0.02)


async def until(http: HttpWorld, person: Person, path: str, holds: Callable[[Any], bool]) -> Any:
    """What is at *path*, once it *holds*."""
    with trio.fail_after(10):
        while not holds(found := await good(http, person, "GET", path)):  # noqa: ASYNC110 - as clients do
            await trio.sleep(0.02)
    return found


async def refused(
    http: HttpWorld, person: Person, method: str, path: str, body: Any = None
) -> tuple[int, str]:
    """The status and the code, or, where one field is at fault, its name."""
    reply = await ask(http, person, method, path, body)
    assert reply.status >= 400, reply
    return reply.status, next(iter(reply.json.get("fields", {})), reply.json["code"])


def subscription(endpoint: str = PUSH) -> dict[str, Any]:
    """What a browser says of a subscription."""
    point = ec.generate_private_key(ec.SECP256R1()).public_key()
    raw = point.public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    )
    keys = {"p256dh": raw, "auth": b"a" * 16}
    text = {name: base64.urlsafe_b64encode(key).decode().rstrip("=") for name, key in keys.items()}
    return {"endpoint": endpoint, "expirationTime": None, "keys": text}


class Heard:
    """A stream of server-sent events that is listened to."""

    def __init__(self, stream: Streaming) -> None:
        self._stream = stream

    async def event(self) -> tuple[str, Any, str | None]:
        """The next one: its name, what it says, and its id."""
        while (text := await self._stream.part()).startswith(":"):
            pass
        assert text.endswith("\n\n")
        fields = dict(line.split(": ", 1) for line in text.rstrip("\n").split("\n"))
        return fields["event"], json.loads(fields["data"]), fields.get("id")

    async def end(self) -> None:
        """Wait until the server ends it."""
        while await self._stream.part():
            pass


@asynccontextmanager
async def listening(
    http: HttpWorld, person: Person, last: str | None = None
) -> AsyncIterator[Heard]:
    """Listen from now on, or from the event *last*."""
    headers = {"Authorization": f"Bearer {person.token}"}
    headers |= {} if last is None else {"Last-Event-ID": last}
    async with http.stream(PATH + "/stream", headers) as stream:
        first = await stream.part()
        latest = http.parts.clock.now_ms() + CLOCKS_MS
        is_known = last is None or (last.isdecimal() and int(last) <= latest)
        assert (stream.status, first) == (200, ": here\n\n" if is_known else RESET)
        yield Heard(stream)
