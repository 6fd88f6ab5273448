"""The ``Retry-After`` header (RFC 9110, 10.2.3)."""

from __future__ import annotations

from datetime import UTC
from email.utils import parsedate_to_datetime

LONGEST_MS = 24 * 60 * 60 * 1000
"""Who asks for more is asked after a day."""
_MOST_DIGITS = 9


def read_retry_after(text: str, now_ms: int) -> int | None:
    """How many milliseconds to wait, of seconds or of a date; None where it says neither.

    >>> read_retry_after("120", 0), read_retry_after("Thu, 01 Jan 1970 00:00:30 GMT", 10_000)
    (120000, 20000)
    >>> read_retry_after("Wed, 31 Dec 1969 23:59:59 GMT", 0), read_retry_after("soon", 0)
    (0, None)
    """
    if text.isascii() and text.isdigit():
        return LONGEST_MS if len(text) > _MOST_DIGITS else min(int(text) * 1000, LONGEST_MS)
    try:
        at = parsedate_to_datetime(text)
        due_ms = int(at.replace(tzinfo=at.tzinfo or UTC).timestamp() * 1000)
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(due_ms - now_ms, 0), LONGEST_MS)
