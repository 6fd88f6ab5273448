"""The opening handshake: who may open what, in which codec, with which token."""

from __future__ import annotations

import socket
from base64 import b64decode
from collections.abc import Callable, Sequence
from typing import NamedTuple
from urllib.parse import parse_qsl, urlsplit

import trio
from wsproto.utilities import generate_accept_token

from server.edge.connection import Connection
from server.edge.handler import Arrival, Handler
from server.edge.heads import Head
from server.edge.limits import EdgeLimits
from server.edge.proxies import Network, client_of

VERSION = b"13"
NONCE = 16  # bytes that a client chooses
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
    """Raise Unacceptable for what is no opening of a WebSocket (RFC 6455 4.2.1)."""
    options = [v for k, v in head.request.headers if k == b"connection"]
    asked = [option.strip() for option in b",".join(options).lower().split(b",")]
    if not head.upgrades or head.header(b"sec-websocket-version") not in (None, VERSION):
        raise Unacceptable(426)
    host, key = (head.header(name) or b"" for name in (b"host", b"sec-websocket-key"))
    if b"upgrade" not in asked or not host.isascii() or not _is_nonce(key):
        raise Unacceptable(400)


def _is_nonce(key: bytes) -> bool:
    try:
        return len(b64decode(key, validate=True)) == NONCE
    except ValueError:
        return False


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
    client = client_of(peer, head.request.headers, trusted)
    return Arrival(
        path=head.path,
        text=text,
        peer=client.address,
        query_token=_query_token(head),
        header_token=_header_token(head),
        is_clear=client.is_clear,
    )


def _query_token(head: Head) -> str | None:
    if b"?" not in head.request.target:
        return None
    query = urlsplit(head.request.target.decode("ascii", "replace")).query
    return dict(reversed(parse_qsl(query, keep_blank_values=True))).get("token")


def _header_token(head: Head) -> str | None:
    scheme, _, token = (head.header(b"authorization") or b"").decode("latin-1").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def acceptance(head: Head, subprotocol: str | None) -> bytes:
    """The answer that opens a checked *head* (RFC 6455 4.2.2). No extension is ever agreed on."""
    lines = [
        b"HTTP/1.1 101 Switching Protocols",
        b"upgrade: websocket",
        b"connection: Upgrade",
        b"sec-websocket-accept: " + generate_accept_token(head.header(b"sec-websocket-key") or b""),
    ]
    if subprotocol is not None:
        lines.append(b"sec-websocket-protocol: " + subprotocol.encode())
    return b"\r\n".join([*lines, b"", b""])


def detach(stream: trio.SocketStream) -> socket.socket:
    """Take the socket out of trio's hands; *stream* has none any more."""
    trios = stream.socket
    trio.lowlevel.notify_closing(trios)
    family, kind, number = trios.family, trios.type, trios.proto
    return socket.socket(family, kind, number, fileno=trios.detach())
