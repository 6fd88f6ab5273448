"""A room relay on trio-websocket: a task per connection, a ``send_message`` per delivery."""

from __future__ import annotations

import argparse
from collections import defaultdict
from functools import partial
from urllib.parse import parse_qs, urlsplit

import trio
from trio_websocket import (
    ConnectionClosed,
    WebSocketConnection,
    WebSocketRequest,
    serve_websocket,
)

rooms: defaultdict[str, set[WebSocketConnection]] = defaultdict(set)


async def relay(request: WebSocketRequest) -> None:
    """Relay what one client says to its room, until it leaves."""
    query = parse_qs(urlsplit(request.path).query)
    room = rooms[query.get("room", [""])[0]]
    socket = await request.accept()
    room.add(socket)
    try:
        while True:
            message = await socket.get_message()
            for member in tuple(room):
                await deliver(member, message)
    except ConnectionClosed:
        pass
    finally:
        room.discard(socket)


async def deliver(member: WebSocketConnection, message: str | bytes) -> None:
    """Send one message to one member, who may be leaving just now."""
    try:
        await member.send_message(message)
    except ConnectionClosed:
        pass  # its own task takes it out of the room


async def main(port: int) -> None:
    """Serve until killed."""
    async with trio.open_nursery() as nursery:
        serve = partial(serve_websocket, relay, "127.0.0.1", port, ssl_context=None)
        await nursery.start(serve)
        print("ready", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    trio.run(main, parser.parse_args().port)
