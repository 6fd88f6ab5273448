"""The opening handshake: who may open what, in which codec, with which token."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from typing import NamedTuple
from urllib.parse import parse_qsl, urlsplit

import trio
from trio_websocket import wrap_server_stream

from server.edge.connection import Connection
from server.edge.handler import Arrival, Handler
from server.edge.heads import Head, refuse
from server.edge.limits import EdgeLimits
from server.edge.proxies import Network, client_address

VERSION = b"13"
TEXT_BY_SUBPROTOCOL = {"madang.v1.msgpack": False, "madang.v1.json": True}


class Route(NamedTuple):
    """What a path opens."""

    make_handler: Callable[[Connection], Handler]
    limits: EdgeLimits
    text: bool = False  # without a subprotocol the codec is JSON


class Unacceptable(Exception):
    """The opening is refused with an HTTP ``status``; ``detail`` says more than the usual."""

    def __init__(self, status: int, detail: str = "") -> None:
        super().__init__(status, detail)
        self.status = status
        self.detail = detail


def check_handshake(head: Head) -> None:
    """Raise Unacceptable for what is plainly no opening; trio-websocket would say less of it."""
    options = [v for k, v in head.request.headers if k == b"connection"]
    asked = [option.strip() for option in b",".join(options).lower().split(b",")]
    if not head.upgrades or head.header(b"sec-websocket-version") not in (None, VERSION):
        raise Unacceptable(426)
    if b"upgrade" not in asked or head.header(b"sec-websocket-key") is None:
        raise Unacceptable(400)


def check_origin(head: Head, allowed: frozenset[str]) -> None:
    """Raise Unacceptable unless a browser's page may open this.

    No Origin: no browser. The same origin: the page came from the host that is asked.
    """
    origin = head.header(b"origin")
    if origin is None:
        return
    told = origin.decode("latin-1").lower()
    here = (head.header(b"host") or b"").decode("latin-1").lower()
    if told in allowed or (here and told in (f"http://{here}", f"https://{here}")):
        return
    raise Unacceptable(403)


def choose_subprotocol(head: Head) -> str | None:
    """The first offered one that is known, None if none was offered. Raises Unacceptable."""
    offers = [v for k, v in head.request.headers if k == b"sec-websocket-protocol"]
    names = [name.strip() for name in b",".join(offers).decode("latin-1").split(",")]
    for name in names:
        if name in TEXT_BY_SUBPROTOCOL:
            return name
    if offers:
        known = ", ".join(TEXT_BY_SUBPROTOCOL)
        raise Unacceptable(400, f"the subprotocol must be one of: {known}")
    return None


def arrival(
    head: Head, route: Route, subprotocol: str | None, peer: str, trusted: Sequence[Network]
) -> Arrival:
    """What the handler is to know of this opening."""
    text = route.text if subprotocol is None else TEXT_BY_SUBPROTOCOL[subprotocol]
    return Arrival(
        path=head.path,
        text=text,
        peer=client_address(peer, head.request.headers, trusted),
        query_token=_query_token(head),
        header_token=_header_token(head),
    )


def _query_token(head: Head) -> str | None:
    query = urlsplit(head.request.target.decode("ascii", "replace")).query
    return dict(reversed(parse_qsl(query, keep_blank_values=True))).get("token")


def _header_token(head: Head) -> str | None:
    scheme, _, token = (head.header(b"authorization") or b"").decode("latin-1").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


async def shake_hands(stream: trio.SocketStream, head: Head, subprotocol: str | None) -> bool:
    """Answer the opening by trio-websocket; whether it was accepted."""
    accepted = False
    try:
        async with trio.open_nursery() as nursery:
            lent = LentStream(stream, head.raw, nursery.cancel_scope)
            request = await wrap_server_stream(nursery, lent)
            await request.accept(subprotocol=subprotocol)
            accepted = True
            nursery.cancel_scope.cancel()
    except* UnicodeError:
        await refuse(stream, 400)
    return accepted


def detach(stream: trio.SocketStream) -> socket.socket:
    """Take the socket out of trio's hands; *stream* has none any more."""
    trios = stream.socket
    trio.lowlevel.notify_closing(trios)
    family, kind, number = trios.family, trios.type, trios.proto
    return socket.socket(family, kind, number, fileno=trios.detach())


class LentStream(trio.abc.Stream):
    """The socket as trio-websocket sees it: the head to read, and not a byte of the hub's."""

    def __init__(self, stream: trio.SocketStream, head: bytes, scope: trio.CancelScope) -> None:
        self._stream = stream
        self._head = head
        self._scope = scope

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """The head; then nothing for ever."""
        await trio.lowlevel.checkpoint()
        if not self._head:
            await trio.sleep_forever()
        head, self._head = self._head, b""
        return head

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send."""
        await self._stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        """Wait for room."""
        await self._stream.wait_send_all_might_not_block()

    async def aclose(self) -> None:
        """Trio-websocket refused the handshake, or is done with it."""
        self._scope.cancel()
        await trio.lowlevel.checkpoint()
