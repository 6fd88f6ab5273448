"""A queue of notifications that fails as it is told to, and a provider that answers so."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import trio
from msgspec import structs

from actors.notification_ports import Decide, NotificationQueue
from actors.notification_records import (
    Attempt,
    Begun,
    Enqueued,
    LegResult,
    NewNotification,
    OutgoingNotification,
    Outside,
    Placed,
    Platform,
    Preferences,
    Shown,
    WaitingLeg,
)
from protocol.ids import Millis, UserId
from protocol.notices import Notification


class VirtualClock:
    """``ahead_s`` seconds of trio's own."""

    def __init__(self, ahead_s: float = 0.0) -> None:
        self.ahead_s = ahead_s

    def now_ms(self) -> Millis:
        return Millis(int((trio.current_time() + self.ahead_s) * 1000))


class FaultyQueue(NotificationQueue):
    """``fail_next`` are raised by the next calls of a method instead, ``lose_next`` after them,
    ``away`` by all; ``slow`` is what each takes, in seconds.
    """

    def __init__(self, inner: NotificationQueue) -> None:
        self.inner = inner
        self.calls: list[tuple[str, int, float]] = []  # method, how many, when
        self.fail_next: dict[str, list[Exception]] = {}
        self.lose_next: dict[str, list[Exception]] = {}
        self.slow: dict[str, float] = {}
        self.away: Exception | None = None

    def named(self, name: str) -> list[float]:
        return [at for called, _, at in self.calls if called == name]

    @asynccontextmanager
    async def _call(self, name: str, count: int = 0) -> AsyncIterator[None]:
        self.calls.append((name, count, trio.current_time()))
        await trio.sleep(self.slow.get(name, 0.0))
        if self.away is not None:
            raise self.away
        if self.fail_next.get(name):
            raise self.fail_next[name].pop(0)
        yield
        if self.lose_next.get(name):
            raise self.lose_next[name].pop(0)

    async def enqueue(self, new: Sequence[NewNotification]) -> Sequence[Enqueued]:
        async with self._call("enqueue", len(new)):
            return await self.inner.enqueue(new)

    async def place(self, decide: Decide, *, now: Millis, most: int) -> Placed:
        async with self._call("place", most):
            return await self.inner.place(decide, now=now, most=most)

    async def begin(
        self, platform: Outside, *, now: Millis, until: Millis, most: int, lease: int
    ) -> Begun:
        async with self._call("begin", most):
            return await self.inner.begin(platform, now=now, until=until, most=most, lease=lease)

    async def record(self, results: Sequence[LegResult], *, at: Millis) -> Collection[Platform]:
        async with self._call("record", len(results)):
            return await self.inner.record(results, at=at)


NOTHING = ("failed", "unknown")


@dataclass(slots=True)
class SmallLeg:
    out: OutgoingNotification
    state: str = "ready"
    due_at: int = 0
    leased_until: int = 0
    results: list[Attempt] = field(default_factory=list)


class SmallQueue(NotificationQueue):
    """Legs that wait for a decision, and others that are to be sent: nothing follows from one for
    another, but that it is told of one that came to nothing.
    """

    def __init__(self) -> None:
        self.waiting: dict[int, WaitingLeg] = {}
        self.decided: dict[int, tuple[str, str]] = {}  # by leg: kind and reason
        self.legs: dict[int, SmallLeg] = {}

    # ---- for tests

    def due(self, count: int = 1, *, at: int = 0, **fields: Any) -> list[int]:
        """Legs to be decided at that time; their numbers."""
        made = range(len(self.waiting) + len(self.decided) + 1, 10**6)[:count]
        for no in made:
            given = {"id": f"n{no}", "recipient_no": 1, "platform": "web", "type": "t"}
            given |= {"endpoints": (), "held_since": None, **fields}
            self.waiting[no] = WaitingLeg(
                leg_no=no,
                notification_no=no,
                recipient=UserId(f"user-{given['recipient_no']}"),
                is_active=True,
                is_blocked=False,
                is_seen=False,
                sender_no=None,
                title="t",
                priority=1,
                collapse_key=None,
                created_at=Millis(at),
                due_at=Millis(at),
                expires_at=None,
                held_for="",
                hold_key=None,
                preferences=Preferences(),
                windows={},
                **given,
            )
        return list(made)

    def ready(self, count: int = 1, *, platform: Outside = "push", at: int = 0) -> list[int]:
        """Legs to be sent from that time on; their numbers."""
        made = range(len(self.legs) + 1, 10**6)[:count]
        for no in made:
            self.legs[no] = SmallLeg(outgoing(no, platform), due_at=at)
        return list(made)

    def states(self) -> dict[str, int]:
        return dict(Counter(each.state for each in self.legs.values()))

    # ---- the port

    async def enqueue(self, new: Sequence[NewNotification]) -> Sequence[Enqueued]:
        raise NotImplementedError

    async def place(self, decide: Decide, *, now: Millis, most: int) -> Placed:
        await trio.lowlevel.checkpoint()
        due = [leg for leg in self.waiting.values() if leg.due_at <= now][:most]
        decisions = decide(due) if due else ()
        shown: list[Shown] = []
        ready: set[Any] = set()
        for each in decisions:
            leg = self.waiting.pop(each.leg_no)
            if each.kind == "hold":
                self.waiting[leg.leg_no] = structs.replace(leg, due_at=each.until)
                continue
            self.decided[leg.leg_no] = (each.kind, each.reason)
            if each.kind == "go" and leg.platform == "web":
                shown.append(shown_of(leg))
            elif each.kind == "go":
                ready.add(leg.platform)
        following = min((leg.due_at for leg in self.waiting.values()), default=None)
        return Placed(len(decisions), tuple(shown), following, frozenset(ready))

    async def begin(
        self, platform: Outside, *, now: Millis, until: Millis, most: int, lease: int
    ) -> Begun:
        await trio.lowlevel.checkpoint()
        mine = [leg for leg in self.legs.values() if leg.out.platform == platform]
        for leg in mine:
            if leg.state == "leased" and leg.leased_until <= now:
                leg.state = "unknown"
        ready = [leg for leg in mine if leg.state == "ready"]
        begun = [leg for leg in ready if leg.due_at <= now][:most]
        for leg in begun:
            leg.state, leg.leased_until = "leased", until
            leg.out = structs.replace(leg.out, attempt=leg.out.attempt + 1, lease=lease)
        following = min((leg.due_at for leg in ready if leg.state == "ready"), default=None)
        return Begun(tuple(leg.out for leg in begun), following and Millis(following))

    async def record(self, results: Sequence[LegResult], *, at: Millis) -> Collection[Platform]:
        await trio.lowlevel.checkpoint()
        for out, attempt, again_at in results:
            leg = self.legs[out.leg_no]
            if leg.state != "leased" or leg.out.lease != out.lease:
                continue
            leg.results.append(attempt)
            ends = {"refused": "failed", "gone": "failed"}
            leg.state = "ready" if again_at else ends.get(attempt.kind, attempt.kind)
            leg.due_at = again_at or 0
        ended = {each.leg.leg_no for each in results if each.again_at is None}
        return ("web",) if any(self.legs[no].state in NOTHING for no in ended) else ()


def outgoing(no: int, platform: Any) -> OutgoingNotification:
    return OutgoingNotification(
        leg_no=no,
        id=f"n{no}-1",
        notification_id=f"n{no}",
        platform=platform,
        endpoint_no=no,
        recipient_no=no,
        type="t",
        title="t",
        message="m",
        data={},
        priority=1,
        language="ko",
        sender_no=None,
        sender=None,
        created_at=Millis(0),
        expires_at=None,
        attempt=0,
        lease=0,
        collapse_key=None,
    )


def shown_of(leg: WaitingLeg) -> Shown:
    frame = Notification(
        id=leg.id, type=leg.type, title=leg.title, body="", data={}, priority=1, at=leg.created_at
    )
    return Shown(leg.recipient, leg.recipient_no, frame, (), is_loud=False)


class Provider:
    """Takes everything, unless ``answers`` says otherwise of a leg (by number and attempt)."""

    def __init__(self) -> None:
        self.answers: Callable[[int, int], Attempt | None] = lambda _no, _attempt: None
        self.asked: list[tuple[float, int]] = []
        self.accepted: Counter[int] = Counter()
        self.took_s = 0.0
        self.lasts: dict[int, float] = {}  # of a leg instead
        self.at_once = self.most_at_once = 0

    async def send(self, message: OutgoingNotification) -> Attempt:
        no = message.leg_no
        self.asked.append((trio.current_time(), no))
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        answer = self.answers(no, message.attempt) or Attempt(kind="sent", provider_ref=f"p{no}")
        if answer.kind in {"sent", "unknown"}:
            self.accepted[no] += 1
        try:
            await trio.sleep(self.lasts.get(no, self.took_s))
        finally:
            self.at_once -= 1
        return answer

    def times(self, no: int) -> list[float]:
        return [at for at, asked in self.asked if asked == no]
