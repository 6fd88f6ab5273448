"""Decisions about legs, as the rows that they become."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from actors.notification_records import Decision, Outside, Platform, WaitingLeg, Window
from server.postgres.notification_settling import URGENCY_MS

ENDS: Final = {"merge": "merged", "skip": "skipped", "expire": "expired"}


class Written(NamedTuple):
    """What a leg becomes, and how the log has it."""

    leg: WaitingLeg
    state: str
    status: str
    reason: str
    due_at: int
    hold_key: str | None = None
    into: int | None = None


class Decided(NamedTuple):
    """A round of decisions."""

    shown: Sequence[tuple[WaitingLeg, str]]
    """Those that go to the web, and why some do so silently."""
    others: Sequence[Written]
    windows: Mapping[tuple[int, Platform, str], Window]

    @property
    def legs(self) -> Sequence[WaitingLeg]:
        """Those that were decided."""
        return [*(leg for leg, _ in self.shown), *(each.leg for each in self.others)]

    @property
    def ready(self) -> frozenset[Outside]:
        """Where something is to be sent now."""
        return frozenset(
            each.leg.platform
            for each in self.others
            if each.state == "ready" and each.leg.platform != "web"
        )

    @property
    def more(self) -> Sequence[tuple[int, int]]:
        """(leg_no, endpoint_no): the addresses beyond the first."""
        return [
            (each.leg.leg_no, endpoint)
            for each in self.others
            if each.state == "ready"
            for endpoint in each.leg.endpoints[1:]
        ]

    def columns(self) -> list[list[Any]]:
        """The arrays that WRITE takes."""
        return _columns(
            (
                each.leg.leg_no,
                each.state,
                each.reason,
                each.hold_key,
                each.due_at,
                each.due_at - (each.leg.priority - 1) * URGENCY_MS,
                each.into,
                each.leg.endpoints[0] if each.state == "ready" else None,
            )
            for each in self.others
        )

    @property
    def logged(self) -> Sequence[Written]:
        """Those that have an entry: what is held back once more for the same has one."""
        return [
            each
            for each in self.others
            if each.status != "held" or each.reason != each.leg.held_for
        ]

    def log_columns(self) -> list[list[Any]]:
        """The arrays that LOG takes."""
        return _columns((each.leg.leg_no, each.status, each.reason) for each in self.logged)

    def more_columns(self) -> list[list[Any]]:
        """The arrays that MORE takes."""
        return _columns(self.more)

    def window_columns(self) -> list[list[Any]]:
        """The arrays that WINDOWS takes."""
        return _columns((*key, *window) for key, window in sorted(self.windows.items()))


def decided(legs: Sequence[WaitingLeg], decisions: Sequence[Decision]) -> Decided:
    """What becomes of *legs*; one without a decision stays as it is."""
    by_leg = {leg.leg_no: leg for leg in legs}
    going = {
        each.leg_no: _whose(by_leg[each.leg_no])
        for each in decisions
        if each.kind == "go" and by_leg[each.leg_no].endpoints
    }
    shown, others = list[tuple[WaitingLeg, str]](), list[Written]()
    for each in decisions:
        leg = by_leg[each.leg_no]
        if each.kind == "go" and leg.platform == "web":
            shown.append((leg, each.reason))
        else:
            others.append(_written(leg, each, going))
    windows = {
        (by_leg[each.leg_no].recipient_no, by_leg[each.leg_no].platform, group): window
        for each in decisions
        for group, window in each.windows.items()
    }
    return Decided(shown, others, windows)


def _whose(leg: WaitingLeg) -> tuple[int, Platform]:
    return leg.recipient_no, leg.platform


def _written(
    leg: WaitingLeg, decision: Decision, going: Mapping[int, tuple[int, Platform]]
) -> Written:
    reason, due_at = decision.reason, leg.due_at
    needed = (leg.leg_no if decision.kind == "go" else decision.into) or 0
    if decision.kind in ("go", "merge") and going.get(needed) != _whose(leg):
        return Written(leg, "skipped", "skipped", "no_endpoint", due_at)
    if decision.kind == "go":
        return Written(leg, "ready", "pending", reason, due_at)
    if decision.kind == "hold":
        until = due_at if decision.until is None else decision.until
        return Written(leg, "waiting", "held", reason, until, decision.hold_key)
    state = "cancelled" if reason == "read" else ENDS[decision.kind]
    return Written(leg, state, state, reason or state, due_at, into=decision.into)


def _columns(rows: Iterable[Sequence[Any]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]
