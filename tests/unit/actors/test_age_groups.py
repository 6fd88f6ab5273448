from __future__ import annotations

from calendar import isleap
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from actors.rules.age_groups import AgeGroup, age_on, born_between, today_in

LEAP_DAYS = [date(year, 2, 29) for year in range(1900, 2101) if isleap(year)]
NEAR_THEM = [day + timedelta(days=more) for day in LEAP_DAYS for more in (-1, 0, 1)]
BIRTHS = st.dates(date(1800, 1, 1), date(2100, 12, 31)) | st.sampled_from(NEAR_THEM)
DAYS = st.dates(date(1900, 1, 1), date(2100, 12, 31)) | st.sampled_from(NEAR_THEM)


def is_in(group: AgeGroup, born: date, today: date) -> bool:
    earliest, latest = born_between(group, today)
    return (earliest is None or earliest <= born) and born <= latest


def test_the_groups_are_those_of_the_specification() -> None:
    assert {group.value: group.ages for group in AgeGroup} == {
        "TEENS": (10, 19),
        "TWENTIES": (20, 29),
        "THIRTIES": (30, 39),
        "FORTIES": (40, 49),
        "FIFTIES_PLUS": (50, None),
    }


@given(BIRTHS, DAYS)
@example(date(2004, 2, 29), date(2024, 2, 29))
@example(date(2004, 2, 29), date(2014, 2, 28))
@example(date(2004, 2, 29), date(2014, 3, 1))
@example(date(2004, 2, 28), date(2014, 2, 28))
def test_birth_dates_and_ages_agree(born: date, today: date) -> None:
    age = age_on(born, today)
    for group in AgeGroup:
        lowest, highest = group.ages
        right = lowest <= age and (highest is None or age <= highest)
        assert is_in(group, born, today) == right


@given(BIRTHS, DAYS)
def test_everybody_of_ten_or_more_is_in_one_group(born: date, today: date) -> None:
    groups = [group for group in AgeGroup if is_in(group, born, today)]
    assert len(groups) == (age_on(born, today) >= 10)


@given(DAYS)
def test_the_first_and_the_last_day_of_each_group_are_in_it(today: date) -> None:
    for group in AgeGroup:
        earliest, latest = born_between(group, today)
        lowest, highest = group.ages
        assert age_on(latest, today) == lowest
        assert age_on(latest + timedelta(days=1), today) == lowest - 1
        assert (earliest is None) == (highest is None)
        if earliest is not None and highest is not None:
            assert age_on(earliest, today) == highest
            assert age_on(earliest - timedelta(days=1), today) == highest + 1


def test_every_day_of_four_years_against_counting_birthdays() -> None:
    born, today, birthdays = date(2000, 2, 29), date(2000, 3, 1), 0
    while today < date(2005, 1, 1):
        birthdays += (today.month, today.day) == (
            (2, 29) if isleap(today.year) else (3, 1)
        ) and today.year > 2000
        assert age_on(born, today) == birthdays
        today += timedelta(days=1)


@given(BIRTHS, DAYS)
def test_one_is_a_year_older_at_most_with_each_day(born: date, today: date) -> None:
    tomorrow = age_on(born, today + timedelta(days=1))
    assert tomorrow - age_on(born, today) in (0, 1)
    assert (age_on(born, today) < 0) == (today < born)


def test_a_year_without_the_ages_is_an_error() -> None:
    with pytest.raises(ValueError, match="year"):
        born_between(AgeGroup.FIFTIES_PLUS, date(50, 2, 28))


@given(st.timezone_keys(), st.datetimes(datetime(1970, 1, 2), datetime(2099, 1, 1)))  # noqa: DTZ001
def test_today_is_the_date_on_the_wall(zone: str, when: datetime) -> None:
    instant = when.replace(tzinfo=UTC)
    now_ms = round(instant.timestamp() * 1000)
    assert today_in(zone, now_ms) == instant.astimezone(ZoneInfo(zone)).date()
    assert today_in(ZoneInfo(zone), now_ms) == today_in(zone, now_ms)


def test_the_last_millisecond_of_a_day_is_of_that_day() -> None:
    midnight = 1_704_034_800_000  # of Seoul
    assert str(today_in("Asia/Seoul", midnight - 1)) == "2023-12-31"
    assert str(today_in("Asia/Seoul", midnight)) == "2024-01-01"


def test_a_zone_that_is_none_is_an_error() -> None:
    with pytest.raises(ZoneInfoNotFoundError):
        today_in("Asia/Seuol", 0)
