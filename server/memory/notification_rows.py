"""Notifications, their legs and those whom they are for, in memory, as values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from actors.notification_records import LegState, NewNotification, Platform
from protocol.ids import Millis

URGENCY_MS: Final = 30_000
PENDING: Final[frozenset[LegState]] = frozenset({"waiting", "backup", "ready", "leased"})
SENT: Final[frozenset[LegState]] = frozenset({"sent", "withdraw", "withdrawn", "merged"})
NEVER: Final[frozenset[LegState]] = frozenset({"cancelled", "expired", "skipped", "failed"})


@dataclass(slots=True)
class KnownReader:
    """Somebody who may be notified; a test changes what it likes."""

    active: bool = True
    language: str = "ko"
    zone: str = "Asia/Seoul"
    name: str = ""


@dataclass(slots=True)
class MemoryEndpoint:
    """One address of somebody."""

    user_no: int
    platform: Platform
    used_at: Millis | None = None
    ended_at: Millis | None = None
    ended_why: str | None = None


class MemoryEntry(NamedTuple):
    """One entry of the log."""

    id: str
    platform: Platform
    status: str
    reason: str
    latency_ms: int | None
    error: str | None
    attempt: int
    at: Millis


@dataclass(slots=True, eq=False)
class MemoryLeg:
    """The way of a notification over one platform."""

    leg_no: int
    note: MemoryNote
    platform: Platform
    place: int
    state: LegState
    due_at: int
    endpoint_no: int | None = None
    hold_key: str | None = None
    held_at: Millis | None = None
    reason: str = ""
    merged_into: MemoryLeg | None = None
    attempt: int = 0
    lease: int = 0
    leased_until: int = 0
    provider_ref: str | None = None
    sent_at: int | None = None

    @property
    def rank(self) -> tuple[int, int]:
        """Who is first."""
        worth = 0 if self.state == "withdraw" else (self.note.new.priority - 1) * URGENCY_MS
        return self.due_at - worth, self.leg_no

    def end(self, state: LegState, reason: str) -> None:
        """Have it in another state."""
        self.state, self.reason = state, reason

    def standing(self) -> Iterable[MemoryLeg]:
        """Itself, or the legs that it is told of by."""
        return self.told_by() if self.state == "merged" else [self]

    def told_by(self) -> Sequence[MemoryLeg]:
        """The legs of another that tell of it, too."""
        if self.merged_into is None:
            return []
        legs = self.merged_into.note.legs
        return [each for each in legs if each.platform == self.platform]


@dataclass(slots=True, eq=False)
class MemoryNote:
    """One notification, as it was asked for, and how far it is."""

    new: NewNotification
    status: str = "pending"
    seen_at: Millis | None = None
    stopped: str | None = None
    sent_at: int | None = None
    legs: list[MemoryLeg] = field(default_factory=list)

    def advance(self, at: Millis) -> Iterator[MemoryLeg]:
        """Let those of a fallback wait for a decision whose turn has come."""
        if self.new.routing != "fallback":
            return
        turns = []
        for leg in self.legs:
            earlier = [each for each in self.legs if each.place == leg.place - 1]
            before = [told_by for each in earlier for told_by in each.standing()]
            is_over = not any(each.state in PENDING for each in before)
            if leg.state == "backup" and before and is_over:
                sent = [each.sent_at for each in before if each.state in SENT]
                known = [each for each in sent if each is not None]
                turns.append((leg, min(known) + self.new.unread_after_ms if known else at))
        for leg, due_at in turns:
            leg.state, leg.due_at = "waiting", due_at
            yield leg

    def roll_up(self) -> None:
        """Say what has become of the whole."""
        legs = [each for leg in self.legs for each in leg.standing()]
        states = {each.state for each in legs}
        kinds = (("pending", PENDING), ("sent", SENT))
        last = ((each, frozenset({each})) for each in ("unknown", "failed", "expired"))
        found = [name for name, some in (*kinds, *last) if states & some]
        self.status = found[0] if found else "cancelled"
        sent = [leg.sent_at for leg in legs if leg.state in SENT and leg.sent_at is not None]
        if self.sent_at is None and sent:
            self.sent_at = min(sent)
