"""What is written of notifications names code and tests that there are, and all their codes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import get_args

import pytest

from actors.notification_feed import NotificationFeed
from actors.notification_records import LegState
from actors.notification_tries import Tries
from actors.notifier import NotifierActor
from actors.rules.notification_types import TYPES, URGENT_SENDERS, Relation, TypeRule
from actors.rules.routing import DND_AGAIN_MS, REASONS, RoutingLimits
from server.http.notification_content import DATA_BYTES
from server.http.notification_phones import CODES
from server.http.notification_schemas import (
    BATCH_MOST,
    LONGEST_MESSAGE,
    LONGEST_TITLE,
    UNREAD_DEFAULT_S,
    NotificationStatus,
)
from server.http.notification_sending import (
    AHEAD_MOST_MS,
    PAIRS,
    RECIPIENTS,
    SCHEDULED_MOST,
    SCHEDULED_OWN_MOST,
    SENDERS,
    URGENT_PAIRS,
)
from server.http.notification_stream import OPENED
from server.notification_settings import read_notifying
from server.postgres.notification_links import KEPT_MS
from server.postgres.notification_settling import URGENCY_MS

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "server" / "notifications.md").read_text(encoding="utf-8")
LIMITS = (ROOT / "protocol" / "README.md").read_text("utf-8").partition("\n## Limits\n")[2]
MIGRATION = ROOT / "server" / "postgres" / "migrations" / "0031_notifications.sql"


def part(title: str) -> str:
    """What the page says under *title*."""
    return PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def rows(text: str, head: str) -> list[Sequence[str]]:
    """The cells of the table in *text* that begins with *head*."""
    table = text.partition(f"\n{head}")[2].partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in table]


def successions(head: str) -> Mapping[str, Sequence[str]]:
    """What follows each state in the table that begins with *head*."""
    named = [
        [re.findall(r"`(\w+)`", cell) for cell in row] for row in rows(part("States"), f"| {head} ")
    ]
    return {state: after for [state], after in named}


def checked(column: str) -> list[str]:
    """The values that the migration allows in the first column of that name, in their order."""
    text = re.sub(r"--.*", "", MIGRATION.read_text(encoding="utf-8"))
    found = re.search(
        rf"\n\s+{column} text NOT NULL[^;]*?CHECK \({column} IN \((.*?)\)\)", text, re.S
    )
    assert found is not None
    return re.findall(r"'(\w+)'", found[1])


def row_of(name: str, rule: TypeRule) -> Sequence[str]:
    senders = ", ".join(each for each in get_args(Relation) if each in rule.senders)
    urgent = ", ".join(each for each in get_args(Relation) if each in rule.senders & URGENT_SENDERS)
    facts = (rule.digestable, rule.is_invitation)
    urgent = urgent if rule.may_be_urgent else "nobody"
    return [f"`{name}`", senders, urgent, *("yes" if fact else "no" for fact in facts)]


@pytest.mark.parametrize(
    ("head", "column", "known"),
    [
        ("a leg that is", "state", LegState),
        ("a notification that is", "status", NotificationStatus),
    ],
)
def test_the_states_are_those_of_the_tables(head: str, column: str, known: object) -> None:
    after = successions(head)
    assert list(after) == checked(column)
    assert set(after) == set(get_args(known))
    assert {each for states in after.values() for each in states} <= set(after)


def test_the_reasons_are_all_there_are() -> None:
    named = [code for code, _ in rows(part("Reasons"), "| reason ")]
    assert sorted(named) == sorted(f"`{reason}`" for reason in REASONS)


def test_the_types_are_those_of_the_rules() -> None:
    assert rows(part("Who may notify whom"), "| type ") == [row_of(*each) for each in TYPES.items()]


def test_every_test_it_names_exists() -> None:
    written = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("*.py"))
    there = set(re.findall(r"def (test_\w+)", written))
    named = set(re.findall(r"`(test_\w+)`", PAGE))
    assert len(named) > 100 and named <= there, named - there


def test_every_file_it_names_exists() -> None:
    named = re.findall(r"`((?:actors|server)/[\w/.]+)`", PAGE)
    assert len(named) > 20
    assert [path for path in named if not (ROOT / path).is_file()] == []


def test_every_row_names_a_test() -> None:
    lines = [line for line in PAGE.splitlines() if line.startswith("|") and line.count(" | ") == 2]
    bare = [line for line in lines if "`test_" not in line and "|---" not in line]
    assert len(lines) > 90 and {line.split(" | ")[-1] for line in bare} == {"test |"}, bare


def test_every_setting_it_names_is_read() -> None:
    written = "".join(path.read_text("utf-8") for path in (ROOT / "server").glob("*settings.py"))
    named = set(re.findall(r"`(MADANG_\w+)`", PAGE))
    assert len(named) > 15 and [name for name in named if f'"{name}"' not in written] == []


def test_the_limits_for_clients_are_those_that_hold() -> None:
    said = LIMITS.partition("\n**Notifications** ")[2].partition("\n\n")[0]
    hourly = [
        round(each.per_second * 3_600 + each.burst) for each in (PAIRS, RECIPIENTS, URGENT_PAIRS)
    ]
    for what in (
        f"a burst of {SENDERS.burst:.0f} and then {SENDERS.per_second:.0f} a second",
        "sent {} an hour by one sender, and {} by all together, and {} urgent".format(*hourly),
        f"{SCHEDULED_MOST} may be scheduled for one person and {SCHEDULED_OWN_MOST:,} for oneself",
        f"up to {AHEAD_MOST_MS // 86_400_000} days ahead",
        f"A batch has up to {BATCH_MOST},",
        f"{NotificationFeed.OF_USER} streams",
        f"one in {1 / OPENED.per_second:.0f} seconds, {OPENED.burst:.0f} at once",
        f"the node has {NotificationFeed.MOST:,}",
    ):
        assert what in said


def test_the_numbers_are_those_that_hold() -> None:
    rules, wanted = part("Rules"), read_notifying({})
    assert f"`MADANG_NOTIFICATION_DAYS` ({wanted.kept_days})" in part("What is promised")
    assert f"`MADANG_NOTIFICATION_DIGEST_S` ({wanted.digest_s})" in rules
    assert {*wanted.per_hour.values(), *RoutingLimits().per_hour.values()} == {30}
    assert "brings one person 30 in an hour" in rules
    assert f"worth {URGENCY_MS // 1_000} s" in rules
    assert f"every {DND_AGAIN_MS // 3_600_000} hours" in rules
    assert f"`unreadAfter` seconds ({UNREAD_DEFAULT_S})" in rules
    assert (SENDERS.per_second, f"a burst of {SENDERS.burst:.0f}" in rules) == (1.0, True)
    hourly = [
        round(each.per_second * 3_600 + each.burst) for each in (PAIRS, RECIPIENTS, URGENT_PAIRS)
    ]
    assert "is sent {} an hour, and {} an hour by all".format(*hourly) in rules
    assert f"{hourly[2]} times in an hour from one person" in rules
    assert f"{SCHEDULED_MOST} of one sender may be scheduled for one person, " in rules
    assert f" {SCHEDULED_OWN_MOST:,} for oneself" in rules
    codes = round(CODES.per_second * 3_600 + CODES.burst)
    assert (codes, "two at once and three an hour are sent" in part("In use")) == (3, True)
    assert f"Titles have {LONGEST_TITLE} characters, messages {LONGEST_MESSAGE:,}" in rules
    assert f"`data` {DATA_BYTES // 1_024} KiB" in rules
    assert (Tries.LOOKED, Tries.NOT_LOOKED) == (5, 20)
    assert NotifierActor.AGAIN_MS == (5_000, 600_000)
    assert (NotifierActor.LEASE_MS, "the lease of a minute" in PAGE) == (60_000, True)
    assert f"holds for {KEPT_MS // 60_000} minutes" in part("In use")
    assert f"up to {BATCH_MOST}," in part("The calls")
    assert f"up to {AHEAD_MOST_MS // 86_400_000} days ahead" in part("Techniques")
