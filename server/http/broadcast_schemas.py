"""Broadcasts as the API says them, and the form that makes one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from actors.selection_records import Audience
from protocol.expected import must_be
from protocol.fields import IdField
from protocol.ids import Millis
from protocol.limits import BROADCAST_RECIPIENTS
from server.http.bodies import blame, invalid
from server.http.names import region_of
from server.http.profiles import given

PAGE_DEFAULT, PAGE_MOST = 20, 100
SCHEDULED_MOST_S = 90 * 86_400
"""How far ahead a broadcast may be scheduled."""
PAST_MOST_S = 3_600
"""How far back its time may be: further back a mistake is likelier than a late request."""
TIME = "a time in milliseconds since 1970"

BroadcastStatus = Literal[
    "scheduled", "waiting", "delivered", "cancelled", "failed", "read", "replied"
]


class BroadcastsQuery(msgspec.Struct):
    """``after`` is the ``next`` of the page before."""

    after: IdField | None = None
    limit: Annotated[int, Meta(ge=1, le=PAGE_MOST)] = PAGE_DEFAULT


class ShownAudience(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Whom a broadcast is for: all that is given holds. Ages are whole years, both inclusive."""

    group: str | UnsetType = UNSET
    region: str | UnsetType = UNSET
    gender: str | UnsetType = UNSET
    age_from: int | UnsetType = UNSET
    age_to: int | UnsetType = UNSET


class BroadcastCounts(msgspec.Struct):
    """How many received it, of these have read it, and of these replied."""

    delivered: int
    read: int
    replied: int


class Broadcast(msgspec.Struct, kw_only=True):
    """A broadcast as its sender sees it (``mine``), or one of its recipients.

    Times are milliseconds since 1970. ``waveform``: 64 numbers to 255. Its sender sees
    ``recipient_count`` (as asked), ``start_at``, ``counts`` and why it failed; a recipient
    ``sender``, ``name`` and the ``room`` of their conversation, once he replied. ``status`` is the
    broadcast's, or his own.
    """

    id: str
    mine: bool
    status: BroadcastStatus
    at: int
    waveform: list[int]
    file: str | UnsetType = UNSET
    duration_ms: int | UnsetType = UNSET
    recipient_count: int | UnsetType = UNSET
    audience: ShownAudience | UnsetType = UNSET
    start_at: int | UnsetType = UNSET
    delivered_at: int | UnsetType = UNSET
    counts: BroadcastCounts | UnsetType = UNSET
    reason: str | UnsetType = UNSET
    sender: str | UnsetType = UNSET
    name: str | UnsetType = UNSET
    read_at: int | UnsetType = UNSET
    replied_at: int | UnsetType = UNSET
    room: str | UnsetType = UNSET


class Broadcasts(msgspec.Struct):
    """A page, newest first."""

    items: list[Broadcast]
    next: str | UnsetType = UNSET


class NewReply(msgspec.Struct):
    """A reply: words, or ``files`` of one's own (a recording, say), or both."""

    body: str = ""
    files: list[IdField] | None = None


class Form(msgspec.Struct, forbid_unknown_fields=True):
    """The fields of the form beside ``audio``. Without ``schedule``: at once."""

    recipient_count: Annotated[int, Meta(ge=1, le=BROADCAST_RECIPIENTS)]
    schedule: Annotated[int, Meta(ge=0, le=2**53 - 1, description=TIME)] | None = None
    group: IdField | None = None
    region: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
    gender: Literal["female", "male", "other"] | None = None
    age_from: Annotated[int, Meta(ge=0, le=150)] | None = None
    age_to: Annotated[int, Meta(ge=0, le=150)] | None = None

    def start_at(self, now: Millis) -> Millis:
        """When it is due. Raises ProtocolError."""
        if self.schedule is not None and self.schedule < now - PAST_MOST_S * 1000:
            raise invalid("schedule", f"is long past; it must be {TIME}, not seconds")
        if self.schedule is None or self.schedule <= now:
            return now
        if self.schedule > now + SCHEDULED_MOST_S * 1000:
            raise invalid("schedule", f"must be at most {SCHEDULED_MOST_S // 86_400} days ahead")
        return Millis(self.schedule)

    def audience(self, group_no: int | None) -> Audience | None:
        """Whom it is for; None for everybody."""
        if self.age_from is not None and self.age_to is not None and self.age_from > self.age_to:
            raise invalid("age_to", "must not be below age_from")
        audience = Audience(
            group_no=group_no,
            region=self.region,
            gender=self.gender,
            age_from=self.age_from,
            age_to=self.age_to,
        )
        return None if audience == Audience() else audience


HINTS = {field.name: field.type for field in msgspec.structs.fields(Form)}
FIELDS = frozenset(HINTS)
NUMBERS = FIELDS & {"recipient_count", "schedule", "age_from", "age_to"}


def form_of(fields: Mapping[str, str]) -> Form:
    """The checked form. Raises ProtocolError."""
    for name, value in fields.items():
        if value.lower() == "null":
            raise invalid(name, "must be left out where nothing is meant")
        if name in NUMBERS and not re.fullmatch("[0-9]+", value):
            raise invalid(name, must_be(HINTS[name]))
    try:
        form = msgspec.convert(dict(fields), Form, strict=False)
    except msgspec.ValidationError as error:
        raise blame(error, Form) from None
    if form.region is not None:
        form.region = region_of(form.region)
    return form


def as_of(broadcast: Broadcast, now: Millis) -> Broadcast:
    """One that waits is scheduled until its time has come."""
    start_at = broadcast.start_at
    if broadcast.status == "waiting" and isinstance(start_at, int) and start_at > now:
        return msgspec.structs.replace(broadcast, status="scheduled")
    return broadcast


def sent(row: Mapping[str, Any]) -> Broadcast:
    """A broadcast to its sender. The recording of one that was cancelled may be gone."""
    status = {"announced": "delivered"}.get(row["status"], row["status"])
    return Broadcast(
        id=row["broadcast_id"],
        mine=True,
        status=status,
        at=row["created_at"],
        waveform=list(row["waveform"]),
        file=UNSET if status == "cancelled" else given(row["file_id"]),
        duration_ms=UNSET if status == "cancelled" else given(row["duration_ms"]),
        recipient_count=row["recipient_count"],
        audience=_audience(row),
        start_at=row["start_at"],
        delivered_at=given(row["delivered_at"]),
        counts=BroadcastCounts(row["delivered"], row["read"], row["replied"]),
        reason=given(row["reason"]),
    )


def received(row: Mapping[str, Any]) -> Broadcast:
    """A broadcast to one of its recipients."""
    return Broadcast(
        id=row["broadcast_id"],
        mine=False,
        status=row["status"],
        at=row["created_at"],
        waveform=list(row["waveform"]),
        file=row["file_id"],
        duration_ms=row["duration_ms"],
        sender=row["sender"],
        name=row["name"],
        read_at=given(row["read_at"]),
        replied_at=given(row["replied_at"]),
        room=given(row["room"]),
    )


def page(items: list[Broadcast], limit: int) -> Broadcasts:
    """A page of *items*, of which one more than its *limit* was asked for."""
    more = len(items) > limit
    return Broadcasts(items[:limit], items[limit - 1].id if more else UNSET)


def _audience(row: Mapping[str, Any]) -> ShownAudience | UnsetType:
    if row["audience"] is None:
        return UNSET
    found = msgspec.json.decode(row["audience"], type=Audience)
    return ShownAudience(
        group=given(row["group_id"]),
        region=given(found.region),
        gender=given(found.gender),
        age_from=given(found.age_from),
        age_to=given(found.age_to),
    )
