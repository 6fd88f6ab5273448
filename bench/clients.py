"""Many WebSockets in one thread, by raw sockets and an epoll: the client is no bottleneck."""

from __future__ import annotations

import os
import select
import socket
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgpack

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
SHORT, WIDE = 126, 127
MASK = bytes(4)  # masking with zeros: allowed, and it keeps the generator cheap


class Client:
    """One open socket. ``payloads`` yields whole messages of the server."""

    __slots__ = ("_buffer", "seqs", "sock", "token")

    def __init__(self, host: str, port: int, token: str) -> None:
        self.token, self._buffer = token, b""
        self.seqs: list[int] = []
        self.sock = socket.create_connection((host, port))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock.sendall(
            f"GET /ws HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Protocol: madang.v1.msgpack\r\n\r\n".encode()
        )
        head = b""
        while b"\r\n\r\n" not in head:
            data = self.sock.recv(4096)
            if not data:
                raise ConnectionError(f"closed during the opening: {head!r}")
            head += data
        if b" 101 " not in head.split(b"\r\n")[0]:
            raise ConnectionError(head.split(b"\r\n")[0].decode())
        self._buffer = head.split(b"\r\n\r\n", 1)[1]

    def send(self, frame: Mapping[str, Any]) -> None:
        """Send one frame, whole."""
        body = msgpack.packb(frame)
        wide = len(body) >= SHORT
        size = bytes((0x80 | SHORT,)) + len(body).to_bytes(2, "big") if wide else b""
        self.sock.sendall(b"\x82" + (size or bytes((0x80 | len(body),))) + MASK + body)

    def hello(self) -> dict[str, Any]:
        """Come in; the ``welcome``."""
        self.send({"t": "hello", "token": self.token})
        while True:
            for payload in self.payloads():
                frame: dict[str, Any] = msgpack.unpackb(payload)
                if frame["t"] != "welcome":
                    raise ConnectionError(str(frame))
                return frame

    def payloads(self) -> Iterator[bytes]:
        """Read once; the messages that are whole. Pings are answered."""
        data = self._buffer + self.sock.recv(1 << 18)
        start, size = 0, len(data)
        while size - start >= 2:
            length, body = data[start + 1], start + 2
            if length == SHORT:
                length, body = int.from_bytes(data[start + 2 : start + 4], "big"), start + 4
            elif length == WIDE:
                length, body = int.from_bytes(data[start + 2 : start + 10], "big"), start + 10
            if body + length > size:
                break
            kind = data[start] & 15
            payload = data[body : body + length]
            start = body + length
            if kind == 2:
                yield payload
            elif kind == 9:
                self.sock.sendall(b"\x8a" + bytes((0x80 | length,)) + MASK + payload)
            else:
                raise ConnectionError(f"the server closed: {payload!r}")
        self._buffer = data[start:]


def poll(
    clients: list[Client], each: Callable[[Client, bytes], None], until: Callable[[], bool]
) -> None:
    """Hand every message of *clients* to *each* until *until*."""
    by_number = {client.sock.fileno(): client for client in clients}
    with select.epoll() as epoll:
        for number in by_number:
            epoll.register(number, select.EPOLLIN)
        while not until():
            for number, _ in epoll.poll(0.2, 512):
                client = by_number[number]
                for payload in client.payloads():
                    each(client, payload)


def look_once(clients: list[Client]) -> None:
    """Read what came, for the pings in it."""
    looks = iter((False, True))
    poll(clients, lambda *_: None, lambda: next(looks))


def resident_kib(pid: int) -> int:
    """Resident memory of a process, in KiB."""
    with open(f"/proc/{pid}/statm", encoding="ascii") as statm:  # noqa: PTH123 - no path to join
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024
