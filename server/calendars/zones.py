"""Time zones as iCalendar tells them (RFC 5545, section 3.6.5)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from icalendar import Timezone, TimezoneDaylight, TimezoneStandard

STEP: Final = timedelta(hours=6)
"""No zone has changed its clocks twice in so short a time."""
SECOND: Final = timedelta(seconds=1)


class Observance(NamedTuple):
    """What clocks are told from a moment on, which is in UTC."""

    begins: datetime
    offset: timedelta
    name: str


def zone_told(zone: ZoneInfo, first: datetime, last: datetime) -> Timezone:
    """What *zone* is from *first* to *last*, both in UTC.

    The library can say that as well, but has clocks go forward an hour late: an onset is told by
    the clock that was right before it. The least offset is standard, so that one is: some readers
    need it.
    """
    told = Timezone()
    told.add("TZID", zone.key)
    every = list(_observances(zone, first, last))
    least, before = min(each.offset for each in every), every[0].offset
    for each in every:
        part = TimezoneStandard() if each.offset == least else TimezoneDaylight()
        part.add("DTSTART", (each.begins + before).replace(tzinfo=None))
        part.add("TZOFFSETFROM", before)
        part.add("TZOFFSETTO", each.offset)
        part.add("TZNAME", each.name)
        told.add_component(part)
        before = each.offset
    return told


def _observances(zone: ZoneInfo, first: datetime, last: datetime) -> Iterator[Observance]:
    held = _observed(zone, first)
    yield held
    at = first
    while at < last:
        at += STEP
        if _observed(zone, at)[1:] != held[1:]:
            held = _observed(zone, _change(zone, at - STEP, at))
            yield held


def _change(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """The first second of what holds *after*."""
    then = _observed(zone, after)[1:]
    while after - before > SECOND:
        middle = before + (after - before) // SECOND // 2 * SECOND
        if _observed(zone, middle)[1:] == then:
            after = middle
        else:
            before = middle
    return after


def _observed(zone: ZoneInfo, at: datetime) -> Observance:
    there = at.astimezone(zone)
    return Observance(at, there.utcoffset() or timedelta(), there.tzname() or zone.key)
