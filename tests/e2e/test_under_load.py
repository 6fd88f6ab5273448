"""What speed must not cost: the others' turn, and nothing of what was acknowledged."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgpack
import pytest
from running_server import Person, RunningServer
from websockets.asyncio.client import ClientConnection, connect

FLOOD = 4_000
CROWD = 30
MESSAGES = 600


@pytest.fixture(scope="module")
def server(open_folder: Path) -> Iterator[RunningServer]:
    limits = {"MADANG_RATE_PER_CONNECTION": "0", "MADANG_RATE_PER_USER": "0"}
    with RunningServer(open_folder / "load", **limits) as running:
        yield running


async def enter(server: RunningServer, person: Person, **more: Any) -> ClientConnection:
    kinds: Any = ["madang.v1.msgpack"]
    socket = await connect(server.ws, subprotocols=kinds, compression=None, **more)
    await socket.send(msgpack.packb({"t": "hello", "token": person.token}))
    await hear(socket, "welcome")
    return socket


async def hear(socket: ClientConnection, t: str) -> dict[str, Any]:
    while True:
        frame: dict[str, Any] = msgpack.unpackb(await asyncio.wait_for(socket.recv(), 30))
        if frame["t"] == t:
            return frame


def said(room: str, number: int, body: str = "x") -> bytes:
    return msgpack.packb({"t": "send", "room": room, "id": str(number), "body": body})


async def flood(socket: ClientConnection, room: str) -> None:
    for number in range(FLOOD):
        await socket.send(said(room, number))


def test_a_quiet_client_has_its_turn_while_another_floods(server: RunningServer) -> None:
    async def run() -> None:
        loud, quiet = server.sign_up("loud"), server.sign_up("quiet")
        one, two = await enter(server, loud), await enter(server, quiet)
        rooms = server.make_room(loud), server.make_room(quiet)
        acknowledged: list[int] = []
        overtaken = 0

        async def count() -> None:
            while len(acknowledged) < FLOOD:
                acknowledged.append((await hear(one, "ack"))["seq"])

        counting, flooding = asyncio.create_task(count()), asyncio.create_task(flood(one, rooms[0]))
        await asyncio.sleep(0.05)  # the flood has begun
        for number in range(5):
            await two.send(said(rooms[1], number))
            assert (await hear(two, "ack"))["seq"] == number + 1
            overtaken += FLOOD - len(acknowledged)
        await asyncio.gather(counting, flooding)
        assert overtaken > 0, "the quiet one was served only when the flood was over"
        assert acknowledged == list(range(1, FLOOD + 1))
        for socket in (one, two):
            await socket.close()

    asyncio.run(run())


def test_one_who_stops_reading_in_a_crowd_costs_the_others_nothing(server: RunningServer) -> None:
    async def run() -> None:
        people = [server.sign_up(f"crowd{number}") for number in range(CROWD)]
        room = server.make_room(*people)
        stuck = await enter(server, people[-1], max_queue=1, write_limit=1)
        sockets = [await enter(server, person) for person in people[:-1]]

        async def read(socket: ClientConnection) -> list[int]:
            return [(await hear(socket, "message"))["seq"] for _ in range(MESSAGES)]

        reading = [asyncio.create_task(read(socket)) for socket in sockets]
        sender = await enter(server, people[0])
        for number in range(MESSAGES):
            await sender.send(said(room, number, "x" * 8_000))
            if number % 10 == 9:  # who reads at all must not be made a slow reader
                for _ in range(10):
                    await hear(sender, "ack")
        for seqs in await asyncio.gather(*reading):
            assert seqs == list(range(1, MESSAGES + 1))
        await stuck.close()
        back = await enter(server, people[-1])
        await back.send(msgpack.packb({"t": "history", "room": room, "limit": 1}))
        assert (await hear(back, "page"))["upto"] == MESSAGES
        for socket in (*sockets, sender, back):
            await socket.close()

    asyncio.run(run())
