"""Refusals and failures as problem documents (RFC 9457) with the wire's stable codes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from http import HTTPStatus

import msgspec
from msgspec import UNSET, UnsetType
from quart import Quart, Response
from quart_trio import QuartTrio
from werkzeug.exceptions import HTTPException

from actors.ports import OutcomeUnknown, StoreUnavailable
from protocol.errors import MEANING, ErrorCode, ProtocolError
from server.http.ports import Log

MEDIA_TYPE = "application/problem+json"

STATUS: Mapping[ErrorCode, int] = {
    ErrorCode.BAD_FRAME: 400,
    ErrorCode.UNKNOWN_TYPE: 400,
    ErrorCode.INVALID: 400,
    ErrorCode.UNAUTHENTICATED: 401,
    ErrorCode.FORBIDDEN: 403,
    ErrorCode.NOT_FOUND: 404,
    ErrorCode.NOT_MEMBER: 403,
    ErrorCode.BLOCKED: 403,
    ErrorCode.TOO_LARGE: 413,
    ErrorCode.RATE_LIMITED: 429,
    ErrorCode.CONFLICT: 409,
    ErrorCode.GONE: 410,
    ErrorCode.UNAVAILABLE: 503,
    ErrorCode.INTERNAL: 500,
}

CODE_BY_STATUS: Mapping[int, ErrorCode] = {
    401: ErrorCode.UNAUTHENTICATED,
    403: ErrorCode.FORBIDDEN,
    404: ErrorCode.NOT_FOUND,
    408: ErrorCode.BAD_FRAME,
    413: ErrorCode.TOO_LARGE,
    429: ErrorCode.RATE_LIMITED,
    500: ErrorCode.INTERNAL,
    503: ErrorCode.UNAVAILABLE,
}


TITLE: Mapping[ErrorCode, str] = {
    **MEANING,
    ErrorCode.BAD_FRAME: "The body cannot be read: no JSON text in UTF-8, or it came too slowly.",
}
"""What a code means over HTTP, where there are no frames."""


class Problem(msgspec.Struct, kw_only=True):
    """Why a request was refused. Programs decide by ``code``; the texts are for people."""

    type: str
    title: str
    status: int
    detail: str
    code: ErrorCode
    fields: dict[str, str] | UnsetType = UNSET
    retry_after_ms: int | UnsetType = UNSET


class OddRequest(ProtocolError):
    """``invalid``, with a status of its own."""

    status: int

    def __init__(self, message: str) -> None:
        super().__init__(ErrorCode.INVALID, message)


class UnsupportedMediaType(OddRequest):
    """The body is of another kind."""

    status = 415


class PreconditionFailed(OddRequest):
    """The request is of another version of a protocol."""

    status = 412


class RangeNotSatisfiable(OddRequest):
    """There is nothing where the range is."""

    status = 416

    def __init__(self, size: int) -> None:
        super().__init__(f"the file has {size} bytes")
        self.size = size


def problem(error: ProtocolError, *, status: int | None = None) -> Response:
    """*error* as a response."""
    if status is None:
        status = error.status if isinstance(error, OddRequest) else STATUS[error.code]
    no_field = error.code is ErrorCode.INVALID and status != STATUS[error.code]
    document = Problem(
        type=f"/docs#{error.code.value}",
        title=HTTPStatus(status).phrase if no_field else TITLE[error.code],
        status=status,
        detail=error.message,
        code=error.code,
        fields=UNSET if error.fields is None else dict(error.fields),
        retry_after_ms=UNSET if error.retry_after_ms is None else error.retry_after_ms,
    )
    response = Response(msgspec.json.encode(document), status=status, content_type=MEDIA_TYPE)
    if error.retry_after_ms is not None:
        response.headers["Retry-After"] = str(math.ceil(error.retry_after_ms / 1000))
    if isinstance(error, RangeNotSatisfiable):
        response.headers["Content-Range"] = f"bytes */{error.size}"
    if status == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = 'Bearer realm="madang"'
    return response


def answer_failures(app: QuartTrio, *, log: Log) -> None:
    """Have *app* answer whatever goes wrong with a problem document, and log what is our fault."""

    async def refused(error: ProtocolError) -> Response:
        return problem(error)

    async def store_away(_: StoreUnavailable) -> Response:
        again = ProtocolError(ErrorCode.UNAVAILABLE, retry_after_ms=1_000)
        return problem(again)

    async def outcome_unknown(_: OutcomeUnknown) -> Response:
        text = "the answer of the database was lost: it may have been done, or not"
        return problem(ProtocolError(ErrorCode.UNAVAILABLE, text, retry_after_ms=1_000))

    async def http_error(error: HTTPException) -> Response:
        return _http_problem(error)

    async def failed(error: Exception) -> Response:
        log.error("request_failed", exc_info=error)
        return problem(ProtocolError(ErrorCode.INTERNAL))

    for kind, handler in (
        (ProtocolError, refused),
        (StoreUnavailable, store_away),
        (OutcomeUnknown, outcome_unknown),
        (HTTPException, http_error),
        (Exception, failed),
    ):
        Quart.register_error_handler(app, kind, handler)


def _http_problem(error: HTTPException) -> Response:
    status = error.code or 500
    code = CODE_BY_STATUS.get(status, ErrorCode.INVALID)
    headers = dict(error.get_headers())
    detail = HTTPStatus(status).phrase
    if "Allow" in headers:
        detail = f"this path takes {headers['Allow']}"
    refused = problem(ProtocolError(code, detail), status=status)
    if "Allow" in headers:
        refused.headers["Allow"] = headers["Allow"]
    return refused
