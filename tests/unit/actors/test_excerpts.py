"""Whatever a text is made of, its words are found in it where they are, and shown untorn."""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.rules.excerpts import MOVED_MOST, SHOWN, excerpt_of, ranges_of
from actors.rules.searching import MARKS_MOST, SEARCHED_MOST, folded, pattern_of, words_of

KOREAN = st.text(st.characters(min_codepoint=0xAC00, max_codepoint=0xD7A3))
JAMO = st.text(st.characters(min_codepoint=0x1100, max_codepoint=0x11FF))
LETTERS = st.text(
    st.sampled_from(
        "가각갘ㄱㅏㄳㅋㅠaAéÉ\u0301\u0327\u1112\u116c\u11abﾊﾞカ\u3099 \n\ufb01\ufdfa👍🏽"
    )
)
TEXTS = st.lists(st.one_of(KOREAN, JAMO, LETTERS, st.text())).map("".join)


@given(TEXTS)
def test_what_a_text_is_folded_to_comes_from_its_parts_in_order(text):
    """Else a range would mark something else."""
    said = folded(text)
    for place in range(len(said)):
        word = said[place]
        if word.isspace():
            continue
        ranges = ranges_of(text, [word])
        assert ranges and all(0 <= start < end <= len(text) for start, end in ranges)
        assert all(last < first for (_, last), (first, _) in pairwise(ranges))
        for start, end in ranges:
            assert re.search(pattern_of(word), folded(text[start:end]))


@given(TEXTS, TEXTS, st.sampled_from(["NFC", "NFD"]))
def test_a_word_is_marked_however_it_is_composed(before, after, form):
    text = unicodedata.normalize(form, f"{before} 회의록 {after}")
    for q in ("회의", "ㅎㅇ", "회ㅇㄹ"):
        words = words_of(q)
        ranges = ranges_of(text, words)
        marked = [unicodedata.normalize("NFC", text[start:end]) for start, end in ranges]
        assert any("회의" in part for part in marked)


@given(TEXTS, st.integers(0, 300), st.integers(0, 300))
def test_an_excerpt_is_a_part_of_its_text_with_its_marks_inside(filler, before, after):
    text = "나 " * before + filler + " 회의 " + filler + " 다" * after
    excerpt = excerpt_of(text, ["회의"])
    assert excerpt.text in text and len(excerpt.text) <= SHOWN + MOVED_MOST
    assert excerpt.cut_before or text.startswith(excerpt.text)
    assert excerpt.cut_after or text.endswith(excerpt.text)
    assert excerpt.marks == sorted(excerpt.marks)
    assert all(0 <= start < end <= len(excerpt.text) for start, end in excerpt.marks)
    if "회의" not in folded(filler) and len(text) < SEARCHED_MOST:
        assert any("회의" in excerpt.text[start:end] for start, end in excerpt.marks)
    if len(text) <= SHOWN:
        assert excerpt.text == text


TYPED = [
    ("네ㄳ", "네", (0, 1)),
    ("네ㄳ", "ㄳ", (1, 2)),
    ("네ㄳ", "ㅅ", (1, 2)),
    ("ㅋㅠㅠ", "ㅠㅠ", (1, 3)),
    ("ㅋㅠㅠ", "ㅋ", (0, 1)),
    ("ㅋㅋㅋ ㅠㅠ 네ㅎㅎ", "네ㅎㅎ", (7, 10)),
    ("아ㅏㅏ 그래", "아ㅏ", (0, 2)),
    ("e" + "\u0302" * 40 + " 회의", "회의", (42, 44)),
    ("a" + "\u0316\u0301" * 40 + " 회의", "회의", (82, 84)),
    ("a\u0302" * 99 + " 회의", "회의", (199, 201)),
]


@pytest.mark.parametrize(("text", "q", "mark"), TYPED)
def test_what_is_typed_letter_by_letter_is_marked_where_it_is(text, q, mark):
    assert ranges_of(text, words_of(q)) == [mark]


def test_no_part_of_a_folded_text_has_more_marks_than_are_put_in_order_in_no_time():
    marks = [chr(n) for n in range(0x110000) if unicodedata.combining(chr(n))]
    beyond = [mark for mark in marks if len(folded("a" + mark * 99)) > 1 + 4 * MARKS_MOST]
    assert beyond == []


def test_a_word_longer_than_an_excerpt_is_shown_whole():
    for q in ("가" * 200, "ㅎ" * 200):
        text = "나" * 100 + ("하" * 200 if q[0] == "ㅎ" else q) + "나" * 100
        excerpt = excerpt_of(text, words_of(q))
        assert excerpt.marks == [(40, 240)] and excerpt.cut_before and excerpt.cut_after


def test_an_excerpt_tears_no_syllable():
    text = unicodedata.normalize("NFD", "뜰안" * 200)
    excerpt = excerpt_of(text, ["안"])
    assert excerpt.cut_after and unicodedata.normalize("NFC", excerpt.text)[-1] in "뜰안"


def test_the_longest_of_texts_take_little_time():
    marks = "a" + "\u0301\u0316" * 20_000
    for text in (
        "가" * 60_000,
        marks,
        unicodedata.normalize("NFD", "뜰" * 20_000),
        "\ufdfa" * 20_000,
    ):
        assert len(folded(text)) <= SEARCHED_MOST
        excerpt_of(text, ["가", "뜰", "ᄄ"])
