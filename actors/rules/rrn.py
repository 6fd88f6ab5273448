"""What the first seven digits of a Korean resident registration number tell.

Nothing here keeps or names a number: errors carry no part of it, nor do the errors behind them.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from typing import Final, Literal, NamedTuple

Sex = Literal["female", "male"]

CENTURIES: Final = {
    "9": 1800,
    "0": 1800,
    "1": 1900,
    "2": 1900,
    "3": 2000,
    "4": 2000,
    "5": 1900,  # 5 to 8: foreign residents
    "6": 1900,
    "7": 2000,
    "8": 2000,
}
_NUMBER = re.compile(r"([0-9]{6})-?([0-9])(?:[0-9]{6})?")
_THIRTEEN = re.compile(r"(?<!\d)\d{13}(?!\d)")
_BETWEEN = re.compile(r"[\W_]+")


class BadNumber(ValueError):
    """The text is no resident registration number. The message has no digit at all."""


class Registered(NamedTuple):
    """All that is kept of a number."""

    born: date
    sex: Sex
    masked: str  # such as 900101-1******


def derived(number: str) -> Registered:
    """What *number* says: ``900101-1234567``, with or without the hyphen or the last six digits.

    The last six digits are not looked at: numbers given out since October 2020 have no checksum.
    Raises BadNumber.

    >>> derived("900101-1234567")
    Registered(born=datetime.date(1990, 1, 1), sex='male', masked='900101-1******')
    >>> derived("0002294").born
    datetime.date(2000, 2, 29)
    """
    parts = _NUMBER.fullmatch(number)
    if parts is None:
        raise BadNumber("not of the form YYMMDD-NNNNNNN")
    day, code = parts.groups()
    born = _date(CENTURIES[code] + int(day[:2]), int(day[2:4]), int(day[4:]))
    if born is None:
        raise BadNumber("its date is in no calendar")
    return Registered(born, "male" if int(code) % 2 else "female", f"{day}-{code}******")


def holds_number(text: str) -> bool:
    """Whether *text* has thirteen digits in it that may be somebody's number, however parted.

    >>> holds_number("Kim 900101 - 1234567"), holds_number("+82 10-1234-5678")
    (True, False)
    """
    joined = _BETWEEN.sub("", unicodedata.normalize("NFKC", text))
    return any(_is_number(found) for found in _THIRTEEN.findall(joined))


def _is_number(digits: str) -> bool:
    try:
        derived(digits)
    except BadNumber:
        return False
    return True


def _date(year: int, month: int, day: int) -> date | None:
    """None in place of an error: date's own may repeat what it was given."""
    try:
        return date(year, month, day)
    except ValueError:
        return None
