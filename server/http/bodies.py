"""Reading a request: every byte of it is somebody else's."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec
from quart import Request
from quart_trio import QuartTrio

from protocol.errors import ErrorCode, ProtocolError
from protocol.expected import blamed
from server.http.errors import UnsupportedMediaType

S = TypeVar("S", bound=msgspec.Struct)

LARGEST_BODY = 2**20
WHOLE_BODY_WITHIN = 10
"""Seconds from the first look to the last byte, however steadily it trickles."""

CANNOT_BE_STORED = re.compile("[\x00\ud800-\udfff]")
PATH_PART = re.compile(r"[^\x00-\x20\x7f]{1,64}")


def limit_bodies(app: QuartTrio) -> None:
    """Refuse bodies that are too large (413) or too slow (408)."""
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_BODY
    app.config["BODY_TIMEOUT"] = WHOLE_BODY_WITHIN


async def read_body(request: Request, kind: type[S]) -> S:
    """The body as *kind*; keys that *kind* does not name are ignored. Raises ProtocolError."""
    if request.mimetype != "application/json":
        raise UnsupportedMediaType("the body must have the Content-Type application/json")
    if request.headers.get("Content-Encoding", "identity") != "identity":
        raise UnsupportedMediaType("the body must come uncompressed, without Content-Encoding")
    return decode(await request.get_data(cache=False, as_text=False, parse_form_data=False), kind)


def decode(data: bytes, kind: type[S]) -> S:
    """The JSON text *data* as *kind*. Raises ProtocolError, never anything else."""
    try:
        text = data.decode()  # msgspec does not look at the bytes of keys it skips
        value = msgspec.json.decode(text, type=kind)
        _refuse_unstorable(text)
    except msgspec.ValidationError as error:
        raise blame(error, kind) from None
    except (msgspec.DecodeError, ValueError, RecursionError):
        _refuse_unstorable_if_readable(data)
        raise ProtocolError(ErrorCode.BAD_FRAME, "the body is no JSON text in UTF-8") from None
    return value


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


def _refuse_unstorable(text: str) -> None:
    """NUL and lone surrogates can only have come as escapes: look closer where there are any."""
    if "\\u" in text:
        _refuse_fields(json.loads(text))


def _refuse_unstorable_if_readable(data: bytes) -> None:
    try:
        _refuse_unstorable(data.decode())
    except (ValueError, RecursionError):
        return


def _refuse_fields(fields: Any) -> None:
    for name, value in fields.items() if isinstance(fields, Mapping) else ():
        if CANNOT_BE_STORED.search(name):
            raise ProtocolError(ErrorCode.INVALID, "a name holds NUL or a lone surrogate")
        if _unstorable(value):
            raise invalid(name, "holds NUL or a lone surrogate")


def _unstorable(value: object) -> bool:
    if isinstance(value, str):
        return CANNOT_BE_STORED.search(value) is not None
    if isinstance(value, Mapping):
        return any(_unstorable(each) for pair in value.items() for each in pair)
    return isinstance(value, list) and any(map(_unstorable, value))
