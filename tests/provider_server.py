"""A provider on loopback that does to its clients whatever a test has it do: HTTP by h11, on trio.

A test gives ``play``, which is called for each exchange on each connection and says by its result
whether the connection goes on.
"""

from __future__ import annotations

import itertools
import json
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, NamedTuple

import h11
import trio


class Received(NamedTuple):
    """One request that was wholly read."""

    connection: int
    target: str
    headers: dict[str, str]
    body: bytes
    method: str

    def json(self) -> Any:
        return json.loads(self.body)


class Exchange:
    """One connection, at the beginning of an exchange."""

    def __init__(self, stream: trio.abc.Stream, number: int, log: list[Received]) -> None:
        self.number, self._stream, self._log = number, stream, log
        self._http = h11.Connection(h11.SERVER)

    async def request(self) -> Received | None:
        """The next request, all of it; None when the client has gone."""
        head = await self.head()
        if head is None:
            return None
        body = b""
        while isinstance(event := await self._event(), h11.Data):
            body += bytes(event.data)
        headers = {name.decode(): value.decode() for name, value in head.headers}
        target, method = head.target.decode(), head.method.decode()
        received = Received(self.number, target, headers, body, method)
        self._log.append(received)
        return received

    async def head(self) -> h11.Request | None:
        """The head of the next request; what follows it is left unread."""
        event = await self._event()
        return event if isinstance(event, h11.Request) else None

    async def answer(
        self, status: int, body: bytes = b"", headers: Sequence[tuple[str, str]] = ()
    ) -> bool:
        """Answer what was read, and keep the connection."""
        length = ("Content-Length", str(len(body)))
        head = h11.Response(status_code=status, headers=[length, *headers])
        parts = (head, h11.Data(data=body), h11.EndOfMessage())
        await self.raw(b"".join(self._http.send(part) or b"" for part in parts))
        self._http.start_next_cycle()
        return True

    async def accept(self, provider_id: str) -> bool:
        """Take the message."""
        return await self.answer(200, json.dumps({"id": provider_id}).encode())

    async def raw(self, data: bytes) -> None:
        """Send *data*, whatever it is."""
        await self._stream.send_all(data)

    async def reset(self) -> bool:
        """Cut the connection so that the client gets an error, not an end."""
        assert isinstance(self._stream, trio.SocketStream)
        no_lingering = struct.pack("ii", 1, 0)
        self._stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, no_lingering)
        return False

    async def _event(self) -> Any:
        while (event := self._http.next_event()) is h11.NEED_DATA:
            self._http.receive_data(await self._stream.receive_some(65536))
        return event


Play = Callable[[Exchange], Awaitable[bool]]


class ProviderServer:
    """``received`` has every request that was wholly read, ``connections`` counts those taken."""

    def __init__(self, play: Play) -> None:
        self._play = play
        self._numbers = itertools.count(1)
        self.received: list[Received] = []
        self.connections = 0
        self.port = 0

    async def serve(self, stream: trio.abc.Stream) -> None:
        self.connections = next(self._numbers)
        exchange = Exchange(stream, self.connections, self.received)
        with suppress(trio.BrokenResourceError, h11.RemoteProtocolError):
            while await self._play(exchange):
                pass


@asynccontextmanager
async def serving(play: Play, tls: ssl.SSLContext | None = None) -> AsyncIterator[ProviderServer]:
    """A server that plays *play*, until the block ends."""
    server = ProviderServer(play)
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    server.port = listener.socket.getsockname()[1]
    listeners: list[trio.abc.Listener[Any]] = [
        trio.SSLListener(listener, tls, https_compatible=True) if tls else listener
    ]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, server.serve, listeners)
        yield server
        nursery.cancel_scope.cancel()
