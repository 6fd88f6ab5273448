"""Reading a request: every byte of it is somebody else's."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from typing import Any, TypeVar

import msgspec
import trio
from hypercorn.typing import ASGIReceiveCallable, ASGISendCallable
from quart import Request
from quart_trio import QuartTrio
from quart_trio.asgi import TrioASGIHTTPConnection
from quart_trio.wrappers import TrioRequest
from quart_trio.wrappers.request import TrioBody
from werkzeug.exceptions import RequestEntityTooLarge, RequestTimeout

from protocol.errors import ErrorCode, ProtocolError
from protocol.expected import blamed, place_of
from server.http.errors import UnsupportedMediaType

S = TypeVar("S", bound=msgspec.Struct)

LARGEST_BODY = 2**20
MOST_HELD = 64 * 1024
"""Bytes of a body that its route has not taken yet, and perhaps a part more."""
WHOLE_BODY_WITHIN = 10
"""Seconds from the first look to the last byte, however steadily it trickles."""

CANNOT_BE_STORED = re.compile("[\x00\ud800-\udfff]")
ESCAPED = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")
"""How what cannot be stored comes; halves of what can be look alike."""
PATH_PART = re.compile(r"[^\x00-\x20\x7f]{1,64}")


class InParts(msgspec.Struct):
    """A body whose items are raw: whoever takes one decodes it, and sees to what is in it."""


class PacedBody(TrioBody):
    """A body that is taken in parts, and holds little of what nobody has taken yet."""

    def __init__(self, expected_content_length: int | None, _: int | None) -> None:
        super().__init__(expected_content_length, None)
        self._lot = trio.lowlevel.ParkingLot()

    async def __anext__(self) -> bytes:
        part = await super().__anext__()
        self._lot.unpark_all()
        return part

    async def has_room(self) -> None:
        """Wait until more may come."""
        while len(self._data) >= MOST_HELD:
            await self._lot.park()


class PacedRequest(TrioRequest):
    """A request with such a body, and with what is to be closed when it is over."""

    body_class: type[TrioBody] = PacedBody

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.closing = AsyncExitStack()


class PacedConnection(TrioASGIHTTPConnection):
    """Reads a request no faster than its route does, so that its socket is not read either."""

    async def handle_messages(  # type: ignore[override] # as its base is to that of asyncio
        self, nursery: trio.Nursery, request: Request, receive: ASGIReceiveCallable
    ) -> None:
        """Fill the body until the peer leaves."""
        body = request.body
        assert isinstance(body, PacedBody)  # noqa: S101 - pace_bodies has seen to it
        while (message := await receive())["type"] == "http.request":
            body.append(message["body"])
            if not message["more_body"]:
                body.set_complete()
            await body.has_room()
        nursery.cancel_scope.cancel()

    async def handle_request(  # type: ignore[override] # as its base
        self, nursery: trio.Nursery, request: Request, send: ASGISendCallable
    ) -> None:
        """Answer, and close in the end what the answer needed, also where nobody took it."""
        assert isinstance(request, PacedRequest)  # noqa: S101 - pace_bodies has seen to it
        async with request.closing:
            await super().handle_request(nursery, request, send)


def at_end(request: Request, close: Callable[[], Awaitable[None]]) -> None:
    """Have *close* called when *request* is over. It must not wait."""
    assert isinstance(request, PacedRequest)  # noqa: S101 - pace_bodies has seen to it
    request.closing.push_async_callback(close)


def pace_bodies(app: QuartTrio) -> None:
    """Have no more of a body in memory than its route takes."""
    app.request_class = PacedRequest
    app.asgi_http_class = PacedConnection


class TimedBody:
    """A body as it comes. Raises RequestTimeout for a peer that is too slow to be waited for.

    ``LEAST`` bytes a second on average over ``PATIENCE`` seconds, and something every ``SILENCE``.
    """

    LEAST, PATIENCE, SILENCE = 16 * 1024, 30.0, 10.0

    def __init__(self, parts: AsyncIterator[bytes]) -> None:
        self._parts, self._left = parts, self.PATIENCE

    def __aiter__(self) -> TimedBody:
        return self

    async def __anext__(self) -> bytes:
        began = trio.current_time()
        with trio.move_on_after(min(self._left, self.SILENCE)):
            part = await anext(self._parts)
            waited = trio.current_time() - began
            self._left = min(self.PATIENCE, self._left - waited + len(part) / self.LEAST)
            return part
        raise RequestTimeout


async def read_body(request: Request, kind: type[S]) -> S:
    """The body as *kind*. Keys that *kind* does not name are ignored, unless it forbids them.

    Raises ProtocolError.
    """
    if request.mimetype != "application/json":
        raise UnsupportedMediaType("the body must have the Content-Type application/json")
    if request.headers.get("Content-Encoding", "identity") != "identity":
        raise UnsupportedMediaType("the body must come uncompressed, without Content-Encoding")
    return decode(await _whole(request), kind)


async def _whole(request: Request) -> bytes:
    if (request.content_length or 0) > LARGEST_BODY:
        raise RequestEntityTooLarge
    body = bytearray()
    with trio.move_on_after(WHOLE_BODY_WITHIN):
        async for part in request.body:
            body += part
            if len(body) > LARGEST_BODY:
                raise RequestEntityTooLarge
        return bytes(body)
    raise RequestTimeout


def decode(data: bytes, kind: type[S]) -> S:
    """The JSON text *data* as *kind*. Raises ProtocolError, never anything else."""
    try:
        text = data.decode()  # msgspec does not look at the bytes of keys it skips
        value = _decoded(text, kind)
        if not issubclass(kind, InParts):
            _refuse_unstorable(text, kind)
    except (msgspec.DecodeError, ValueError, RecursionError):
        _refuse_unstorable_if_readable(data, kind)
        raise ProtocolError(ErrorCode.BAD_FRAME, "the body is no JSON text in UTF-8") from None
    return value


def _decoded(text: str, kind: type[S]) -> S:
    try:
        return msgspec.json.decode(text, type=kind)
    except msgspec.ValidationError as error:
        msgspec.json.decode(text, type=msgspec.Raw)  # what is no JSON text has no fields to blame
        raise blame(error, kind) from None


def read_query(args: Mapping[str, str], kind: type[S]) -> S:
    """The query as *kind*. Raises ProtocolError."""
    _refuse_fields(args)
    try:
        return msgspec.convert(args, kind, strict=False)
    except msgspec.ValidationError as error:
        raise blame(error, kind) from None


def check_path(parts: Mapping[str, str]) -> None:
    """A part that no id can be names nothing: ``not_found``."""
    if not all(PATH_PART.fullmatch(part) for part in parts.values()):
        raise ProtocolError(ErrorCode.NOT_FOUND)


def blame(error: msgspec.ValidationError, kind: type[msgspec.Struct]) -> ProtocolError:
    """``invalid``, naming the field of *kind* where there is one to name."""
    found = blamed(error, kind)
    if found is None:
        return ProtocolError(ErrorCode.INVALID, "the body must be a JSON object")
    return invalid(*found)


def invalid(field: str, why: str) -> ProtocolError:
    """An ``invalid`` that blames one field."""
    return ProtocolError(ErrorCode.INVALID, fields={field: why})


def _refuse_unstorable(text: str, kind: type[msgspec.Struct]) -> None:
    """NUL and lone surrogates can only have come as escapes: look closer where there are some."""
    if ESCAPED.search(text):
        _refuse_fields(json.loads(text), kind)


def _refuse_unstorable_if_readable(data: bytes, kind: type[msgspec.Struct]) -> None:
    try:
        _refuse_unstorable(data.decode(), kind)
    except (ValueError, RecursionError):
        return


def _refuse_fields(fields: Any, kind: type[msgspec.Struct] | None = None) -> None:
    for name, value in fields.items() if isinstance(fields, Mapping) else ():
        if CANNOT_BE_STORED.search(name):
            raise ProtocolError(ErrorCode.INVALID, "a name holds NUL or a lone surrogate")
        way = _way_to_unstorable(value)
        if way is not None:
            raise invalid(place_of([name, *way], kind), "holds NUL or a lone surrogate")


def _way_to_unstorable(value: object) -> list[str] | None:
    """The names down to what cannot be stored in *value*; None where all can."""
    if isinstance(value, str):
        return [] if CANNOT_BE_STORED.search(value) else None
    if isinstance(value, Mapping):
        for name, each in value.items():
            if CANNOT_BE_STORED.search(name):
                return []
            if (way := _way_to_unstorable(each)) is not None:
                return [name, *way]
    if isinstance(value, list) and any(_way_to_unstorable(each) is not None for each in value):
        return []
    return None
