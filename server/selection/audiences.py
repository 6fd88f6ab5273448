"""Whom a selection is within."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Final

import numpy as np

from actors.rules.recipients.columns import GENDERS, NOT_BORN, Columns, Ints, Mask
from actors.selection_records import Audience
from protocol.ids import Millis

EPOCH: Final = date(1970, 1, 1)


def within(columns: Columns, audience: Audience, region: int, group: Ints, now: Millis) -> Mask:
    """True for those who are meant. *region* is its code, *group* the numbers of its people."""
    mask = np.ones(len(columns), dtype=np.bool_)
    for each in _conditions(columns, audience, region, group, now):
        mask &= each
    return mask


def _conditions(
    columns: Columns, audience: Audience, region: int, group: Ints, now: Millis
) -> Iterator[Mask]:
    if audience.group_no is not None:
        yield columns.mask_of(group)
    if audience.region is not None:
        yield columns.region == region
    if audience.gender is not None:
        known = audience.gender in GENDERS[1:]
        yield columns.gender == (GENDERS.index(audience.gender) if known else len(GENDERS))
    today = datetime.fromtimestamp(now // 1000, UTC).date()
    if audience.age_from is not None:
        last = days(last_born(today, audience.age_from))
        yield (columns.born != NOT_BORN) & (columns.born <= last)
    if audience.age_to is not None:
        yield columns.born > days(last_born(today, audience.age_to + 1))


def last_born(today: date, age: int) -> date:
    """The latest birth date of those who are *age* years old, or older.

    >>> last_born(date(2026, 3, 1), 18), last_born(date(2026, 2, 28), 18)
    (datetime.date(2008, 3, 1), datetime.date(2008, 2, 28))
    >>> last_born(date(2024, 2, 29), 1)
    datetime.date(2023, 2, 28)
    """
    year = min(max(today.year - age, date.min.year), date.max.year)
    if (today.month, today.day) == (2, 29):
        return date(year, 3, 1) - timedelta(days=1)
    return today.replace(year=year)


def days(day: date) -> int:
    """Days from 1970-01-01."""
    return (day - EPOCH).days
