"""Campaigns as admins make, stop and go on with them: each step has an entry in the audit log."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any, Final, NamedTuple

import msgspec

from actors.campaign_records import Channel
from actors.rules.age_groups import AgeGroup, born_between, today_in
from actors.rules.campaign_states import TERMINAL, JobStatus, cancelling, may
from protocol.errors import ErrorCode, ProtocolError
from protocol.ids import Millis, UserId
from server.postgres.audit import By, note
from server.postgres.campaign_ledger import RECOUNT, STOP
from server.postgres.pool import Database, Transaction

SAMPLE: Final = 10
WITHIN: Final = 60.0
"""Seconds for what looks at everybody."""

MEANT: Final = "campaign_audience($1::date, $2::date, $3::jsonb, $4::bigint) a"
COUNT: Final = f"SELECT count(*) FROM {MEANT} WHERE a.status = 'active'"  # noqa: S608 - constants

WHY: Final = "left_out(a.user_no, a.status, a.phone, $5::integer, $6::text, $7::boolean) w (why)"
LEFT_OUT: Final = f"""
SELECT w.why, count(*) FROM {MEANT}, {WHY} GROUP BY w.why ORDER BY w.why"""  # noqa: S608
SAMPLED: Final = f"""
SELECT a.user_id FROM {MEANT}, {WHY} WHERE a.status = 'active' AND w.why IS NULL
ORDER BY a.user_no LIMIT $8"""  # noqa: S608 - constants

CREATE: Final = """
INSERT INTO bulk_message_jobs (job_id, created_by, sender_no, age_group, conditions, message,
    channel, is_advertising, priority, is_ramped, zone, status, created_at, start_at, title,
    total_users, is_read)
VALUES ($1, $2, $3, $4, $5::jsonb, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
ON CONFLICT (job_id) DO NOTHING RETURNING job_no"""

NAME: Final = """
INSERT INTO bulk_message_recipients (job_no, user_no, status)
SELECT $1, n, 'queued' FROM unnest($2::integer[]) AS n"""

RESEND: Final = """
INSERT INTO bulk_message_jobs (job_id, created_by, sender_no, age_group, conditions, message,
    channel, is_advertising, priority, is_ramped, zone, status, created_at, start_at, total_users,
    of_job, title)
SELECT $2, $3, j.sender_no, j.age_group, j.conditions, j.message, j.channel, j.is_advertising,
    j.priority, false, j.zone, 'CREATED', $4, $4, $5, j.job_no, j.title
FROM bulk_message_jobs j WHERE j.job_no = $1"""

# Of those who are still under way nobody knows whether they have failed.
MISSED: Final = """
SELECT (SELECT count(*) FROM missed_by($1)) AS count, resend_of($1) AS resent_as, EXISTS (
    SELECT FROM bulk_message_jobs o JOIN bulk_message_recipients r ON r.job_no = o.job_no
    WHERE (o.job_no = $1 OR o.of_job = $1) AND r.status = 'leased'
) AS is_under_way"""

NUMBER: Final = "SELECT j.job_no FROM bulk_message_jobs j WHERE j.job_id = $1"
STANDING: Final = """
SELECT j.status, j.total_users FROM bulk_message_jobs j
WHERE j.job_no = $1 FOR NO KEY UPDATE"""

CHANGE: Final = """
UPDATE bulk_message_jobs j SET status = $2, reason = '', leased_until = 0, completed_at = $3,
    start_at = coalesce($4, j.start_at)
WHERE j.job_no = $1"""

TOTAL: Final = "SELECT j.total_users FROM bulk_message_jobs j WHERE j.job_id = $1"

# It signs in with nothing.
ENSURE: Final = """
INSERT INTO users (user_id, username, name, role) VALUES ($1, $2, $3, 'service')
ON CONFLICT DO NOTHING"""
USERNAME_MOST: Final = 32
SERVICE: Final = "SELECT u.user_no, u.role, u.name FROM users u WHERE u.user_id = $1"
RENAME: Final = "UPDATE users SET name = $2 WHERE user_no = $1"


class Conditions(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is asked of recipients beyond their age; None: nothing."""

    region: str | None = None
    last_seen_within_days: int | None = None
    is_test: bool | None = None


class Meant(NamedTuple):
    """Who a campaign is for, and by which way."""

    sender_no: int
    """The account of the service."""
    age_group: AgeGroup | None
    """None: for people who are named."""
    conditions: Conditions
    channel: Channel
    is_advertising: bool
    zone: str
    """Whose calendar says how old people are."""


class NewJob(NamedTuple):
    """A campaign to make."""

    id: str
    meant: Meant
    message: str
    priority: int
    is_ramped: bool
    start_at: Millis
    """Until then it is SCHEDULED."""
    title: str = ""
    """What admins call it."""


class Preview(NamedTuple):
    """Whom a campaign would reach, were it sent now."""

    reached: int
    sample: Sequence[UserId]
    left_out: Mapping[str, int]
    """How many by reason, of those who are meant."""


class CampaignMaking:
    """Campaigns as admins direct them. Every method may raise StoreUnavailable, those that change
    something OutcomeUnknown, too.

    A job that is not known is ``not_found``, and a step that the table of states does not have
    ``conflict``.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def ensure_service(self, user: UserId, name: str) -> int:
        """The number of the account that campaigns are sent by, made when there is none. It is
        called *name* from now on.
        """
        if await self._database.fetchrow(SERVICE, user) is None:
            # People's usernames cannot begin with that.
            username = f"*{user}"[:USERNAME_MOST]
            await self._database.execute(ENSURE, user, username, name)
        row = await self._database.fetchrow(SERVICE, user)
        if row is None or row["role"] != "service":
            raise ProtocolError(ErrorCode.CONFLICT, f"somebody else has the id or name {user}")
        if row["name"] != name:
            await self._database.execute(RENAME, row["user_no"], name)
        return int(row["user_no"])

    async def preview(self, meant: Meant, *, at: Millis) -> Preview:
        """Whom it would reach."""
        args = (*_audience(meant, at), meant.sender_no, meant.channel, meant.is_advertising)
        rows = await self._database.fetch(LEFT_OUT, *args, within=WITHIN)
        sample = await self._database.fetch(SAMPLED, *args, SAMPLE, within=WITHIN)
        left_out = {row["why"]: row["count"] for row in rows}
        reached = left_out.pop(None, 0)
        return Preview(reached, [UserId(row["user_id"]) for row in sample], left_out)

    async def create(self, new: NewJob, by: By) -> int:
        """Make a job; how many it is for, as of now. The same id once more changes nothing."""
        audience = _audience(new.meant, by.at)
        total = await self._database.fetchval(COUNT, *audience, within=WITHIN)
        async with self._database.transaction() as transaction:
            made = await transaction.fetchval(CREATE, *_row(new, by, total))
            if made is None:
                return int(await transaction.fetchval(TOTAL, new.id))
            group, via = str(new.meant.age_group), new.meant.channel
            action = "campaign.create"
            await note(transaction, action, by, count=total, job=new.id, group=group, via=via)
        return int(total)

    async def create_test(self, new: NewJob, user_nos: Sequence[int], by: By) -> int:
        """Make a job for these people alone, whoever they are; how many they are."""
        total = len(user_nos)
        async with self._database.transaction() as transaction:
            made = await transaction.fetchval(CREATE, *_row(new, by, total, is_named=True))
            if made is not None:
                await transaction.execute(NAME, made, list(user_nos))
                job, via = new.id, new.meant.channel
                await note(transaction, "campaign.test", by, count=total, job=job, via=via)
        return total

    async def resend_failures(self, job: str, new_id: str, by: By) -> int:
        """Make a job of those whom another, which is over, failed to reach; how many they are. The
        same id once more changes nothing.

        That is done once: another is made only where the last one was cancelled, for those to whom
        it had not come.
        """
        async with self._database.transaction() as transaction:
            job_no, standing = await _standing(transaction, job)
            made = await transaction.fetchval(TOTAL, new_id)
            if made is not None:
                return int(made)
            missed = await transaction.fetchrow(MISSED, job_no, within=WITHIN)
            if refusal := _not_resent(JobStatus(standing["status"]), missed):
                raise ProtocolError(ErrorCode.CONFLICT, f"resend: {refusal}")
            total = int(missed["count"])
            await transaction.execute(RESEND, job_no, new_id, by.actor_no, by.at, total)
            await note(transaction, "campaign.resend", by, count=total, job=new_id, of=job)
        return total

    async def schedule(self, job: str, by: By, *, start_at: Millis) -> None:
        """Have one that nobody has taken up wait until then."""
        await self._change(job, by, "schedule", _to(JobStatus.SCHEDULED), start_at=start_at)

    async def pause(self, job: str, by: By) -> None:
        """Stop it for now: when this returns, nobody more is begun with. Who was is under way at
        the provider, and what comes of him is kept.
        """
        await self._change(job, by, "pause", _to(JobStatus.PAUSED))

    async def resume(self, job: str, by: By) -> None:
        """Go on with one that was paused."""
        await self._change(job, by, "resume", _resuming)

    async def cancel(self, job: str, by: By) -> None:
        """Stop it for good, in the same way."""
        await self._change(job, by, "cancel", cancelling)

    async def _change(
        self,
        job: str,
        by: By,
        action: str,
        way: Callable[[JobStatus], Sequence[JobStatus]],
        *,
        start_at: Millis | None = None,
    ) -> None:
        async with self._database.transaction() as transaction:
            job_no, standing = await _standing(transaction, job)
            before = JobStatus(standing["status"])
            steps = way(before)
            if not steps:
                raise ProtocolError(ErrorCode.CONFLICT, f"{action}: it is {before}")
            for step in steps:
                over = by.at if step in TERMINAL else None
                await transaction.execute(CHANGE, job_no, step.value, over, start_at)
            await transaction.execute(RECOUNT, job_no, within=WITHIN)
            total, was = standing["total_users"], before.value
            await note(transaction, f"campaign.{action}", by, count=total, job=job, was=was)


def _not_resent(status: JobStatus, missed: Any) -> str | None:
    """Why a job that stands so is not sent again."""
    if status not in TERMINAL:
        return f"it is {status}"
    if missed["resent_as"] is not None:
        return f"it was, as {missed['resent_as']}"
    if missed["is_under_way"]:
        return "some are still under way"
    return None if missed["count"] else "nobody is left whom it failed to reach"


def _to(status: JobStatus) -> Callable[[JobStatus], Sequence[JobStatus]]:
    return lambda before: (status,) if may(before, status) else ()


def _resuming(before: JobStatus) -> Sequence[JobStatus]:
    return (JobStatus.IN_PROGRESS,) if before is JobStatus.PAUSED else ()


async def _standing(transaction: Transaction, job: str) -> tuple[int, Any]:
    """The number of a job and how it stands, once no call for it is under way."""
    job_no = await transaction.fetchval(NUMBER, job)
    if job_no is None:
        raise ProtocolError(ErrorCode.NOT_FOUND)
    await transaction.execute(STOP, job_no, within=WITHIN)
    return job_no, await transaction.fetchrow(STANDING, job_no)


def _audience(meant: Meant, at: Millis) -> tuple[date | None, date, str, Millis]:
    assert meant.age_group is not None  # noqa: S101 - who is named is in the ledger already
    born = born_between(meant.age_group, today_in(meant.zone, at))
    return *born, _json(meant.conditions), at


def _json(conditions: Conditions) -> str:
    return msgspec.json.encode(conditions).decode()


def _row(new: NewJob, by: By, total: int, *, is_named: bool = False) -> tuple[object, ...]:
    meant = new.meant
    status = JobStatus.SCHEDULED if new.start_at > by.at else JobStatus.CREATED
    return (
        new.id,
        by.actor_no,
        meant.sender_no,
        meant.age_group and meant.age_group.value,
        _json(meant.conditions),
        new.message,
        meant.channel,
        meant.is_advertising,
        new.priority,
        new.is_ramped,
        meant.zone,
        status.value,
        by.at,
        new.start_at,
        new.title,
        total,
        is_named,
    )
