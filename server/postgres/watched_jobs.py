"""Campaigns and broadcasts, as those see them who watch how they go on."""

from __future__ import annotations

from typing import Final

from actors.campaign_ports import JobsWatched
from protocol.notices import Progress
from server.postgres.pool import Database

CAMPAIGN: Final = """
SELECT j.status, j.total_users AS total, j.failure_count + j.unknown_count AS failed,
    j.success_count + j.failure_count + j.unknown_count + j.skipped_count AS done
FROM bulk_message_jobs j WHERE j.job_id = $1"""

BROADCAST: Final = """
SELECT b.status, b.recipient_count AS total, 0 AS failed, (
    SELECT count(*) FROM broadcast_recipients r WHERE r.broadcast_no = b.broadcast_no
) AS done FROM broadcasts b WHERE b.broadcast_id = $1"""

MAY_WATCH: Final = """
SELECT EXISTS (SELECT FROM bulk_message_jobs j WHERE j.job_id = $1 AND $3)
    OR EXISTS (SELECT FROM broadcasts b WHERE b.broadcast_id = $1 AND b.user_no = $2)"""


class WatchedJobs(JobsWatched):
    """The port JobsWatched in PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def may_watch(self, user_no: int, role: str, job: str) -> bool:
        """Campaigns are for admins, a broadcast is for who sent it."""
        is_admin = role == "admin"
        return bool(await self._database.fetchval(MAY_WATCH, job, user_no, is_admin))

    async def progress_of(self, job: str) -> Progress | None:
        """How far it is; None where there is none."""
        for asked in (CAMPAIGN, BROADCAST):
            if row := await self._database.fetchrow(asked, job):
                return Progress(job=job, **row)
        return None
