"""When somebody is busy, by a calendar of his that he brings: a file that anybody may have made."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from datetime import time as clock_time
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec
import recurring_ical_events
from icalendar import Calendar, Component

from protocol.ids import Millis

LARGEST: Final = 2**20
"""Bytes of a calendar."""
LONGEST_TITLE, LONGEST_UID = 255, 255
SERIES_S, ALL_S = 0.5, 5.0
"""Seconds of the processor for one event with its repetitions, and for all."""
AGAIN_S: Final = 0.05
REPEATS: Final = ("RRULE", "RDATE", "EXDATE", "RECURRENCE-ID")
MARGIN: Final = timedelta(days=2)
"""More than zones differ by: what has none is placed later."""
UNSEEMLY: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]+")


class Unreadable(Exception):
    """It is no calendar; the text says why."""


class Busy(msgspec.Struct, frozen=True, kw_only=True):
    """A time that somebody has not: in milliseconds since the epoch, the end not in it."""

    starts_at: Millis
    ends_at: Millis
    title: str
    uid: str


class BusyTimes(msgspec.Struct, frozen=True, kw_only=True):
    """The earliest first. ``left_out``: events that could not be read or were too much work, and
    times beyond as many as were wanted.
    """

    items: list[Busy]
    left_out: int


class _TooLong(BaseException):
    """One event takes too much time. No library takes this for an error of its own."""


def busy_in(
    data: bytes, *, start: Millis, end: Millis, most: int, zone: ZoneInfo | None = None
) -> BusyTimes:
    """The times between *start* and *end* that a calendar says one is busy.

    *zone* (UTC): where times without a zone, those of a zone that nobody knows, and whole days are
    meant. What is transparent or cancelled takes no time. Raises Unreadable. Only for the main
    thread of a process that has nothing else to do: see ``server.calendars.reader``.
    """
    if len(data) > LARGEST:
        raise Unreadable(f"has more than {LARGEST} bytes")
    spent_at = time.process_time() + ALL_S
    found, left_out = list[Busy](), 0
    for series in _series(_components(data)):
        try:
            with _at_most(min(SERIES_S, spent_at - time.process_time())):
                found += _times(series, start, end, zone or ZoneInfo("UTC"))
        except (_TooLong, Exception):  # noqa: BLE001 - whatever libraries make of it
            left_out += 1
    found = sorted(set(found), key=lambda each: (each.starts_at, each.ends_at, each.uid))
    return BusyTimes(items=found[:most], left_out=left_out + max(len(found) - most, 0))


def _components(data: bytes) -> list[Component]:
    try:
        calendars = Calendar.from_ical(data, multiple=True)
        events = [event for each in calendars for event in each.walk("VEVENT")]
    except Exception as error:
        raise Unreadable("cannot be read as a calendar") from error
    if not any(each.name == "VCALENDAR" for each in calendars):
        raise Unreadable("is no calendar")
    return events


def _series(events: Iterable[Component]) -> Iterable[Calendar]:
    """A calendar for each event and its exceptions, which have the same UID."""
    by_uid = dict[str, Calendar]()
    for number, event in enumerate(events):
        uid = str(event.get("UID", "")) or f"\n{number}"
        by_uid.setdefault(uid, Calendar()).add_component(event)
    return by_uid.values()


def _times(series: Calendar, start: Millis, end: Millis, zone: ZoneInfo) -> list[Busy]:
    every: list[Any] = series.subcomponents
    if any(each in event for event in every for each in REPEATS):
        first, last = (datetime.fromtimestamp(at / 1000, zone) for at in (start, end))
        every = recurring_ical_events.of(series).between(first - MARGIN, last + MARGIN)
    found = (_busy(each, start, end, zone) for each in every if _takes_time(each))
    return [each for each in found if each.starts_at < each.ends_at]


def _takes_time(event: Any) -> bool:
    said = {str(event.get(each, "")).upper() for each in ("TRANSP", "STATUS")}
    return not said & {"TRANSPARENT", "CANCELLED"}


def _busy(event: Any, start: Millis, end: Millis, zone: ZoneInfo) -> Busy:
    """What of it is between *start* and *end*: outside of that there may be no such year."""
    return Busy(
        starts_at=max(_millis(event.start, zone), start),
        ends_at=min(_millis(event.end, zone), end),
        title=_line(event.get("SUMMARY", ""))[:LONGEST_TITLE],
        uid=_line(event.get("UID", ""))[:LONGEST_UID],
    )


def _millis(at: date, zone: ZoneInfo) -> Millis:
    moment = at if isinstance(at, datetime) else datetime.combine(at, clock_time())
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    return Millis(int(moment.timestamp() * 1000))


def _line(text: Any) -> str:
    said = text[0] if isinstance(text, list) and text else text
    return UNSEEMLY.sub(" ", str(said)).strip()


@contextmanager
def _at_most(seconds: float) -> Iterator[None]:
    """Raise _TooLong in what takes more *seconds* of the processor than that."""

    def stop(*_: object) -> None:
        raise _TooLong

    if seconds <= 0:
        raise _TooLong
    before = signal.signal(signal.SIGVTALRM, stop)
    try:
        # Again, should the first one be raised where exceptions end nothing.
        signal.setitimer(signal.ITIMER_VIRTUAL, seconds, AGAIN_S)
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
