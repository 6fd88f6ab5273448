"""The trio shell: sockets, tasks and deadlines around the pure parts."""

from __future__ import annotations

import secrets
import ssl
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final
from urllib.parse import urlsplit

import msgpack
import trio
import trio_websocket

from protocol.client.backoff import delay, may_return
from protocol.client.outbox import Outbox, wants_retry
from protocol.client.records import ClientClosed, ClientError, ConnectionLost, Record, RequestError
from protocol.client.resume import MissedEvent, Positions
from protocol.limits import SERVER_FRAME

SUBPROTOCOL: Final = "madang.v1.msgpack"
WITHIN_S: Final = 10.0  # for connecting, for one write, and for an answer
OUTBOX_MOST: Final = 1_000  # sends without an answer; beyond it ``send`` waits
EVENTS_MOST: Final = 1_000  # events the application has not taken; beyond it nothing is read
RETRY_S: Final = 0.5

Lost = (OSError, trio_websocket.ConnectionClosed, trio_websocket.HandshakeError)


class Answer:
    """Where somebody waits for one frame."""

    def __init__(self) -> None:
        self._there = trio.Event()
        self._outcome: Record | ClientError | None = None

    def set(self, outcome: Record | ClientError) -> None:
        """Answer; the first one counts."""
        if not self._there.is_set():
            self._outcome = outcome
            self._there.set()

    async def wait(self) -> Record:
        """The frame. Raises RequestError, ConnectionLost or ClientClosed."""
        await self._there.wait()
        if isinstance(self._outcome, ClientError):
            raise self._outcome
        assert self._outcome is not None  # noqa: S101 - set sets both
        if self._outcome.t == "error":
            raise RequestError(self._outcome)
        return self._outcome


class Client:
    """One user's connection, which comes back by itself. Iterate it for events.

    Every event of every room comes once and in order, over any number of reconnects; where too
    many were missed a ``gap`` says so, and the application loads the room by ``history``.
    """

    def __init__(
        self,
        url: str,
        token: str,
        *,
        device: str | None,
        listen: bool,
        chance: Callable[[], float],
        new_id: Callable[[], str],
    ) -> None:
        self._url, self._token, self._device, self._listen = url, token, device, listen
        self._chance, self._new_id = chance, new_id
        self._positions, self._outbox = Positions(), Outbox()
        self._sends: dict[tuple[str, str], Answer] = {}
        self._requests: dict[int, Answer] = {}
        self._room_for = trio.Semaphore(OUTBOX_MOST)
        self._into, self._events = trio.open_memory_channel[Record](EVENTS_MOST)
        self._socket: trio_websocket.WebSocketConnection | None = None
        self._writing = trio.Lock()
        self._connected = trio.Event()
        self._ended: ClientError | None = None
        self._last_rid = 0
        self._told_s: float | None = None
        self.user = ""

    @property
    def rooms(self) -> Mapping[str, Mapping[str, Any]]:
        """The summary of each room by its id, kept fresh."""
        return self._positions.rooms

    def __aiter__(self) -> Client:
        return self

    async def __anext__(self) -> Record:
        try:
            return await self._events.receive()
        except trio.EndOfChannel:
            raise self._ended or StopAsyncIteration from None

    # ---- requests

    async def send(
        self,
        room: str,
        body: str,
        *,
        reply_to: int | None = None,
        thread: int | None = None,
        mentions: Sequence[str] | None = None,
        id: str | None = None,  # noqa: A002 - the wire's name
    ) -> Record:
        """Post a message; its ``ack``, as soon as it is durable, however long that takes.

        Sent again with the same id after a reconnect. Raises RequestError and ClientClosed.
        """
        fields = {"reply_to": reply_to, "thread": thread, "mentions": mentions}
        frame: dict[str, object] = {
            "t": "send",
            "room": room,
            "id": id or self._new_id(),
            "body": body,
        }
        frame |= {name: value for name, value in fields.items() if value is not None}
        async with self._room_for:
            self._check_open()
            key = self._outbox.add(frame)
            answer = self._sends[key] = Answer()
            try:
                await self._write(frame)
                return await answer.wait()
            finally:
                self._outbox.drop(key)
                self._sends.pop(key, None)

    async def read(self, room: str, seq: int) -> None:
        """Move the read cursor forward. Raises RequestError and ConnectionLost."""
        await self._ask({"t": "read", "room": room, "seq": seq})

    async def typing(self, room: str, *, on: bool = True) -> None:
        """Tell the others of this room that somebody types."""
        await self._ask({"t": "typing", "room": room, "on": on})

    async def history(
        self,
        room: str,
        *,
        after: int | None = None,
        before: int | None = None,
        limit: int | None = None,
        thread: int | None = None,
    ) -> Record:
        """A ``page``; its ``events`` are records."""
        asked = {"after": after, "before": before, "limit": limit, "thread": thread}
        page = await self._ask({"t": "history", "room": room, **asked})
        return Record({**page.fields, "events": [Record(event) for event in page.events]})

    async def watch(self, users: Sequence[str]) -> None:
        """See the presence of *users*: now, and whenever it changes."""
        await self._ask({"t": "presence", "watch": list(users)})

    async def unwatch(self, users: Sequence[str]) -> None:
        """See it no longer."""
        await self._ask({"t": "presence", "unwatch": list(users)})

    async def status(self, state: str) -> None:
        """Choose how to be shown: online, away, dnd or invisible."""
        await self._ask({"t": "status", "state": state})

    async def ping(self) -> int:
        """The server's time, in milliseconds."""
        return int((await self._ask({"t": "ping"})).time)

    async def _ask(self, frame: dict[str, Any]) -> Record:
        self._check_open()
        self._last_rid += 1
        rid, answer = self._last_rid, Answer()
        with trio.move_on_after(WITHIN_S):
            await self._connected.wait()
            self._check_open()
            self._requests[rid] = answer
            try:
                await self._write({**frame, "rid": rid})
                return await answer.wait()
            finally:
                self._requests.pop(rid, None)
        raise ConnectionLost("no answer in time")

    def _check_open(self) -> None:
        if self._ended is not None:
            raise self._ended

    async def _write(self, frame: Mapping[str, Any]) -> None:
        """Send *frame* if there is a connection; a peer that takes nothing is given up."""
        socket = self._socket
        if socket is None or not self._connected.is_set():
            return
        try:
            with trio.fail_after(WITHIN_S):
                async with self._writing:
                    await socket.send_message(msgpack.packb(frame))
        except trio.TooSlowError:
            self._give_up()
        except Lost:
            pass  # the reader sees it too, and what was in the outbox is sent again

    def _give_up(self) -> None:
        self._scope.cancel()

    # ---- the connection

    async def run(self) -> None:
        """Be connected until the server says not to come back."""
        failures = 0
        async with self._into:
            while self._ended is None:
                code, reason, was_open = await self._one_connection()
                if not may_return(code):
                    self._end(ClientClosed(code or 0, reason))
                    return
                failures = 0 if was_open else failures + 1
                wait = delay(failures, self._chance(), told_s=self._told_s)
                self._told_s = None
                await trio.sleep(wait)

    async def _one_connection(self) -> tuple[int | None, str, bool]:
        """Connect and converse until it ends: the close code, its reason, whether it was open."""
        code: int | None = None
        reason = ""
        try:
            with trio.CancelScope() as self._scope:
                async with open_socket(self._url) as self._socket:
                    await self._converse(self._socket)
        except* trio_websocket.ConnectionClosed as group:
            closed = _first(group)
            if isinstance(closed, trio_websocket.ConnectionClosed) and closed.reason is not None:
                code, reason = closed.reason.code, closed.reason.reason or ""
        except* (OSError, trio_websocket.HandshakeError, trio.TooSlowError, MissedEvent):
            pass
        was_open = self._connected.is_set()
        self._socket = None
        if was_open:  # an event that nobody has seen set is still waited for
            self._connected = trio.Event()
        for answer in list(self._requests.values()):
            answer.set(ConnectionLost("the connection broke"))
        return code, reason, was_open

    async def _converse(self, socket: trio_websocket.WebSocketConnection) -> None:
        with trio.fail_after(WITHIN_S):
            hello = {"t": "hello", "token": self._token, "device": self._device}
            resume = self._positions.resume()
            await socket.send_message(msgpack.packb(hello | ({"resume": resume} if resume else {})))
            welcome = msgpack.unpackb(await socket.get_message())
            while welcome["t"] != "welcome":
                welcome = msgpack.unpackb(await socket.get_message())
        self.user = welcome["user"]
        self._positions.welcome(welcome["rooms"])
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._keep_alive, socket, welcome["ping_ms"] / 1000)
            nursery.start_soon(self._send_pending, socket)
            while True:
                await self._hear(msgpack.unpackb(await socket.get_message()), nursery)

    async def _send_pending(self, socket: trio_websocket.WebSocketConnection) -> None:
        """Everything unanswered again, oldest first; new frames wait behind it."""
        with trio.fail_after(WITHIN_S * 3):
            async with self._writing:
                self._connected.set()
                for frame in self._outbox.pending():
                    await socket.send_message(msgpack.packb(frame))

    async def _keep_alive(self, socket: trio_websocket.WebSocketConnection, every_s: float) -> None:
        while True:
            await trio.sleep(every_s)
            with trio.fail_after(every_s):
                await socket.ping()

    async def _hear(self, frame: Mapping[str, Any], nursery: trio.Nursery) -> None:
        if frame["t"] in ("ack", "error") and "id" in frame:
            self._settle(frame, nursery)
        elif "rid" in frame:
            answer = self._requests.get(frame["rid"])
            if answer is not None:
                answer.set(Record(frame))
        elif frame["t"] == "goodbye":
            told = frame.get("reconnect_after_ms")
            self._told_s = None if told is None else told / 1000
        elif self._positions.take(frame) and self._listen:
            await self._into.send(Record(frame))

    def _settle(self, frame: Mapping[str, Any], nursery: trio.Nursery) -> None:
        if wants_retry(frame):
            nursery.start_soon(self._send_later, frame.get("retry_after_ms", RETRY_S * 1000) / 1000)
            return
        key = self._outbox.answered(frame)
        if key is not None and key in self._sends:
            self._sends[key].set(Record(frame))

    async def _send_later(self, wait_s: float) -> None:
        await trio.sleep(wait_s)
        for frame in self._outbox.pending():
            await self._write(frame)

    def _end(self, error: ClientError) -> None:
        """Nothing comes any more: tell everybody who waits."""
        self._ended = error
        self._connected.set()
        for answer in [*self._sends.values(), *self._requests.values()]:
            answer.set(error)


@asynccontextmanager
async def open_socket(url: str) -> AsyncIterator[trio_websocket.WebSocketConnection]:
    """A WebSocket whose TCP connection ends with the block, however the block ends."""
    parts = urlsplit(url)
    secure = parts.scheme == "wss"
    resource = f"{parts.path}?{parts.query}" if parts.query else parts.path
    with trio.fail_after(WITHIN_S):
        plain = await trio.open_tcp_stream(
            parts.hostname or "", parts.port or (443 if secure else 80)
        )
    stream: trio.SocketStream | trio.SSLStream[trio.SocketStream] = plain
    if secure:
        context = ssl.create_default_context()
        stream = trio.SSLStream(
            plain, context, server_hostname=parts.hostname, https_compatible=True
        )
    try:
        async with trio.open_nursery() as nursery:
            with trio.fail_after(WITHIN_S):
                socket = await trio_websocket.wrap_client_stream(
                    nursery,
                    stream,
                    parts.netloc,
                    resource,
                    subprotocols=[SUBPROTOCOL],
                    max_message_size=2 * SERVER_FRAME,
                )
            yield socket
            nursery.cancel_scope.cancel()
    finally:
        await trio.aclose_forcefully(stream)


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def socket_url(url: str) -> str:
    """The WebSocket's address of a server given by any of its addresses.

    >>> socket_url("http://127.0.0.1:8000"), socket_url("wss://chat.example/ws")
    ('ws://127.0.0.1:8000/ws', 'wss://chat.example/ws')
    """
    parts = urlsplit(url)
    scheme = {"http": "ws", "https": "wss"}.get(parts.scheme, parts.scheme)
    path = "/ws" if parts.path in ("", "/") else parts.path
    return parts._replace(scheme=scheme, path=path).geturl()


def fair_chance() -> float:
    """A number in [0, 1)."""
    return secrets.randbelow(2**20) / 2**20


@asynccontextmanager
async def open_client(
    url: str,
    token: str,
    *,
    device: str | None = None,
    listen: bool = True,
    chance: Callable[[], float] = fair_chance,
    new_id: Callable[[], str] = lambda: secrets.token_hex(10),
) -> AsyncIterator[Client]:
    """A client that is connected when the block begins, and comes back by itself within it.

    With ``listen`` the application must iterate the client: events it does not take stop the
    reading, acknowledgements included. A program that only sends says ``listen=False``. Raises
    ClientClosed when the token does not open the connection.
    """
    client = Client(
        socket_url(url), token, device=device, listen=listen, chance=chance, new_id=new_id
    )
    async with trio.open_nursery() as nursery:
        nursery.start_soon(client.run)
        await client._connected.wait()
        try:
            client._check_open()
            yield client
        finally:
            nursery.cancel_scope.cancel()
