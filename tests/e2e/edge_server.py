"""The edge by itself, on a port of its own: hub, door, echo, and a small HTTP application."""

from __future__ import annotations

import random
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import structlog
import trio
from quart import request
from quart_trio import QuartTrio

from server.edge.connection import Connection
from server.edge.door import Door
from server.edge.echo import Echo
from server.edge.handler import Handler
from server.edge.http_lane import HttpLane
from server.edge.hub import Hub
from server.edge.limits import EdgeLimits
from server.edge.proxies import AsgiApp, Pipe, Scope, Trust, behind_proxies
from server.edge.routes import routes


@dataclass
class Edge:
    """A running edge. ``logged`` has every event of its log."""

    hub: Hub
    door: Door
    port: int
    logged: list[dict[str, object]] = field(default_factory=list)

    @property
    def host(self) -> str:
        """What goes into a Host header."""
        return f"127.0.0.1:{self.port}"

    def url(self, path: str = "/ws") -> str:
        """The address of a WebSocket."""
        return f"ws://{self.host}{path}"


@asynccontextmanager
async def open_edge(
    make_handler: Callable[[Connection], Handler] = Echo,
    limits: EdgeLimits | None = None,
    trust: Trust | None = None,
) -> AsyncIterator[Edge]:
    """Serve until the end of the block, then stop as the application does."""
    limits, trust = limits or EdgeLimits(), trust or Trust()
    logged: list[dict[str, object]] = []
    log = structlog.wrap_logger(None, processors=[_collect(logged)])
    hub = Hub(limits, random=random.Random(1), log=log)  # noqa: S311 - when pings begin
    door = Door(
        hub=hub,
        http=HttpLane(behind_proxies(sometimes_deaf(make_app()), trust.proxies), limits),
        routes=routes(make_handler, limits, echo=True),
        limits=limits,
        trust=trust,
        log=log,
    )
    async with trio.open_nursery() as nursery:
        nursery.start_soon(hub.run)
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        await nursery.start(door.serve, listeners)
        port = listeners[0].socket.getsockname()[1]
        yield Edge(hub, door, port, logged)
        door.stop()
        await hub.stop()
        nursery.cancel_scope.cancel()


def _collect(events: list[dict[str, object]]) -> structlog.typing.Processor:
    def keep(
        _logger: object, method: str, event: structlog.typing.EventDict
    ) -> structlog.typing.EventDict:
        events.append({"level": method, **event})
        raise structlog.DropEvent

    return keep


def sometimes_deaf(app: AsgiApp) -> AsgiApp:
    """*app*, but ``/deaf`` is answered without a look at what was sent."""

    async def answer(scope: Scope, receive: Pipe, send: Pipe) -> None:
        if scope.get("path") != "/deaf":
            await app(scope, receive, send)
            return
        head = [(b"content-length", b"0")]
        await send({"type": "http.response.start", "status": 403, "headers": head})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    return answer


def make_app() -> QuartTrio:
    """Paths that show what reached HTTP."""
    app = QuartTrio(__name__)

    @app.get("/hello")
    async def hello() -> dict[str, object]:
        return {"client": request.remote_addr, "query": request.query_string.decode()}

    @app.post("/length")
    async def length() -> dict[str, object]:
        return {"length": len(await request.get_data())}

    @app.post("/early")
    async def early() -> tuple[dict[str, object], int]:
        return {"read": False}, 403

    @app.get("/slow")
    async def slow() -> dict[str, object]:
        await trio.sleep(0.3)
        return {"slow": True}

    @app.get("/large")
    async def large() -> bytes:
        return bytes(8_000_000)

    return app


class Raw:
    """A client that speaks bytes."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self.stream = stream
        self._data = b""

    async def send(self, data: bytes) -> None:
        """Send *data* as it is."""
        await self.stream.send_all(data)

    async def read(self, count: int) -> bytes:
        """Exactly *count* bytes; fewer at the end."""
        while len(self._data) < count:
            more = await self._more()
            if not more:
                break
        found, self._data = self._data[:count], self._data[count:]
        return found

    async def read_to(self, mark: bytes) -> bytes:
        """Everything up to *mark*, and it; all there is at the end."""
        while mark not in self._data:
            if not await self._more():
                break
        end = self._data.find(mark)
        end = len(self._data) if end < 0 else end + len(mark)
        found, self._data = self._data[:end], self._data[end:]
        return found

    async def read_rest(self) -> bytes:
        """Everything up to the end."""
        while await self._more():
            pass
        found, self._data = self._data, b""
        return found

    async def frame(self) -> tuple[int, bytes]:
        """One frame of the server: its first byte and its payload."""
        first, length = await self.read(2)
        if length == 126:
            length = int.from_bytes(await self.read(2), "big")
        elif length == 127:
            length = int.from_bytes(await self.read(8), "big")
        return first, await self.read(length)

    async def ended(self) -> bool:
        """Whether the server has nothing more to say; waits until it has closed."""
        return await self.read_rest() == b""

    async def answer(self) -> tuple[int, bytes]:
        """One HTTP answer with a content-length: status and body."""
        head = await self.read_to(b"\r\n\r\n")
        lines = head.decode().lower().split("\r\n")
        length = next((x.split(":")[1] for x in lines if x.startswith("content-length:")), "0")
        return int(lines[0].split()[1]), await self.read(int(length))

    async def _more(self) -> bytes:
        try:
            data = await self.stream.receive_some(65536)
        except trio.BrokenResourceError:
            data = b""
        self._data += data
        return data


async def eventually(holds: Callable[[], object]) -> None:
    """Return when *holds* does, within five seconds."""
    with trio.fail_after(5):
        while not holds():  # noqa: ASYNC110 - nobody would set an event
            await trio.sleep(0.005)


@asynccontextmanager
async def connect(edge: Edge, *, receive_buffer: int | None = None) -> AsyncIterator[Raw]:
    """A raw connection, with at most ten seconds for what is done with it."""
    with trio.fail_after(10):
        with trio.socket.socket(socket.AF_INET, socket.SOCK_STREAM) as plain:
            if receive_buffer is not None:
                plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            await plain.connect(("127.0.0.1", edge.port))
            yield Raw(trio.SocketStream(plain))


def upgrade(edge: Edge, path: str = "/ws", *headers: str) -> bytes:
    """The bytes of an opening handshake."""
    lines = [
        f"GET {path} HTTP/1.1",
        f"Host: {edge.host}",
        "Upgrade: websocket",
        "Connection: keep-alive, Upgrade",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version: 13",
        *headers,
    ]
    return "\r\n".join([*lines, "", ""]).encode()


@asynccontextmanager
async def open_raw(
    edge: Edge, path: str = "/ws", *headers: str, receive_buffer: int | None = None
) -> AsyncIterator[Raw]:
    """A raw connection behind the opening handshake."""
    async with connect(edge, receive_buffer=receive_buffer) as raw:
        await raw.send(upgrade(edge, path, *headers))
        assert (await raw.read_to(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
        yield raw


def masked(first: int, payload: bytes, mask: bytes = b"\x01\x02\x03\x04") -> bytes:
    """A client's frame."""
    length = len(payload)
    if length < 126:
        head = bytes((first, 0x80 | length))
    elif length < 1 << 16:
        head = bytes((first, 0x80 | 126)) + length.to_bytes(2, "big")
    else:
        head = bytes((first, 0x80 | 127)) + length.to_bytes(8, "big")
    return head + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))
