"""From a ProtocolError to the ``error`` frame that tells it."""

from __future__ import annotations

from msgspec import UNSET

from protocol.errors import ProtocolError
from protocol.frames import Error


def error_frame(
    error: ProtocolError,
    *,
    rid: int | None = None,
    room: str | None = None,
    id: str | None = None,  # noqa: A002 - the wire's name
) -> Error:
    """An ``error`` frame for *error*; what is None is left out."""
    return Error(
        code=error.code.value,
        message=error.message,
        rid=UNSET if rid is None else rid,
        room=UNSET if room is None else room,
        id=UNSET if id is None else id,
        fields=UNSET if error.fields is None else dict(error.fields),
        retry_after_ms=UNSET if error.retry_after_ms is None else error.retry_after_ms,
    )
