"""Legs of notifications in memory: begun with, settled, cancelled."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from itertools import count
from typing import Any, Final

from actors.notification_records import Platform
from protocol.ids import Millis
from server.memory.journal import MemoryLog
from server.memory.notification_rows import (
    NEVER,
    KnownReader,
    MemoryEndpoint,
    MemoryEntry,
    MemoryLeg,
    MemoryNote,
)

TAKEN_BACK: Final = ("push", "discord")


class MemoryLegs:
    """All legs there are, of the notifications in ``notes``; ``entries`` is their log."""

    def __init__(self, log: MemoryLog) -> None:
        self._log, self.users = log, log.users
        self.notes: dict[str, MemoryNote] = {}
        self.legs: dict[int, MemoryLeg] = {}
        self.people: dict[int, KnownReader] = {}
        self.endpoints: dict[int, MemoryEndpoint] = {}
        self.entries: list[MemoryEntry] = []
        self._leg_nos = count(1)

    def next_leg(self) -> int:
        """The number of another leg."""
        return next(self._leg_nos)

    def add(self, leg: MemoryLeg) -> None:
        """One more."""
        self.legs[leg.leg_no] = leg
        leg.note.legs.append(leg)

    def person(self, user_no: int) -> KnownReader:
        """Who has that number."""
        return self.people.setdefault(user_no, KnownReader(name=f"User {user_no}"))

    def is_blocked(self, leg: MemoryLeg) -> bool:
        """Whether its recipient and its sender have a block."""
        pair = (leg.note.new.recipient_no, leg.note.new.sender_no)
        return pair in self._log.blocks or pair[::-1] in self._log.blocks

    def reached(self, leg: MemoryLeg) -> tuple[int, ...]:
        """The endpoints of a leg's recipient on its platform."""
        whose = (leg.note.new.recipient_no, leg.platform)
        return tuple(
            number
            for number, each in sorted(self.endpoints.items())
            if (each.user_no, each.platform) == whose and each.ended_at is None
        )

    def note_down(self, leg: MemoryLeg, status: str, reason: str = "", **more: Any) -> None:
        """Enter it into the log; *more*: the other fields of an entry, ``at`` among them."""
        fields = {"latency_ms": None, "error": None, "attempt": 0, **more}
        self.entries.append(MemoryEntry(leg.note.new.id, leg.platform, status, reason, **fields))

    # ---- what follows

    def settle(
        self, notes: Iterable[MemoryNote], at: Millis, *, parts: bool = True
    ) -> Collection[Platform]:
        """Legs of these have ended; where the turn of the next has come now."""
        known = list(dict.fromkeys(notes))
        if parts:
            known += [each for each in self._told_by(known) if each not in known]
            for leg in [leg for note in known for leg in note.legs]:
                self._part(leg, at)
        turns = [leg for note in known for leg in note.advance(at)]
        for note in known:
            note.roll_up()
        return {leg.platform for leg in turns if leg.due_at <= at}

    def told_by(self, leg: MemoryLeg) -> Sequence[MemoryNote]:
        """Those that it tells of, too, and that are to be told."""
        told = [each.note for each in self.legs.values() if leg in each.told_by()]
        return [note for note in told if note.seen_at is None and note.stopped is None]

    def can_be_taken_back(self, leg: MemoryLeg) -> bool:
        """Whether what was sent can be, and all was read that it tells of."""
        is_traced = leg.platform in TAKEN_BACK and leg.provider_ref is not None
        return is_traced and leg.note.seen_at is not None and not self.told_by(leg)

    def _told_by(self, notes: Sequence[MemoryNote]) -> Iterable[MemoryNote]:
        return dict.fromkeys(
            leg.note
            for leg in self.legs.values()
            if leg.merged_into is not None and leg.merged_into.note in notes
        )

    def _part(self, leg: MemoryLeg, at: Millis) -> None:
        """What was to be told by another leg, which was not sent and never will be, goes its own
        way.
        """
        is_open = leg.note.seen_at is None and leg.note.stopped is None
        if leg.state == "merged" and is_open and all(t.state in NEVER for t in leg.standing()):
            leg.end("waiting", "")
            leg.merged_into, leg.hold_key, leg.due_at = None, None, at

    def stop(self, notes: Sequence[MemoryNote], reason: str, at: int) -> None:
        """Nothing more of these is sent."""
        legs = [leg for note in notes for leg in note.legs]
        for leg in legs:
            if leg.state in ("waiting", "backup", "ready"):
                leg.end("cancelled", reason)
                self.note_down(leg, "cancelled", reason, at=Millis(at))
        for leg in [telling for each in legs for telling in (each, *each.told_by())]:
            if leg.state == "sent" and self.can_be_taken_back(leg):
                take_back(leg, at)
        self.settle(notes, Millis(at))

    def read(self, user_no: int, ids: Sequence[str], at: Millis) -> Collection[str]:
        """Somebody has read these; which of them were unread until now."""
        mine = [
            self.notes[each]
            for each in dict.fromkeys(ids)
            if each in self.notes
            and self.notes[each].new.recipient_no == user_no
            and self.notes[each].seen_at is None
        ]
        for note in mine:
            note.seen_at = at
        self.stop(mine, "read", at)
        return {note.new.id for note in mine}

    def cancel(self, sender_no: int, id: str, at: Millis) -> bool | None:  # noqa: A002
        """Send it nowhere any more; whether it was pending. None where there is no such one."""
        note = self.notes.get(id)
        if note is None or note.new.sender_no != sender_no:
            return None
        if note.status != "pending":
            return False
        note.stopped = "cancelled"
        self.stop([note], "cancelled", at)
        return True


def take_back(leg: MemoryLeg, at: int) -> None:
    """Have it taken back."""
    leg.state, leg.attempt, leg.leased_until, leg.due_at = "withdraw", 0, 0, at
