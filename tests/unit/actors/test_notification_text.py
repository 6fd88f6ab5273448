"""What notifications say, and how it is told outside."""

from __future__ import annotations

import unicodedata
from itertools import product
from string import Formatter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.notification_records import OUTSIDE, OutgoingNotification
from actors.rules.notification_text import (
    BOUNDS,
    DEFAULTS,
    Template,
    Text,
    check_template,
    content_fault,
    message_fault,
    outside_text,
    plain,
    title_fault,
)
from actors.rules.notification_types import TYPES
from protocol.ids import Millis

ONE: dict[str, Any] = {
    "leg_no": 1,
    "id": "n1:1",
    "notification_id": "n1",
    "platform": "discord",
    "endpoint_no": 1,
    "recipient_no": 7,
    "type": "meeting.invitation",
    "title": "Lunch",
    "message": "At noon?",
    "data": {},
    "priority": 1,
    "language": "en",
    "sender_no": 9,
    "sender": "Ann",
    "created_at": Millis(0),
    "expires_at": None,
    "attempt": 1,
    "lease": 1,
    "collapse_key": None,
}
ALL = Template(1, "{title}|{sender}|{count}|{message}", "{message}|{count}|{sender}|{title}")
BARE = Template(1, "{title}", "{message}")


def note(**changes: Any) -> OutgoingNotification:
    count = {"merged_count": len(changes.get("merged", ()))}
    return OutgoingNotification(**{**ONE, **count, **changes})


# ---- texts that come


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("cafe\u0301", "caf\u00e9"),
        (unicodedata.normalize("NFD", "회의"), "회의"),
        ("a\u202eb\u2066c\u2069d\u200ee\u200ff\u061cg", "abcdefg"),
        ("a\u200bb\u200cc\u2060d\ufeffe\u00adf\u180eg", "abcdefg"),
        ("a\u200db", "ab"),
        ("\u200d👩\u200d💻\u200d", "👩\u200d💻"),
        ("❤\ufe0f\u200d🔥 👍🏽", "❤\ufe0f\u200d🔥 👍🏽"),
        ("hi\U000e0068\U000e0069", "hi"),
        ("a\r\nb\rc\nd\te", "a\nb\nc\nd\te"),
        ("e\u200d\u0301", "\u00e9"),
        (" as it is ", " as it is "),
    ],
)
def test_what_is_kept_of_a_text(text: str, kept: str) -> None:
    assert plain(text) == kept


@given(st.text())
def test_what_is_kept_is_kept_as_it_is(text: str) -> None:
    kept = plain(text)
    assert plain(kept) == kept
    assert unicodedata.is_normalized("NFC", kept)


def test_a_text_that_is_all_right() -> None:
    assert content_fault("Lunch", "At noon?\n\tor later", forbidden=()) is None
    assert content_fault("가" * 255, "가" * 4_000, forbidden=["도박"]) is None


@pytest.mark.parametrize(
    "blank", ["", " ", "\u3000", "\u200b\u2060", "\u3164", "\u115f\u1160\uffa0\u2800", "\ufeff "]
)
def test_a_blank_one(blank: str) -> None:
    assert content_fault(blank, "m", forbidden=()) == "blank"
    assert content_fault("t", blank, forbidden=()) == "blank"


@pytest.mark.parametrize(
    "control",
    ["\0", "\x07", "\x1b", "\x7f", "\x85", "\x0b", "\x0c", "\ud800"]
    + [chr(each) for each in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))],
)
def test_one_with_controls(control: str) -> None:
    assert content_fault(f"t{control}", "m", forbidden=()) == "control"
    assert content_fault("t", f"m{control}", forbidden=()) == "control"


@pytest.mark.parametrize("line", ["\n", "\r", "\t", "\u2028", "\u2029"])
def test_a_title_is_one_line_and_a_message_has_several(line: str) -> None:
    assert content_fault(f"a{line}b", "m", forbidden=()) == "control"
    assert content_fault("t", f"a{line}b", forbidden=()) is None


def test_one_that_is_too_long() -> None:
    assert content_fault("가" * 256, "m", forbidden=()) == "too_long"
    assert content_fault("t", "가" * 4_001, forbidden=()) == "too_long"


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("온라인도박장", "도박"),
        ("도박을 하다", "도박"),
        (unicodedata.normalize("NFD", "도박"), "도박"),
        ("도\u200b박", "도박"),
        ("a Casino!", "casino"),
        ("CASINO", "Casino"),
        ("ｃａｓｉｎｏ", "casino"),  # noqa: RUF001
        ("카지노casino에서", "casino"),
        ("casinos, casino", "casino"),
        ("free money", "free money"),
        ("Straße", "STRASSE"),
        ("in c++ here", "c++"),
        ("1+1 event", "1+1"),
        ("vip도박1", "도박"),
    ],
)
def test_words_that_nobody_is_told(text: str, word: str) -> None:
    forbidden = ["other", word]
    assert content_fault(text, "m", forbidden=forbidden) == "forbidden_words"
    assert content_fault("t", text, forbidden=forbidden) == "forbidden_words"


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("비도 박스도", "도박"),
        ("casinos", "casino"),
        ("class", "ass"),
        ("casino1", "casino"),
        ("wow!! ", ""),
        ("any thing", " "),
        ("anything", "\u200b"),
        ("aXb", "a.b"),
    ],
)
def test_words_that_only_resemble_them(text: str, word: str) -> None:
    assert content_fault(text, text, forbidden=[word]) is None


def test_each_part_by_itself() -> None:
    assert title_fault("가" * 256, forbidden=()) == "too_long"
    assert message_fault("가" * 256, forbidden=()) is None
    assert title_fault("casino", forbidden=["casino"]) == "forbidden_words"
    assert message_fault("casino", forbidden=["casino"]) == "forbidden_words"


# ---- templates


def test_there_is_a_template_of_every_type_in_both_languages() -> None:
    assert set(DEFAULTS) == set(product(TYPES, ("ko", "en")))
    for template in DEFAULTS.values():
        check_template(template.title, template.message)
        assert template.version == 0
        assert "{title}" in template.title and "{message}" in template.message
    assert len({template.title for template in DEFAULTS.values()}) == len(DEFAULTS)
    for kind in TYPES:
        assert DEFAULTS[kind, "ko"].title > "가" > DEFAULTS[kind, "en"].title


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{name}", "{name}"),
        ("{}", "{}"),
        ("{ title }", "{ title }"),
        ("{title", "{title"),
        ("title}", "}"),
        ("{{title}}", "{{title}}"),
        ("{title}}", "{title}}"),
        ("{title!r}", "{title!r}"),
        ("{0}", "{0}"),
        ("{title.__class__}", "{title.__class__}"),
        (" ", "blank"),
        ("\0", "control"),
        ("\u202e", "control"),
    ],
)
def test_a_template_that_cannot_be_used(text: str, why: str) -> None:
    for title, message in ((text, "{message}"), ("{title}", text)):
        with pytest.raises(ValueError, match=why.replace("{", r"\{").replace("}", r"\}")):
            check_template(title, message)


def test_a_template_that_can_be_used() -> None:
    check_template(ALL.title, ALL.message)
    check_template("News", "{title}: {message}")
    check_template("{title}", "none\nin {count}")
    check_template("{message}", "{sender}")
    with pytest.raises(ValueError, match=r"must have \{title\} or \{message\}"):
        check_template("News", "none\nof {sender}, {count}")
    with pytest.raises(ValueError, match="too_long"):
        check_template("{title}" * 40, "{message}")


def test_each_placeholder_is_filled() -> None:
    assert outside_text(note(), ALL) == Text("Lunch|Ann|1|At noon?", "At noon?|1|Ann|Lunch")
    told = outside_text(note(merged=("Tea", "Cake")), ALL)
    assert told.title == "Lunch|Ann|3|At noon?"
    assert told.body == "At noon?|3|Ann|Lunch\n\n2 more notifications\n· Cake\n· Tea"


@pytest.mark.parametrize(("language", "server"), [("ko", "마당"), ("en", "Madang")])
def test_the_server_itself_has_a_name(language: str, server: str) -> None:
    told = outside_text(note(sender=None, language=language), Template(1, "{sender}", "{message}"))
    assert told.title == server


@pytest.mark.parametrize("kind", TYPES)
def test_the_texts_that_come_with_the_server(kind: str) -> None:
    for language in ("ko", "en"):
        told = outside_text(note(type=kind, language=language), DEFAULTS[kind, language])
        assert told.title.endswith(": Lunch")
        assert told.body in ("At noon?", "Ann: At noon?")


BRACES = st.text("{}titlemsagorncu! ", max_size=30) | st.sampled_from(
    ["{message}", "{title}", "{sender}", "{count}", "{{title}}", "{0}", "{title.__class__}", "%s"]
)


@given(BRACES, BRACES, BRACES)
def test_what_is_filled_in_is_not_filled_again(title: str, message: str, sender: str) -> None:
    words = {"title": title, "message": message, "sender": sender or "Madang", "count": "1"}
    told = outside_text(note(title=title, message=message, sender=sender), ALL)
    assert told.body == Formatter().vformat(ALL.message, (), words)
    assert told.title == " ".join(Formatter().vformat(ALL.title, (), words).split())


def test_a_title_is_one_line_whatever_is_filled_in() -> None:
    told = outside_text(note(title="a\n b", message="c\nd", sender="e"), ALL)
    assert told == Text("a b|e|1|c d", "c\nd|1|e|a\n b")


# ---- what leaves the server


PERSONAL = "010-1234-5678 ann@example.com 900101-1234567 4111 1111 1111 1111"
HIDDEN = "***-****-**** ***@example.com ******-******* **** **** **** ****"


def test_no_personal_data_leaves() -> None:
    told = outside_text(
        note(title=PERSONAL, message=PERSONAL, sender=PERSONAL, merged=("010-1234-5678",)), ALL
    )
    assert told.title == f"{HIDDEN}|{HIDDEN}|2|{HIDDEN}"
    told_body, _, digest = told.body.partition("\n\n")
    assert told_body == f"{HIDDEN}|2|{HIDDEN}|{HIDDEN}"
    assert digest == "1 more notification\n· ***-****-****"


def test_nothing_that_is_not_seen_leaves() -> None:
    odd = "Lu\u202en\u200bch"
    told = outside_text(note(title=odd, message=odd, sender=odd, merged=(odd, odd)), ALL)
    assert told.title == "Lunch|Lunch|3|Lunch"
    assert told.body.endswith("· Lunch\n· Lunch")
    spaced = "010\u200b-1234\u00ad-5678"
    assert outside_text(note(title=spaced), BARE).title == "***-****-****"


@pytest.mark.parametrize(
    ("platform", "title", "body"), [("push", 120, 500), ("kakao", 60, 139), ("discord", 256, 4_096)]
)
def test_platforms_take_so_much(platform: str, title: int, body: int) -> None:
    long = note(platform=platform, title="가" * 255, message="나" * 4_000)
    told = outside_text(long, Template(1, "{title}{title}", "{message}{message}"))
    assert (len(told.title), len(told.body)) == (title, body)
    assert told.title[-1] == told.body[-1] == "…"


def test_every_outside_platform_has_bounds() -> None:
    assert set(BOUNDS) == set(OUTSIDE)
    assert sum(BOUNDS["kakao"]) + len("\n") == 200
    assert sum(BOUNDS["discord"]) <= 6_000  # of all of an embed
    assert 4 * sum(BOUNDS["push"]) < 3_000  # bytes, where there is more to the payload


@given(
    st.sampled_from(OUTSIDE),
    st.text(min_size=1, max_size=255),
    st.text(min_size=1, max_size=300) | st.just("하" * 4_000),
    st.lists(st.text(max_size=60), max_size=12).map(tuple),
    st.sampled_from(["ko", "en"]),
)
def test_no_platform_is_given_more(
    platform: str, title: str, message: str, merged: tuple[str, ...], language: str
) -> None:
    long = note(platform=platform, title=title, message=message, merged=merged, language=language)
    told = outside_text(long, ALL)
    bounds = BOUNDS[long.platform]  # type: ignore[index]
    assert len(told.title) <= bounds.title and len(told.body) <= bounds.body
    assert "\n" not in told.title
    if merged:
        assert str(len(merged)) in told.body.rpartition("\n\n")[2].split("\n")[0]


def test_of_many_only_the_newest_are_handed_over_and_all_are_counted() -> None:
    told = outside_text(note(merged=("a", "b", "c", "d", "e"), merged_count=1_199), ALL)
    assert told.title == "Lunch|Ann|1200|At noon?"
    assert told.body.endswith(
        "\n\n1199 more notifications\n· e\n· d\n· c\n· b\n· a\nand 1194 others"
    )


def test_the_others_are_told_even_where_the_message_is_long() -> None:
    titles = ("점심", "회의", "저녁")
    long = note(platform="kakao", language="ko", message="하" * 4_000, merged=titles)
    told = outside_text(long, BARE)
    assert told.body.endswith("…\n\n함께 온 알림 3개\n· 저녁\n· 회의\n· 점심")
    assert len(told.body) == 139
    for platform in OUTSIDE:
        many = note(platform=platform, message="하" * 4_000, merged=("긴 제목 " * 20,) * 9)
        body = outside_text(many, BARE).body
        assert len(body) <= BOUNDS[platform].body
        assert body.count("하") > 40 and "9 more notifications\n· 긴" in body
