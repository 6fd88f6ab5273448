"""The head of a request, by h11, and the answers of a server that refuses it."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import NamedTuple

import h11
import trio

from protocol.errors import MEANING, ErrorCode

READ_SIZE = 64 * 1024
LINGER = 1.0  # so long a peer may talk that is not listened to any more
VERSIONS = (b"1.0", b"1.1")
UPGRADE = ("connection: close, upgrade", "upgrade: websocket", "sec-websocket-version: 13")
HOP_BY_HOP = (b"upgrade", b"connection", b"http2-settings")

CODES = {
    403: ErrorCode.FORBIDDEN,
    404: ErrorCode.NOT_FOUND,
    408: ErrorCode.UNAVAILABLE,
    431: ErrorCode.TOO_LARGE,
    503: ErrorCode.UNAVAILABLE,
}

DETAILS = {
    400: "this is no request that HTTP/1.1 knows, or no opening of a WebSocket",
    403: "pages of this origin may not open a WebSocket here",
    404: "no WebSocket is opened at this path",
    408: "no whole request came in time",
    426: "this path is for WebSockets of version 13 alone: ask for an upgrade",
    431: "the head of the request is too large",
    503: "too many connections are open",
    505: "HTTP/1.1 is spoken here",
}


class Head(NamedTuple):
    """A sound head. ``parser`` has it behind it and ``rest``, what came after it, in hand."""

    request: h11.Request
    raw: bytes
    rest: bytes
    parser: h11.Connection

    def header(self, name: bytes) -> bytes | None:
        """The first value of the header *name* (in lower case)."""
        return next((value for key, value in self.request.headers if key == name), None)

    @property
    def path(self) -> str:
        """The target without its query, where tokens may be."""
        return self.request.target.partition(b"?")[0].decode("ascii", "replace")

    @property
    def upgrades(self) -> bool:
        """Whether it asks for a WebSocket."""
        wanted = self.header(b"upgrade") or b""
        return self.request.method == b"GET" and wanted.lower() == b"websocket"

    def without_upgrade(self) -> bytes:
        """The raw head; one that offers another protocol is told anew without the offer."""
        request = self.request
        if self.header(b"upgrade") is None:
            return self.raw
        kept = [pair for pair in request.headers.raw_items() if pair[0].lower() not in HOP_BY_HOP]
        lines = [b"%s %s HTTP/%s" % (request.method, request.target, request.http_version)]
        lines += [b"%s: %s" % pair for pair in kept]
        return b"\r\n".join([*lines, b"", b""])


class Refused(NamedTuple):
    """A head that is none, and the status it deserves; ``detail`` says more than the usual."""

    status: int
    detail: str = ""


async def read_head(stream: trio.SocketStream, begun: bytes, most: int) -> Head | Refused | None:
    """The next head, of at most *most* bytes, that began with *begun*. None: the peer left."""
    parser = h11.Connection(h11.SERVER, max_incomplete_event_size=most)
    data = begun
    try:
        while True:
            event = _next_event(parser, begun)
            if isinstance(event, h11.Request):
                break
            begun = await stream.receive_some(READ_SIZE)
            if not begun:
                return None
            data += begun
    except h11.RemoteProtocolError as exc:
        return Refused(exc.error_status_hint)
    if event.http_version not in VERSIONS:
        return Refused(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED)
    rest = bytes(parser.trailing_data[0])
    raw = data[: len(data) - len(rest)]
    if len(raw) > most:  # h11 minds only a head that comes in more than one piece
        return Refused(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
    return Head(event, raw, rest, parser)


def _next_event(
    parser: h11.Connection, data: bytes
) -> h11.Event | type[h11.NEED_DATA | h11.PAUSED]:
    if data:
        parser.receive_data(data)
    return parser.next_event()


async def refuse(stream: trio.SocketStream, status: int, detail: str = "") -> None:
    """Answer with *status* as a problem document, and close."""
    body = json.dumps(_problem(status, detail)).encode()
    lines = [
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
        "content-type: application/problem+json",
        f"content-length: {len(body)}",
        *(UPGRADE if status == HTTPStatus.UPGRADE_REQUIRED else ["connection: close"]),
    ]
    head = "\r\n".join([*lines, "", ""])
    with trio.move_on_after(LINGER):
        await stream.send_all(head.encode() + body)
        await linger(stream)
    await stream.aclose()


def _problem(status: int, detail: str) -> dict[str, object]:
    code = CODES.get(status, ErrorCode.INVALID)
    return {
        "type": f"/docs#{code.value}",
        "title": MEANING[code],
        "status": status,
        "detail": detail or DETAILS.get(status, HTTPStatus(status).phrase),
        "code": code.value,
    }


async def linger(stream: trio.SocketStream) -> None:
    """Close once the peer has: closing on what it still sends would take our answer from it."""
    with trio.move_on_after(LINGER):
        await stream.send_eof()
        while await stream.receive_some(READ_SIZE):
            pass
    await stream.aclose()
