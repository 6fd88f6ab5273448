"""Where a text has the words that were searched, and how much of it is shown around them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice, pairwise
from typing import Final

import msgspec

from actors.rules.searching import SEARCHED_MOST, TYPED, folded, is_plain, pattern_of

SHOWN: Final = 140
BEFORE: Final = 40
"""Characters of an excerpt, and of these before the first word."""
MOVED_MOST: Final = 8
"""Characters that an end of an excerpt may move, so that it tears no syllable."""

TOGETHER: Final = 64
"""Parts of a text that are folded at once."""

_JOINING = range(0x1161, 0x1176), range(0x11A8, 0x11C3)  # vowels and final consonants

Range = tuple[int, int]


class Excerpt(msgspec.Struct):
    """A part of a text, whole where that is short. ``marks`` are the words in it, ascending and
    apart: each from a code point up to, and without, another.
    """

    text: str
    marks: list[Range]
    cut_before: bool
    cut_after: bool


def excerpt_of(text: str, words: Sequence[str]) -> Excerpt:
    """What is shown of *text*, which has the folded *words*.

    >>> excerpt_of("내일 회의 있어요", ["회의"])
    Excerpt(text='내일 회의 있어요', marks=[(3, 5)], cut_before=False, cut_after=False)
    >>> long = excerpt_of("가" * 200 + "회의" + "나" * 200, ["회의"])
    >>> len(long.text), long.marks, long.cut_before, long.cut_after
    (140, [(40, 42)], True, True)
    """
    start, end = _window(text, _first(text, words))
    part = text[start:end]
    return Excerpt(part, ranges_of(part, words), start > 0, end < len(text))


def ranges_of(text: str, words: Sequence[str]) -> list[Range]:
    """Where *text* has the folded *words*, in its own code points, ascending and apart.

    >>> ranges_of("\\u1112\\u116c\\u110b\\u1174 OK", ["회", "ok"])
    [(0, 2), (5, 7)]
    """
    said = folded(text)
    found = sorted(match.span() for word in words for match in re.finditer(pattern_of(word), said))
    return list(_united(_in_text(text, found)))


def _first(text: str, words: Sequence[str]) -> Range:
    """The first of *words* in *text*; its beginning where there are none."""
    if not words:
        return 0, 0
    said = folded(text)
    matches = (re.search(pattern_of(word), said) for word in words)
    spans = [match.span() for match in matches if match]
    return _in_text(text, [min(spans)])[0] if spans else (0, 0)


def _in_text(text: str, found: list[Range]) -> list[Range]:
    """Ranges of the folded *text* as those of *text* that they come from."""
    if not found or is_plain(text):
        return found
    upto = max(last for _, last in found)
    origins = list(islice(_origins(text[:SEARCHED_MOST]), upto))
    return [(origins[first][0], origins[last - 1][1]) for first, last in found]


def _window(text: str, first: Range) -> Range:
    """What is shown of *text*, with the range *first* in it."""
    if len(text) <= SHOWN:
        return 0, len(text)
    start = max(0, min(first[0] - BEFORE, len(text) - SHOWN))
    end = min(max(start + SHOWN, first[1]), len(text))
    return _untorn(text, start), end if end == first[1] else _untorn(text, end)


def _untorn(text: str, place: int) -> int:
    """*place*, or one before it, where something begins."""
    for start in range(place, max(0, place - MOVED_MOST), -1):
        if start == len(text) or _begins(text[start]):
            return start
    return place


def _begins(c: str) -> bool:
    """Whether a character is folded apart from what is before it."""
    if c < "\u0300" or "가" <= c <= "힣":
        return True
    first = unicodedata.normalize("NFKD", TYPED.get(c, c))[0]
    joins = unicodedata.category(first)[0] == "M" or any(ord(first) in part for part in _JOINING)
    return not joins


def _origins(text: str) -> Iterator[Range]:
    """For each folded character the part of *text* that it comes from."""
    begins = [place for place, c in enumerate(text) if _begins(c) or place == 0]
    parts = list(pairwise([*begins, len(text)]))
    for first in range(0, len(parts), TOGETHER):
        some = parts[first : first + TOGETHER]
        start, end = some[0][0], some[-1][1]
        if end - start == len(some) == len(folded(text[start:end])):
            yield from some  # one character each, which none folds to less than
            continue
        for start, end in some:
            for _ in folded(text[start:end]):
                yield start, end


def _united(ranges: Iterable[Range]) -> Iterator[Range]:
    """Ascending *ranges*, those that meet as one.

    >>> list(_united([(0, 2), (1, 4), (4, 5), (7, 8)]))
    [(0, 5), (7, 8)]
    """
    last: Range | None = None
    for start, end in ranges:
        if last is not None and start <= last[1]:
            last = (last[0], max(last[1], end))
            continue
        if last is not None:
            yield last
        last = (start, end)
    if last is not None:
        yield last
