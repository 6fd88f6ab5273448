"""The permission table is the one that is written down."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import protocol
from actors.rules.permissions import Action, may
from protocol.fields import Role

PAGE = (Path(protocol.__file__).parent / "README.md").read_text(encoding="utf-8")
ROLES = ("owner", "admin", "member", "guest")


def test_the_table_of_the_specification_is_that_of_the_code() -> None:
    section = PAGE.split("## Who may do what")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")][1:]
    told = {cells[0]: cells[1:] for line in lines if (cells := line.strip("| ").split(" | "))}
    assert told == {action.value: _row(action) for action in Action}
    assert set(ROLES) == set(get_args(Role))


def _row(action: Action) -> list[str]:
    team = [may(action, room_type="team", role=role) for role in ROLES]  # type: ignore[arg-type]
    direct = may(action, room_type="direct", role="member")
    return ["yes" if allowed else "no" for allowed in (*team, direct)]
