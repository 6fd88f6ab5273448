"""The queue of notifications in memory, with the promises of the real store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import count
from typing import Final

import trio
from msgspec import UNSET

from actors.notification_ports import Decide, NotificationQueue
from actors.notification_records import (
    Begun,
    Decision,
    Enqueued,
    LegResult,
    NewNotification,
    Outside,
    Placed,
    Platform,
    Preferences,
    Shown,
    WaitingLeg,
    Window,
)
from protocol.ids import Millis, UserId
from protocol.notices import Notification
from server.memory.journal import MemoryLog
from server.memory.notification_rows import MemoryLeg, MemoryNote
from server.memory.notification_sending import MemorySending
from server.memory.notifications import MemoryNotifications

SIBLINGS_MOST: Final = 1_000
SHARES: Final = 4
LOG_HELD_MS: Final = 3_600_000


class MemoryNotificationQueue(MemorySending, NotificationQueue):
    """The port NotificationQueue over a MemoryLog, for any number of nodes.

    What is shown on the web goes into *listed*. People (``people``), what they want
    (``preferences``) and how they are reached (``endpoints``) are as somebody puts them there.
    """

    def __init__(self, log: MemoryLog, listed: MemoryNotifications) -> None:
        super().__init__(log)
        self.preferences: dict[tuple[int, Platform], Preferences] = {}
        self.windows: dict[tuple[int, Platform], dict[str, Window]] = {}
        self._listed, self._subjects = listed, dict[tuple[int, str], str]()
        self._numbers = count(1)
        listed.on_read = self.read

    # ---- what is asked for

    async def enqueue(self, new: Sequence[NewNotification]) -> Sequence[Enqueued]:
        """Keep them, with a leg for each platform, unless they are there."""
        await trio.lowlevel.checkpoint()
        keyed = [each for each in new if each.dedupe_key is not None]
        keyed.sort(key=lambda each: (each.dedupe_key, each.recipient_no, each.sender_no or 0))
        others = [each for each in new if each.dedupe_key is None]
        kept = {id(each): self._keep(each) for each in (*keyed, *others)}
        made = [each for each in new if not kept[id(each)].is_repeated]
        self._collapse([each for each in made if each.collapse_key is not None])
        return [kept[id(each)] for each in new]

    def _keep(self, new: NewNotification) -> Enqueued:
        for note in self.notes.values():
            old = note.new
            is_same = (old.recipient_no, old.sender_no) == (new.recipient_no, new.sender_no)
            is_same = is_same and new.dedupe_key is not None and old.dedupe_key == new.dedupe_key
            if is_same or old.id == new.id:
                return Enqueued(old.id, is_repeated=True)
        note = self.notes[new.id] = MemoryNote(new)
        for turn, platform in enumerate(dict.fromkeys(new.platforms)):
            is_later = new.routing == "fallback" and turn > 0
            place = turn if new.routing == "fallback" else 0
            state, due = ("backup" if is_later else "waiting"), new.scheduled_at
            self.add(MemoryLeg(self.next_leg(), note, platform, place, state, due))  # type: ignore[arg-type]
        return Enqueued(new.id, is_repeated=False)

    def _collapse(self, made: Sequence[NewNotification]) -> None:
        last = {(each.recipient_no, each.sender_no, each.collapse_key): each for each in made}
        old = [
            note
            for note in self.notes.values()
            for key in [(note.new.recipient_no, note.new.sender_no, note.new.collapse_key)]
            if note.status == "pending" and key in last and note.new is not last[key]
        ]
        for note in old:
            note.stopped = "collapsed"
        self.stop(old, "collapsed", min((each.created_at for each in last.values()), default=0))

    # ---- what is decided

    async def place(self, decide: Decide, *, now: Millis, most: int) -> Placed:
        """Have legs that are due decided, and do what was decided."""
        await trio.lowlevel.checkpoint()
        legs = {leg.leg_no: leg for leg in self._due(now, most)}
        shown, ready = list[Shown](), set[Outside]()
        if legs:
            facts = [self._facts(leg, now) for leg in legs.values()]
            decisions = decide(facts)
            going = {
                each.leg_no: self._whose(legs[each.leg_no])
                for each in decisions
                if self._goes(legs[each.leg_no], each)
            }
            for decision in decisions:
                shown += self._apply(legs[decision.leg_no], decision, going, now)
            ready = {leg.platform for leg in legs.values() if leg.state == "ready"}  # type: ignore[misc]
            self.settle([legs[each.leg_no].note for each in decisions], now, parts=False)
            legs = {each.leg_no: legs[each.leg_no] for each in decisions}
        times = [leg.due_at for leg in self.legs.values() if leg.state == "waiting"]
        due = Millis(min(times)) if times else None
        return Placed(len(legs), tuple(shown), due, frozenset(ready))

    def _goes(self, leg: MemoryLeg, decision: Decision) -> bool:
        """Whether it is sent elsewhere."""
        return decision.kind == "go" and leg.platform != "web" and bool(self.reached(leg))

    def _due(self, now: Millis, most: int) -> Iterable[MemoryLeg]:
        due = [leg for leg in self.legs.values() if leg.state == "waiting" and leg.due_at <= now]
        due.sort(key=lambda leg: leg.rank)
        first = self._picked(due, most)
        keys = {self._held_by(leg) for leg in first if leg.hold_key is not None}
        late = [leg for leg in due if leg not in first and self._held_by(leg) in keys]
        late.sort(key=lambda leg: (*self._held_by(leg), *leg.rank))
        return sorted([*first, *late[:SIBLINGS_MOST]], key=lambda leg: leg.rank)

    @staticmethod
    def _picked(due: Sequence[MemoryLeg], most: int) -> Sequence[MemoryLeg]:
        """Those that are due first, and room for others where one recipient has too many."""
        counts, some, more = Counter[int](), list[MemoryLeg](), list[MemoryLeg]()
        for leg in due[:most]:
            counts[leg.note.new.recipient_no] += 1
            is_too_many = counts[leg.note.new.recipient_no] > max(1, most // SHARES)
            (more if is_too_many else some).append(leg)
        crowding = {leg.note.new.recipient_no for leg in more}
        others = [leg for leg in due[most:] if leg.note.new.recipient_no not in crowding]
        return [*some, *others[: len(more)], *more][:most]

    @staticmethod
    def _whose(leg: MemoryLeg) -> tuple[int, Platform]:
        return leg.note.new.recipient_no, leg.platform

    def _held_by(self, leg: MemoryLeg) -> tuple[int, Platform, str | None]:
        return *self._whose(leg), leg.hold_key

    def _facts(self, leg: MemoryLeg, now: Millis) -> WaitingLeg:
        new, whose = leg.note.new, self._whose(leg)
        person = self.person(new.recipient_no)
        windows = self.windows.get(whose, {}).items()
        return WaitingLeg(
            leg_no=leg.leg_no,
            notification_no=0,
            id=new.id,
            recipient_no=new.recipient_no,
            recipient=UserId(self.users[new.recipient_no]),
            is_active=person.active,
            is_blocked=self.is_blocked(leg),
            is_seen=leg.note.seen_at is not None,
            sender_no=new.sender_no,
            type=new.type,
            title=new.title,
            priority=new.priority,
            collapse_key=new.collapse_key,
            created_at=new.created_at,
            due_at=Millis(leg.due_at),
            expires_at=new.expires_at,
            platform=leg.platform,
            held_for=leg.reason,
            hold_key=leg.hold_key,
            held_since=leg.held_at,
            preferences=self.preferences.get(whose, Preferences(zone=person.zone)),
            endpoints=self.reached(leg),
            windows={group: window for group, window in windows if window.until > now},
        )

    def _apply(
        self,
        leg: MemoryLeg,
        decision: Decision,
        going: Mapping[int, tuple[int, Platform]],
        now: Millis,
    ) -> Iterable[Shown]:
        whose = self._whose(leg)
        self.windows.setdefault(whose, {}).update(decision.windows)
        reason = decision.reason
        if decision.kind == "go" and leg.platform == "web":
            leg.end("sent", reason)
            leg.hold_key, leg.sent_at = None, now
            late = min(max(now - leg.due_at, 0), 2**31 - 1)
            self.note_down(leg, "sent", reason, at=now, latency_ms=late)
            return [self._show(leg, now)]
        is_noted = decision.kind != "hold" or reason != leg.reason
        leg.hold_key = decision.hold_key if decision.kind == "hold" else None
        needed = (leg.leg_no if decision.kind == "go" else decision.into) or 0
        if decision.kind in ("go", "merge") and going.get(needed) != whose:
            leg.end("skipped", "no_endpoint")
        elif decision.kind == "go":
            self._ready(leg, reason)
        elif decision.kind == "hold":
            leg.end("waiting", reason)
            leg.due_at = leg.due_at if decision.until is None else decision.until
            leg.held_at = now if leg.held_at is None else leg.held_at
        elif decision.kind == "merge":
            leg.end("merged", reason or "merged")
            leg.merged_into = self.legs[decision.into or 0]
        else:
            state = "skipped" if decision.kind == "skip" else "expired"
            leg.end("cancelled" if reason == "read" else state, reason or state)  # type: ignore[arg-type]
        told = {"ready": "pending", "waiting": "held"}
        if is_noted and not (leg.state == "waiting" and self._was_held(leg, now - LOG_HELD_MS)):
            self.note_down(leg, told.get(leg.state, leg.state), leg.reason, at=now)
        return []

    def _was_held(self, leg: MemoryLeg, since: int) -> bool:
        """Whether there is an entry of that, later than then."""
        way = (leg.note.new.id, leg.platform, "held")
        return any((each.id, each.platform, each.status) == way and each.at > since
                   for each in self.entries)  # fmt: skip

    def _ready(self, leg: MemoryLeg, reason: str) -> None:
        first, *others = self.reached(leg)
        leg.end("ready", reason)
        leg.endpoint_no = first
        for each in others:
            more = MemoryLeg(
                self.next_leg(), leg.note, leg.platform, leg.place, "ready", leg.due_at
            )
            more.endpoint_no = each
            self.add(more)

    def _show(self, leg: MemoryLeg, now: Millis) -> Shown:
        new = leg.note.new
        user, gone = new.recipient_no, tuple[str, ...]()
        if new.collapse_key is not None:
            subject = (user, f"{new.sender_no or 0}:{new.collapse_key}")
            old = self._subjects.get(subject)
            gone = (old,) if old is not None and self._listed.remove(user, old) else ()
            self._subjects[subject] = new.id
        frame = Notification(
            id=new.id,
            type=new.type,
            title=new.title,
            body=new.message,
            data=dict(new.data),
            priority=new.priority,
            at=now,
            sender=UNSET if new.sender_no is None else self.users[new.sender_no],
        )
        self._listed.add(user, frame)
        wants = self.preferences.get((user, "web"), Preferences())
        return Shown(UserId(self.users[user]), user, frame, gone, wants.sound and not leg.reason)

    # ---- what people do

    def want(self, user_no: int, platform: Platform, wanted: Preferences, *, at: Millis) -> None:
        """Replace what somebody wants of a platform; what was held back there is due now, unless
        he wanted the same before.
        """
        if self.preferences.get((user_no, platform)) == wanted:
            return
        self.preferences[user_no, platform] = wanted
        for leg in self.legs.values():
            is_held = leg.state == "waiting" and leg.hold_key is not None
            if is_held and self._whose(leg) == (user_no, platform):
                leg.due_at = min(leg.due_at, at)

    # ---- what is sent elsewhere

    async def begin(
        self, platform: Outside, *, now: Millis, until: Millis, most: int, lease: int
    ) -> Begun:
        """Legs to be sent now, for this node alone *until* then."""
        await trio.lowlevel.checkpoint()
        return self.begun(platform, now=now, until=until, most=most, lease=lease)

    async def abandon(self, platform: Outside, *, before: Millis, now: Millis, most: int) -> int:
        """End legs of a platform to which nothing is sent any more; how many there were."""
        await trio.lowlevel.checkpoint()
        return self.abandoned(platform, before, now, most)

    async def record(self, results: Sequence[LegResult], *, at: Millis) -> Collection[Platform]:
        """What became of attempts, of those legs that are still its lease's."""
        await trio.lowlevel.checkpoint()
        return self.recorded(results, at)
