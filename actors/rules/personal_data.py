"""Personal data in texts, hidden before others see them.

A guard against oversight: who wants to tell a number can write it in words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

HIDDEN: Final = "*"
SHORTEST: Final = 9
LONGEST: Final = 20
"""Digits of a number that is hidden, with a plus before them."""

_JOINS: Final = r"\-‐-―−－_"  # noqa: RUF001 - the dashes of many a keyboard
_RUN: Final = re.compile(rf"\d(?:(?:[{_JOINS}()]|[^\S\n]){{0,3}}\d)*")
_PART: Final = re.compile(rf"\d(?:[{_JOINS}]{{0,3}}\d)*")
_PLUSES: Final = ("+", "\uff0b")
_ORDINARY: Final = re.compile(
    r"(?<!\d)(?:[01]?\d|2[0-4]):[0-5]\d(?::[0-5]\d)?(?!\d)"  # times
    r"|\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b",  # UUIDs
    re.IGNORECASE | re.ASCII,
)

_REGISTERED: Final = r"\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{7}"
# What issuers give out (ISO/IEC 7812), and 9, which is for those of one country.
_CARD: Final = (
    r"(?P<card>4\d{12}|3[0689]\d{12}|3[47]\d{13}|(?:35|[4569]\d)\d{14}"
    r"|2(?:2[2-9]|[3-6]\d|7[0-2])\d{13}|[4-6]\d{16,18})"
)
# Of people in Korea, as they are dialled there, and of everybody after a plus.
_PHONE: Final = (
    r"\+?(?:0|820?)10\d{8}|\+[1-9]\d{7,14}|070\d{8}|050\d{8,9}"
    r"|0(?:1[16-9]|2|3[1-3]|4[1-4]|5[1-5]|6[1-4])[2-9]\d{6,7}"
)
_SECRET: Final = re.compile(rf"\+?(?:{_REGISTERED}|{_CARD})")
_PERSONAL: Final = re.compile(rf"{_PHONE}|{_SECRET.pattern}")
_DOUBLED: Final = str.maketrans("0123456789", "0246813579")  # and their digits added up
_DOTTED_PHONE: Final = re.compile(r"(?<![\d.])(?:\+\d{1,3}\.|0)\d{1,2}\.\d{3,4}\.\d{4}(?!\.?\d)")
_EMAIL: Final = re.compile(r"(?<![\w.+%'-])[\w.+%'-]+(?=[@\uff20](?:[\w-]+\.)+[^\W\d_]{2,})")


def masked(text: str) -> str:
    """*text* without resident registration numbers, card numbers, phone numbers and e-mail
    addresses: every digit of a number is a star, and all of an address before its @ is three.

    Numbers are found in any grouping by spaces and hyphens (phone numbers by dots, too), also next
    to others, but not where a hyphen joins them to others. Dates, times, amounts and most ids stay,
    but not what looks like one of those numbers.

    >>> masked("010-1234-5678, ann@example.com, 5월 1일 13:30")
    '***-****-****, ***@example.com, 5월 1일 13:30'
    """
    text = _EMAIL.sub(HIDDEN * 3, text)
    text = _DOTTED_PHONE.sub(lambda found: _starred(found[0]), text)
    return _hidden(text, _PERSONAL)


def masked_always(text: str) -> str:
    """*text* without what is told nobody at all: resident registration and card numbers.

    >>> masked_always("900101-1234567, 4111 1111 1111 1111, 010-1234-5678")
    '******-*******, **** **** **** ****, 010-1234-5678'
    """
    return _hidden(text, _SECRET)


def _hidden(text: str, numbers: re.Pattern[str]) -> str:
    searched = _ORDINARY.sub(lambda found: "\0" * len(found[0]), text)
    shown = list(text)
    for start, end in _spans(searched, numbers):
        shown[start:end] = _starred(text[start:end])
    return "".join(shown)


def _starred(number: str) -> str:
    return re.sub(r"\d", HIDDEN, number)


def _spans(text: str, numbers: re.Pattern[str]) -> Iterator[tuple[int, int]]:
    """Where *numbers* are in *text*: each of one part between spaces, or of several. They may
    overlap: any of them is to be hidden.
    """
    for run in _RUN.finditer(text):
        spans = [part.span() for part in _PART.finditer(text, *run.span())]
        parts = [_digits(text[start:end]) for start, end in spans]
        for first, (start, _) in enumerate(spans):
            number = "+" if text[start - 1 : start] in _PLUSES else ""
            for part, (_, end) in zip(parts[first:], spans[first:], strict=True):
                number += part
                if len(number) > LONGEST:
                    break
                if len(number) >= SHORTEST and _is_one(number, numbers):
                    yield start, end


def _is_one(number: str, numbers: re.Pattern[str]) -> bool:
    found = numbers.fullmatch(number)
    return found is not None and (found["card"] is None or _checks(found["card"]))


def _digits(part: str) -> str:
    return "".join(str(int(c)) for c in part if c.isdecimal())


def _checks(digits: str) -> bool:
    """The formula of Luhn (ISO/IEC 7812-1, annex B)."""
    return sum(map(int, digits[::-2] + digits[-2::-2].translate(_DOUBLED))) % 10 == 0
