"""What the clock on the wall shows somewhere."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo


def local_time(zone: ZoneInfo | str, now_ms: int) -> datetime:
    """*now_ms* (milliseconds since the epoch) in *zone*, to the second.

    Raises ZoneInfoNotFoundError for a name that the time zone database does not have.

    >>> local_time("Asia/Seoul", 1_700_000_000_000).isoformat()
    '2023-11-15T07:13:20+09:00'
    """
    where = ZoneInfo(zone) if isinstance(zone, str) else zone
    return datetime.fromtimestamp(now_ms // 1000, where)
