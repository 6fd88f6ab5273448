"""What a file of people may have in it, and that nothing of a number comes out of one."""

from __future__ import annotations

import io
import re
import traceback
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.rules.rrn import Registered
from server.failure import CannotRun
from server.people_file import LONGEST_LINE, PeopleFile
from server.postgres.registrations import Reason, Refused, Row

TODAY = date(2025, 6, 15)
HEADER = "username,registration_number,phone,name,region\n"
CANARY = "900101-1738194"
MASKED = "900101-1******"
BORN = Registered(date(1990, 1, 1), "male", MASKED)


def read(text: str | bytes) -> list[Row | Refused]:
    content = text.encode() if isinstance(text, str) else text
    return list(PeopleFile(io.BytesIO(content), today=TODAY))


def only(line: str | bytes) -> Row | Refused:
    content = line.encode() if isinstance(line, str) else line
    (found,) = read(HEADER.encode() + content)
    return found


def test_a_row_says_what_is_derived_and_what_else_is_given() -> None:
    assert only(f"mina,{CANARY},010-1234-5678,김 민아,서울") == Row(
        2, "mina", BORN, "010-1234-5678", "김 민아", "서울"
    )


def test_what_is_empty_is_not_said() -> None:
    assert only(f" mina , {CANARY} , ,,") == Row(2, "mina", BORN, None, None, None)


@pytest.mark.parametrize(
    "text",
    [
        f"username,registration_number\nmina,{CANARY}",
        f"\ufeffusername,registration_number\nmina,{CANARY}\n",
        f"registration_number,username\r\n{CANARY},mina\r\n",
        f'"username","registration_number"\n"mina","{CANARY}"\n',
        f"username,registration_number\nmina,{CANARY.replace('-', '')}\n",
        f"username,registration_number\nmina,{CANARY[:8]}\n",
    ],
)
def test_the_same_in_other_words(text: str) -> None:
    assert read(text) == [Row(2, "mina", BORN, None, None, None)]


def test_people_may_be_named_by_their_ids() -> None:
    file = PeopleFile(io.BytesIO(b"user_id,registration_number\nu1,900101-1\n"), today=TODAY)
    assert (file.who, next(iter(file)).line) == ("user_id", 2)


def test_names_are_composed_as_all_names_are() -> None:
    row = only(f"\u1100\u1161,{CANARY},,\u1100\u1161,\u1100\u1161")
    assert isinstance(row, Row)
    assert (row.who, row.name, row.region) == ("가", "가", "가")


def test_lines_are_counted_as_an_editor_does() -> None:
    long = "x" * (3 * LONGEST_LINE)
    found = read(f"username,registration_number\na,{CANARY}\n\n \r\n{long}\nb,x\nc,{CANARY}")
    assert found == [
        Row(2, "a", BORN, None, None, None),
        Refused(5, Reason.TOO_LONG),
        Refused(6, Reason.BAD_NUMBER),
        Row(7, "c", BORN, None, None, None),
    ]


@pytest.mark.parametrize("length", [LONGEST_LINE - 1, LONGEST_LINE, LONGEST_LINE + 1])
def test_a_line_at_the_bound_does_not_swallow_the_next(length: int) -> None:
    first = read(f"username,registration_number\n{'x' * length}\nb,{CANARY}\n")
    assert [line.line for line in first] == [2, 3]
    assert first[0][1] is (Reason.WRONG_COLUMNS if length < LONGEST_LINE else Reason.TOO_LONG)


WRONG = {
    "too_long": f"mina,{CANARY},,,{CANARY * 400}",
    "not_utf8": f"mina,{CANARY},,민아,".encode("cp949"),
    "bad_csv": f'mina,"{CANARY},,,',
    "wrong_columns": f"mina,{CANARY}",
    "no_person": f",{CANARY},,,",
    "bad_number": "mina,900230-1738194,,,",
    "number_elsewhere": f"mina,{CANARY},{CANARY},,",
    "born_before_1900": "mina,991231-9738194,,,",
    "born_in_future": "mina,250616-3738194,,,",
    "bad_phone": f"mina,{CANARY},none,,",
    "bad_name": f"mina,{CANARY},,{'x' * 65},",
    "bad_region": f"mina,{CANARY},,,{'x' * 65}",
}


@pytest.mark.parametrize("reason", WRONG)
def test_a_wrong_line_is_refused_with_its_reason(reason: str) -> None:
    assert only(WRONG[reason]) == Refused(2, Reason(reason))


def test_only_the_database_knows_of_the_other_reasons() -> None:
    assert set(Reason) - set(WRONG) == {"unknown_person", "same_person", "not_stored"}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("mina,x,,,", "bad_number"),
        ("mina,,,,", "bad_number"),
        (f'mina,"{CANARY}"x,,,', "bad_csv"),
        (f"mina,{CANARY},,,,", "wrong_columns"),
        (f"{CANARY},{CANARY},,,", "number_elsewhere"),
        (f"mina,{CANARY},,민아 {CANARY},", "number_elsewhere"),
        (f"mina,{CANARY},,,9001 0117 38194", "number_elsewhere"),
        (f"mina,{CANARY},1738194,,", "number_elsewhere"),
        ("mina,900101-1,738194,,", "number_elsewhere"),
        (f"mina,{CANARY},910202-2738194,,", "number_elsewhere"),
        (f"mina,{CANARY[:8]},910202-2738194,,", "number_elsewhere"),
        (f"mina,{CANARY},,a\x1bb,", "bad_name"),
        (f"mina,{CANARY},,,a\x00b", "bad_region"),
        (f"mina,{CANARY},,,a\u202eb", "bad_region"),
        (f'mina,{CANARY},,,"a\rb"', "bad_region"),
    ],
)
def test_other_wrong_lines(line: str, reason: str) -> None:
    assert only(line) == Refused(2, Reason(reason))


def test_the_days_at_both_ends_are_taken() -> None:
    for number in ("000101-1738194", "250615-3738194"):
        assert isinstance(only(f"mina,{number},,,"), Row)


@pytest.mark.parametrize(
    ("header", "why"),
    [
        ("", "must have registration_number"),
        ("username", "must have registration_number"),
        ("registration_number", "either username or user_id"),
        ("username,user_id,registration_number", "either username or user_id"),
        ("username,registration_number,registration_number", "registration_number twice"),
        (f"mina,{CANARY}", "column 1 is none of username"),
        (f"username,registration_number,{CANARY}", "column 3 is none of username"),
        (f'"{CANARY}', "bad_csv"),
        ("x" * LONGEST_LINE + CANARY, "must have registration_number"),
    ],
)
def test_a_header_that_will_not_do_is_told_without_what_it_has(header: str, why: str) -> None:
    with pytest.raises(CannotRun, match=why) as caught:
        read(f"{header}\nmina,{CANARY}\n")
    assert not tells(caught.value)


def test_a_header_that_is_not_utf_8_is_told_without_what_it_has() -> None:
    with pytest.raises(CannotRun, match="not_utf8") as caught:
        read(f"이름,{CANARY}\n".encode("cp949"))
    assert not tells(caught.value)


def tells(error: BaseException | None) -> bool:
    """Whether *error*, or any behind it, has the canary in it."""
    behind = []
    while error is not None:
        behind.append(f"{error!r} {error.__dict__}" + "".join(traceback.format_exception(error)))
        error = error.__context__
    return "738194" in "".join(re.sub(r"File .*\n.*", "", text) for text in behind)


@given(
    st.sampled_from([*WRONG.values(), f"mina,{CANARY},,,", f"mina,{CANARY},010-1,민아,서울"]),
    st.lists(
        st.tuples(st.integers(0, 60), st.sampled_from(list('",;\r\n\x00\t 9\ufeff'))), max_size=4
    ),
)
def test_whatever_becomes_of_a_line_nothing_of_its_number_comes_out(
    line: str | bytes, changes: list[tuple[int, str]]
) -> None:
    text = line.decode("utf-8", "replace") if isinstance(line, bytes) else line
    for place, character in changes:
        text = text[:place] + character + text[place:]
    try:
        found = repr(read(HEADER + text))
    except CannotRun as error:
        found = repr(error)
    kept = re.sub(r"Row\(.*?who='[^']*'", "", found)
    assert "1738194" not in re.sub(r"[\W_]", "", kept)
