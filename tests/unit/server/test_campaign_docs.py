"""What is written of specification 002 names code and tests that there are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from actors.rules.campaign_states import RECIPIENT_TRANSITIONS, TRANSITIONS, markdown

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "server" / "campaigns.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("table", [TRANSITIONS, RECIPIENT_TRANSITIONS])
def test_the_states_are_those_of_the_table(table: object) -> None:
    assert markdown(table) in PAGE  # type: ignore[arg-type]


def test_every_test_it_names_exists() -> None:
    written = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("*.py"))
    there = set(re.findall(r"def (test_\w+)", written))
    named = set(re.findall(r"`(test_\w+)`", PAGE))
    assert len(named) > 40 and named <= there, named - there


def test_every_file_it_names_exists() -> None:
    named = re.findall(r"`((?:actors|server)/[\w/.]+)`", PAGE)
    assert len(named) > 20
    assert [path for path in named if not (ROOT / path).is_file()] == []


def test_every_row_but_that_of_no_jvm_names_a_test() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("|") and line.count(" | ") == 2]
    bare = [row for row in rows if "`test_" not in row and "|---" not in row]
    assert {row.split(" | ")[-1] for row in bare} == {"test |"}, bare
