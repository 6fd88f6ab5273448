"""Personal data in texts, hidden before others see them.

A guard against oversight: who wants to tell a number can write it in words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Final, NamedTuple

HIDDEN: Final = "*"

_JOINS: Final = r"\-‐-―−－_"  # noqa: RUF001 - the dashes of many a keyboard


def _runs(least: int) -> re.Pattern[str]:
    return re.compile(rf"\d(?:(?:[{_JOINS}()]|[^\S\n]){{0,3}}\d){{{least - 1},}}")


_SHORTEST: Final = _runs(8)  # with a plus before them
_SHORTEST_SECRET: Final = _runs(13)
_APART: Final = "\0" * 20
"""Longer than any number."""
_JOIN: Final = re.compile(rf"[{_JOINS}]")
_PART: Final = re.compile(rf"\d(?:[{_JOINS}]{{0,3}}\d)*")
_PLUSES: Final = ("+", "\uff0b")
_ORDINARY: Final = re.compile(
    r"(?<!\d)(?:[01]?\d|2[0-4]):[0-5]\d(?::[0-5]\d)?(?!\d)"  # times
    r"|\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b",  # UUIDs
    re.IGNORECASE | re.ASCII,
)


class _Kind(NamedTuple):
    """Numbers that begin so, with as many digits after the plus: the longest first."""

    head: re.Pattern[str]
    lengths: Sequence[int]
    checks: bool = False


def _kinds(*kinds: tuple[str, Sequence[int]], checks: bool = False) -> tuple[_Kind, ...]:
    return tuple(_Kind(re.compile(head), lengths, checks) for head, lengths in kinds)


_BORN: Final = r"(?=\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01]))"
_REGISTERED: Final = _kinds((r"\+?" + _BORN, (13,)))
# What issuers give out (ISO/IEC 7812), and 9, which is for those of one country.
_CARDS: Final = _kinds(
    (r"\+?(?=4)", (19, 18, 17, 16, 13)),
    (r"\+?(?=[56])", (19, 18, 17, 16)),
    (r"\+?(?=35|9|2(?:2[2-9]|[3-6]\d|7[0-2]))", (16,)),
    (r"\+?(?=3[47])", (15,)),
    (r"\+?(?=3[0689])", (14,)),
    checks=True,
)
# Of people in Korea, as they are dialled there, and of everybody after a plus.
_PHONES: Final = _kinds(
    (r"\+?(?=82010)", (13,)),
    (r"\+?(?=8210)", (12,)),
    (r"\+?(?=010)|(?=070)", (11,)),
    (r"\+(?=[1-9])", range(15, 7, -1)),
    (r"(?=050)", (12, 11)),
    (r"(?=0(?:1[16-9]|3[1-3]|4[1-4]|5[1-5]|6[1-4])[2-9])", (11, 10)),
    (r"(?=02[2-9])", (10, 9)),
)
_SECRET: Final = _REGISTERED + _CARDS
_PERSONAL: Final = _SECRET + _PHONES
_VALUES: Final = bytes.maketrans(b"+0123456789", bytes((0, *range(10))))
_DOUBLED: Final = bytes.maketrans(bytes(range(10)), b"\0\2\4\6\x08\1\3\5\7\t")  # digits added up
# As people write them, and no program its ids and times; 1 begins milliseconds, until 2033.
_GROUPED: Final = re.compile(
    r"\d{6}\D+\d{7}|\d{4}\D+(?:\d{4}\D+\d{4}\D+\d{4}(?:\D+\d{1,3})?|\d{6}\D+\d{4,5})"
)
_BARE: Final = re.compile(rf"(?<![A-Za-z_])(?!1){_BORN}\d{{13}}(?![A-Za-z_])")
_WEIGHTS: Final = (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5)
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
    if "@" in text or "\uff20" in text:
        text = _EMAIL.sub(HIDDEN * 3, text)
    text = _DOTTED_PHONE.sub(lambda found: _starred(found[0]), text)
    return _hidden(text, _PERSONAL, _SHORTEST)


def masked_always(text: str) -> str:
    """*text* without what is told nobody at all: resident registration and card numbers.

    >>> masked_always("900101-1234567, 4111 1111 1111 1111, 010-1234-5678")
    '******-*******, **** **** **** ****, 010-1234-5678'
    """
    return _hidden(text, _SECRET, _SHORTEST_SECRET)


def masked_in_data(text: str) -> str:
    """*text* of programs without the same, where it is written as people write it: registration
    numbers in two parts, or in one with the right check digit; card numbers in groups of four, or
    of four, six and the rest.

    >>> masked_in_data("900101-1234567, 9001011234568, 4111 1111 1111 1111, 1704067200000")
    '******-*******, *************, **** **** **** ****, 1704067200000'
    """
    return _hidden(text, _SECRET, _SHORTEST_SECRET, _is_written)


def _is_written(text: str, start: int, end: int) -> bool:
    if _BARE.match(text, start) and end == start + 13:
        return _checks(text[start:end])
    return _GROUPED.fullmatch(text, start, end) is not None


def _checks(number: str) -> bool:
    """The check digit of a resident registration number; those of foreigners are two beyond it."""
    *values, last = map(int, number)
    total = sum(weight * value for weight, value in zip(_WEIGHTS, values, strict=True))
    return (11 - total % 11 + 2 * (values[6] in (5, 6, 7, 8))) % 10 == last


def _hidden(
    text: str,
    kinds: Sequence[_Kind],
    runs: re.Pattern[str],
    is_meant: Callable[[str, int, int], bool] | None = None,
) -> str:
    if runs.search(text) is None:
        return text
    searched = _in_ascii(_ORDINARY.sub(lambda found: "\0" * len(found[0]), text))
    shown, hidden_to = list(text), 0
    for start, end in sorted(_spans(searched, kinds, runs)):
        if end > hidden_to and (is_meant is None or is_meant(searched, start, end)):
            for place in range(start if start > hidden_to else hidden_to, end):
                if text[place].isdecimal():
                    shown[place] = HIDDEN
            hidden_to = end
    return "".join(shown)


def _starred(number: str) -> str:
    return re.sub(r"\d", HIDDEN, number)


def _spans(text: str, kinds: Sequence[_Kind], runs: re.Pattern[str]) -> Iterator[tuple[int, int]]:
    """Where numbers are in *text*: each of one part between spaces, or of several. They may
    overlap: any of them is to be hidden. Of those that begin in one place the longest of a kind.
    """
    digits, begins, ends = _joined(text, runs)
    sums = _sums(digits)
    for head, lengths, checks in kinds:
        for found in head.finditer(digits):
            begin, first = begins.get(found.start()), found.end()
            if begin is None:
                continue
            for length in lengths:
                end = first + length
                if end in ends and not (checks and (upto := sums[end % 2])[end] - upto[first]) % 10:
                    yield begin, ends[end]
                    break


def _joined(text: str, runs: re.Pattern[str]) -> tuple[str, Mapping[int, int], Mapping[int, int]]:
    """The digits of each run with the plus before them, and by their places among those where in
    *text* the parts begin and end.
    """
    digits, begins, ends = "", dict[int, int](), dict[int, int]()
    for run in runs.finditer(text):
        place, has_plus = len(digits), text[run.start() - 1 : run.start()] in _PLUSES
        digits += "+" * has_plus
        for part in _PART.finditer(text, *run.span()):
            begins[place] = part.start()
            digits += part[0] if part[0].isdecimal() else _JOIN.sub("", part[0])
            place = len(digits)
            ends[place] = part.end()
        digits += _APART
    return digits, begins, ends


def _in_ascii(text: str) -> str:
    if text.isascii():
        return text
    return text.translate({ord(c): str(int(c)) for c in set(text) if c.isdecimal()})


def _sums(digits: str) -> tuple[Sequence[int], Sequence[int]]:
    """The formula of Luhn (ISO/IEC 7812-1, annex B): what the digits up to each place come to, for
    numbers that end at an even place, and at an odd one.
    """
    plain = digits.encode().translate(_VALUES)
    doubled = plain.translate(_DOUBLED)
    even, odd = bytearray(plain), bytearray(plain)
    even[::2], odd[1::2] = doubled[::2], doubled[1::2]
    return [0, *accumulate(even)], [0, *accumulate(odd)]
