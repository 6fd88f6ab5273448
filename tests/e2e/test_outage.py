"""A server whose database lets nobody in for a while: it says so, lives, and goes on."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg
from running_server import Person, RunningServer
from websockets.sync.client import connect

SHUT = (
    "ALTER DATABASE postgres ALLOW_CONNECTIONS false",
    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
    " WHERE application_name = 'madang'",
)
OPEN = ("ALTER DATABASE postgres ALLOW_CONNECTIONS true",)


@contextmanager
def outage(server: RunningServer) -> Iterator[None]:
    """While it lasts nobody can connect to the server's database."""
    url = json.loads((server.data / "lock").read_text())["database_url"]
    template = url.replace("/postgres?", "/template1?")
    asyncio.run(_execute(template, SHUT))
    try:
        yield
    finally:
        asyncio.run(_execute(template, OPEN))


async def _execute(url: str, statements: tuple[str, ...]) -> None:
    connection = await asyncpg.connect(url)
    for statement in statements:
        await connection.execute(statement)
    await connection.close()


class Client:
    """Asks one thing after another."""

    def __init__(self, server: RunningServer, person: Person) -> None:
        self._opening = connect(server.ws, subprotocols=["madang.v1.json"])  # type: ignore[list-item]
        self._token = person.token

    def __enter__(self) -> Client:
        self._socket = self._opening.__enter__()
        self.ask("hello", token=self._token, until="welcome")
        return self

    def __exit__(self, *_: object) -> None:
        self._opening.__exit__(None, None, None)

    def ask(self, t: str, *, until: str = "", **fields: Any) -> dict[str, Any]:
        """The next frame that answers."""
        self._socket.send(json.dumps({"t": t, **fields}))
        wanted = {until or "error", "error"}
        while True:
            frame: dict[str, Any] = json.loads(self._socket.recv(timeout=20))
            if frame["t"] in wanted:
                return frame

    def send(self, room: str, client_id: str) -> dict[str, Any]:
        return self.ask("send", room=room, id=client_id, body="hi", until="ack")


def test_a_database_that_lets_nobody_in_ends_neither_the_server_nor_a_room(
    open_folder: Path,
) -> None:
    with RunningServer(open_folder / "outage") as server:
        ann = server.sign_up("ann")
        room = server.make_room(ann)
        with Client(server, ann) as client, outage(server):
            assert client.ask("history", room=room, rid=1)["code"] == "unavailable"
            assert client.send(room, "1")["code"] == "unavailable"
        with Client(server, ann) as client:
            assert _until_acknowledged(client, room, "1")["seq"] == 1
            with outage(server):
                assert client.send(room, "2")["code"] == "unavailable"
                time.sleep(1)
                assert client.send(room, "3")["code"] == "unavailable"
            acks = [_until_acknowledged(client, room, client_id) for client_id in ("2", "3")]
            assert [ack["seq"] for ack in acks] == [2, 3]
            page = client.ask("history", room=room, rid=2, until="page")
            assert [event["seq"] for event in page["events"]] == [1, 2, 3]
        assert server.process is not None and server.process.poll() is None


def _until_acknowledged(client: Client, room: str, client_id: str) -> dict[str, Any]:
    for _ in range(50):
        answer = client.send(room, client_id)
        if answer["t"] == "ack":
            return answer
        time.sleep(0.1)
    raise AssertionError(answer)
