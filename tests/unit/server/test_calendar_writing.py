"""What is written is read back the same by a library that knows nothing of ours, which takes zones
from what the file says of them.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from io import StringIO
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import pytest
import vobject
from dateutil.tz import tzical
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.rules.local_time import is_zone
from server.calendars.writing import Entry, Method, Place, calendar_of

ZONES = sorted(filter(is_zone, available_timezones()))
SINCE, UNTIL = (int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) for year in (2000, 2037))
LATELY = SINCE + 25 * 365 * 86_400
HOUR = 3600


def entry(at: int, zone: str = "Asia/Seoul", **more: Any) -> Entry:
    """An hour from *at*, in seconds."""
    given: dict[str, Any] = {
        "uid": "m1@madang",
        "sequence": 1,
        "starts_at": at * 1000,
        "ends_at": (at + HOUR) * 1000,
        "zone": zone,
        "title": "회의",
        "stamped_at": SINCE * 1000,
    }
    return Entry(**given | more)


def read_back(data: bytes) -> Any:
    """By the other library. It would take zones from earlier files, or from a database of its own
    where this one's is UTC at first: it is told to look at this file's alone.
    """
    text, known = data.decode(), vars(vobject.icalendar)["__tzidMap"]
    for name in [each for each in known if each != "UTC"]:
        del known[name]
    zones = tzical(StringIO(text))
    known |= {name: zones.get(name) for name in zones.keys()}  # noqa: SIM118 - it is no mapping
    return vobject.readOne(text)


def instants(event: Any) -> tuple[int, int]:
    ends = (event.dtstart.value, event.dtend.value)
    assert all(each.tzinfo is not None for each in ends)
    start, end = (int(each.timestamp()) for each in ends)
    return start, end


@cache
def changes(zone: str, since: int = SINCE) -> tuple[int, ...]:
    """The seconds at which the clocks of *zone* change, by halving days: from *since* on, for four
    years.
    """
    where, found = ZoneInfo(zone), []

    def offset(at: int) -> Any:
        return datetime.fromtimestamp(at, where).utcoffset()

    for day in range(since, since + 4 * 365 * 86_400, 86_400):
        low, high = day, day + 86_400
        if offset(low) == offset(high):
            continue
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if offset(middle) == offset(low) else (low, middle)
        found.append(high)
    return tuple(found)


@pytest.mark.timeout(300)
def test_every_zone_is_told_right_at_its_changes() -> None:
    """The second before one and the second of it, and the same an hour before and after."""
    for zone in ZONES:
        for change in changes(zone, LATELY)[:2] or (LATELY,):
            around = [change + of * HOUR + by for of in (-1, 0, 1) for by in (-1, 0)]
            entries = [entry(at, zone, uid=str(at)) for at in around]
            events = read_back(calendar_of(entries, name="x")).vevent_list
            assert [instants(each) for each in events] == [(at, at + HOUR) for at in around], zone


@settings(max_examples=300, deadline=None)
@given(data=st.data(), zone=st.sampled_from(ZONES))
def test_instants_come_back_as_they_were(data: st.DataObject, zone: str) -> None:
    years = data.draw(st.integers(0, 32))
    near = st.sampled_from(changes(zone, SINCE + years * 365 * 86_400) or (SINCE,))
    whenever = st.integers(SINCE, UNTIL)
    at = data.draw(whenever | st.builds(int.__add__, near, st.integers(-8_000, 8_000)))
    lasts = data.draw(st.integers(1, 40 * 24 * HOUR))
    wanted = entry(at, zone, ends_at=(at + lasts) * 1000)
    assert instants(read_back(calendar_of([wanted], name="x")).vevent) == (at, at + lasts)


@settings(max_examples=100, deadline=None)
@given(
    some=st.lists(
        st.tuples(st.integers(SINCE, UNTIL), st.sampled_from(ZONES)), min_size=1, max_size=8
    )
)
def test_many_in_many_zones_are_each_told_right(some: list[tuple[int, str]]) -> None:
    entries = [entry(at, zone, uid=str(n)) for n, (at, zone) in enumerate(some)]
    told = read_back(calendar_of(entries, name="x"))
    assert [instants(each)[0] for each in told.vevent_list] == [at for at, _ in some]
    zones = [each.tzid.value for each in getattr(told, "vtimezone_list", [])]
    assert len(zones) == len(set(zones))


LINES = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)


@settings(max_examples=300, deadline=None)
@given(title=LINES, name=LINES, description=LINES, place=LINES, people=st.lists(LINES, max_size=3))
def test_no_text_becomes_anything_else(
    title: str, name: str, description: str, place: str, people: list[str]
) -> None:
    wanted = entry(
        SINCE,
        title=title,
        description=description,
        place=Place(name=place),
        organizer=name,
        attendees=people,
    )
    data = calendar_of([wanted], name=name, method="REQUEST")
    lines = data.split(b"\r\n")
    assert all(len(line) <= 75 and b"\r" not in line and b"\n" not in line for line in lines)
    unfolded = data.replace(b"\r\n ", b"").split(b"\r\n")
    heads = [line.partition(b":")[0].partition(b";")[0] for line in unfolded]
    assert heads.count(b"BEGIN") == heads.count(b"END") == 4  # with a zone, which never changed
    assert heads.count(b"ATTENDEE") == len(people) and heads.count(b"SUMMARY") == 1
    event = read_back(data).vevent
    assert event.summary.value == "".join(map(plain, title.replace("\r\n", "\n")))


def plain(char: str) -> str:
    """What becomes of a character; U+0085, U+2028 and U+2029 end lines elsewhere."""
    ends = char < "\x20" or "\x7f" <= char <= "\x9f" or char in "\u2028\u2029"
    return " " if ends and char != "\n" else char


def test_a_place_is_told_with_where_it_is() -> None:
    place = Place(name="마당, 2층", address="서울; 종로", latitude=37.5665, longitude=-126.978)
    event = read_back(calendar_of([entry(SINCE, place=place)], name="x")).vevent
    assert event.location.value == "마당, 2층, 서울; 종로"
    assert [float(each) for each in event.geo.value.split(";")] == [37.5665, -126.978]


@pytest.mark.parametrize(
    ("method", "named"), [("PUBLISH", []), ("REQUEST", ["민지", 'A "B"']), ("CANCEL", ["민지"])]
)
def test_what_is_sent_names_people_and_no_address(method: Method, named: list[str]) -> None:
    status: Any = "CANCELLED" if method == "CANCEL" else "CONFIRMED"
    wanted = entry(SINCE, status=status, sequence=7, organizer="지우", attendees=named or ["민지"])
    data = calendar_of([wanted], name="x", method=method)
    told = read_back(data)
    event = told.vevent
    assert told.method.value == method and told.version.value == "2.0"
    assert (event.uid.value, event.sequence.value, event.status.value) == ("m1@madang", "7", status)
    assert event.organizer.params["CN"] == ["지우"]
    people = [each.params["CN"][0] for each in event.contents.get("attendee", [])]
    assert people == [each.replace('"', "'") for each in named]
    assert b"mailto" not in data.lower()


def test_the_second_of_two_hours_that_clocks_show_twice_is_told_in_utc() -> None:
    zone, twice = "America/New_York", int(datetime(2026, 11, 1, 5, 30, tzinfo=UTC).timestamp())
    for at, lasts_s, told in (
        (twice, 600, b"DTSTART;TZID=America/New_York:20261101T013000"),
        (twice + HOUR, 600, b"DTSTART:20261101T063000Z"),
        (twice, HOUR, b"DTEND:20261101T063000Z"),
    ):
        wanted = entry(at, zone, ends_at=(at + lasts_s) * 1000)
        data = calendar_of([wanted], name="x")
        assert told in data and instants(read_back(data).vevent) == (at, at + lasts_s)


def test_an_empty_calendar_is_one() -> None:
    assert read_back(calendar_of([], name="x")).name == "VCALENDAR"
