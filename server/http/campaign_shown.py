"""Jobs as they are shown: times by the clock of their zone, durations, forecasts."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from actors.campaign_figures import JobFigures
from actors.rules.age_groups import AgeGroup
from actors.rules.campaign_states import RUNNING, TERMINAL, JobStatus
from actors.rules.local_time import local_time
from protocol.ids import Millis
from server.http.campaign_schemas import JobData, RecipientResult

SECOND, MINUTE, HOUR = 1_000, 60_000, 3_600_000
LONGEST_FORECAST_MS = 366 * 24 * HOUR


def duration_of(ms: int) -> str:
    """*ms* as a duration of ISO 8601.

    >>> [duration_of(ms) for ms in (750_000, 900_000, 3_600_250, 0)]
    ['PT12M30S', 'PT15M', 'PT1H0.25S', 'PT0S']
    """
    hours, rest = divmod(max(ms, 0), HOUR)
    minutes, rest = divmod(rest, MINUTE)
    parts = [f"{hours}H" * bool(hours), f"{minutes}M" * bool(minutes)]
    if rest or not any(parts):
        parts.append(f"{rest / SECOND:g}S")
    return "PT" + "".join(parts)


def forecast(count: int, per_second: float) -> str:
    """How long *count* messages take, to the second.

    >>> forecast(15_420, 20), forecast(0, 20)
    ('PT12M51S', 'PT0S')
    """
    return duration_of(min(math.ceil(count / per_second) * SECOND, LONGEST_FORECAST_MS))


def time_of(zone: str, at: int | None) -> str | None:
    """*at* by the clock of *zone*."""
    return None if at is None else local_time(zone, at).isoformat()


def job_of(row: Mapping[str, Any], figures: JobFigures | None, now: Millis) -> JobData:
    """A row of CampaignViews; *figures* where this node runs it."""
    zone, group = row["zone"], row["age_group"]
    rate, until = _pace(row, figures, now)
    begun, over = row["started_at"], row["completed_at"]
    took = None if begun is None else (over or now) - begun
    return JobData(
        job_id=row["job_id"],
        title=row["title"],
        age_group=None if group is None else AgeGroup(group),
        message=row["message"],
        channel=row["channel"],
        advertising=row["is_advertising"],
        priority=row["priority"],
        status=JobStatus(row["status"]),
        reason=row["reason"],
        total_users=row["total_users"],
        success_count=row["success_count"],
        failure_count=row["failure_count"],
        unknown_count=row["unknown_count"],
        skipped_count=row["skipped_count"],
        created_at=str(time_of(zone, row["created_at"])),
        scheduled_at=time_of(
            zone, row["start_at"] if row["start_at"] > row["created_at"] else None
        ),
        started_at=time_of(zone, begun),
        completed_at=time_of(zone, over),
        duration=None if took is None else duration_of(took),
        rate_per_second=rate,
        estimated_completion=time_of(zone, until),
        created_by=row["created_by"],
        resent_as=row["resent_as"],
    )


def result_of(row: Mapping[str, Any], zone: str) -> RecipientResult:
    """A row of the ledger."""
    return RecipientResult(
        user_id=row["user_id"],
        status=row["status"],
        reason=row["reason"],
        attempt=row["attempt"],
        at=time_of(zone, row["done_at"]),
        provider_id=row["provider_id"],
    )


def done_of(row: Mapping[str, Any]) -> int:
    """With how many nothing more is done."""
    counts = ("success_count", "failure_count", "unknown_count", "skipped_count")
    return sum(row[count] for count in counts)


def _pace(
    row: Mapping[str, Any], figures: JobFigures | None, now: Millis
) -> tuple[float | None, int | None]:
    """Messages a second, of one that is over in all; and when one that runs may end."""
    status, begun = JobStatus(row["status"]), row["started_at"]
    if begun is None:
        return None, None
    sent = row["success_count"] + row["failure_count"] + row["unknown_count"]
    took = max((row["completed_at"] or now) - begun, 1)
    rate = figures.per_second if figures and figures.per_second else sent * SECOND / took
    if status not in RUNNING or not rate:
        return (round(rate, 3) if status in TERMINAL else None), None
    left = max(row["total_users"] - done_of(row), 0) * SECOND / rate
    return round(rate, 3), now + math.ceil(min(left, LONGEST_FORECAST_MS))
