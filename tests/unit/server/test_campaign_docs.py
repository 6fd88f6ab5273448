"""What is written of campaigns names code and tests that there are, and all their codes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

from actors.campaign_numbers import CampaignNumbers
from actors.message_records import OUR_SETTINGS, OutcomeReason
from actors.rules.advertising import Rule
from actors.rules.campaign_states import RECIPIENT_TRANSITIONS, TRANSITIONS, markdown
from actors.rules.ramp import SHARES
from server.http.campaign_events import MOST_STREAMS
from server.http.campaign_schemas import LONGEST_MESSAGE, TEST_MOST
from server.people_file import LONGEST_LINE
from server.postgres.registrations import Reason
from server.providers.message_api import NOT_TAKEN
from server.providers.webhook import MOST_WAITING, WAITS_S

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "server" / "campaigns.md").read_text(encoding="utf-8")
GUIDE = (ROOT / "server" / "campaign_guide.md").read_text(encoding="utf-8")


def part(title: str) -> str:
    """What the guide says under *title*."""
    return GUIDE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def coded(text: str) -> set[str]:
    """The codes that the first cells of the tables in *text* name."""
    cells = re.findall(r"^\| (`.*?) \|", text, flags=re.MULTILINE)
    return {code for cell in cells for code in re.findall(r"`([\w.]+)`", cell)}


def written(folder: str, pattern: str) -> set[str]:
    """What *pattern* finds in the code below *folder*."""
    files = (ROOT / folder).rglob("*.py")
    return {found for path in files for found in re.findall(pattern, path.read_text("utf-8"))}


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


def test_the_guide_has_every_rule_and_every_reason_of_an_import() -> None:
    assert coded(part("Advertising")) == set(Rule)
    assert coded(part("Lines that an import refuses")) == set(Reason)


def test_the_guide_has_every_alert() -> None:
    halts = {f"campaign.{why}" for why in written("actors", r'\.halt\("(\w+)"\)')}
    held = written("actors", r'"(campaign\.\w+)"')
    halts |= {f"campaign.{why}" for why in OUR_SETTINGS}
    assert len(halts) > 4 and held and coded(part("Alerts")) == halts | held


def test_the_guide_has_every_action_of_the_audit_log() -> None:
    named = written("server", r'"((?:campaign|users)\.\w+)"') | {"users.import"}
    steps = written("server/http", r"self\._making\.(pause|resume|cancel)\b")
    assert steps and coded(part("The audit log")) == named | {f"campaign.{step}" for step in steps}


def test_the_guide_has_every_answer_of_the_message_api() -> None:
    api = part("The message API")
    rows = [line for line in api.splitlines() if line.startswith("| ")][1:]
    reasons = {reason for row in rows for reason in re.findall(r"`(\w+)`", row.split("|")[-2])}
    assert reasons == set(get_args(OutcomeReason)) - {""}
    again = {
        int(status): row.split("|")[-2].strip(" `")
        for row in rows
        if "| tried again" in row
        for status in re.findall(r"\b\d{3}\b", row.split("|")[1])
    }
    assert again == NOT_TAKEN


def test_the_guide_has_the_numbers_that_hold() -> None:
    numbers = CampaignNumbers()
    waits = ", ".join(f"{wait:.0f}" for wait in WAITS_S[:-1]) + f" and {WAITS_S[-1]:.0f} s"
    assert MOST_WAITING == 100 and f"after {waits}" in part("Alerts")
    assert f"for {numbers.stall_s:.0f} s" in part("Alerts")
    assert f"last {numbers.window} results (of {numbers.enough} at least)" in part("Ramp")
    assert [f"{100 // share} %" in part("Ramp") for share in SHARES] == [True, True]
    assert f"`MADANG_CAMPAIGN_ATTEMPTS` times in all ({numbers.attempts})" in GUIDE
    assert f"{LONGEST_MESSAGE:,} characters" in GUIDE and f"{LONGEST_LINE:,} bytes" in GUIDE
    assert f"1 to {TEST_MOST}." in GUIDE and f"{MOST_STREAMS} streams" in GUIDE
