"""Meetings as calendars take them: iCalendar (RFC 5545, and RFC 5546 for what is sent)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

import msgspec
from icalendar import Calendar, Event, vCalAddress, vDuration, vGeo, vText

from protocol.ids import Millis
from server.calendars.zones import zone_told

Method = Literal["PUBLISH", "REQUEST", "CANCEL"]
Status = Literal["CONFIRMED", "CANCELLED"]

MEDIA_TYPE: Final = "text/calendar; charset=utf-8"
PRODUCT: Final = "-//Madang//Meetings//EN"
AGAIN: Final = timedelta(minutes=15)
"""How often a feed is worth asking for."""
NOBODY_S: Final = "invalid:nomail"
"""The address of people who are named only: nobody's e-mail address is told to anybody."""
DAY, YEAR = timedelta(days=1), timedelta(days=366)
"""How much of a zone is told after what is in it, and before: what clocks do all year."""
UNWRITABLE: Final = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where it is; coordinates are in degrees, both or neither."""

    name: str
    address: str = ""
    latitude: float | None = None
    longitude: float | None = None


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One meeting. ``uid`` is its own for ever; of two with the same one that with the higher
    ``sequence`` holds. ``zone``: the IANA name of the one whose clocks it goes by. ``stamped_at``:
    when it last changed. People are names.
    """

    uid: str
    sequence: int
    starts_at: Millis
    ends_at: Millis
    zone: str
    title: str
    stamped_at: Millis
    status: Status = "CONFIRMED"
    place: Place | None = None
    description: str = ""
    organizer: str = ""
    attendees: Sequence[str] = ()


def calendar_of(entries: Iterable[Entry], *, name: str, method: Method = "PUBLISH") -> bytes:
    """The text of a calendar called *name*, with the zones that it speaks of.

    *method*: PUBLISH for a feed, which names no attendees (RFC 5546, section 3.2.1); REQUEST and
    CANCEL for what asks one person's calendar to take a meeting in or out. Raises
    ZoneInfoNotFoundError for a zone that there is not.
    """
    entries = list(entries)
    told = Calendar()
    told.add("PRODID", PRODUCT)
    told.add("VERSION", "2.0")
    told.add("METHOD", method)
    told.add("X-WR-CALNAME", vText(_plain(name)))
    if method == "PUBLISH":
        told.add("REFRESH-INTERVAL", vDuration(AGAIN), parameters={"VALUE": "DURATION"})
        told.add("X-PUBLISHED-TTL", vDuration(AGAIN))
    events = [_event(each, method) for each in entries]
    for part in (*_zones(entries), *events):
        told.add_component(part)
    data: bytes = told.to_ical()
    return data


def _zones(entries: Sequence[Entry]) -> Iterable[Any]:
    spoken = [each for each in entries if _is_local(each)]
    for zone in dict.fromkeys(each.zone for each in spoken):
        those = [each for each in spoken if each.zone == zone]
        first = min(_utc(each.starts_at) for each in those) - YEAR
        last = max(_utc(each.ends_at) for each in those) + DAY
        yield zone_told(ZoneInfo(zone), first, last)


def _event(entry: Entry, method: Method) -> Event:
    event = Event()
    event.add("UID", entry.uid)
    event.add("SEQUENCE", entry.sequence)
    event.add("DTSTAMP", _utc(entry.stamped_at))
    event.add("LAST-MODIFIED", _utc(entry.stamped_at))
    event.add("DTSTART", _told(entry, entry.starts_at))
    event.add("DTEND", _told(entry, entry.ends_at))
    event.add("SUMMARY", _plain(entry.title))
    event.add("STATUS", entry.status)
    if entry.description:
        event.add("DESCRIPTION", _plain(entry.description))
    _add_place(event, entry.place)
    _add_people(event, entry, method)
    return event


def _add_place(event: Event, place: Place | None) -> None:
    if place is None:
        return
    event.add("LOCATION", _plain(", ".join(filter(None, (place.name, place.address)))))
    if place.latitude is not None and place.longitude is not None:
        event.add("GEO", vGeo((place.latitude, place.longitude)))


def _add_people(event: Event, entry: Entry, method: Method) -> None:
    if entry.organizer:
        event.add("ORGANIZER", _person(entry.organizer))
    for each in () if method == "PUBLISH" else entry.attendees:
        event.add("ATTENDEE", _person(each))


def _person(name: str) -> vCalAddress:
    person = vCalAddress(NOBODY_S)
    person.params["CN"] = vText(_plain(name).replace("\n", " ").replace('"', "'"))
    return person


def _is_local(entry: Entry) -> bool:
    """Whether the clock in its zone tells when it is. What it shows twice is the first of the two
    (RFC 5545, section 3.3.5): the second has to be told in UTC.
    """
    zone = ZoneInfo(entry.zone)
    ends = (_utc(entry.starts_at), _utc(entry.ends_at))
    return not any(each.astimezone(zone).fold for each in ends)


def _told(entry: Entry, at: Millis) -> datetime:
    return _utc(at).astimezone(ZoneInfo(entry.zone)) if _is_local(entry) else _utc(at)


def _utc(at: Millis) -> datetime:
    return datetime.fromtimestamp(at // 1000, UTC)


def _plain(text: str) -> str:
    r"""*text* without what ends a line, or cannot be in one: of that, ``\n`` alone is escaped.

    >>> _plain("a\r\nb\x00c")
    'a\nb c'
    """
    return UNWRITABLE.sub(" ", text.replace("\r\n", "\n"))
