"""A room relay on FastAPI and Redis pub/sub, one channel a room: the stack most made by hand.

With STORE=1 every message is inserted into PostgreSQL before it is published.
"""

from __future__ import annotations

import argparse
import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from socket import socket

import asyncpg
import uvicorn
from fastapi import FastAPI, WebSocket, WebSocketDisconnect
from redis.asyncio import BlockingConnectionPool, Redis

STORE = os.environ.get("STORE") == "1"

TABLE = """
CREATE TABLE IF NOT EXISTS messages (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    room text NOT NULL,
    body bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
)
"""


class RoomManager:
    """The sockets of this process by room, and its subscription to the rooms' channels."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._pubsub = redis.pubsub(ignore_subscribe_messages=True)
        self._rooms: dict[str, set[WebSocket]] = {}

    async def join(self, room: str, websocket: WebSocket) -> None:
        """Subscribe to the channel with the room's first socket."""
        members = self._rooms.setdefault(room, set())
        members.add(websocket)
        if len(members) == 1:
            await self._pubsub.subscribe(room)
        await websocket.accept()

    async def leave(self, room: str, websocket: WebSocket) -> None:
        """Unsubscribe with the room's last socket."""
        members = self._rooms[room]
        members.discard(websocket)
        if not members:
            del self._rooms[room]
            await self._pubsub.unsubscribe(room)

    async def publish(self, room: str, body: bytes) -> None:
        """Hand a message to every process with a socket in the room."""
        await self._redis.publish(room, body)

    async def connect(self) -> None:
        """Before anybody joins: two that connect at once would each take a connection."""
        await self._pubsub.connect()  # type: ignore[no-untyped-call]

    async def listen(self) -> None:
        """Deliver what the channels bring."""
        while True:
            message = await self._pubsub.get_message(timeout=None)
            if message is not None:
                await self._deliver(message["channel"].decode(), message["data"])

    async def _deliver(self, room: str, body: bytes) -> None:
        for websocket in tuple(self._rooms.get(room, ())):
            try:
                await websocket.send_bytes(body)
            except (WebSocketDisconnect, RuntimeError):
                pass  # it is leaving: its own endpoint takes it out of the room


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Connect to the services, and listen to Redis for as long as the app runs."""
    pool = BlockingConnectionPool.from_url(os.environ["REDIS_URL"])
    app.state.manager = RoomManager(Redis.from_pool(pool))
    await app.state.manager.connect()
    if STORE:
        app.state.database = await asyncpg.create_pool(os.environ["DATABASE_URL"])
        await app.state.database.execute(TABLE)
    listener = asyncio.create_task(app.state.manager.listen())
    yield
    listener.cancel()


app = FastAPI(lifespan=lifespan)


@app.websocket("/")
async def relay(websocket: WebSocket, room: str) -> None:
    """Take one client's messages, store them where asked to, and publish them."""
    manager: RoomManager = app.state.manager
    await manager.join(room, websocket)
    try:
        while True:
            body = await websocket.receive_bytes()
            if STORE:
                await app.state.database.execute(
                    "INSERT INTO messages (room, body) VALUES ($1, $2)", room, body
                )
            await manager.publish(room, body)
    except WebSocketDisconnect:
        pass
    finally:
        await manager.leave(room, websocket)


class Server(uvicorn.Server):
    """Uvicorn, which says when it listens."""

    async def startup(self, sockets: list[socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            print("ready", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    port = parser.parse_args().port
    config = uvicorn.Config(
        app,
        host="127.0.0.1",
        port=port,
        log_level="warning",
        ws_per_message_deflate=False,  # nobody in this comparison compresses
    )
    Server(config).run()
