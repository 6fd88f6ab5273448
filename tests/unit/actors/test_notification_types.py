from __future__ import annotations

from itertools import product
from typing import get_args

import pytest

from actors.rules.notification_types import (
    ALIASES,
    TYPES,
    Relation,
    effective_priority,
    may_notify,
    priority_from,
    type_of,
)

PEOPLE = {"friend", "shares_room", "shares_meeting"}
SERVICE = {"service", "admin"}
MAY = {
    "meeting.invitation": PEOPLE | SERVICE,
    "meeting.response": PEOPLE | SERVICE,
    "meeting.confirmed": PEOPLE | SERVICE,
    "meeting.cancelled": PEOPLE | SERVICE,
    "friend.request": {"shares_room", "shares_meeting"} | SERVICE,
    "friend.accepted": {"friend"} | SERVICE,
    "calendar.reminder": {"self", "shares_meeting"} | SERVICE,
    "calendar.conflict": {"self"} | SERVICE,
    "system.announcement": SERVICE,
}
URGENT = {
    "meeting.confirmed",
    "meeting.cancelled",
    "calendar.reminder",
    "calendar.conflict",
    "system.announcement",
}
AT_ONCE = URGENT - {"calendar.conflict"}


def test_the_types_are_those_of_the_specification() -> None:
    assert set(TYPES) == set(MAY)


@pytest.mark.parametrize(("kind", "relation"), list(product(MAY, get_args(Relation))))
def test_who_may_notify_whom_of_what(kind: str, relation: Relation) -> None:
    assert may_notify({relation}, kind) == (relation in MAY[kind])
    assert may_notify({"stranger", relation}, kind) == (relation in MAY[kind])


def test_every_relation_but_a_stranger_may_notify_of_something() -> None:
    used = frozenset[Relation]().union(*(rule.senders for rule in TYPES.values()))
    assert used == set(get_args(Relation)) - {"stranger"}


def test_nobody_may_notify_without_a_relation_or_of_what_there_is_not() -> None:
    assert not any(may_notify((), kind) for kind in TYPES)
    assert not may_notify(get_args(Relation), "broadcast.received")
    assert not may_notify(get_args(Relation), "meeting_invitation")


def test_what_is_urgent_and_what_is_told_together() -> None:
    assert {kind for kind, rule in TYPES.items() if rule.may_be_urgent} == URGENT
    assert {kind for kind, rule in TYPES.items() if not rule.digestable} == AT_ONCE
    invitations = {kind for kind, rule in TYPES.items() if rule.is_invitation}
    assert invitations == {"meeting.invitation", "friend.request"}


@pytest.mark.parametrize("kind", [*MAY, "no.such"])
def test_the_highest_priority_is_for_what_may_be_urgent(kind: str) -> None:
    assert effective_priority(kind, 4) == (4 if kind in URGENT else 3)
    assert [effective_priority(kind, priority) for priority in (1, 2, 3)] == [1, 2, 3]


@pytest.mark.parametrize(("kind", "relation"), list(product(MAY, get_args(Relation))))
def test_the_highest_priority_is_for_those_who_may_be_urgent(kind: str, relation: Relation) -> None:
    may = kind in URGENT and relation in {"self", "shares_meeting", "service", "admin"}
    assert priority_from({relation}, kind, 4) == (4 if may else 3)
    assert priority_from({relation, "shares_room", "friend"}, kind, 4) == (4 if may else 3)
    assert [priority_from({relation}, kind, priority) for priority in (1, 2, 3)] == [1, 2, 3]


def test_other_names() -> None:
    assert ALIASES == {
        "meeting_invitation": "meeting.invitation",
        "meeting_update": "meeting.response",
        "friend_request": "friend.request",
        "reminder": "calendar.reminder",
    }
    assert {name: type_of(name) for name in ALIASES} == ALIASES
    assert {name: type_of(name) for name in TYPES} == {name: name for name in TYPES}
    assert [type_of(name) for name in ("", "meeting", "broadcast.received", "REMINDER")] == [
        None
    ] * 4
