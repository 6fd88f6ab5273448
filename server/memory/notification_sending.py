"""Legs of notifications that go elsewhere, in memory: begun with, and what became of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from actors.notification_records import (
    Begun,
    LegResult,
    LegState,
    OutgoingNotification,
    Outside,
    Platform,
)
from actors.rules.digest import TITLES_MOST
from protocol.ids import Millis
from server.memory.notification_legs import MemoryLegs, take_back
from server.memory.notification_rows import MemoryLeg

ENDS: Final[dict[str, LegState]] = {
    "endpoint_gone": "failed",
    "expired": "expired",
    "no_provider": "skipped",
    "inactive": "skipped",
    "blocked": "skipped",
}
CODES: Final = {"refused": "provider_refused", "gone": "endpoint_gone", "unknown": "no_answer"}


class MemorySending(MemoryLegs):
    """What providers are given, and what they answer."""

    def begun(
        self, platform: Outside, *, now: Millis, until: Millis, most: int, lease: int
    ) -> Begun:
        """Legs to be sent now; those over are ended first."""
        self._end_those_over(platform, now, most)
        first = self._to_be_sent(platform, now)[:most]
        some = [leg for leg in first if not self._over(leg, now)]
        for leg in some:
            leg.attempt, leg.lease, leg.leased_until = leg.attempt + 1, lease, until
            if leg.state == "ready":
                leg.state = "leased"
            else:
                leg.due_at = until
        mine = [leg for leg in self.legs.values() if leg.platform == platform]
        times = [leg.due_at for leg in mine if leg.state in ("ready", "withdraw")]
        times += [leg.leased_until for leg in mine if leg.state == "leased"]
        due = Millis(min(times)) if times else None
        return Begun(tuple(self._outgoing(leg) for leg in some), due)

    def _to_be_sent(self, platform: Outside, now: Millis) -> Sequence[MemoryLeg]:
        some = [
            leg
            for leg in self.legs.values()
            if (leg.platform, leg.state) in ((platform, "ready"), (platform, "withdraw"))
            and leg.due_at <= now
        ]
        return sorted(some, key=lambda leg: leg.rank)

    def _over(self, leg: MemoryLeg, now: Millis) -> str:
        """Why it is not to be sent, or taken back."""
        new, note = leg.note.new, leg.note
        reasons = (
            ("endpoint_gone", self.endpoints[leg.endpoint_no or 0].ended_at is not None),
            ("", leg.state == "withdraw"),
            (note.stopped, note.stopped is not None),
            ("read", note.seen_at is not None),
            ("expired", new.expires_at is not None and new.expires_at <= now),
            ("inactive", not self.person(new.recipient_no).active),
            ("blocked", self.is_blocked(leg)),
        )
        return next((reason for reason, holds in reasons if holds), None) or ""

    def _end_those_over(self, platform: Outside, now: Millis, most: int) -> None:
        over = {leg: self._over(leg, now) for leg in self._to_be_sent(platform, now)[:most]}
        self._end(self._lapsed(platform, now)[:most], over, now)

    def abandoned(self, platform: Outside, before: Millis, now: Millis, most: int) -> int:
        """End those of a platform to which nothing is sent any more; how many there were."""
        lapsed = self._lapsed(platform, before)[:most]
        over = dict.fromkeys(self._to_be_sent(platform, before)[:most], "no_provider")
        self._end(lapsed, over, now)
        return len(lapsed) + len(over)

    def _lapsed(self, platform: Outside, now: Millis) -> Sequence[MemoryLeg]:
        """Those whose node was lost."""
        lapsed = [
            leg
            for leg in self.legs.values()
            if (leg.platform, leg.state) == (platform, "leased") and leg.leased_until <= now
        ]
        return sorted(lapsed, key=lambda leg: (leg.leased_until, leg.leg_no))

    def _end(self, lapsed: Sequence[MemoryLeg], over: Mapping[MemoryLeg, str], now: Millis) -> None:
        over = {leg: why for leg, why in over.items() if why}
        for leg in lapsed:
            leg.end("unknown", "no_answer")
            told = {"error": "no_answer", "attempt": leg.attempt}
            self.note_down(leg, "unknown", "no_answer", at=now, **told)
        for leg, why in over.items():
            state = ENDS.get(why, "cancelled")
            leg.end("sent" if leg.state == "withdraw" else state, why)
            error = why if state == "failed" else None
            self.note_down(leg, state, why, at=now, error=error, attempt=leg.attempt)
        self.settle([leg.note for leg in (*lapsed, *over)], now)

    def _outgoing(self, leg: MemoryLeg) -> OutgoingNotification:
        new, titles = leg.note.new, self._told_by_it(leg)
        return OutgoingNotification(
            leg_no=leg.leg_no,
            id=f"{new.id}-{leg.endpoint_no}",
            notification_id=new.id,
            platform=leg.platform,
            endpoint_no=leg.endpoint_no or 0,
            recipient_no=new.recipient_no,
            type=new.type,
            title=new.title,
            message=new.message,
            data=new.data,
            priority=new.priority,
            language="ko" if self.person(new.recipient_no).language.startswith("ko") else "en",
            sender_no=new.sender_no,
            sender=None if new.sender_no is None else self.person(new.sender_no).name,
            created_at=new.created_at,
            expires_at=new.expires_at,
            attempt=leg.attempt,
            lease=leg.lease,
            collapse_key=new.collapse_key,
            merged=titles[-TITLES_MOST:],
            merged_count=len(titles),
            take_back=leg.provider_ref if leg.state == "withdraw" else None,
        )

    def _told_by_it(self, leg: MemoryLeg) -> tuple[str, ...]:
        """The titles of those that it tells of, too, the oldest first."""
        unread = [note.new for note in self.told_by(leg)]
        return tuple(new.title for new in sorted(unread, key=lambda new: new.created_at))

    # ---- what became of it

    def recorded(self, results: Sequence[LegResult], at: Millis) -> Collection[Platform]:
        """Of those legs that are still the attempts'; where the turn of the next has come."""
        mine = [result for result in results if self._is_mine(result)]
        for result in mine:
            self._record(self.legs[result.leg.leg_no], result, at)
        return self.settle([self.legs[result.leg.leg_no].note for result in mine], at)

    def _is_mine(self, result: LegResult) -> bool:
        leg = self.legs.get(result.leg.leg_no)
        state = "leased" if result.leg.take_back is None else "withdraw"
        whose = (result.leg.lease, result.leg.attempt, state)
        return leg is not None and (leg.lease, leg.attempt, leg.state) == whose

    def _record(self, leg: MemoryLeg, result: LegResult, at: Millis) -> None:
        attempt, is_back = result.attempt, result.leg.take_back is not None
        state, reason = _becomes(result), _reason(result)
        endpoint = self.endpoints[leg.endpoint_no or 0]
        if attempt.kind == "gone" and endpoint.ended_at is None:
            endpoint.ended_at, endpoint.ended_why = at, reason
        if state == "sent" and not is_back:
            endpoint.used_at = max(endpoint.used_at or at, at)
            leg.sent_at = at
        told = {"ready": "pending", "withdraw": "pending"}.get(state, state)
        status = "failed" if is_back and state == "sent" else told
        if attempt.was_asked or told != "pending":
            self.note_down(
                leg,
                status,
                reason,
                at=at,
                attempt=leg.attempt,
                latency_ms=attempt.latency_ms,
                error=reason or None,
            )
        leg.end(state, reason)
        leg.leased_until, leg.provider_ref = 0, attempt.provider_ref or leg.provider_ref
        again = result.again_at if state in ("ready", "withdraw") else None
        leg.due_at = at if again is None else again
        self._look_again(leg, at, is_back=is_back)

    def _look_again(self, leg: MemoryLeg, at: Millis, *, is_back: bool) -> None:
        """Whether it was read meanwhile."""
        note = leg.note
        why = "read" if note.seen_at is not None else note.stopped
        if leg.state == "ready" and why is not None:
            leg.end("cancelled", why)
            self.note_down(leg, "cancelled", why, at=at)
        if leg.state == "sent" and not is_back and self.can_be_taken_back(leg):
            take_back(leg, at)


def _becomes(result: LegResult) -> LegState:
    kind, is_back = result.attempt.kind, result.leg.take_back is not None
    if kind == "again" and result.again_at is not None:
        return "withdraw" if is_back else "ready"
    if is_back:
        return "withdrawn" if kind == "withdrawn" else "sent"
    return kind if kind in ("sent", "unknown") else "failed"


def _reason(result: LegResult) -> str:
    kind = result.attempt.kind
    if kind == "again" and not result.attempt.reason:
        return "attempts" if result.again_at is None else "provider_error"
    return result.attempt.reason or CODES.get(kind, "")
