"""What broadcasts are tested by: people who hear them, forms, lists."""

from __future__ import annotations

from typing import Any

import trio
from http_world import HttpWorld, Person, Reply
from recordings import recorded

PATH = "/api/v1/broadcasts"
TONE = recorded(2)
HOUR_MS = 3_600_000


async def people(http: HttpWorld, count: int, **fields: Any) -> list[Person]:
    """People who have phones and have just signed in."""
    found = []
    for number in range(count):
        person = await http.person()
        profile = {"phone": f"010-1111-{number:04}", **fields}
        assert (await http.ask("PATCH", "/api/v1/me", profile, token=person.token)).status == 200
        found.append(person)
    return found


def form(audio: bytes | None = TONE, **fields: object) -> dict[str, Any]:
    """What ``ask`` wants for a form."""
    parts = [
        b'--cut\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n'
        % (name.encode(), str(value).encode())
        for name, value in fields.items()
    ]
    if audio is not None:
        head = b'Content-Disposition: form-data; name="audio"; filename="a.webm"'
        parts.append(
            b"--cut\r\n" + head + b"\r\nContent-Type: audio/webm\r\n\r\n" + audio + b"\r\n"
        )
    headers = {"Content-Type": "multipart/form-data; boundary=cut"}
    return {"raw": b"".join(parts) + b"--cut--\r\n", "headers": headers}


async def send(http: HttpWorld, person: Person, *, key: str | None = None, **fields: Any) -> Reply:
    fields.setdefault("recipient_count", 100)
    return await http.ask("POST", PATH, token=person.token, key=key, **form(**fields))


async def delivered(http: HttpWorld, person: Person, broadcast: str) -> Any:
    """The broadcast once it is."""
    with trio.fail_after(20):
        while True:
            reply = await http.ask("GET", f"{PATH}/{broadcast}", token=person.token)
            if reply.json["status"] not in ("waiting", "scheduled"):
                return reply.json
            await trio.sleep(0.05)


async def items(http: HttpWorld, person: Person, path: str) -> Any:
    reply = await http.ask("GET", PATH + path, token=person.token)
    assert reply.status == 200, reply
    return reply.json["items"]


async def announced(http: HttpWorld, broadcast: str) -> None:
    """Wait until all were told of it: then nothing changes by itself any more."""
    status = "SELECT status FROM broadcasts WHERE broadcast_id = $1"
    with trio.fail_after(20):
        while True:
            if await http.database.fetchval(status, broadcast) == "announced":
                return
            await trio.sleep(0.05)
