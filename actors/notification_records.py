"""What notifications consist of, as actors, stores and providers hand them to each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal, NamedTuple

import msgspec

from protocol.ids import Millis, UserId
from protocol.notices import Notification

Platform = Literal["web", "push", "kakao", "discord"]
PLATFORMS: Final[tuple[Platform, ...]] = ("web", "push", "kakao", "discord")
Outside = Literal["push", "kakao", "discord"]
"""Those that are others': what goes there has an address, and leaves the server."""
OUTSIDE: Final[tuple[Outside, ...]] = ("push", "kakao", "discord")
Routing = Literal["all", "fallback"]
LegState = Literal[
    "waiting",  # until it is due, and then for a decision
    "backup",  # for those before it to fail, or not to be read
    "ready",
    "leased",
    "sent",
    "failed",
    "unknown",
    "skipped",
    "expired",
    "cancelled",
    "merged",
    "withdraw",  # was sent, was read elsewhere, and is to be taken back
    "withdrawn",
]


class NewNotification(msgspec.Struct, frozen=True, kw_only=True):
    """One that is asked for: checked, and nothing decided yet."""

    id: str
    recipient_no: int
    sender_no: int | None  # None: the server itself
    type: str
    title: str
    message: str
    data: Mapping[str, Any]
    platforms: tuple[Platform, ...]  # in order, where the routing is fallback
    routing: Routing
    unread_after_ms: int  # of fallback: the next platform's turn comes then, unless it was read
    priority: int  # 1 to 4
    scheduled_at: Millis
    expires_at: Millis | None
    dedupe_key: str | None
    collapse_key: str | None
    created_at: Millis


class Enqueued(NamedTuple):
    """What became of the wish: the id of the one there is now, and whether it was there before."""

    id: str
    is_repeated: bool


class QuietHours(msgspec.Struct, frozen=True):
    """Of a day, by the wall: ``start`` and ``end`` as HH:MM; over midnight where end <= start.

    ``days``: 0 Monday to 6 Sunday, on which they start.
    """

    start: str
    end: str
    days: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6)


class Preferences(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody wants of one platform."""

    types: Mapping[str, bool] = {}  # what is not named is on
    quiet: QuietHours | None = None
    zone: str = "Asia/Seoul"
    dnd: bool = False
    dnd_until: Millis | None = None  # None: until it is switched off
    sound: bool = True


class Window(NamedTuple):
    """Lately so many went to somebody on a platform, counted until then."""

    until: Millis
    sent: int


class WaitingLeg(msgspec.Struct, frozen=True, kw_only=True):
    """The way of a notification over one platform, due, with all that its decision goes by."""

    leg_no: int
    notification_no: int
    id: str
    recipient_no: int
    recipient: UserId
    is_active: bool  # the recipient has an account that may sign in
    is_blocked: bool  # he and the sender have a block
    is_seen: bool
    sender_no: int | None
    type: str
    title: str
    priority: int
    collapse_key: str | None
    created_at: Millis
    due_at: Millis
    expires_at: Millis | None
    platform: Platform
    held_for: str  # why it was held back; "" where it was not
    hold_key: str | None
    held_since: Millis | None  # when it was first held back
    preferences: Preferences
    endpoints: tuple[int, ...]  # their numbers; always () on the web
    windows: Mapping[str, Window]  # of recipient and platform, by group
    fault: str = ""  # why something of it cannot be read, which is then as if nobody had said it


DecisionKind = Literal["go", "hold", "merge", "skip", "expire"]


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What is done with a leg now.

    ``go``: sent to each of its endpoints, or shown on the web, with a ``reason`` silently;
    ``hold``: due again at ``until``;
    ``merge``: told by another leg, ``into``; ``skip``, ``expire``: never sent.
    """

    leg_no: int
    kind: DecisionKind
    reason: str = ""
    until: Millis | None = None
    hold_key: str | None = None
    into: int | None = None
    windows: Mapping[str, Window] = {}  # as they are now


class Shown(NamedTuple):
    """What is shown on the web from now on, in place of those that are ``gone``."""

    recipient: UserId
    recipient_no: int
    notification: Notification
    gone: tuple[str, ...]
    is_loud: bool  # the recipient wants to hear it


class Placed(NamedTuple):
    """A round of decisions: how many there were, what is to be told, and when to look again."""

    decided: int
    shown: tuple[Shown, ...]
    next_due: Millis | None
    ready: frozenset[Platform]  # where something waits to be sent now


class OutgoingNotification(msgspec.Struct, frozen=True, kw_only=True):
    """A leg that was begun with: what a provider is asked to send, or to take back."""

    leg_no: int
    id: str
    """The same for every attempt: the notification's and the endpoint's."""
    notification_id: str
    platform: Platform
    endpoint_no: int
    recipient_no: int
    type: str
    title: str
    message: str
    data: Mapping[str, Any]
    priority: int
    language: str  # ko or en
    sender_no: int | None
    sender: str | None  # his name, as he shows it
    created_at: Millis
    expires_at: Millis | None
    attempt: int
    lease: int
    collapse_key: str | None
    merged: tuple[str, ...] = ()  # titles of the newest it tells of, too, the oldest first
    merged_count: int = 0  # how many it tells of, too
    take_back: str | None = None  # the provider's reference, where it is to be taken back

    def __repr__(self) -> str:
        return f"OutgoingNotification({self.id!r})"


AttemptKind = Literal["sent", "refused", "gone", "again", "unknown", "withdrawn"]


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one attempt.

    ``refused``: never; ``gone``: the address is no more, and is not asked again; ``again``: not
    taken, and may be later; ``unknown``: it may have been taken, so it is not sent again.
    """

    kind: AttemptKind
    reason: str = ""
    provider_ref: str | None = None
    retry_after_ms: int | None = None
    of_all: bool = False  # the wait is of everybody, not of this one alone
    of_one: bool = False  # it tells of this address and its service, not of the platform
    was_asked: bool = True  # else nothing left for the provider, and it counts as no attempt
    latency_ms: int = 0


class LegResult(NamedTuple):
    """An attempt, told of the leg that was begun with it; ``again_at`` where there is a next."""

    leg: OutgoingNotification
    attempt: Attempt
    again_at: Millis | None


class Begun(NamedTuple):
    """What is to be sent now, and when to look again."""

    legs: tuple[OutgoingNotification, ...]
    next_due: Millis | None
