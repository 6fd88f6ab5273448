"""What the clock on the wall shows somewhere."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

AREAS: Final = "Africa|America|Antarctica|Arctic|Asia|Atlantic|Australia|Etc|Europe|Indian|Pacific"
ZONE: Final = re.compile(rf"({AREAS})/.+|UTC|GMT|[CEMW]ET|[EHM]ST|(EST5E|CST6C|MST7M|PST8P)DT")


def is_zone(name: str) -> bool:
    """Whether *name* is that of a zone wherever there is a time zone database, that of PostgreSQL
    too: an area and a place, or one of those that browsers have beside these. What else stands
    there differs: leap seconds, links of this machine, names of old.

    >>> [is_zone(name) for name in ("Asia/Seoul", "UTC", "right/UTC", "localtime", "Asia/Nowhere")]
    [True, True, False, False, False]
    """
    if not ZONE.fullmatch(name):
        return False
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def local_time(zone: ZoneInfo | str, now_ms: int) -> datetime:
    """*now_ms* (milliseconds since the epoch) in *zone*, to the second.

    Raises ZoneInfoNotFoundError for a name that the time zone database does not have.

    >>> local_time("Asia/Seoul", 1_700_000_000_000).isoformat()
    '2023-11-15T07:13:20+09:00'
    """
    where = ZoneInfo(zone) if isinstance(zone, str) else zone
    return datetime.fromtimestamp(now_ms // 1000, where)
