"""An echo server that writes in small pieces, each length in eight bytes, with pings between."""

from __future__ import annotations

import base64
import hashlib

import trio

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
PIECE = 5


async def drip(stream: trio.SocketStream, data: bytes) -> None:
    for start in range(0, len(data), PIECE):
        await stream.send_all(data[start : start + PIECE])
        await trio.lowlevel.checkpoint()


async def receive_exactly(stream: trio.SocketStream, count: int) -> bytes:
    data = b""
    while len(data) < count:
        more = await stream.receive_some(count - len(data))
        if not more:
            raise EOFError
        data += more
    return data


async def read_frame(stream: trio.SocketStream) -> tuple[int, bytes]:
    """One masked frame shorter than 126 bytes."""
    head = await receive_exactly(stream, 2)
    mask = await receive_exactly(stream, 4)
    payload = await receive_exactly(stream, head[1] & 127)
    return head[0] & 15, bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))


async def serve(stream: trio.SocketStream) -> None:
    request = b""
    while not request.endswith(b"\r\n\r\n"):
        request += await receive_exactly(stream, 1)
    key = request.split(b"Sec-WebSocket-Key: ")[1].split(b"\r\n")[0]
    accept = base64.b64encode(hashlib.sha1(key + GUID, usedforsecurity=False).digest())
    answer = b"HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: " + accept + b"\r\n\r\n"
    await drip(stream, answer)
    try:
        while True:
            kind, payload = await read_frame(stream)
            if kind == 2:
                frame = b"\x82\x7f" + len(payload).to_bytes(8, "big") + payload
                await drip(stream, b"\x89\x01p" + frame)
    except (EOFError, trio.BrokenResourceError):
        await stream.aclose()
