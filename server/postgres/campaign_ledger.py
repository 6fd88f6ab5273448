"""What is asked of the jobs of campaigns and of their ledger, and what the answers become."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from actors.campaign_records import Arrived, Begun, Counts, Delivered, Job, Ready, Result
from actors.message_records import OutgoingMessage
from actors.rules.campaign_states import TRANSITIONS, JobStatus, RecipientStatus
from protocol.ids import Millis, RoomId, UserId

COUNTS: Final = "j.total_users, j.success_count, j.failure_count, j.unknown_count, j.skipped_count"

HELD: Final = "j.job_no = $1 AND j.lease = $2 AND is_running(j.status)"
"""The job $1 is at work, and $2 is its lease."""

LEASE: Final = """
UPDATE bulk_message_jobs j SET lease = j.lease + 1, leased_until = $2,
    status = CASE WHEN is_running(j.status) THEN j.status ELSE 'IN_PROGRESS' END,
    started_at = coalesce(j.started_at, $1)
FROM (
    SELECT o.job_no FROM bulk_message_jobs o
    WHERE o.status IN (
            'CREATED', 'SCHEDULED', 'IN_PROGRESS', 'PROCESSING_BATCH', 'SENDING_MESSAGES')
        AND o.start_at <= $1 AND o.leased_until <= $1
    ORDER BY o.priority DESC, o.start_at, o.job_no LIMIT $3 FOR UPDATE SKIP LOCKED
) due
WHERE j.job_no = due.job_no RETURNING j.job_no, j.lease"""

# Those whom a worker is about to settle are left to it, or to the next time.
LAPSE: Final = """
WITH lapsed AS (
    UPDATE bulk_message_recipients r SET status = 'unknown', reason = 'no_answer', done_at = $1
    FROM (
        SELECT o.job_no, o.user_no FROM bulk_message_recipients o
        WHERE o.status = 'leased' AND o.leased_until <= $1 FOR UPDATE SKIP LOCKED
    ) over
    WHERE r.job_no = over.job_no AND r.user_no = over.user_no RETURNING r.job_no
)
UPDATE bulk_message_jobs j SET unknown_count = j.unknown_count + l.count
FROM (SELECT job_no, count(*) FROM lapsed GROUP BY job_no ORDER BY job_no) l
WHERE j.job_no = l.job_no"""

STOP: Final = "SELECT pg_advisory_xact_lock(hashtextextended('campaign', $1::integer))"
"""Waits for the calls that are under way: see held_job. The first of its transaction."""

# Who is queued in a job that is over is never sent to. The ledger may know of failures that whoever
# has the job does not: it says what one that has ended is.
RECOUNT: Final = f"""
UPDATE bulk_message_jobs j
SET (total_users, success_count, failure_count, unknown_count, skipped_count, status) = (
    SELECT CASE WHEN j.is_read THEN count(*) ELSE j.total_users END,
        count(*) FILTER (WHERE r.status IN ('sent', 'delivered', 'read')),
        count(*) FILTER (WHERE r.status = 'failed'),
        count(*) FILTER (WHERE r.status = 'unknown'),
        count(*) FILTER (WHERE r.status = 'skipped'
            OR r.status = 'queued' AND j.status IN ('CANCELLED', 'FAILED')),
        CASE WHEN j.status = 'COMPLETED' AND bool_or(r.status IN ('failed', 'unknown'))
            THEN 'PARTIALLY_FAILED' ELSE j.status END
    FROM bulk_message_recipients r WHERE r.job_no = j.job_no
)
WHERE j.job_no = $1
RETURNING j.job_no, j.job_id, j.status, j.channel, j.priority, j.is_ramped, j.lease, j.is_read,
    j.start_at, first_job(j.job_no) AS root_id, {COUNTS}"""  # noqa: S608 - constants

RENEW: Final = f"UPDATE bulk_message_jobs j SET leased_until = $3 WHERE {HELD}"  # noqa: S608

MOVE: Final = f"""
UPDATE bulk_message_jobs j SET status = $3, reason = $4,
    leased_until = CASE WHEN is_running($3) THEN j.leased_until ELSE 0 END, completed_at = $5
WHERE {HELD} AND j.status = ANY ($6::text[]) RETURNING true"""  # noqa: S608 - constants

STANDING: Final = "SELECT j.status, j.lease FROM bulk_message_jobs j WHERE j.job_no = $1"

READ: Final = "SELECT * FROM read_audience($1, $2, $3)"

AUDIENCE: Final = f"SELECT j.age_group, j.zone FROM bulk_message_jobs j WHERE {HELD}"  # noqa: S608

SETTLE_AUDIENCE: Final = f"""
UPDATE bulk_message_jobs j SET born_from = $3, born_to = $4,
    last_no = (SELECT coalesce(max(u.user_no), 0) FROM users u)
WHERE {HELD} AND j.born_to IS NULL"""  # noqa: S608 - constants

LATER: Final = "q.job_no = $1 AND q.status = 'queued' AND q.due_at > 0"
FEW: Final = 5_000

# Each look is by an index of its own, whatever else is queued. Few of the later ones are found by
# their times. Many, as when a night is over, are found by their numbers, for they would be sorted
# anew for each page; the sum keeps a plan from doing that.
WAITING: Final = f"""
WITH few AS MATERIALIZED (
    SELECT q.user_no FROM bulk_message_recipients q
    WHERE {LATER} AND q.due_at <= $4 ORDER BY q.due_at LIMIT {FEW}
)
SELECT ARRAY(
    SELECT all_of.user_no FROM (
        (SELECT q.user_no FROM bulk_message_recipients q
        WHERE q.job_no = $1 AND q.status = 'queued' AND q.due_at = 0 AND q.user_no > $3
        ORDER BY q.user_no LIMIT $5)
        UNION ALL
        SELECT f.user_no FROM few f WHERE f.user_no > $3 AND (SELECT count(*) FROM few) < {FEW}
        UNION ALL
        (SELECT q.user_no FROM bulk_message_recipients q
        WHERE {LATER} AND q.due_at + 0 <= $4 AND q.user_no > $3
            AND (SELECT count(*) FROM few) = {FEW}
        ORDER BY q.user_no LIMIT $5)
    ) all_of ORDER BY all_of.user_no LIMIT $5
) AS user_nos FROM bulk_message_jobs j WHERE {HELD}"""  # noqa: S608 - constants

NEXT_DUE: Final = f"""
SELECT least(
    (SELECT q.due_at FROM bulk_message_recipients q
    WHERE q.job_no = $1 AND q.status = 'queued' AND q.due_at = 0 LIMIT 1),
    (SELECT min(q.due_at) FROM bulk_message_recipients q
    WHERE q.job_no = $1 AND q.status = 'queued' AND q.due_at > 0),
    (SELECT min(q.leased_until) FROM bulk_message_recipients q
    WHERE q.job_no = $1 AND q.status = 'leased')
) AS due FROM bulk_message_jobs j WHERE {HELD}"""  # noqa: S608 - constants

DELIVER: Final = """
SELECT d.delivered, d.apart::text AS apart, d.live::text AS live
FROM deliver_bulk($1, $2, $3, $4, $5, $6) d"""

BEGIN: Final = """
SELECT b.ready::text AS ready, b.apart::text AS apart, b.message, b.is_advertising
FROM begin_bulk($1, $2, $3, $4, $5) b"""

RECORD: Final = "SELECT record_bulk($1, $2, $3, $4, $5, $6, $7, $8, $9)"

ADD: Final = f"""
UPDATE bulk_message_jobs j SET total_users = $3, success_count = j.success_count + $4,
    failure_count = j.failure_count + $5, unknown_count = j.unknown_count + $6,
    skipped_count = j.skipped_count + $7
WHERE {HELD} RETURNING true"""  # noqa: S608 - constants

BEFORE: Final[Mapping[JobStatus, list[str]]] = {
    after: [before.value for before, all_after in TRANSITIONS.items() if after in all_after]
    for after in JobStatus
}
"""From which states a job comes into each."""


def counts_of(row: Any) -> Counts:
    """Of a row with COUNTS."""
    return Counts(
        row["total_users"],
        row["success_count"],
        row["failure_count"],
        row["unknown_count"],
        row["skipped_count"],
    )


def job_of(row: Any) -> Job:
    """A row of RECOUNT."""
    return Job(
        job_no=row["job_no"],
        job_id=row["job_id"],
        status=JobStatus(row["status"]),
        channel=row["channel"],
        priority=row["priority"],
        is_ramped=row["is_ramped"],
        lease=row["lease"],
        is_read=row["is_read"],
        counts=counts_of(row),
        start_at=Millis(row["start_at"]),
        root_id=row["root_id"],
    )


def delivered_of(row: Any) -> Delivered:
    """A row of DELIVER."""
    skipped, deferred = _apart(row["apart"])
    live = [Arrived(UserId(who), RoomId(room), new) for who, room, new in json.loads(row["live"])]
    return Delivered(delivered=row["delivered"], skipped=skipped, deferred=deferred, live=live)


def begun_of(row: Any, job: Job) -> Begun:
    """A row of BEGIN."""
    skipped, deferred = _apart(row["apart"])
    ready = [
        Ready(
            user_no,
            OutgoingMessage(
                id=f"{job.root_id}-{user_no}",
                to=phone,
                body=row["message"],
                advertising=row["is_advertising"],
            ),
            attempt,
            in_doubt,
        )
        for user_no, phone, attempt, in_doubt in json.loads(row["ready"])
    ]
    return Begun(ready=ready, skipped=skipped, deferred=deferred)


def _apart(text: str) -> tuple[Mapping[str, int], int]:
    """How many were left out, by reason, and how many wait for the end of their night."""
    skipped: dict[str, int] = {}
    deferred = 0
    for _, why, until in json.loads(text):
        if until is None or why != "night":
            skipped[why] = skipped.get(why, 0) + 1
        else:
            deferred += 1
    return skipped, deferred


def becomes(result: Result) -> RecipientStatus:
    """What a recipient is after one attempt."""
    match result.outcome.kind:
        case "sent":
            return RecipientStatus.SENT
        case "unknown":
            return RecipientStatus.UNKNOWN
        case "again" if result.again_at is not None:
            return RecipientStatus.QUEUED
        case _:
            return RecipientStatus.FAILED


def columns_of(results: Sequence[Result]) -> tuple[list[Any], ...]:
    """The arrays that RECORD takes."""
    after = [becomes(result) for result in results]
    again = [
        result.again_at if status is RecipientStatus.QUEUED else None
        for result, status in zip(results, after, strict=True)
    ]
    return (
        [result.user_no for result in results],
        [status.value for status in after],
        [result.outcome.reason or None for result in results],
        [result.outcome.provider_id for result in results],
        again,
        [result.outcome.may_be_sent for result in results],
    )
