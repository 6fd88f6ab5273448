"""Quiet hours are what the clock on the wall says, in every zone and on every day."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from functools import cache
from itertools import pairwise, product
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from actors.notification_records import QuietHours
from actors.rules.quiet_hours import quiet_until
from protocol.ids import Millis

HOUR_MS = 3_600_000
FIRST, LAST = 0, 4_102_444_800_000  # to the year 2100
ZONES = sorted(available_timezones())
NIGHT = QuietHours("22:00", "07:00")


def at(text: str, zone: str = "Asia/Seoul", *, fold: int = 0) -> Millis:
    when = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold)
    return Millis(round(when.timestamp() * 1000))


def wall(zone: str, now: int) -> datetime:
    return datetime.fromtimestamp(now // 1000, UTC).astimezone(ZoneInfo(zone))


def begun(quiet: QuietHours, zone: str, now: int) -> datetime | None:
    """The day of the window that holds by the clock on the wall."""
    here = wall(zone, now)
    start, end = time.fromisoformat(quiet.start), time.fromisoformat(quiet.end)
    today = datetime.combine(here.date(), time())
    clock, yesterday = here.time(), today - timedelta(days=1)
    if today.weekday() in quiet.days and start <= clock and (clock < end or end <= start):
        return today
    if yesterday.weekday() in quiet.days and end <= start and clock < end:
        return yesterday
    return None


@cache
def changes(zone: str, year: int) -> list[int]:
    """About when clocks were changed there, or will be."""
    begin = datetime(year, 1, 1, tzinfo=UTC)
    days = [round((begin + timedelta(days=n)).timestamp() * 1000) for n in range(367)]
    offsets = [offset(zone, day) for day in days]
    return [day for day, (one, other) in zip(days, pairwise(offsets), strict=False) if one != other]


def offset(zone: str, now: int) -> timedelta:
    found = wall(zone, now).utcoffset()
    assert found is not None
    return found


@st.composite
def somewhere(draw: st.DrawFn) -> tuple[str, Millis]:
    """A zone and an instant, often of a day on which clocks are changed."""
    zone = draw(st.sampled_from(ZONES))
    near = changes(zone, draw(st.integers(1970, 2040)))
    if near and draw(st.booleans()):
        around = draw(st.integers(-40 * HOUR_MS, 40 * HOUR_MS))
        return zone, Millis(max(FIRST, draw(st.sampled_from(near)) + around))
    return zone, Millis(draw(st.integers(FIRST, LAST)))


CLOCKS = st.sampled_from(["00:00", "00:30", "01:00", "01:30", "02:00", "02:30", "03:00", "23:30"])
CLOCKS |= st.times().map("{:%H:%M}".format)
DAYS = st.just(tuple(range(7))) | st.sets(st.integers(0, 6)).map(tuple)
QUIET = st.builds(QuietHours, CLOCKS, CLOCKS, DAYS)


@given(somewhere(), QUIET)
def test_it_is_quiet_when_the_clock_on_the_wall_says_so(where, quiet):
    zone, now = where
    assert (quiet_until(quiet, zone, now) is not None) == (begun(quiet, zone, now) is not None)


@given(somewhere(), QUIET, st.integers(0, 1000))
def test_it_is_quiet_until_the_end_and_not_then(where, quiet, between):
    zone, now = where
    end, day = quiet_until(quiet, zone, now), begun(quiet, zone, now)
    assume(end is not None)
    assert end > now and end % 1000 == 0
    assert begun(quiet, zone, end) != day  # no window, or the next one
    for then in (end - 1, now + (end - 1 - now) * between // 1000):
        assert begun(quiet, zone, then) == day
        assert quiet_until(quiet, zone, Millis(then)) == end


@given(somewhere(), QUIET)
def test_a_window_is_no_longer_than_a_day_and_what_clocks_are_put_back(where, quiet):
    zone, now = where
    end = quiet_until(quiet, zone, now)
    assume(end is not None)
    back = (offset(zone, now) - offset(zone, end)) // timedelta(milliseconds=1)
    assert end - now <= 24 * HOUR_MS + max(0, back)


def test_every_hour_around_every_change_of_a_year() -> None:
    """Of all zones, those alike once: what a search by chance may leave out."""
    kinds = {tuple((day, offset(zone, day)) for day in changes(zone, 2024)): zone for zone in ZONES}
    assert len(kinds) > 30
    windows = [("22:00", "02:30"), ("02:30", "02:30"), ("00:30", "01:30")]
    for zone, (start, end) in product(kinds.values(), windows):
        quiet = QuietHours(start, end)
        for near, hours in product(changes(zone, 2024), range(-6, 30)):
            now = Millis(near + hours * HOUR_MS)
            until, day = quiet_until(quiet, zone, now), begun(quiet, zone, now)
            if until is None:
                assert day is None
            else:
                assert day == begun(quiet, zone, until - 1) != begun(quiet, zone, until)


@given(somewhere())
def test_all_day_every_day_it_is_quiet_for_good(where):
    zone, now = where
    always = QuietHours("09:00", "09:00")
    for _ in range(3):
        then = quiet_until(always, zone, now)
        assert then is not None and then > now
        now = then


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2024-05-01T21:59:59.999", None),
        ("2024-05-01T22:00:00", "2024-05-02T07:00:00"),
        ("2024-05-02T06:59:59.999", "2024-05-02T07:00:00"),
        ("2024-05-02T07:00:00", None),
        ("2024-12-31T23:00:00", "2025-01-01T07:00:00"),
    ],
)
def test_over_midnight(now, until):
    assert quiet_until(NIGHT, "Asia/Seoul", at(now)) == (until and at(until))


def test_within_a_day_and_for_a_whole_one():
    lunch, sunday = QuietHours("12:00", "13:30"), QuietHours("00:00", "00:00", (6,))
    zone = "Asia/Seoul"
    assert quiet_until(lunch, zone, at("2024-05-01T11:59:59")) is None
    assert quiet_until(lunch, zone, at("2024-05-01T12:00:00")) == at("2024-05-01T13:30:00")
    assert quiet_until(lunch, zone, at("2024-05-01T13:30:00")) is None
    assert quiet_until(sunday, zone, at("2024-05-04T23:59:59")) is None
    assert quiet_until(sunday, zone, at("2024-05-05T00:00:00")) == at("2024-05-06T00:00:00")
    assert quiet_until(sunday, zone, at("2024-05-06T00:00:00")) is None


def test_a_chosen_day_is_the_one_on_which_it_starts():
    friday, zone = QuietHours("22:00", "07:00", (4,)), "Asia/Seoul"
    saturday = at("2024-05-04T07:00:00")
    assert quiet_until(friday, zone, at("2024-05-03T06:00:00")) is None  # still of Thursday
    assert quiet_until(friday, zone, at("2024-05-03T22:00:00")) == saturday
    assert quiet_until(friday, zone, at("2024-05-04T06:00:00")) == saturday
    assert quiet_until(friday, zone, at("2024-05-04T22:00:00")) is None
    assert quiet_until(QuietHours("22:00", "07:00", ()), zone, at("2024-05-03T23:00:00")) is None


BERLIN = "Europe/Berlin"  # in 2024 without 31 March 02:00 to 03:00; 27 October 02:00 to 03:00 twice


def test_a_start_and_an_end_that_do_not_exist_are_when_clocks_are_put_forward():
    forward = at("2024-03-31T03:00:00", BERLIN)
    starts, ends = QuietHours("02:30", "06:00"), QuietHours("22:00", "02:30")
    assert quiet_until(starts, BERLIN, Millis(forward - 1)) is None
    assert quiet_until(starts, BERLIN, forward) == at("2024-03-31T06:00:00", BERLIN)
    assert quiet_until(ends, BERLIN, Millis(forward - 1)) == forward
    assert quiet_until(ends, BERLIN, forward) is None
    assert quiet_until(QuietHours("02:10", "02:50"), BERLIN, forward) is None


def test_an_end_that_comes_twice_ends_it_twice():
    until = QuietHours("22:00", "02:30")
    first, second = (at("2024-10-27T02:30:00", BERLIN, fold=fold) for fold in (0, 1))
    back = at("2024-10-27T02:00:00", BERLIN, fold=1)
    assert second - first == HOUR_MS
    assert quiet_until(until, BERLIN, at("2024-10-26T22:00:00", BERLIN)) == first
    assert quiet_until(until, BERLIN, first) is None
    assert quiet_until(until, BERLIN, Millis(back - 1)) is None
    assert quiet_until(until, BERLIN, back) == second
    assert quiet_until(until, BERLIN, second) is None


def test_an_end_at_which_clocks_are_put_back_is_the_second_one():
    until, eleven = QuietHours("22:00", "03:00"), at("2024-10-26T23:00:00", BERLIN)
    assert quiet_until(until, BERLIN, eleven) == eleven + 5 * HOUR_MS


def test_a_start_that_comes_twice_starts_it_twice():
    since = QuietHours("02:30", "07:00")
    first, second = (at("2024-10-27T02:30:00", BERLIN, fold=fold) for fold in (0, 1))
    back = at("2024-10-27T02:00:00", BERLIN, fold=1)
    assert quiet_until(since, BERLIN, first) == back
    assert quiet_until(since, BERLIN, back) is None
    assert quiet_until(since, BERLIN, second) == at("2024-10-27T07:00:00", BERLIN)


def test_nights_are_longer_or_shorter_where_clocks_change_in_them():
    spring, autumn = at("2024-03-30T22:00:00", BERLIN), at("2024-10-26T22:00:00", BERLIN)
    assert quiet_until(NIGHT, BERLIN, spring) == spring + 8 * HOUR_MS
    assert quiet_until(NIGHT, BERLIN, autumn) == autumn + 10 * HOUR_MS


def test_a_window_ends_with_a_day_that_was_left_out():
    apia = "Pacific/Apia"  # had no 30 December 2011, a Friday
    thursday, friday = QuietHours("22:00", "07:00", (3,)), QuietHours("22:00", "07:00", (4,))
    midnight, seven = at("2011-12-31T00:00:00", apia), at("2011-12-31T07:00:00", apia)
    assert quiet_until(thursday, apia, at("2011-12-29T23:00:00", apia)) == midnight
    assert quiet_until(thursday, apia, midnight) is None
    assert quiet_until(friday, apia, Millis(midnight - 1)) is None
    assert quiet_until(friday, apia, midnight) == seven


@pytest.mark.parametrize("zone", ["", "Asia/Nowhere", "America", "../etc/passwd", "\0", "x" * 300])
def test_a_zone_that_there_is_not_is_the_default_one(zone):
    assert quiet_until(NIGHT, zone, at("2024-05-01T23:00:00")) == at("2024-05-02T07:00:00")
    assert quiet_until(NIGHT, zone, at("2024-05-01T12:00:00")) is None


def test_zones_differ():
    now = at("2024-05-01T23:00:00")
    assert quiet_until(NIGHT, "Asia/Seoul", now) == now + 8 * HOUR_MS
    assert quiet_until(NIGHT, "America/New_York", now) is None
    assert quiet_until(NIGHT, "Asia/Kathmandu", now) is None  # 19:45
