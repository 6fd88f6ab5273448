"""A server that says nearly what it should: frames of the protocol with a few bytes changed."""

from __future__ import annotations

from random import Random

import msgpack
import trio
from slow_drip import receive_exactly

ACCEPT = b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
ANSWER = b"HTTP/1.1 101 Switching Protocols\r\n" + ACCEPT + b"\r\n\r\n"
KINDS = ["message", "ack", "welcome", "error", "gap", "unread", "member", "goodbye"]
NUMBERS = [0, 1, 2, 7, 200, 2**32, 2**53 - 1, 2**64 - 1, -1, None, "text", [1], {"id": "r"}]


def framed(payload: bytes) -> bytes:
    assert len(payload) < 1 << 16
    return b"\x82\x7e" + len(payload).to_bytes(2, "big") + payload


def frame(chance: Random) -> bytes:
    stamp = f"{5:016x}{chance.choice([0, 1, 2**32 - 1]):08x}{chance.randrange(4):08x}"
    fields: dict[str, object] = {"t": chance.choice(KINDS), "room": "r", "seq": chance.randrange(9)}
    fields |= {"id": stamp, "body": stamp, "to": 3, "upto": 1, "last_seq": 2, "unread": 1}
    fields |= {"rooms": [{"id": "r", "last_seq": 0}], "code": "internal"}
    fields[chance.choice(list(fields))] = chance.choice(NUMBERS)
    payload = bytearray(msgpack.packb(fields))
    while chance.random() < 0.4:
        payload[chance.randrange(len(payload))] = chance.randrange(256)
    return framed(bytes(payload[: chance.randrange(3, 900)]))


async def serve(chance: Random, stream: trio.SocketStream) -> None:
    request = b""
    while not request.endswith(b"\r\n\r\n"):
        request += await receive_exactly(stream, 1)
    welcome = {"t": "welcome", "rooms": [{"id": "r", "last_seq": 0}]}
    babble = b"".join(frame(chance) for _ in range(100))
    try:
        await stream.send_all(ANSWER + framed(msgpack.packb(welcome)) + babble)
        await trio.sleep(0.3)
        await stream.send_all(chance.randbytes(100))
    except trio.BrokenResourceError:
        pass
    await stream.aclose()
