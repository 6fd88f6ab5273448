"""Campaigns as the API of specification 002 says them, and what makes one."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from actors.campaign_records import Channel
from actors.rules.age_groups import AgeGroup
from actors.rules.campaign_states import JobStatus, RecipientStatus
from protocol.fields import IdField
from protocol.ids import Millis
from server.http.bodies import invalid
from server.http.names import region_of
from server.postgres.campaign_making import Conditions
from server.postgres.campaign_views import NEWEST

LONGEST_MESSAGE, LONGEST_TITLE = 4_000, 100
TEST_MOST = 20
PAGE_DEFAULT, PAGE_MOST = 50, 200
SCHEDULED_MOST_MS = 90 * 86_400_000
"""How far ahead a campaign may be scheduled."""

Message = Annotated[str, Meta(min_length=1, max_length=LONGEST_MESSAGE)]
Time = Annotated[
    int | str, Meta(description="a time such as 2024-01-15T10:00:00+09:00, or its milliseconds")
]
Limit = Annotated[int, Meta(ge=1, le=PAGE_MOST)]


class NewConditions(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """What is asked of recipients beyond their age: all that is given holds."""

    region: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
    last_seen_within_days: Annotated[int, Meta(ge=1, le=3_650)] | None = None
    is_test: bool | None = None

    def checked(self) -> Conditions:
        """As they are kept. Raises ProtocolError."""
        return Conditions(
            region=None if self.region is None else region_of(self.region, "conditions.region"),
            last_seen_within_days=self.last_seen_within_days,
            is_test=self.is_test,
        )


class NewCampaign(msgspec.Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A campaign to an age group. ``ramp``: to 1 % first, then to 10 %, then to all. ``priority``:
    1 to 4, the highest. Without ``scheduledAt`` it begins at once.
    """

    age_group: AgeGroup
    message: Message
    title: Annotated[str, Meta(max_length=LONGEST_TITLE)] = ""
    channel: Channel = "in_app"
    advertising: bool = False
    priority: Annotated[int, Meta(ge=1, le=4)] = 2
    conditions: NewConditions | None = None
    ramp: bool = False
    scheduled_at: Time | None = None


class NewTest(msgspec.Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A message to named people: what a campaign would look like. ``userIds``: ids or usernames."""

    message: Message
    channel: Channel
    user_ids: Annotated[list[IdField], Meta(min_length=1, max_length=TEST_MOST)]
    advertising: bool = False


class JobsQuery(msgspec.Struct):
    """``cursor`` is the ``next`` of the page before."""

    status: JobStatus | None = None
    cursor: IdField | None = None
    limit: Limit = PAGE_DEFAULT


class ResultsQuery(msgspec.Struct):
    """``cursor`` is the ``next`` of the page before."""

    status: RecipientStatus | None = None
    cursor: Annotated[int, Meta(ge=1, le=NEWEST)] | None = None
    limit: Limit = PAGE_DEFAULT


class BegunJob(msgspec.Struct, rename="camel"):
    """A job that was made. ``estimatedDuration`` is of ISO 8601."""

    job_id: str
    total_users: int
    estimated_duration: str
    status: JobStatus


class JobData(msgspec.Struct, kw_only=True, rename="camel"):
    """A job. Times and durations are of ISO 8601; null: not yet, or not known.

    Without ``ageGroup``: to named people. ``successCount`` counts who is sent, delivered or read.
    ``resentAs``: the job that sends again to those whom this one failed to reach.
    """

    job_id: str
    title: str
    age_group: AgeGroup | None
    message: str
    channel: Channel
    advertising: bool
    priority: int
    status: JobStatus
    reason: str
    total_users: int
    success_count: int
    failure_count: int
    unknown_count: int
    skipped_count: int
    created_at: str
    scheduled_at: str | None
    started_at: str | None
    completed_at: str | None
    duration: str | None
    rate_per_second: float | None
    estimated_completion: str | None
    created_by: str
    resent_as: str | None


class JobPage(msgspec.Struct):
    """A page, newest first."""

    items: list[JobData]
    next: str | None = None


class Cost(msgspec.Struct, rename="camel"):
    """What the provider takes. In the app nothing is taken."""

    per_message: float
    total: float
    currency: str


class Previewed(msgspec.Struct, kw_only=True, rename="camel"):
    """Whom a campaign would reach, were it sent now. ``brokenRule``: why it would be refused."""

    total_users: int
    sample: list[str]
    left_out: dict[str, int]
    cost: Cost
    estimated_duration: str
    broken_rule: str | None


class RecipientResult(msgspec.Struct, kw_only=True, rename="camel"):
    """What became of one recipient. ``at``: when that was settled."""

    user_id: str
    status: RecipientStatus
    reason: str | None
    attempt: int
    at: str | None
    provider_id: str | None


class RecipientResults(msgspec.Struct):
    """A page. One that is not the last may have few items, or none."""

    items: list[RecipientResult]
    next: int | None = None


def start_of(given: int | str | None, now: Millis) -> Millis:
    """When a job begins. Raises ProtocolError."""
    if given is None:
        return now
    at = given if isinstance(given, int) else _read(given)
    if not now < at <= now + SCHEDULED_MOST_MS:
        raise invalid(
            "scheduledAt", f"must be ahead, {SCHEDULED_MOST_MS // 86_400_000} days at most"
        )
    return Millis(at)


def _read(text: str) -> int:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise invalid("scheduledAt", "must be a time of ISO 8601") from None
    if at.tzinfo is None:
        raise invalid("scheduledAt", "must have an offset, such as +09:00")
    return round(at.timestamp() * 1000)
