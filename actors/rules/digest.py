"""How several notifications are told at once."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

TITLES_MOST: Final = 5
"""Titles of a digest."""
TITLE_MOST: Final = 40
"""Characters of each title of a digest."""

_JOINER, _MODIFIERS = "\u200d", range(0x1F3FB, 0x1F400)  # between and after emoji


class _Words(NamedTuple):
    """For one and for more: how many come along, and how many are not named."""

    more: tuple[str, str]
    others: tuple[str, str]


_WORDS: Final[Mapping[str, _Words]] = {
    "ko": _Words(("함께 온 알림 {}개",) * 2, ("그 밖에 {}개",) * 2),
    "en": _Words(
        ("{} more notification", "{} more notifications"), ("and {} other", "and {} others")
    ),
}


def digest_lines(titles: Sequence[str], count: int, language: str, most: int) -> str:
    """What is told of *count* notifications, the newest of them with *titles*, the oldest first,
    beside a newer one: how many they are, the newest first, and how many there are besides.

    There are up to five titles, and fewer where the lines had more than *most* characters. The
    *language* is ``ko`` or ``en``. Of none there are no lines.

    >>> print(digest_lines(["Lunch", "Tea"], 2, "en", 99))
    2 more notifications
    · Tea
    · Lunch
    >>> digest_lines(["점심 먹으러 가요", "차"], 2, "ko", 25)
    '함께 온 알림 2개\\n· 차\\n그 밖에 1개'
    """
    newest = ["· " + cut(" ".join(title.split()), TITLE_MOST) for title in reversed(titles)]
    for named in range(min(TITLES_MOST, len(newest)), 0, -1):
        lines = "\n".join(_lines(newest[:named], count, _WORDS[language]))
        if len(lines) <= most:
            return lines
    return _counted(_WORDS[language].more, count) if count else ""


def _lines(named: Sequence[str], count: int, words: _Words) -> list[str]:
    others = count - len(named)
    rest = [_counted(words.others, others)] if others else []
    return [_counted(words.more, count), *named, *rest]


def _counted(words: tuple[str, str], count: int) -> str:
    return words[count > 1].format(count)


def cut(text: str, most: int) -> str:
    """*text*, or its beginning and an ellipsis: at most *most* characters, which is 1 or more.

    >>> cut("notification", 12), cut("notification", 5)
    ('notification', 'noti…')
    """
    if len(text) <= most:
        return text
    end = most - 1
    while end and _is_joined(text[end - 1], text[end]):
        end -= 1
    return text[:end].rstrip() + "…"


def _is_joined(before: str, char: str) -> bool:
    """Whether *char* is part of what is *before* it."""
    is_mark = unicodedata.category(char)[0] == "M"
    return is_mark or _JOINER in (before, char) or ord(char) in _MODIFIERS
