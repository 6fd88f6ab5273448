"""What the bench asks a server over HTTP, as an admin."""

from __future__ import annotations

import json
import urllib.request
from typing import Any, Final

import trio

from bench.madang import Measured
from server.postgres.pool import Database

MINUTE: Final = 60.0
ADMIN = "UPDATE users SET role = 'admin' WHERE user_id = $1"


async def make_admin(server: Measured, database: Database) -> None:
    """Of the first of the people, who asks below."""
    await database.execute(ADMIN, server.people[0].id)


async def ask(server: Measured, method: str, path: str, body: object = None) -> Any:
    """What an answer says. Raises HTTPError where it is none of success."""
    asked = urllib.request.Request(
        f"http://{server.host}:{server.port}{path}",
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={
            "Authorization": f"Bearer {server.people[0].token}",
            "Content-Type": "application/json",
        },
    )

    def answer() -> bytes:
        with urllib.request.urlopen(asked, timeout=MINUTE) as got:  # noqa: S310 - as above
            said: bytes = got.read()
            return said

    return json.loads(await trio.to_thread.run_sync(answer))
