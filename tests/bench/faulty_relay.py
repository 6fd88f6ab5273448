"""Small servers that relay, and that do one thing wrong when told to.

A fault looks at each delivery before it leaves: it gets the member it is for (0 is the first one of
the room), how many that member has had, and the payload; it returns the payloads to send instead.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import msgpack
import trio
from trio_websocket import ConnectionClosed, WebSocketConnection, WebSocketRequest, serve_websocket

Payload = bytes | str
Fault = Callable[[int, int, Payload], list[Payload]]


def none(_member: int, _number: int, payload: Payload) -> list[Payload]:
    return [payload]


def once(member: int, number: int, what: Callable[[Payload], list[Payload]]) -> Fault:
    """*what*, for one delivery to one member."""

    def fault(to: int, count: int, payload: Payload) -> list[Payload]:
        return what(payload) if (to, count) == (member, number) else [payload]

    return fault


def swapped(member: int, number: int) -> Fault:
    """One delivery to *member* comes after the one that follows it."""
    held: list[Payload] = []

    def fault(to: int, count: int, payload: Payload) -> list[Payload]:
        if (to, count) == (member, number):
            held.append(payload)
            return []
        if (to, count) == (member, number + 1):
            return [payload, held.pop()]
        return [payload]

    return fault


class Seat(NamedTuple):
    """A member, and what waits to be sent to him."""

    number: int
    outbox: trio.MemorySendChannel[Payload | int]


class Room:
    """Its members, and what went to each of them."""

    def __init__(self, fault: Fault) -> None:
        self.seq = 0
        self.seats: list[Seat] = []
        self._fault = fault
        self._delivered: dict[int, int] = defaultdict(int)

    def relay(self, payload: Payload) -> None:
        for number, outbox in self.seats:
            self._delivered[number] += 1
            for each in self._fault(number, self._delivered[number], payload):
                outbox.send_nowait(each)


Handler = Callable[[WebSocketConnection, Room, Seat], Any]


async def write_all(
    ws: WebSocketConnection, waiting: trio.MemoryReceiveChannel[Payload | int]
) -> None:
    """An int is the code to close with."""
    async for payload in waiting:
        if isinstance(payload, int):
            await ws.aclose(payload)
            return
        await ws.send_message(payload)


async def raw(ws: WebSocketConnection, room: Room, seat: Seat) -> None:
    room.seats.append(seat)
    while True:
        room.relay(await ws.get_message())


async def socketio(ws: WebSocketConnection, room: Room, seat: Seat) -> None:
    seat.outbox.send_nowait('0{"sid":"s","upgrades":[],"pingInterval":25000,"pingTimeout":20000}')
    assert await ws.get_message() == "40"
    seat.outbox.send_nowait('40{"sid":"t"}')
    seat.outbox.send_nowait("2")
    assert await ws.get_message() == "3"
    room.seats.append(seat)
    while True:
        room.relay(await ws.get_message())


def accept(room: Room, seat: Seat, send: dict[str, Any], acks: int = 1) -> None:
    """The next seq is its place, for who sent it and for all."""
    room.seq += 1
    place = {"room": send["room"], "seq": room.seq, "at": 1}
    ack = msgpack.packb({"t": "ack", "id": send["id"], **place, "dup": False})
    for _ in range(acks):
        seat.outbox.send_nowait(ack)
    said = {"sender": "u", "kind": "text", "body": send["body"]}
    room.relay(msgpack.packb({"t": "message", **place, **said}))


async def madang(
    ws: WebSocketConnection, room: Room, seat: Seat, *, fails_at: int = 0, with_: str = ""
) -> None:
    """*with_* at message *fails_at*: `refusal`, `close`, `two acks`, or `swapped` with the next."""
    hello = msgpack.unpackb(await ws.get_message())
    assert hello["t"] == "hello"
    summaries = [{"id": "r", "type": "team", "last_seq": room.seq, "last_message": {"seq": 7}}]
    seat = Seat(int(hello["token"]), seat.outbox)
    seat.outbox.send_nowait(msgpack.packb({"t": "welcome", "rooms": summaries}))
    room.seats.append(seat)
    number = 0
    while True:
        send = msgpack.unpackb(await ws.get_message())
        number += 1
        failure = with_ if number == fails_at else ""
        if failure == "close":
            seat.outbox.send_nowait(4008)
        elif failure == "refusal":
            about = {"room": send["room"], "id": send["id"]}
            seat.outbox.send_nowait(msgpack.packb({"t": "error", **about, "code": "unavailable"}))
        elif failure == "swapped":
            accept(room, seat, msgpack.unpackb(await ws.get_message()))
            accept(room, seat, send)
        else:
            accept(room, seat, send, acks=2 if failure == "two acks" else 1)


@asynccontextmanager
async def serving(handler: Handler, fault: Fault = none) -> AsyncIterator[int]:
    """The port of a server of rooms."""
    rooms: dict[str, Room] = defaultdict(partial(Room, fault))

    async def serve(request: WebSocketRequest) -> None:
        asked = parse_qs(urlsplit(request.path).query)
        room = rooms[asked.get("room", [""])[0]]
        offered = request.proposed_subprotocols
        ws = await request.accept(subprotocol=offered[0] if offered else None)
        outbox, waiting = trio.open_memory_channel[Payload | int](math.inf)
        seat = Seat(int(asked.get("user", ["0"])[0]), outbox)
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(write_all, ws, waiting)
                await handler(ws, room, seat)
        except* ConnectionClosed:
            room.seats[:] = [each for each in room.seats if each.outbox is not outbox]

    async with trio.open_nursery() as nursery:
        server = await nursery.start(partial(serve_websocket, serve, "127.0.0.1", 0, None))
        yield server.port
        nursery.cancel_scope.cancel()
