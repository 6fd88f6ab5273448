"""HTTP beside the hub: hypercorn, fed one request at a time."""

from __future__ import annotations

import logging
import socket
import struct
from collections.abc import AsyncIterator, Callable, MutableMapping
from contextlib import asynccontextmanager
from typing import Any, Final, NoReturn, cast

import h11
import trio
from hypercorn.config import Config
from hypercorn.events import Closed, Event, Updated
from hypercorn.trio.lifespan import Lifespan
from hypercorn.trio.tcp_server import TCPServer
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import AppWrapper, ConnectionState, LifespanState
from hypercorn.utils import wrap_app

from server.edge.heads import READ_SIZE, Head, Refused, linger, read_head
from server.edge.limits import EdgeLimits
from server.edge.proxies import AsgiApp, Pipe, Scope

BODILESS: Final = frozenset({"GET", "HEAD"})
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close by RST, whatever is unsent


class HttpLane:
    """Answers requests by an ASGI application. A WebSocket never reaches it."""

    def __init__(self, app: AsgiApp, limits: EdgeLimits) -> None:
        self._limits = limits
        self._config = Config()
        self._config.errorlog = logging.getLogger("hypercorn")
        self._config.include_server_header = False
        self._config.h11_max_incomplete_size = limits.max_head
        self._config.keep_alive_timeout = limits.idle_deadline
        self._config.max_app_queue_size = 2  # parts of a body, READ_SIZE each
        self._app: AppWrapper = wrap_app(reading_off(app), 0, "asgi")  # type: ignore[arg-type]
        self._state: LifespanState = {}
        self._context = WorkerContext(None)
        self._idle: set[trio.CancelScope] = set()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """The application's own startup and shutdown around what is inside."""
        lifespan = Lifespan(self._app, self._config, self._state)
        async with trio.open_nursery() as nursery:
            await nursery.start(lifespan.handle_lifespan)
            await lifespan.wait_for_startup()
            yield
            await lifespan.wait_for_shutdown()
            nursery.cancel_scope.cancel()

    async def terminate(self) -> None:
        """Close idle connections now, others after their answer, which says so."""
        self._config.keep_alive_max_requests = 0
        await self._context.terminated.set()
        for scope in self._idle:
            scope.cancel()

    async def serve(
        self, stream: trio.SocketStream, head: Head, *, until: Callable[[Head], bool]
    ) -> Head | Refused | None:
        """Answer *head* and those after it, *until* one that is not for HTTP: that is returned."""
        requests = Requests(stream, head, self._limits, self._idle, until)
        with requests.scope:
            await Server(
                self._app,
                self._config,
                self._context,
                ConnectionState(self._state.copy()),
                requests,  # type: ignore[arg-type]
            )
        if requests.cut_short:
            await linger(stream)
        return requests.handed_back


def reading_off(app: AsgiApp) -> AsgiApp:
    """*app*, and while its last word is taken in, somebody who reads what it left of the body.

    Hypercorn waits for room for each part of a body, and then for room to say that the request is
    over: an application that answers without reading would wait with it, for ever.
    """

    async def answer(scope: Scope, receive: Pipe, send: Pipe) -> None:
        if scope["type"] != "http" or scope["method"] in BODILESS:
            await app(scope, receive, send)
            return
        async with trio.open_nursery() as nursery:

            async def tell(message: MutableMapping[str, Any]) -> None:
                if message["type"] == "http.response.body" and not message.get("more_body"):
                    nursery.start_soon(_read_off, receive)
                await send(message)

            await app(scope, receive, tell)
            nursery.cancel_scope.cancel()

    return answer


async def _read_off(receive: Pipe) -> None:
    while True:
        await receive()


class Server(TCPServer):
    """Hypercorn's server, which tells its stream when an answer is finished."""

    async def protocol_send(self, event: Event) -> None:
        """Pass on what the protocol has to say."""
        # Quart cancels the task that finishes an answer, so that nothing after it may wait: not
        # hypercorn's idle timer, nor its closing. The stream sees to both.
        stream = cast(Requests, self.stream)
        if isinstance(event, Updated) and event.idle:
            stream.answered()
        elif isinstance(event, Closed):
            stream.finish()
        else:
            await super().protocol_send(event)


class Requests(trio.abc.HalfCloseableStream):
    """A socket as hypercorn sees it: one whole request, and the next only after its answer.

    A head that is not for HTTP ends hypercorn's work, by ``scope``, and is ``handed_back`` with
    the socket untouched.
    """

    def __init__(
        self,
        stream: trio.SocketStream,
        head: Head,
        limits: EdgeLimits,
        idle: set[trio.CancelScope],
        until: Callable[[Head], bool],
    ) -> None:
        self.socket = stream.socket
        self.scope = trio.CancelScope()
        self.handed_back: Head | Refused | None = None
        self._stream = stream
        self._limits = limits
        self._idle = idle  # those who wait for a next request, to be cancelled at the end
        self._until = until
        self._over = False
        self._begin(head)

    def _begin(self, head: Head) -> None:
        self._parser = head.parser
        self._answered = trio.Event()
        self._listening = trio.CancelScope()
        self._whole = False
        self._patience = self._limits.body_deadline
        self._chunks = float(self._limits.chunks)
        self._ready = head.without_upgrade() + self._of_this_request(head.rest)

    def answered(self) -> None:
        """Hypercorn is ready for the next request."""
        self._answered.set()
        self._listening.cancel()

    def finish(self) -> None:
        """Hypercorn wants no more requests."""
        self._over = True
        self.answered()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """Some bytes of the request at hand, or the head of the next one."""
        if self._ready or self._over:
            await trio.lowlevel.checkpoint()
        elif self._whole:
            await self._next_request()
        else:
            await self._more_body()
        ready, self._ready = self._ready, b""
        return ready

    async def _more_body(self) -> None:
        data, began = b"", trio.current_time()
        with trio.CancelScope(deadline=began + self._patience) as self._listening:
            data = await self._stream.receive_some(READ_SIZE)
        if self._listening.cancelled_caught and not self._over:
            self._abort()
        waited = trio.current_time() - began
        earned = len(data) / self._limits.body_rate
        self._patience = min(self._limits.body_deadline, self._patience - waited + earned)
        if data:
            self._parser.receive_data(data)
        self._ready = self._of_this_request(data)

    def _of_this_request(self, data: bytes) -> bytes:
        """The part of *data*, which the parser has in hand, that belongs to the request."""
        self._rest = b""
        earned = 1 + len(data) / self._limits.chunk_size  # one may come alone
        self._chunks = min(self._limits.chunks, self._chunks) + earned
        try:
            event = self._parser.next_event()
            while isinstance(event, h11.Data):
                self._chunks -= 1
                event = self._parser.next_event() if self._chunks > 0 else self._abort()
        except h11.RemoteProtocolError:
            return data  # hypercorn's own parser says so to the peer
        if isinstance(event, h11.EndOfMessage):
            self._whole = True
            self._rest = bytes(self._parser.trailing_data[0])
        return data[: len(data) - len(self._rest)]

    async def _next_request(self) -> None:
        if not self._rest and not await self._stays():
            return  # an empty read: the application is told that the peer left
        await self._answered.wait()
        if self._over:
            return
        head = await self._next_head()
        if isinstance(head, Head) and not self._until(head):
            self._begin(head)
            return
        self.handed_back = head
        self.scope.cancel()
        await trio.lowlevel.checkpoint()

    async def _stays(self) -> bool:
        """Listen until the answer is finished; whether the peer is still there by then."""
        with trio.CancelScope() as self._listening:
            if self._answered.is_set():
                return True
            self._rest = await self._stream.receive_some(READ_SIZE)
            return self._rest != b""
        return True

    async def _next_head(self) -> Head | Refused | None:
        with trio.move_on_after(self._limits.idle_deadline) as scope:
            self._idle.add(scope)
            try:
                return await read_head(self._stream, self._rest, self._limits.max_head)
            finally:
                self._idle.remove(scope)
        return None

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send *data*, or cut off a peer that does not take it in time."""
        with trio.move_on_after(self._limits.write_deadline) as scope:
            await self._stream.send_all(data)
        if scope.cancelled_caught:
            self._abort()

    def _abort(self) -> NoReturn:
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.socket.close()
        raise trio.BrokenResourceError("the peer was too slow, or came in crumbs")

    async def wait_send_all_might_not_block(self) -> None:
        """Wait for room."""
        await self._stream.wait_send_all_might_not_block()

    @property
    def cut_short(self) -> bool:
        """Whether the answer came before the end of the request."""
        return self._over and not self._whole

    async def send_eof(self) -> None:
        """End our half, unless the socket is still needed."""
        if self.handed_back is None and not self.cut_short:
            await self._stream.send_eof()

    async def aclose(self) -> None:
        """Close the socket, unless it is still needed."""
        self.answered()
        if self.handed_back is None and not self.cut_short:
            await self._stream.aclose()
