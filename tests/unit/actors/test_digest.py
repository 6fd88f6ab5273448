from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.rules.digest import TITLE_MOST, cut, digest_lines

TITLES = [f"Title {number}" for number in range(1, 9)]


@pytest.mark.parametrize(
    ("count", "language", "lines"),
    [
        (0, "ko", ""),
        (0, "en", ""),
        (1, "ko", "함께 온 알림 1개\n· Title 1"),
        (1, "en", "1 more notification\n· Title 1"),
        (2, "en", "2 more notifications\n· Title 2\n· Title 1"),
        (5, "ko", "함께 온 알림 5개\n· Title 5\n· Title 4\n· Title 3\n· Title 2\n· Title 1"),
        (
            6,
            "en",
            "6 more notifications\n· Title 6\n· Title 5\n· Title 4\n· Title 3\n· Title 2\n"
            "and 1 other",
        ),
        (
            8,
            "ko",
            "함께 온 알림 8개\n· Title 8\n· Title 7\n· Title 6\n· Title 5\n· Title 4\n그 밖에 3개",
        ),
        (
            8,
            "en",
            "8 more notifications\n· Title 8\n· Title 7\n· Title 6\n· Title 5\n· Title 4\n"
            "and 3 others",
        ),
    ],
)
def test_how_many_and_the_newest_of_them(count: int, language: str, lines: str) -> None:
    assert digest_lines(TITLES[:count], count, language, 200) == lines
    assert digest_lines(TITLES[max(0, count - 5) : count], count, language, 200) == lines


def test_fewer_are_named_where_there_is_less_room() -> None:
    whole = digest_lines(TITLES[:3], 3, "en", 99)
    assert digest_lines(TITLES[:3], 3, "en", len(whole)) == whole
    shorter = "3 more notifications\n· Title 3\nand 2 others"
    for room in (len(whole) - 1, len(shorter)):
        assert digest_lines(TITLES[:3], 3, "en", room) in (
            "3 more notifications\n· Title 3\n· Title 2\nand 1 other",
            shorter,
        )
    assert digest_lines(TITLES[:3], 3, "en", len(shorter) - 1) == "3 more notifications"


def test_a_title_is_one_short_line() -> None:
    long = "가" * 99
    lines = digest_lines([" a\n\tb  c ", long], 2, "ko", 200).split("\n")
    assert lines == ["함께 온 알림 2개", "· " + "가" * (TITLE_MOST - 1) + "…", "· a b c"]


@given(
    st.lists(st.text(max_size=60), max_size=9), st.sampled_from(["ko", "en"]), st.integers(25, 300)
)
def test_it_has_the_room_it_is_given(titles: list[str], language: str, room: int) -> None:
    lines = digest_lines(titles, len(titles), language, room)
    assert len(lines) <= room
    named = lines.count("\n· ")
    assert named <= min(5, len(titles))
    assert bool(lines) == bool(titles)
    if 0 < named < len(titles):
        assert str(len(titles) - named) in lines.split("\n")[-1]


@given(st.text(max_size=40), st.integers(1, 40))
def test_what_is_cut_is_the_beginning(text: str, most: int) -> None:
    part = cut(text, most)
    assert len(part) <= most
    assert part == text if len(text) <= most else part[-1] == "…" and text.startswith(part[:-1])


@pytest.mark.parametrize(
    ("text", "most", "part"),
    [
        ("abcdef", 6, "abcdef"),
        ("abcdef", 5, "abcd…"),
        ("abcdef", 1, "…"),
        ("ab  cdef", 4, "ab…"),
        ("a" + unicodedata.normalize("NFD", "é") + "fg", 3, "a…"),
        ("a👩\u200d💻bcd", 3, "a…"),
        ("a👩\u200d💻bcd", 4, "a…"),
        ("a👩\u200d💻bcd", 5, "a👩\u200d💻…"),
        ("a👍🏽bcd", 3, "a…"),
        ("a👍🏽bcd", 4, "a👍🏽…"),
        ("❤\ufe0fbc", 2, "…"),
        ("e" + "\u0301" * 99, 9, "…"),
        ("\u0301" * 99, 9, "…"),
    ],
)
def test_no_character_is_torn(text: str, most: int, part: str) -> None:
    assert cut(text, most) == part
