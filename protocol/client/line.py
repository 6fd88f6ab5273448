"""One WebSocket to the server, on which no wait is for ever."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Final
from urllib.parse import urlsplit

import trio
from trio_websocket import (
    ConnectionClosed,
    ConnectionRejected,
    HandshakeError,
    WebSocketConnection,
    wrap_client_stream,
)

from protocol.limits import SERVER_FRAME

SUBPROTOCOL: Final = "madang.v1.msgpack"
SCHEMES: Final = {"ws": 80, "http": 80, "wss": 443, "https": 443}
SECURE: Final = ("wss", "https")
WRITE_WITHIN_S: Final = 20.0
HANG_UP_WITHIN_S: Final = 1.0
BROKEN: Final = 1006
READ_BYTES: Final = 64 * 1024


class LineLost(Exception):
    """No connection any more. ``code``: of the close frame, 1006 without one, or an HTTP status."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code} {reason}")
        self.code, self.reason = code, reason


class WatchedStream(trio.abc.Stream):
    """A stream that breaks when the peer reads nothing, or says nothing, for too long.

    It sees every byte, so WebSocket pings count as traffic and pongs have a deadline too. While
    nobody reads from it nothing is missed.
    """

    def __init__(self, stream: trio.abc.Stream, *, quiet_s: float) -> None:
        self._stream = stream
        self._quiet_s = quiet_s
        self._listening = trio.CancelScope()

    def allow_quiet(self, quiet_s: float) -> None:
        """From now on something must come every *quiet_s*."""
        self._quiet_s = quiet_s
        self._listening.deadline = trio.current_time() + quiet_s

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        """What the peer sent."""
        deadline = trio.current_time() + self._quiet_s
        with trio.CancelScope(deadline=deadline) as self._listening:
            return await self._stream.receive_some(max_bytes)
        raise trio.BrokenResourceError("nothing was heard for too long")

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Write all of *data*."""
        with trio.move_on_after(WRITE_WITHIN_S):
            return await self._stream.send_all(data)
        raise trio.BrokenResourceError("the peer does not read")

    async def wait_send_all_might_not_block(self) -> None:
        """As the stream within has it."""
        await self._stream.wait_send_all_might_not_block()

    async def aclose(self) -> None:
        """Close the stream within."""
        await self._stream.aclose()


class Line:
    """An open WebSocket. Everything but `hang_up` raises LineLost when it is gone."""

    def __init__(self, stream: WatchedStream, socket: WebSocketConnection) -> None:
        self._stream, self._socket = stream, socket

    def allow_quiet(self, quiet_s: float) -> None:
        """The line is lost when nothing at all comes for *quiet_s*."""
        self._stream.allow_quiet(quiet_s)

    async def receive(self) -> bytes | str:
        """The next message."""
        try:
            return await self._socket.get_message()
        except ConnectionClosed as error:
            raise _lost(error) from error

    async def send(self, payload: bytes) -> None:
        """Write one message."""
        try:
            await self._socket.send_message(payload)
        except ConnectionClosed as error:
            raise _lost(error) from error

    async def hang_up(self) -> None:
        """Close politely if the peer takes part, and in any case."""
        with trio.move_on_after(HANG_UP_WITHIN_S, shield=True):
            await self._socket.aclose()
        await trio.aclose_forcefully(self._stream)


async def dial(nursery: trio.Nursery, url: str, *, quiet_s: float) -> Line:
    """Open a WebSocket, whose reading task lives in *nursery*. Raises LineLost."""
    secure, host, port, resource = address(url)
    try:
        async with AsyncExitStack() as undo:
            stream = WatchedStream(await connect(host, port, secure=secure), quiet_s=quiet_s)
            undo.push_async_callback(trio.aclose_forcefully, stream)
            socket = await wrap_client_stream(
                nursery,
                stream,  # type: ignore[arg-type] # it asks for a socket's stream and takes any
                host_header(host, port),
                resource,
                subprotocols=[SUBPROTOCOL],
                max_message_size=SERVER_FRAME,
                receive_buffer_size=READ_BYTES,
            )
            undo.pop_all()
    except ConnectionRejected as error:
        raise LineLost(error.status_code, "the server refused the opening") from error
    except ConnectionClosed as error:
        raise _lost(error) from error
    except (OSError, HandshakeError, trio.BrokenResourceError) as error:
        raise LineLost(BROKEN, str(error)) from error
    return Line(stream, socket)


def address(url: str) -> tuple[bool, str, int, str]:
    """Whether to encrypt, the host, the port and the resource; without a path it is ``/ws``.

    >>> address("http://127.0.0.1:8000"), address("wss://chat.example/ws?a=b")
    ((False, '127.0.0.1', 8000, '/ws'), (True, 'chat.example', 443, '/ws?a=b'))
    """
    parts = urlsplit(url)
    if parts.scheme not in SCHEMES or parts.hostname is None:
        raise ValueError(f"not the address of a chat server: {url!r}")
    path = parts.path if parts.path not in ("", "/") else "/ws"
    resource = f"{path}?{parts.query}" if parts.query else path
    port = parts.port if parts.port is not None else SCHEMES[parts.scheme]
    return parts.scheme in SECURE, parts.hostname, port, resource


def host_header(host: str, port: int) -> str:
    """What a request calls the server."""
    name = f"[{host}]" if ":" in host else host
    return name if port in SCHEMES.values() else f"{name}:{port}"


async def connect(host: str, port: int, *, secure: bool) -> trio.abc.Stream:
    """A stream to the server. Raises OSError."""
    if secure:
        return await trio.open_ssl_over_tcp_stream(host, port, https_compatible=True)
    return await trio.open_tcp_stream(host, port)


def _lost(error: ConnectionClosed) -> LineLost:
    if error.reason is None:
        return LineLost(BROKEN, "")
    return LineLost(error.reason.code, error.reason.reason or "")
