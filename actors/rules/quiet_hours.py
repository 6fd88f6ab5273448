"""When somebody wants to hear nothing: hours of a day, by the clock on the wall where he is."""

from __future__ import annotations

from bisect import bisect_left
from calendar import timegm
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from actors.notification_records import Preferences, QuietHours
from actors.rules.local_time import local_time
from protocol.ids import Millis

DAY: Final = 86_400
EPOCH_WEEKDAY: Final = 3  # 1 January 1970 was a Thursday


def quiet_until(quiet: QuietHours, zone: str, now: Millis) -> Millis | None:
    """When the window of *quiet* ends that holds at *now*; None outside of all of them.

    What the clock on the wall shows in *zone* decides, and nothing else: the start is in the
    window, the end is not, and where they are the same it is a whole day. A window that began on
    one of the days runs to its end, on the next day, too. Where clocks are put forward over the
    start or the end, it is then that the window starts or ends. Where they are put back, what is
    shown twice counts twice: both ends end it, and between the first and the second it is quiet
    again as soon as the clock shows a time of the window.

    Windows that follow upon each other end one by one: it is never longer than a day and the time
    by which clocks are put back in it. A *zone* that there is not is that of `Preferences`.

    >>> night = QuietHours("22:00", "07:00")
    >>> quiet_until(night, "Asia/Seoul", Millis(1_700_000_000_000))  # 07:13:20
    >>> quiet_until(night, "Asia/Seoul", Millis(1_699_999_000_000))  # 06:56:40
    1699999200000
    """
    where, at = _zone(zone), now // 1000
    window = _window(quiet, _shown(where, at))
    return None if window is None else Millis(1000 * _end(where, at, window))


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo(Preferences().zone)


def _shown(where: ZoneInfo, at: int) -> int:
    """What the clock shows at *at*, as the seconds that it would be in UTC."""
    return timegm(local_time(where, at * 1000).timetuple())


def _window(quiet: QuietHours, shown: int) -> range | None:
    """What the clock shows in the window that has *shown*."""
    start, end = _seconds(quiet.start), _seconds(quiet.end)
    day = (shown - start) // DAY  # on which the last window began, if it is one of those chosen
    begin = day * DAY + start
    window = range(begin, begin + ((end - start) % DAY or DAY))
    return window if (day + EPOCH_WEEKDAY) % 7 in quiet.days and shown in window else None


def _seconds(time: str) -> int:
    hours, minutes = time.split(":")
    return int(hours) * 3600 + int(minutes) * 60


def _end(where: ZoneInfo, at: int, window: range) -> int:
    """The first second after *at* at which the clock shows nothing of *window*."""
    offset = _shown(where, at) - at
    end = window.stop - offset
    if _shown(where, end) - end == offset:
        return end
    later = range(at + 1, end)
    changed = at + 1 + bisect_left(later, 1, key=lambda then: _shown(where, then) - then != offset)
    return _end(where, changed, window) if _shown(where, changed) in window else changed
