from __future__ import annotations

import re
import traceback
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.rules.rrn import BadNumber, derived, holds_number

DIGITS = "0123456789"


@pytest.mark.parametrize(
    ("code", "year", "sex"),
    [
        ("9", 1890, "male"),
        ("0", 1890, "female"),
        ("1", 1990, "male"),
        ("2", 1990, "female"),
        ("3", 2090, "male"),
        ("4", 2090, "female"),
        ("5", 1990, "male"),
        ("6", 1990, "female"),
        ("7", 2090, "male"),
        ("8", 2090, "female"),
    ],
)
def test_the_seventh_digit_tells_century_and_sex(code: str, year: int, sex: str) -> None:
    found = derived(f"901231-{code}000000")
    assert found == (date(year, 12, 31), sex, f"901231-{code}******")


@given(
    st.dates(date(1800, 1, 1), date(2099, 12, 31)),
    st.integers(0, 2),
    st.sampled_from(["", "-"]),
    st.text(DIGITS, min_size=6, max_size=6) | st.just(""),
)
def test_every_date_comes_back(born: date, which: int, hyphen: str, rest: str) -> None:
    codes = {18: "990", 19: "125", 20: "347"}[born.year // 100]
    found = derived(f"{born:%y%m%d}{hyphen}{codes[which]}{rest}")
    assert found.born == born
    assert found.masked == f"{born:%y%m%d}-{codes[which]}******"


@pytest.mark.parametrize("born", ["900229", "990230", "001301", "000001", "901200", "900431"])
def test_a_date_of_no_calendar_is_refused(born: str) -> None:
    with pytest.raises(BadNumber, match="calendar"):
        derived(f"{born}-1234567")


def test_the_leap_day_depends_on_the_century() -> None:
    assert derived("000229-3000000").born == date(2000, 2, 29)
    for code in "1290":
        with pytest.raises(BadNumber, match="calendar"):
            derived(f"000229-{code}000000")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "900101",
        "900101-",
        "900101-12",
        "900101-123456",
        "900101-12345678",
        "900101--1234567",
        "900101 1234567",
        " 900101-1234567",
        "900101-1234567\n",
        "900101–1234567",  # noqa: RUF001 - another dash
        "９００１０１-１２３４５６７",  # noqa: RUF001 - wide digits
        "٩٠٠١٠١-١٢٣٤٥٦٧",
        "900101-1******",
        "19900101-1234567",
        "abcdef-1234567",
    ],
)
def test_another_form_is_refused(text: str) -> None:
    with pytest.raises(BadNumber, match="form"):
        derived(text)


@given(st.text(DIGITS + "- x", max_size=16) | st.from_regex(r"\A[0-9]{6}-?[0-9]{7}\Z"))
def test_no_refusal_tells_anything_of_the_number(number: str) -> None:
    error = refusal_of(number)
    if error is not None:
        assert error.__cause__ is None
        assert error.__context__ is None
        said = str(error) + repr(error) + "".join(traceback.format_exception(error))
        assert not re.search(r"\d", re.sub(r"File .*", "", said))


def refusal_of(number: str) -> BadNumber | None:
    try:
        derived(number)
    except BadNumber as error:
        return error
    return None


@given(st.from_regex(r"\A(900101|000229)-?[34][0-9]{6}\Z"))
def test_what_is_kept_has_nothing_of_the_last_six_digits(number: str) -> None:
    assert derived(number) == derived(number[:-6])


@pytest.mark.parametrize(
    "text",
    [
        "900101-1234567",
        "9001011234567",
        "Kim (900101-1234567)",
        "9001 0112 34567",
        "900101–1234567",  # noqa: RUF001 - another dash
        "９００１０１-１２３４５６７",  # noqa: RUF001 - wide digits
        "+900101_1234567",
    ],
)
def test_a_number_is_found_however_it_is_written(text: str) -> None:
    assert holds_number(text)


@pytest.mark.parametrize(
    "text",
    ["", "+82 10-1234-5678", "010-1234-5678", "900101", "+86 138 1234 56789", "991399-1234567"],
)
def test_other_digits_are_no_number(text: str) -> None:
    assert not holds_number(text)
