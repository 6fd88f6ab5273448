"""Age groups of a campaign (specification 002), and the birth dates that are in each."""

from __future__ import annotations

from datetime import date, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from actors.rules.local_time import local_time


class AgeGroup(StrEnum):
    """Who a campaign is for, by age in whole years."""

    TEENS = "TEENS"
    TWENTIES = "TWENTIES"
    THIRTIES = "THIRTIES"
    FORTIES = "FORTIES"
    FIFTIES_PLUS = "FIFTIES_PLUS"

    @property
    def ages(self) -> tuple[int, int | None]:
        """The lowest and the highest age, both inclusive; None: there is no highest."""
        return _AGES[self]


_AGES: Final[dict[AgeGroup, tuple[int, int | None]]] = {
    AgeGroup.TEENS: (10, 19),
    AgeGroup.TWENTIES: (20, 29),
    AgeGroup.THIRTIES: (30, 39),
    AgeGroup.FORTIES: (40, 49),
    AgeGroup.FIFTIES_PLUS: (50, None),
}


def born_between(group: AgeGroup, today: date) -> tuple[date | None, date]:
    """The earliest and the latest birth date of who is in *group* on *today*, both inclusive.

    None: there is no earliest. *today* is after the year 50; ValueError before.

    >>> [str(born) for born in born_between(AgeGroup.TWENTIES, date(2024, 2, 29))]
    ['1994-03-01', '2004-02-29']
    """
    lowest, highest = group.ages
    earliest = None if highest is None else _latest(highest + 1, today) + timedelta(days=1)
    return earliest, _latest(lowest, today)


def age_on(born: date, today: date) -> int:
    """The age in whole years; negative before the birth.

    Who was born on 29 February is a year older from 1 March on, where a year has no such day.

    >>> age_on(date(2000, 2, 29), date(2025, 2, 28)), age_on(date(2000, 2, 29), date(2025, 3, 1))
    (24, 25)
    """
    before_birthday = (today.month, today.day) < (born.month, born.day)
    return today.year - born.year - before_birthday


def today_in(zone: ZoneInfo | str, now_ms: int) -> date:
    """The date in *zone* (or the zone of that name) at *now_ms*, milliseconds since the epoch.

    >>> now_ms = 1_704_034_800_000  # 2023-12-31 15:00 in UTC
    >>> str(today_in("Asia/Seoul", now_ms)), str(today_in("UTC", now_ms))
    ('2024-01-01', '2023-12-31')
    """
    return local_time(zone, now_ms).date()


def _latest(age: int, today: date) -> date:
    """The latest birth date of who is *age* or older."""
    year = today.year - age
    try:
        return today.replace(year=year)
    except ValueError:
        if (today.month, today.day) != (2, 29):
            raise
        return date(year, 2, 28)
