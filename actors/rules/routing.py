"""Where a notification goes now, whether it waits, and why."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple

from msgspec import structs

from actors.notification_records import (
    OUTSIDE,
    Decision,
    DecisionKind,
    Platform,
    WaitingLeg,
    Window,
)
from actors.rules.notification_types import TYPES, URGENT, effective_priority
from actors.rules.quiet_hours import quiet_until
from protocol.ids import Millis

REASONS: Final = frozenset(
    {
        *("inactive", "blocked", "read", "expired", "type_off", "no_endpoint", "online"),
        *("dnd", "quiet_hours", "digest", "platform_limit"),  # why it waits
        *("collapsed", "cancelled", "no_provider", "error"),
        # what a provider, or the way there, said
        *("provider_refused", "not_authorized", "endpoint_gone", "limited", "provider_error"),
        *("not_connected", "address_refused", "no_answer", "bad_answer", "attempts"),
    }
)
"""All there are of whatever becomes of a notification. The codes are stable."""

HOUR_MS: Final = 3_600_000
DND_AGAIN_MS: Final = 6 * HOUR_MS
"""Who wants to be left alone without an end: it is looked at again then, or with his settings."""
HELD_MOST_MS: Final = 7 * 24 * HOUR_MS
"""What has no expiry of its own expires when it was held back for so long."""
ALL: Final = "*"
"""The window of all that goes to somebody on a platform: an hour."""


class RoutingLimits(NamedTuple):
    """How long those like one that went are kept together, and how many a platform of somebody
    takes ``per_hour``; one that is not named takes any.
    """

    digest_ms: int = 300_000
    per_hour: Mapping[Platform, int] = MappingProxyType(dict.fromkeys(OUTSIDE, 30))


def decide(
    legs: Sequence[WaitingLeg],
    *,
    now: Millis,
    online: Callable[[str], bool],
    limits: RoutingLimits,
) -> list[Decision]:
    """What is done with each of *legs*, in their order, which says who is first.

    What is never sent is found out before what waits: for the end of do-not-disturb, of the quiet
    hours, of the window of those like it, of the platform's hour. What is urgent waits for none of
    these. Nobody waits beyond its expiry, which is decided then. Whatever waited is decided like
    anything else, but for a digest whose window is over: it goes, whatever began since.

    Of those that waited for the same, the newest goes to an outside platform and tells of the
    others, which are merged into it; on the web all go, and none is like another there: what
    people see is a list. It has them at once, silently where they would wait elsewhere for the end
    of do-not-disturb or of quiet hours. ``windows`` of a decision are as they are after all of
    *legs*.
    """
    decided, going = dict[int, Decision](), _Going(now, limits)
    shown = set[str]()
    for is_web in (True, False):  # which is first: nobody is pushed what he is looking at
        some = [leg for leg in legs if (leg.platform == "web") == is_web]
        own = {leg.leg_no: _own(leg, now, online, shown) for leg in some}
        decided.update((leg_no, decision) for leg_no, decision in own.items() if decision)
        for together in _together(leg for leg in some if own[leg.leg_no] is None):
            decided.update((decision.leg_no, decision) for decision in going.decide(together))
        shown.update(leg.id for leg in some if is_web and decided[leg.leg_no].kind == "go")
    return [going.settled(leg, _silenced(leg, decided[leg.leg_no], now)) for leg in legs]


def held(
    leg: WaitingLeg, reason: str, *, until: int, now: Millis, key: str | None = None
) -> Decision:
    """*leg* waits until then, or for its end, with all that wait by the same *key*."""
    end = _end(leg, now)
    if end <= now:
        return Decision(leg_no=leg.leg_no, kind="expire", reason="expired")
    return Decision(
        leg_no=leg.leg_no, kind="hold", reason=reason, until=Millis(min(until, end)), hold_key=key
    )


def group_of(leg: WaitingLeg) -> str:
    """The window of those that are like *leg*: of its sender's collapse key, or of its type."""
    if leg.collapse_key is None:
        return leg.type
    return f"collapse:{leg.sender_no or 0}:{leg.collapse_key}"


def _own(
    leg: WaitingLeg, now: Millis, online: Callable[[str], bool], shown: Collection[str]
) -> Decision | None:
    """What is decided of *leg* without a look at others; None: it may go."""
    reason = _refusal(leg, now, online, shown)
    if reason is not None:
        kind: DecisionKind = "expire" if reason == "expired" else "skip"
        return Decision(leg_no=leg.leg_no, kind=kind, reason=reason)
    quiet = None if leg.platform == "web" else _quiet(leg, now)
    if quiet is None:
        return None
    reason, until = quiet
    return held(leg, reason, until=until, now=now, key=reason)


def _refusal(
    leg: WaitingLeg, now: Millis, online: Callable[[str], bool], shown: Collection[str]
) -> str | None:
    reasons = (
        ("inactive", not leg.is_active),
        ("blocked", leg.is_blocked),
        ("read", leg.is_seen),
        ("expired", _end(leg, now) <= now),
        ("type_off", not leg.preferences.types.get(leg.type, True)),
        ("no_endpoint", leg.platform != "web" and not leg.endpoints),
        ("online", leg.platform == "push" and leg.id in shown and online(leg.recipient)),
    )
    return next((reason for reason, holds in reasons if holds), None)


def _end(leg: WaitingLeg, now: Millis) -> int:
    """When *leg* is out of date, were it held back now."""
    if leg.expires_at is not None:
        return leg.expires_at
    return (now if leg.held_since is None else leg.held_since) + HELD_MOST_MS


def _quiet(leg: WaitingLeg, now: Millis) -> tuple[str, int] | None:
    """Why its recipient wants to hear nothing of *leg*, and until when."""
    wants = leg.preferences
    if _is_urgent(leg):
        return None
    if wants.dnd and wants.dnd_until is None:
        return "dnd", now + DND_AGAIN_MS
    if wants.dnd and wants.dnd_until is not None and wants.dnd_until > now:
        return "dnd", wants.dnd_until
    until = None if wants.quiet is None else quiet_until(wants.quiet, wants.zone, now)
    return None if until is None else ("quiet_hours", until)


def _silenced(leg: WaitingLeg, decision: Decision, now: Millis) -> Decision:
    """*decision*, which on the web says why nothing is to be heard of it."""
    quiet = _quiet(leg, now) if leg.platform == "web" and decision.kind == "go" else None
    return decision if quiet is None else structs.replace(decision, reason=quiet[0])


def _is_urgent(leg: WaitingLeg) -> bool:
    return effective_priority(leg.type, leg.priority) == URGENT


def _together(legs: Iterable[WaitingLeg]) -> Iterator[Sequence[WaitingLeg]]:
    """Those that waited for the same, and then the others, each alone: what came just now does not
    open the next window before what waited for the last one.
    """
    waited: dict[tuple[int, str, str], list[WaitingLeg]] = {}
    alone = []
    for leg in legs:
        if leg.hold_key is None or leg.platform == "web" or _is_urgent(leg):
            alone.append([leg])
        else:
            key = (leg.recipient_no, leg.platform, leg.hold_key)
            waited.setdefault(key, []).append(leg)
    yield from waited.values()
    yield from alone


class _Going:
    """What goes in this call, with what went lately."""

    def __init__(self, now: Millis, limits: RoutingLimits) -> None:
        self._now, self._limits = now, limits
        self._windows: dict[tuple[int, Platform], dict[str, Window]] = {}

    def decide(self, together: Sequence[WaitingLeg]) -> Iterator[Decision]:
        """Of legs of one recipient and platform that waited for the same, or of one leg."""
        told = []
        for leg in together:
            window = self._of_its_like(leg)
            if self._waits_for(leg, window):
                yield self._held(leg, "digest", window, group_of(leg))
            else:
                told.append(leg)
        if told:
            yield from self._limited(told)

    def settled(self, leg: WaitingLeg, decision: Decision) -> Decision:
        """*decision* of *leg* with the windows as all decisions leave them."""
        known = self._known(leg)
        windows = {group: known[group] for group in decision.windows}
        return structs.replace(decision, windows=windows) if windows else decision

    def _of_its_like(self, leg: WaitingLeg) -> Window:
        return self._window(leg, group_of(leg), self._limits.digest_ms)

    def _waits_for(self, leg: WaitingLeg, window: Window) -> bool:
        if window.sent == 0 or not _is_digested(leg) or _is_urgent(leg):
            return False
        is_over = leg.held_for == "digest" and leg.due_at <= self._now
        return not (is_over and leg.hold_key == group_of(leg))

    def _limited(self, told: Sequence[WaitingLeg]) -> Iterator[Decision]:
        newest = max(told, key=lambda leg: (leg.created_at, leg.leg_no))
        hour = self._window(newest, ALL, HOUR_MS)
        most = self._limits.per_hour.get(newest.platform)
        if most is not None and hour.sent >= most and not _is_urgent(newest):
            yield from (self._held(leg, "platform_limit", hour, "platform_limit") for leg in told)
            return
        changed = {group_of(leg): self._of_its_like(leg) for leg in told if _is_digested(leg)}
        if most is not None:
            changed[ALL] = hour
        windows = {group: Window(until, sent + 1) for group, (until, sent) in changed.items()}
        self._known(newest).update(windows)
        yield Decision(leg_no=newest.leg_no, kind="go", windows=windows)
        for leg in told:
            if leg is not newest:
                yield Decision(leg_no=leg.leg_no, kind="merge", reason="digest", into=newest.leg_no)

    def _held(self, leg: WaitingLeg, reason: str, window: Window, key: str) -> Decision:
        return held(leg, reason, until=window.until, now=self._now, key=key)

    def _window(self, leg: WaitingLeg, group: str, length: int) -> Window:
        """The one that *leg* falls into: a new one where there is none. One that ends later than
        any could is of a clock that was ahead.
        """
        found = self._known(leg).get(group)
        if found is not None and self._now < found.until <= self._now + length:
            return found
        return Window(Millis(self._now + length), 0)

    def _known(self, leg: WaitingLeg) -> dict[str, Window]:
        return self._windows.setdefault((leg.recipient_no, leg.platform), dict(leg.windows))


def _is_digested(leg: WaitingLeg) -> bool:
    rule = TYPES.get(leg.type)
    return leg.platform != "web" and rule is not None and rule.digestable
