"""What is written of meetings names code and tests that there are, and the states of the code."""

from __future__ import annotations

import re
from pathlib import Path

from actors.rules.meeting_states import TRANSITIONS

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "server" / "meetings.md").read_text(encoding="utf-8")
TESTS = "".join(path.read_text("utf-8") for path in (ROOT / "tests").rglob("test_*.py"))


def test_the_states_of_meetings_are_those_of_the_document() -> None:
    table = PAGE.partition("| a meeting that is |")[2].partition("\n\n")[0]
    rows = [re.findall(r"`(\w+)`", line) for line in table.splitlines()[2:]]
    told = {before: after for before, *after in rows}
    assert told == {
        status.value: [each.value for each in after] for status, after in TRANSITIONS.items()
    }


def test_all_tests_that_it_names_are_there() -> None:
    named = set(re.findall(r"`(test_\w+)`", PAGE))
    assert len(named) > 8
    assert [name for name in named if f"def {name}(" not in TESTS] == []
    files = set(re.findall(r"`(test_\w+\.py)`", PAGE))
    assert [name for name in files if not list((ROOT / "tests").rglob(name))] == []


def test_all_files_that_it_names_are_there() -> None:
    named = set(re.findall(r"`((?:actors|server|protocol)/[\w/]+\.\w+)`", PAGE))
    assert len(named) > 5
    assert [name for name in named if not (ROOT / name).exists()] == []
