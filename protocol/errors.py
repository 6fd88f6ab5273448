"""Error codes: what went wrong with one request, told by a stable word.

ProtocolError      the client's fault; goes on the wire as an ``error`` frame
└── (decided by ``code``, never by ``message``)
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class ErrorCode(StrEnum):
    """Every ``code`` an ``error`` frame or a problem document may carry."""

    BAD_FRAME = "bad_frame"
    UNKNOWN_TYPE = "unknown_type"
    INVALID = "invalid"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    NOT_MEMBER = "not_member"
    BLOCKED = "blocked"
    TOO_LARGE = "too_large"
    RATE_LIMITED = "rate_limited"
    CONFLICT = "conflict"
    GONE = "gone"
    UNAVAILABLE = "unavailable"
    INTERNAL = "internal"


MEANING: Mapping[ErrorCode, str] = {
    ErrorCode.BAD_FRAME: "The message is no frame: undecodable, no map, no string `t`, too deep.",
    ErrorCode.UNKNOWN_TYPE: "The frame's `t` names no frame of this version.",
    ErrorCode.INVALID: "A field is missing or wrong; `fields` says which and why.",
    ErrorCode.UNAUTHENTICATED: "The token is missing, bad or expired, or `hello` has not come yet.",
    ErrorCode.FORBIDDEN: "This user may not do this.",
    ErrorCode.NOT_FOUND: "There is no such thing, or none that this user may know of.",
    ErrorCode.NOT_MEMBER: "The user was once in this room and is not now.",
    ErrorCode.BLOCKED: "One of the two has blocked the other.",
    ErrorCode.TOO_LARGE: "The request is larger than its limit.",
    ErrorCode.RATE_LIMITED: "Too many requests; `retry_after_ms` says when to come again.",
    ErrorCode.CONFLICT: "It contradicts what is stored, such as an `id` used for other content.",
    ErrorCode.GONE: "It was here and is not any more.",
    ErrorCode.UNAVAILABLE: "The server cannot do this now; the same request may work later.",
    ErrorCode.INTERNAL: "The server failed; nothing is known to be wrong with the request.",
}


class ProtocolError(Exception):
    """A request refused with a stable code.

    ``fields`` maps a field's name to what is wrong with it; ``retry_after_ms`` is milliseconds.
    Without a *message* it is the fields, and without those the meaning of the code.

    >>> ProtocolError(ErrorCode.INVALID, fields={"seq": "missing"}).message
    'seq: missing'
    >>> ProtocolError(ErrorCode.FORBIDDEN).message
    'This user may not do this.'
    """

    def __init__(
        self,
        code: ErrorCode,
        message: str = "",
        *,
        fields: Mapping[str, str] | None = None,
        retry_after_ms: int | None = None,
    ) -> None:
        blame = "; ".join(f"{name}: {why}" for name, why in (fields or {}).items())
        super().__init__(message or blame or MEANING[code])
        self.code = code
        self.fields = fields
        self.retry_after_ms = retry_after_ms

    @property
    def message(self) -> str:
        """Text for people. Nothing decides by it."""
        return str(self.args[0])
