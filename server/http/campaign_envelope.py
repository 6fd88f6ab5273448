"""The envelope of specification 002: what its paths answer, and refuse, in two languages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Generic, Literal, TypeVar, cast

import msgspec
from msgspec import UNSET, UnsetType
from quart import Response, request
from werkzeug.datastructures import Headers, LanguageAccept
from werkzeug.http import parse_accept_header

from protocol.errors import ErrorCode
from server.http.errors import MEDIA_TYPE, Problem
from server.http.route import Answer

T = TypeVar("T")

Language = Literal["ko", "en"]
Text = Mapping[Language, str]

PATH = "/api/admin/messages"
JSON = "application/json"

REFUSED: Mapping[ErrorCode, Text] = {
    ErrorCode.BAD_FRAME: {"ko": "요청을 읽을 수 없습니다.", "en": "The request cannot be read."},
    ErrorCode.INVALID: {
        "ko": "요청 값이 올바르지 않습니다.",
        "en": "Something in the request is not as it must be.",
    },
    ErrorCode.UNAUTHENTICATED: {"ko": "로그인이 필요합니다.", "en": "A valid token is needed."},
    ErrorCode.FORBIDDEN: {
        "ko": "관리자가 허용된 주소에서만 할 수 있습니다.",
        "en": "This is for admins, at an address where they may act.",
    },
    ErrorCode.NOT_FOUND: {"ko": "찾을 수 없습니다.", "en": "There is no such thing."},
    ErrorCode.TOO_LARGE: {"ko": "요청이 너무 큽니다.", "en": "The request is too large."},
    ErrorCode.RATE_LIMITED: {
        "ko": "요청이 너무 많습니다. 잠시 후 다시 시도해 주세요.",
        "en": "Too many requests: try again later.",
    },
    ErrorCode.CONFLICT: {
        "ko": "지금 상태에서는 할 수 없습니다.",
        "en": "That cannot be done as things stand.",
    },
    ErrorCode.UNAVAILABLE: {
        "ko": "지금은 처리할 수 없습니다. 잠시 후 다시 시도해 주세요.",
        "en": "This cannot be done now: try again later.",
    },
    ErrorCode.INTERNAL: {"ko": "서버 오류가 발생했습니다.", "en": "The server failed."},
}


class Envelope(msgspec.Struct, Generic[T]):
    """What was done, in words for people, and as data."""

    success: bool
    message: str
    data: T


class RefusalData(msgspec.Struct, kw_only=True, rename="camel"):
    """Why. Programs decide by ``code``."""

    code: ErrorCode
    fields: dict[str, str] | UnsetType = UNSET
    retry_after_ms: int | UnsetType = UNSET


class Refusal(msgspec.Struct):
    """What was not done (``success`` is false), in words for people, and as data."""

    success: bool
    message: str
    data: RefusalData


def is_enveloped(path: str) -> bool:
    """Whether what is at *path* answers so.

    >>> is_enveloped("/api/admin/messages/send"), is_enveloped("/api/v1/me")
    (True, False)
    """
    return path == PATH or path.startswith(PATH + "/")


def language_of(headers: Headers) -> Language:
    """That of people who read the answer; Korean, unless they rather read English.

    >>> language_of(Headers({"Accept-Language": "en-GB,ko;q=0.5"})), language_of(Headers())
    ('en', 'ko')
    """
    accepted = parse_accept_header(headers.get("Accept-Language", ""), LanguageAccept)
    known = (tag.partition("-")[0].lower() for tag, quality in accepted if quality)
    return cast("Language", next((tag for tag in known if tag in ("ko", "en")), "ko"))


def good(headers: Headers, text: Text, data: T, *, status: int = 200) -> Answer:
    """An answer to a request with *headers*."""
    return Answer(status, Envelope(success=True, message=text[language_of(headers)], data=data))


async def enveloped(response: Response) -> Response:
    """*response*, whose refusals on these paths are in the envelope, not in a problem document."""
    if response.content_type != MEDIA_TYPE or not is_enveloped(request.path):
        return response
    problem = msgspec.json.decode(await response.get_data(), type=Problem)
    text = REFUSED.get(problem.code, REFUSED[ErrorCode.INVALID])[language_of(request.headers)]
    data = RefusalData(
        code=problem.code, fields=problem.fields, retry_after_ms=problem.retry_after_ms
    )
    response.set_data(msgspec.json.encode(Refusal(success=False, message=text, data=data)))
    response.content_type = JSON
    return response
