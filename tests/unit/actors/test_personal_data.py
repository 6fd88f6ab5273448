"""What is hidden of a text, and what is not: numbers in whatever grouping, among whatever else."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.rules.personal_data import masked, masked_always, masked_in_data

GAPS = ("", "", " ", "-", " - ", "\u2013", "\u2212", "  ", "\u00a0", "_")
ELSEWHERE = st.text("가나다 abc.,:;!?()[]/~*#", max_size=12)


def digits(least: int, most: int | None = None) -> st.SearchStrategy[str]:
    return st.text("0123456789", min_size=least, max_size=most or least)


def luhn(body: str) -> str:
    """*body* and its check digit, by the formula as it is told: from the right, every second."""
    total = 0
    for place, digit in enumerate(reversed(body)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return body + str(-total % 10)


@st.composite
def grouped(draw: st.DrawFn, number: st.SearchStrategy[str]) -> str:
    """A number in any grouping. A plus stays where it is."""
    first, *rest = re.findall(r"\+?\d", draw(number))
    gaps = draw(st.lists(st.sampled_from(GAPS), min_size=len(rest), max_size=len(rest)))
    return first + "".join(gap + digit for gap, digit in zip(gaps, rest, strict=True))


REGISTERED = st.builds(
    lambda born, code, rest: f"{born:%y%m%d}{code}{rest}",
    st.dates(date(1900, 1, 1), date(2030, 12, 31)),
    digits(1),
    digits(6),
)
CARDS = st.one_of(
    st.builds(lambda first, rest: luhn(first + rest), st.sampled_from("4569"), digits(14)),
    st.builds(lambda first, rest: luhn(first + rest), st.sampled_from(["34", "37"]), digits(12)),
    st.builds(
        lambda first, rest: luhn(first + rest), st.sampled_from(["30", "36", "38"]), digits(11)
    ),
    st.builds(lambda first, rest: luhn(first + rest), st.integers(2221, 2720).map(str), digits(11)),
    st.builds(lambda rest: luhn("62" + rest), digits(16)),
    st.builds(lambda rest: luhn("35" + rest), digits(13)),
    st.builds(lambda rest: luhn("4" + rest), digits(11)),
)
PHONES = st.one_of(
    digits(8).map("010{}".format),
    st.builds("{}{}{}".format, st.sampled_from(["011", "016", "019"]), st.just("5"), digits(6, 7)),
    st.builds("{}{}{}".format, st.sampled_from(["02", "031", "064"]), st.just("3"), digits(6, 7)),
    digits(8).map("070{}".format),
    digits(8, 9).map("050{}".format),
    digits(8).map("8210{}".format),
    digits(8).map("82010{}".format),
    st.builds("+{}{}".format, st.sampled_from(["1", "44", "82", "998"]), digits(8, 11)),
)
EMAILS = st.from_regex(
    r"[a-z0-9가-힣][\w.+%'-]{0,20}@([a-z0-9-]{1,9}\.){1,3}(com|kr|한국)", fullmatch=True
)


@given(grouped(REGISTERED | CARDS), ELSEWHERE, ELSEWHERE)
def test_no_registration_or_card_number_is_left_in_any_grouping(number, before, after):
    text = f"{before}{number}{after}"
    for hide in (masked, masked_always):
        hidden = hide(text)
        assert not re.search(r"\d", hidden)
        assert hidden == re.sub(r"\d", "*", text)


@given(grouped(PHONES), ELSEWHERE, ELSEWHERE)
def test_no_phone_number_is_left_in_any_grouping(number, before, after):
    text = f"{before}{number}{after}"
    assert masked(text) == re.sub(r"\d", "*", text)


@given(EMAILS, st.text("가나다 ,:;!?()[]/~*#", max_size=12))
def test_no_address_is_left(address, elsewhere):
    user, _, domain = address.partition("@")
    hidden = masked(f"{elsewhere} {address} {elsewhere}")
    assert f"{user}@" not in hidden
    assert f"***@{domain}" in hidden or "*" in hidden.partition("@")[2]  # a domain of digits


@given(st.lists(grouped(REGISTERED | CARDS | PHONES), min_size=2, max_size=4))
def test_none_is_left_next_to_others(numbers):
    assert not re.search(r"\d", masked(" ".join(numbers)))
    assert not re.search(r"\d", masked("3 " + " 7 ".join(numbers))[1:].replace(" 7 ", ""))


DAYS = st.dates(date(1950, 1, 1), date(2049, 12, 31))
DATES = st.one_of(
    st.builds("{:%Y-%m-%d}".format, DAYS),
    st.builds("{:%Y.%m.%d}".format, DAYS),
    st.builds("{:%Y/%m/%d}".format, DAYS),
    st.builds("{0:%y}. {0.month}. {0.day}.".format, DAYS),
    st.builds("{0.year}년 {0.month}월 {0.day}일".format, DAYS),
    st.builds("{:%m-%d-%Y}".format, DAYS),
)
TIMES = st.builds("{:%H:%M}".format, st.times()) | st.builds("{:%H:%M:%S}".format, st.times())
AMOUNTS = st.one_of(
    st.integers(0, 10**15).map("{:,}".format),
    st.integers(0, 99_999_999).map("{}원".format),
    st.integers(0, 999).map("{}".format),
    st.floats(0, 10_000).map("{:.2f}".format),
)
IDS = st.uuids().map(str) | st.dates().map("ORD-{:%Y%m%d}-0042".format)


@given(DATES, st.sampled_from(["", " ", " (화) "]), TIMES, DATES, TIMES)
def test_dates_and_times_stay(day, gap, clock, another, later):
    for text in (day, clock, f"{day}{gap or ' '}{clock}", f"{day} {clock} ~ {another} {later}"):
        assert masked(text) == text


@given(st.builds("{:%Y-%m-%d}".format, DAYS), st.builds("{:%Y-%m-%d}".format, DAYS))
def test_a_range_of_dates_stays(first, last):
    for gap in (" ", " - ", "~", " ~ ", " – ", ", "):  # noqa: RUF001
        assert masked(f"{first}{gap}{last}") == f"{first}{gap}{last}"


@given(st.lists(AMOUNTS | IDS, min_size=1, max_size=4).map(", ".join))
def test_amounts_and_ids_stay(text):
    assert masked(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "1588-1234",  # a company
        "080-123-4567",  # whoever calls it pays nothing: a way out of advertising
        "192.168.100.200",
        "24.05.01 1500000원",
        "123-45-67890",  # a company's registration
        "4111 1111 1111 1112",  # does not check
        "1111 2222 3333 4444",  # no issuer's
        "991399-1234567",  # no such month
        "990132-1234567",  # no such day
        "900100-1234567",
        "900001-1234567",
        "900101-123456",
        "020-1234-5678",
        "02-123-4567",
        "010-1234-567",
        "+1234567",
        "a @ b.com",
        "@example.com",
        "ann@example",
        "1+1 행사",
        "01\n0-1234-5678",
        "1010.1234.5678",
        "1.010.1234.5678",
        "010.1234.56789",
        "010.1234.5678.9",
    ],
)
def test_what_only_resembles_them_stays(text):
    assert masked(text) == text


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("02)523-4567", "**)***-****"),
        ("(02) 523-4567", "(**) ***-****"),
        ("+82 (0)10-1234-5678", "+** (*)**-****-****"),
        ("전화 010.1234.5678.", "전화 ***.****.****."),
        ("+82.10.1234.5678", "+**.**.****.****"),
        ("０１０－１２３４－５６７８", "***－****－****"),  # noqa: RUF001
        ("٠١٠-١٢٣٤-٥٦٧٨", "***-****-****"),  # noqa: RUF001
        ("＋4915112345679", "＋*************"),  # noqa: RUF001
        ("+1 212 555 0100", "+* *** *** ****"),
        ("13:30 010-1234-5678", "13:30 ***-****-****"),
        ("50,000 010-1234-5678", "50,000 ***-****-****"),
        ("2024-05-01 010-1234-5678", "2024-05-01 ***-****-****"),
        ("메일은 홍길동@예시.한국으로", "메일은 ***@예시.한국으로"),
        ("ann＠example.com", "***＠example.com"),  # noqa: RUF001
        ("01012345678@example.com", "***@example.com"),
        ("no 0000000000010-1234-5678", "no 0000000000010-1234-5678"),
    ],
)
def test_as_people_write_them(text, hidden):
    assert masked(text) == hidden


def test_phones_and_addresses_are_told_where_only_the_worst_is_hidden():
    text = "010-1234-5678, ann@example.com, 010.1234.5678"
    assert masked_always(text) == text


MOMENTS = st.integers(0, 2 * 10**15 - 1).map(lambda us: datetime.fromtimestamp(us / 10**6, UTC))
OF_PROGRAMS = st.one_of(
    MOMENTS.map(datetime.isoformat),
    MOMENTS.map(str),
    MOMENTS.map("{:%Y%m%dT%H%M%SZ}".format),
    st.integers(0, 2 * 10**9 - 1).map(str),
    st.integers(10**12, 2 * 10**12 - 1).map(str),
    st.uuids().map(str),
    st.uuids().map(lambda each: each.hex),
    st.binary(min_size=6, max_size=32).map(bytes.hex),
    st.tuples(st.floats(-90, 90), st.floats(-180, 180)).map("{0[0]:f} {0[1]:f}".format),
    st.tuples(st.floats(-90, 90), st.floats(-180, 180)).map("{0[0]!r}, {0[1]!r}".format),
    st.integers(0, 10**15).map("{:,}원".format),
    st.decimals(0, 10**12, places=2).map(str),
    CARDS.filter(lambda number: len(number) > 13),
)


@given(OF_PROGRAMS)
@settings(max_examples=1_000)
def test_times_ids_places_and_prices_stay_in_data(text):
    assert masked_in_data(text) == text


def checked(number: str, weights: str = "234567892345") -> str:
    """*number* with the check digit of resident registration numbers instead of its last."""
    total = sum(int(digit) * int(weight) for digit, weight in zip(number, weights, strict=False))
    kind = 13 if number[6] in "5678" else 11
    return number[:12] + str((kind - total % 11) % 10)


BETWEEN = st.sampled_from([" ", "-", " - ", "\u2013", "\u00a0"])


@given(
    st.one_of(
        st.builds(lambda number, gap: number[:6] + gap + number[6:], REGISTERED, BETWEEN),
        REGISTERED.map(checked).filter(lambda number: number[0] != "1"),
        st.builds(
            lambda number, gap: gap.join(re.findall(r"\d{1,4}", number)),
            CARDS.filter(lambda number: len(number) in (16, 18)),
            BETWEEN,
        ),
        st.builds(
            lambda number, gap: gap.join((number[:4], number[4:10], number[10:])),
            CARDS.filter(lambda number: len(number) in (14, 15)),
            BETWEEN,
        ),
    ),
    st.text("가나다 .,:;!?()[]/~*#", max_size=12),
    st.booleans(),
)
def test_what_people_write_is_hidden_in_data_too(number, elsewhere, is_wide):
    if is_wide:
        number = number.translate({ord("0") + n: 0xFF10 + n for n in range(10)})
    hidden = masked_in_data(f"{elsewhere}{number}{elsewhere}")
    assert hidden == elsewhere + re.sub(r"\d", "*", number) + elsewhere


def test_a_number_without_its_check_digit_or_within_an_id_stays_in_data():
    for text in ("9001011234567", "id9001011234568", "9001011234568f", "4111 1111 1111 1112"):
        assert masked_in_data(text) == text


@given(st.text("0123456789-+ ().:,@a가*\n\u2013", max_size=80))
def test_hiding_once_is_enough(text):
    for hide in (masked, masked_always):
        hidden = hide(text)
        assert hide(hidden) == hidden
        assert hide is masked or len(hidden) == len(text)


@given(st.lists(grouped(REGISTERED | CARDS) | ELSEWHERE | digits(1, 20), max_size=4).map(", ".join))
def test_it_is_the_same_by_whatever_digits_it_is_written(text):
    wide = text.translate({ord("0") + n: 0xFF10 + n for n in range(10)})
    hidden = [place for place, char in enumerate(masked_always(text)) if char != text[place]]
    assert hidden == [
        place for place, char in enumerate(masked_always(wide)) if char != wide[place]
    ]


def calls(text: str, hide: Callable[[str], str] = masked) -> int:
    """Functions, those of C among them, that are called to hide what is in *text*."""
    count = 0

    def noted(_frame: object, event: str, _arg: object) -> None:
        nonlocal count
        count += event.endswith("call")

    before = sys.getprofile()
    sys.setprofile(noted)
    try:
        hide(text)
    finally:
        sys.setprofile(before)
    return count


HARDEST = (
    *("1 ", "4 ", "44 ", "5 6 ", "0 10 ", "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 ", "9 0 0 1 0 1 1 "),
    *("1-", "(1)", "a@", "a.", "@a.", "a@a.", "1,000", "9", "1.", "\u0664 ", "12:30 "),
    *("+4 4 4 4 4 4 4 4 4 4", "+1 2 3 4 5 6 7 8 9,", "0000000a-0000-"),
)


@pytest.mark.parametrize("part", HARDEST)
def test_the_longest_of_texts_take_little_work(part):
    short, long = ((part * size)[:size] for size in (2_000, 4_000))
    assert calls(long) < 10 * len(long)
    assert calls(long) <= 2.2 * calls(short) + 100


@pytest.mark.parametrize("part", HARDEST)
def test_the_longest_of_texts_take_little_time(part):
    def seconds(size: int) -> float:
        text, began = (part * size)[:size], process_time()
        masked(text)
        return process_time() - began

    short, long = (min(seconds(size) for _ in range(5)) for size in (8_000, 16_000))
    assert long < 3 * short + 0.005


@pytest.mark.parametrize(
    "text", ["Tea on Friday at ten", "room 302 at 10:30 on 2026-11-22", "금요일 3시"]
)
def test_an_ordinary_text_costs_next_to_nothing(text):
    assert masked_always(text) is text
    assert calls(text, masked_always) < 10
