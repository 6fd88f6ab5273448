"""Notifications as the API of specification 003 says them. Times are of ISO 8601, with a zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from actors.notification_records import Platform, Routing
from protocol.fields import MAX_INT, IdField
from protocol.ids import Millis
from server.http.bodies import InParts

LONGEST_TITLE, LONGEST_MESSAGE, LONGEST_KEY = 255, 4_000, 255
PAGE_DEFAULT, PAGE_MOST = 50, 100
BATCH_MOST, READ_MOST = 500, 500
AHEAD_MOST_MS: Final = 365 * 86_400_000
"""How far ahead something may be set."""
TTL_MOST_S: Final = 30 * 86_400
UNREAD_MOST_S: Final = 7 * 86_400
"""How long a fallback waits at most for somebody to read, before the next platform's turn."""
UNREAD_DEFAULT_S: Final = 300

NotificationStatus = Literal["pending", "sent", "failed", "unknown", "expired", "cancelled"]
OutcomeStatus = Literal["pending", "sent", "failed", "unknown", "skipped", "expired", "cancelled"]

Time = Annotated[datetime, Meta(tz=True, description="a time such as 2027-01-15T10:00:00+09:00")]
TypeName = Annotated[str, Meta(min_length=1, max_length=50)]
Key = Annotated[str, Meta(min_length=1, max_length=LONGEST_KEY)]
Title = Annotated[str, Meta(min_length=1, max_length=LONGEST_TITLE)]
Message = Annotated[str, Meta(min_length=1, max_length=LONGEST_MESSAGE)]
Data = Annotated[
    dict[str, Any],
    Meta(description=f"a map of any JSON values, with numbers up to {MAX_INT}"),
]
Platforms = Annotated[list[Platform], Meta(min_length=1, max_length=4)]
Limit = Annotated[int, Meta(ge=1, le=PAGE_MOST)]

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def utc(at: int) -> datetime:
    """Milliseconds since the epoch as a time.

    >>> utc(1_800_000_000_250).isoformat()
    '2027-01-15T08:00:00.250000+00:00'
    """
    return EPOCH + timedelta(milliseconds=at)


def millis(at: datetime) -> Millis:
    """The same the other way round.

    >>> millis(datetime.fromisoformat("2027-01-15T17:00:00.25+09:00"))
    1800000000250
    """
    return Millis((at - EPOCH) // timedelta(milliseconds=1))


# ---- sending


class NewNotice(msgspec.Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A notification to ``recipientId``, an id or username. ``data`` is for programs: it
    comes with the notification, and with the answer to an invitation, beside ``answer`` and
    ``invitation``.

    ``routing``: to ``all`` its platforms at once, or as a ``fallback`` to one after the other:
    where one fails, or nobody has read it ``unreadAfter`` seconds later. ``ttl``: seconds from
    ``scheduledAt`` after which it is not sent any more. The same ``dedupeKey`` to the same person
    again is the first notification, whatever else is said with it; one with the same
    ``collapseKey`` takes the place of what was not read yet. ``priority`` 4 passes quiet hours only
    for types that may be urgent, and from those who may send what is.
    """

    recipient_id: IdField
    type: TypeName
    title: Title
    message: Message
    data: Data = {}
    platforms: Platforms = msgspec.field(default_factory=lambda: ["web"])
    priority: Annotated[int, Meta(ge=1, le=4)] = 1
    scheduled_at: Time | None = None
    routing: Routing = "all"
    unread_after: Annotated[int, Meta(ge=1, le=UNREAD_MOST_S)] = UNREAD_DEFAULT_S
    dedupe_key: Key | None = None
    ttl: Annotated[int, Meta(ge=1, le=TTL_MOST_S)] | None = None
    collapse_key: Key | None = None


RawNotice = Annotated[
    msgspec.Raw, Meta(extra_json_schema={"$ref": f"#/components/schemas/{NewNotice.__name__}"})
]


class NewBatch(InParts, forbid_unknown_fields=True):
    """Notifications, each as if sent alone."""

    notifications: Annotated[list[RawNotice], Meta(min_length=1, max_length=BATCH_MOST)]


class SentNotice(msgspec.Struct, rename="camel"):
    """It is kept, and goes when it is due; ``repeated``: it was there before."""

    id: str
    status: NotificationStatus
    scheduled_at: datetime
    repeated: bool


class BatchResult(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Of one of a batch: its ``id``, or why it was refused."""

    id: str | UnsetType = UNSET
    repeated: bool | UnsetType = UNSET
    code: str | UnsetType = UNSET
    fields: dict[str, str] | UnsetType = UNSET


class BatchResults(msgspec.Struct):
    """In the order of the notifications."""

    results: list[BatchResult]


class PlatformOutcome(msgspec.Struct):
    """What became of a notification on one platform. ``skipped``: nothing was sent there, by the
    recipient's own wish or for want of a way to him.
    """

    platform: Platform
    status: OutcomeStatus
    reason: str


class Outcome(msgspec.Struct, rename="camel"):
    """What became of a notification one has sent, and which it is: whose by id, its title as it is
    kept, and when it is due.
    """

    id: str
    recipient: str
    title: str
    scheduled_at: datetime
    status: NotificationStatus
    platforms: list[PlatformOutcome]


# ---- reading


class NoticesQuery(msgspec.Struct):
    """``cursor`` is that of the page before."""

    cursor: Annotated[str, Meta(min_length=1, max_length=100)] | None = None
    limit: Limit = PAGE_DEFAULT
    unread: bool = False


class NoticeSender(msgspec.Struct):
    """Who sent it."""

    id: str
    name: str


class NoticePayload(msgspec.Struct, kw_only=True):
    """A notification as it comes."""

    id: str
    type: str
    title: str
    message: str
    data: dict[str, Any]
    priority: int
    timestamp: datetime
    sender: NoticeSender | UnsetType = UNSET


class ToldNotice(NoticePayload, kw_only=True):
    """A new one, ``loud`` where its recipient wants to hear of it."""

    loud: bool | UnsetType = UNSET


class Notice(NoticePayload, kw_only=True):
    """A notification of one's list; ``answer`` to an invitation, where there is one."""

    read: bool
    answer: Literal["accept", "decline"] | UnsetType = UNSET


class NoticePage(msgspec.Struct, kw_only=True, rename="camel"):
    """A page, newest first. ``unreadCount`` is of all of them, and 1,000 where there are more."""

    notifications: list[Notice]
    unread_count: int
    cursor: str | UnsetType = UNSET


class ReadNotices(msgspec.Struct, forbid_unknown_fields=True):
    """Which ones were read; without ``ids`` all."""

    ids: Annotated[list[IdField], Meta(min_length=1, max_length=READ_MOST)] | None = None


class ReadCount(msgspec.Struct):
    """How many of them had not been read."""

    read: int


class NewAnswer(msgspec.Struct, forbid_unknown_fields=True):
    """What one says to an invitation."""

    answer: Literal["accept", "decline"]


class LogEntry(msgspec.Struct, kw_only=True):
    """A decision or an attempt: why it was sent, held back or not sent, and what became of it.

    ``latency``: milliseconds that a provider took.
    """

    at: datetime
    platform: Platform
    status: str
    reason: str
    attempt: int
    latency: int | UnsetType = UNSET
    error: str | UnsetType = UNSET


class Timeline(msgspec.Struct):
    """Everything that was decided and tried, in its order."""

    entries: list[LogEntry]
