"""What somebody's calendar says of when he is busy, whatever is in it."""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.ports import StoreUnavailable
from protocol.errors import ErrorCode, ProtocolError
from protocol.ids import Millis
from server import apart as apart_module
from server.calendars import importing
from server.calendars.importing import Importing
from server.calendars.reader import Asked
from server.calendars.reading import LARGEST, Busy, BusyTimes, Unreadable, busy_in
from server.calendars.writing import Entry, calendar_of

SEOUL = ZoneInfo("Asia/Seoul")
START, END = (Millis(int(datetime(y, 1, 1, tzinfo=SEOUL).timestamp() * 1000)) for y in (2027, 2028))
DAY = 86_400_000


def file_of(*events: str, before: str = "") -> bytes:
    inside = "".join(f"BEGIN:VEVENT\n{each}\nEND:VEVENT\n" for each in events)
    return f"BEGIN:VCALENDAR\nVERSION:2.0\n{before}{inside}END:VCALENDAR\n".encode()


def read(data: bytes, most: int = 5_000) -> BusyTimes:
    return busy_in(data, start=START, end=END, most=most, zone=SEOUL)


def shown(found: BusyTimes) -> list[str]:
    """Each as it is by the clock in Seoul."""

    def told(at: int) -> str:
        return f"{datetime.fromtimestamp(at / 1000, SEOUL):%m-%d %H:%M}"

    return [f"{told(each.starts_at)}..{told(each.ends_at)}" for each in found.items]


TEN = "DTSTART;TZID=Asia/Seoul:20270301T100000\nDTEND;TZID=Asia/Seoul:20270301T110000"


@pytest.mark.parametrize(
    ("event", "busy"),
    [
        (TEN, ["03-01 10:00..03-01 11:00"]),
        ("DTSTART:20270301T010000Z\nDURATION:PT90M", ["03-01 10:00..03-01 11:30"]),
        ("DTSTART:20270301T100000\nDTEND:20270301T110000", ["03-01 10:00..03-01 11:00"]),
        (TEN.replace("Asia/Seoul", "Nowhere/Land"), ["03-01 10:00..03-01 11:00"]),
        (TEN.replace("Asia/Seoul", "Korea Standard Time"), ["03-01 10:00..03-01 11:00"]),
        (TEN.replace("Asia/Seoul", "Europe/Berlin"), ["03-01 18:00..03-01 19:00"]),
        ("DTSTART;VALUE=DATE:20270301", ["03-01 00:00..03-02 00:00"]),
        ("DTSTART;VALUE=DATE:20270301\nDTEND;VALUE=DATE:20270304", ["03-01 00:00..03-04 00:00"]),
        (TEN + "\nTRANSP:TRANSPARENT", []),
        (TEN + "\nSTATUS:CANCELLED", []),
        (TEN + "\nSTATUS:TENTATIVE\nTRANSP:OPAQUE", ["03-01 10:00..03-01 11:00"]),
        ("DTSTART:20270301T010000Z", []),  # takes no time
        (TEN.replace("2027", "2029"), []),
        (
            "DTSTART:20261231T140000Z\nDTEND:20261231T160000Z",  # begun before
            ["01-01 00:00..01-01 01:00"],
        ),
        (
            TEN + "\nRRULE:FREQ=WEEKLY;COUNT=3\nEXDATE;TZID=Asia/Seoul:20270308T100000",
            ["03-01 10:00..03-01 11:00", "03-15 10:00..03-15 11:00"],
        ),
        (
            TEN + "\nRDATE;TZID=Asia/Seoul:20270305T100000",
            ["03-01 10:00..03-01 11:00", "03-05 10:00..03-05 11:00"],
        ),
    ],
)
def test_what_an_event_takes(event: str, busy: list[str]) -> None:
    found = read(file_of(event))
    assert (shown(found), found.left_out) == (busy, 0)


def test_a_zone_that_the_file_itself_says_is_that_one() -> None:
    zone = (
        "BEGIN:VTIMEZONE\nTZID:Mine\nBEGIN:STANDARD\nDTSTART:19700101T000000\n"
        "TZOFFSETFROM:+0500\nTZOFFSETTO:+0500\nEND:STANDARD\nEND:VTIMEZONE\n"
    )
    found = read(file_of(TEN.replace("Asia/Seoul", "Mine"), before=zone))
    assert shown(found) == ["03-01 14:00..03-01 15:00"]


def test_one_of_a_series_can_be_moved_or_fall_out() -> None:
    weekly = f"UID:a\n{TEN}\nRRULE:FREQ=WEEKLY;COUNT=3"
    moved = "UID:a\nRECURRENCE-ID;TZID=Asia/Seoul:20270308T100000\n" + TEN.replace("0301", "0309")
    out = "UID:a\nRECURRENCE-ID;TZID=Asia/Seoul:20270315T100000\n" + TEN.replace("0301", "0315")
    found = read(file_of(weekly, moved, f"{out}\nSTATUS:CANCELLED"))
    assert shown(found) == ["03-01 10:00..03-01 11:00", "03-09 10:00..03-09 11:00"]


def test_a_rule_goes_by_the_clock_over_a_change_of_it() -> None:
    daily = "DTSTART;TZID=America/New_York:20270313T090000\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=2"
    assert shown(read(file_of(daily))) == ["03-13 23:00..03-14 00:00", "03-14 22:00..03-14 23:00"]


def test_titles_and_uids_are_one_line_that_can_be_stored() -> None:
    text = "SUMMARY:a\\nb\x01\u202ec" + "x" * 1_000 + "\nUID:u" + "y" * 1_000
    [found] = read(file_of(f"{TEN}\n{text}")).items
    assert found.title.startswith("a b cxx") and len(found.title) == len(found.uid) == 255


def test_the_earliest_are_kept_and_the_others_counted() -> None:
    found = read(file_of(f"{TEN}\nRRULE:FREQ=DAILY"), most=3)
    assert shown(found)[0].startswith("03-01") and len(found.items) == 3
    assert found.left_out == 306 - 3  # from 1 March to the end of the year


WEIRD = {
    "secondly": "RRULE:FREQ=SECONDLY",
    "minutely, of old": "RRULE:FREQ=MINUTELY;UNTIL=20280101T000000Z",
    "huge count": "RRULE:FREQ=SECONDLY;COUNT=999999999",
    "never": "RRULE:FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30",
    "never, daily": "RRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
    "each second of a day": "RRULE:FREQ=DAILY;BYHOUR={0};BYMINUTE={1};BYSECOND={1}".format(
        ",".join(map(str, range(24))), ",".join(map(str, range(60)))
    ),
    "interval": "RRULE:FREQ=YEARLY;INTERVAL=0",
    "no rule": "RRULE:FREQ=SOMETIMES",
}


@pytest.mark.parametrize("rule", WEIRD.values(), ids=list(WEIRD))
def test_a_rule_that_is_too_much_work_is_left_out_alone(rule: str) -> None:
    began = time.process_time()
    bad = "UID:bad\nDTSTART:19700101T000000Z\nDURATION:PT1S\n" + rule
    found = read(file_of(bad, f"UID:good\n{TEN}"), most=100)
    assert time.process_time() - began < 4
    assert found.left_out >= 1 or not [each for each in found.items if each.uid == "bad"]
    if len(found.items) < 100:
        assert [each.uid for each in found.items] == ["good"]


def test_all_of_it_together_takes_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.calendars.reading.ALL_S", 1.0)
    bad = [
        f"UID:{n}\nDTSTART:19700101T000000Z\nDURATION:PT1S\nRRULE:FREQ=SECONDLY" for n in range(99)
    ]
    began = time.process_time()
    found = read(file_of(*bad))
    assert (found.items, found.left_out) == ([], 99) and time.process_time() - began < 3


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no calendar",
        b"\xff\xfe\x00",
        bytes(range(256)) * 100,
        b"BEGIN:VCALENDAR\n",
        b"BEGIN:VEVENT\n" * 70_000,
        b"BEGIN:VEVENT\nEND:VEVENT\n",
        b"x" * (LARGEST + 1),
    ],
    ids=["empty", "text", "bytes", "all bytes", "no end", "deep", "an event", "large"],
)
def test_what_is_no_calendar_is_refused(data: bytes) -> None:
    with pytest.raises(Unreadable):
        read(data)


@settings(max_examples=300, deadline=None)
@given(
    lines=st.lists(
        st.builds(
            "{}{}:{}".format,
            st.sampled_from(["DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "EXDATE", "UID",
                             "RECURRENCE-ID", "SUMMARY", "TRANSP", "STATUS", "BEGIN", "END", "X"]),
            st.sampled_from(["", ";VALUE=DATE", ";TZID=Asia/Seoul", ";TZID=", ";VALUE=PERIOD"]),
            st.sampled_from(["20270301", "20270301T100000Z", "00010101T000000", "99991231T235959Z",
                             "20270301T100000Z/PT5H", "P1D", "-P1D", "P99999999999W", "VEVENT",
                             "FREQ=DAILY", "FREQ=YEARLY;COUNT=2", "20270301T250000"]) | st.text(),
        ),
        max_size=12,
    )
)  # fmt: skip
def test_whatever_is_in_an_event_it_is_read_or_left_out(lines: list[str]) -> None:
    data = file_of("\n".join(lines), f"UID:good\n{TEN}")
    try:
        found = read(data.decode().encode("utf-8", "replace"), most=500)
    except Unreadable:
        return
    for each in found.items:
        assert START <= each.starts_at < each.ends_at <= END


@settings(max_examples=100, deadline=None)
@given(
    at=st.integers(START // 1000, END // 1000 - 90_000),
    lasts=st.integers(1, 86_400),
    zone=st.sampled_from(["Asia/Seoul", "America/New_York", "Europe/Dublin", "Africa/Casablanca"]),
)
def test_what_we_write_is_read_as_the_same_time(at: int, lasts: int, zone: str) -> None:
    told = Entry(
        uid="m",
        sequence=0,
        starts_at=Millis(at * 1000),
        ends_at=Millis((at + lasts) * 1000),
        zone=zone,
        title="회의",
        stamped_at=START,
    )
    [found] = read(calendar_of([told], name="x")).items
    assert found == Busy(starts_at=told.starts_at, ends_at=told.ends_at, title="회의", uid="m")


def asked(data: bytes) -> Asked:
    return Asked(data, START, END, 5_000, "Asia/Seoul")


async def test_a_process_of_its_own_finds_the_same() -> None:
    data = file_of(f"{TEN}\nRRULE:FREQ=WEEKLY\nSUMMARY:주간 회의")
    assert await Importing().read(1, asked(data)) == read(data)


async def test_what_is_refused_there_is_told() -> None:
    with pytest.raises(ProtocolError, match="cannot be read as a calendar") as refused:
        await Importing().read(1, asked(b"no calendar"))
    assert refused.value.code is ErrorCode.INVALID
    assert list(refused.value.fields or {}) == ["calendar"]


async def test_a_process_that_takes_too_long_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "WITHIN", 0.01)
    with pytest.raises(StoreUnavailable):
        await Importing().read(1, asked(file_of(TEN)))


async def test_what_ends_its_process_is_the_file_s_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    async def ended(*_: object) -> bytes:
        raise apart_module.Harmful("takes too long to be read")

    monkeypatch.setattr(importing, "apart", ended)
    with pytest.raises(ProtocolError, match="too long"):
        await Importing().read(1, asked(file_of(TEN)))


@pytest.mark.parametrize(
    "inside",
    [
        "BEGIN:VTIMEZONE\nTZID:X{n}\nBEGIN:STANDARD\nDTSTART:19000101T000000\nTZOFFSETFROM:+0100\n"
        "TZOFFSETTO:+0100\nRRULE:FREQ=SECONDLY\nEND:STANDARD\nEND:VTIMEZONE\n",
        "BEGIN:VEVENT\nUID:{n}\nDTSTART:20270301T010000Z\nRRULE:FREQ=SECONDLY\nEND:VEVENT\n",
        "BEGIN:VEVENT\nUID:{n}\nDTSTART:20270301T010000Z\nDURATION:PT1H\nEND:VEVENT\n",
        "BEGIN:VEVENT\nDTSTART:20270301T010000Z\nDURATION:PT1H\nRDATE:20270302T010000Z"
        + ",20270303T010000Z" * 5_000 + "\nEND:VEVENT\n",
    ],
    ids=["zones", "rules", "events", "dates"],
)  # fmt: skip
async def test_a_full_file_of_anything_is_read_or_refused_in_time(inside: str) -> None:
    some = LARGEST // len(inside.format(n=10_000))
    data = file_of(before="".join(inside.format(n=n) for n in range(some)))
    found = None
    with suppress(ProtocolError):
        found = await Importing().read(1, asked(data))
    assert found is None or len(found.items) <= 5_000
