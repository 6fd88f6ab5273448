"""Campaigns and what became of their recipients, as admins see them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from actors.campaign_records import Channel
from actors.rules.campaign_states import JobStatus, RecipientStatus
from protocol.errors import ErrorCode, ProtocolError
from server.postgres.campaign_ledger import COUNTS
from server.postgres.pool import Database
from server.postgres.room_rows import NAME, shows_reading

NEWEST: Final = 2**31 - 1
"""The highest number of a job or of somebody."""
LOOKED_AT: Final = 5_000
"""Rows of the ledger for one page, however few of them have the status that is asked for."""
WITHIN: Final = 30.0

JOBS: Final = f"""
SELECT j.job_no, j.job_id, j.title, j.age_group, j.conditions::text AS conditions, j.message,
    j.channel, j.is_advertising, j.priority, j.is_ramped, j.zone, j.status, j.reason, j.created_at,
    j.start_at, j.started_at, j.completed_at, j.is_read, {COUNTS},
    u.user_id AS created_by, {NAME} AS creator_name,
    (SELECT o.job_id FROM bulk_message_jobs o WHERE o.job_no = j.of_job) AS of_job,
    resend_of(j.job_no) AS resent_as
FROM bulk_message_jobs j JOIN users u ON u.user_no = j.created_by"""  # noqa: S608 - constants

ONE: Final = f"{JOBS} WHERE j.job_id = $1"

LISTED: Final = f"""{JOBS}
WHERE j.job_no < $1 AND ($2::text IS NULL OR j.status = $2) ORDER BY j.job_no DESC LIMIT $3"""

# Those in which many were sent to, one after the other or all at once, whatever delayed them.
MEASURED: Final = """
SELECT max(1000.0 * l.success_count / greatest(l.completed_at - l.started_at, 1))::float8 FROM (
    SELECT j.success_count, j.started_at, j.completed_at FROM bulk_message_jobs j
    WHERE j.channel = $1 AND j.completed_at IS NOT NULL AND j.success_count >= 1000
    ORDER BY j.job_no DESC LIMIT 10
) l"""

NUMBER: Final = "SELECT j.job_no FROM bulk_message_jobs j WHERE j.job_id = $1"

# He has read what was delivered in the app as soon as he has read up to it, unless he does not show
# that. Who is queued in a job that is over is never sent to.
RESULTS: Final = f"""
WITH looked_at AS MATERIALIZED (
    SELECT r.* FROM bulk_message_recipients r
    WHERE r.job_no = $1 AND r.user_no > $2 ORDER BY r.user_no LIMIT $4
), shown AS (
    SELECT r.user_no, r.attempt, nullif(r.due_at, 0) AS due_at, r.done_at, r.provider_id, CASE
            WHEN r.status = 'queued' AND j.status IN ('CANCELLED', 'FAILED') THEN 'skipped'
            WHEN r.status = 'delivered' AND seen.is_read THEN 'read'
            ELSE r.status::text
        END AS status, CASE
            WHEN r.status = 'queued' AND j.status IN ('CANCELLED', 'FAILED') THEN 'cancelled'
            ELSE r.reason
        END AS reason
    FROM looked_at r JOIN bulk_message_jobs j ON j.job_no = r.job_no
    LEFT JOIN LATERAL (
        SELECT m.read_seq >= e.seq AND {shows_reading("m", "w")} AS is_read
        FROM chat_rooms c
        JOIN room_events e ON e.room_no = c.room_no AND e.sender_no = j.sender_no
            AND e.client_id = 'campaign-' || j.job_id
        JOIN chat_members m ON m.room_no = c.room_no AND m.user_no = r.user_no
        JOIN users w ON w.user_no = r.user_no
        WHERE r.status = 'delivered' AND c.direct_key = least(j.sender_no, r.user_no)
            || ':' || greatest(j.sender_no, r.user_no)
    ) seen ON true
)
SELECT s.user_no, u.user_id, {NAME} AS name, s.status, s.reason, s.attempt, s.due_at, s.done_at,
    s.provider_id
FROM shown s JOIN users u ON u.user_no = s.user_no
WHERE $3::text IS NULL OR s.status = $3 ORDER BY s.user_no LIMIT $5"""  # noqa: S608 - constants

LAST_LOOKED_AT: Final = """
SELECT l.user_no FROM (
    SELECT r.user_no FROM bulk_message_recipients r
    WHERE r.job_no = $1 AND r.user_no > $2 ORDER BY r.user_no LIMIT $3
) l ORDER BY l.user_no DESC LIMIT 1"""


class ResultPage(NamedTuple):
    """What became of some recipients, by their numbers; *after* of the next page, None at the end.

    A page that is not the last may hold few, or none.
    """

    rows: Sequence[Mapping[str, Any]]
    after: int | None


class CampaignViews:
    """Every method may raise StoreUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def one(self, job: str) -> Mapping[str, Any] | None:
        """One job, by its id."""
        row: Mapping[str, Any] | None = await self._database.fetchrow(ONE, job)
        return row

    async def listed(
        self, *, after: str | None = None, status: JobStatus | None = None, limit: int
    ) -> Sequence[Mapping[str, Any]]:
        """Jobs, newest first, those older than *after*. Raises ProtocolError where that is none."""
        below = NEWEST if after is None else await self._database.fetchval(NUMBER, after)
        if below is None:
            raise ProtocolError(
                ErrorCode.INVALID, fields={"cursor": "must be the `next` of a page"}
            )
        return await self._database.fetch(LISTED, below, status, limit)

    async def measured(self, channel: Channel) -> float | None:
        """Messages a second of the best of the last jobs; None where none was long enough."""
        rate: float | None = await self._database.fetchval(MEASURED, channel)
        return rate

    async def results(
        self,
        job_no: int,
        *,
        after: int = 0,
        status: RecipientStatus | None = None,
        limit: int,
        looked_at: int = LOOKED_AT,
    ) -> ResultPage:
        """Recipients above the number *after*; at most *looked_at* are looked through."""
        most = max(limit, looked_at) if status else limit
        rows = await self._database.fetch(
            RESULTS, job_no, after, status, most, limit, within=WITHIN
        )
        if len(rows) == limit:
            return ResultPage(rows, rows[-1]["user_no"])
        last = await self._database.fetchval(LAST_LOOKED_AT, job_no, after, most)
        return ResultPage(rows, last if status else None)

    async def every_result(
        self, job_no: int, *, page: int = 1_000
    ) -> AsyncIterator[Mapping[str, Any]]:
        """All recipients, by their numbers, a page in memory at a time."""
        after: int | None = 0
        while after is not None:
            rows, after = await self.results(job_no, after=after, limit=page)
            for row in rows:
                yield row
