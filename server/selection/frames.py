"""What goes between the server and the process that selects: msgpack after its length."""

from __future__ import annotations

from typing import Any, BinaryIO, Final

import msgspec

from actors.selection_records import Selected, SelectionAsked, SelectionFigures, Told

HEAD: Final = 4
"""Bytes of a length."""


class Begin(msgspec.Struct, tag=True):
    """The first: where the users are, and what the phone numbers of test accounts begin with."""

    database_url: str
    test_prefix: str


class Select(msgspec.Struct, tag=True):
    """Choose."""

    number: int
    asked: SelectionAsked


class Explain(msgspec.Struct, tag=True):
    """Say of one person why."""

    number: int
    asked: SelectionAsked
    user_no: int


class Figure(msgspec.Struct, tag=True):
    """Say how it is."""

    number: int


class Answer(msgspec.Struct, tag=True):
    """To the request of that number: what came of it, or the program's fault."""

    number: int
    selected: Selected | None = None
    told: Told | None = None
    figures: SelectionFigures | None = None
    fault: str = ""


class Alive(msgspec.Struct, tag=True):
    """Facts of everybody are there; sent again and again."""


class Ended(msgspec.Struct, tag=True):
    """The last: why the process ends."""

    reason: str


Request = Select | Explain | Figure
Report = Answer | Alive | Ended


def framed(frame: Begin | Request | Report) -> bytes:
    """*frame* as it is sent."""
    body = msgspec.msgpack.encode(frame)
    return len(body).to_bytes(HEAD) + body


def read_frame(stream: BinaryIO, kind: Any) -> Any:
    """The next frame, of *kind*; None where there are no more."""
    head = stream.read(HEAD)
    length = int.from_bytes(head)
    body = stream.read(length)
    if len(head) < HEAD or len(body) < length:
        return None
    return msgspec.msgpack.decode(body, type=kind)
