"""Frames as a program sees them, and msgpack on both sides of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgpack

from protocol.client.errors import BrokenStream, RequestError


class Record(dict[str, Any]):
    """A frame, or a map inside one: a dict whose fields are attributes too.

    An absent field is None as an attribute and a KeyError as a key.

    >>> message = Record(t="message", seq=7)
    >>> message.seq, message["seq"], message.reply_to
    (7, 7, None)
    """

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return self.get(name)


def encode(fields: Mapping[str, Any], *, most: int) -> bytes:
    """The bytes of a request without its None fields. Raises RequestError when they cannot be sent.

    >>> encode({"t": "ping", "rid": None}, most=100)
    b'\\x81\\xa1t\\xa4ping'
    """
    present = {name: value for name, value in fields.items() if value is not None}
    try:
        data: bytes = msgpack.packb(present)
    except (TypeError, ValueError, OverflowError) as error:
        raise RequestError("invalid", f"this cannot be sent: {error}") from error
    if len(data) > most:
        raise RequestError("too_large", f"{len(data)} bytes, and the server takes {most}")
    return data


def decode(data: bytes | str) -> Record:
    """The frame in one message of the server. Raises BrokenStream when there is none."""
    if isinstance(data, str):
        raise BrokenStream("a text message on a msgpack connection")
    try:
        frame = msgpack.unpackb(data, object_hook=Record)
    except ValueError as error:
        raise BrokenStream(f"not msgpack: {error}") from error
    if not isinstance(frame, Record) or not isinstance(frame.t, str):
        raise BrokenStream("no map with a type")
    return frame
