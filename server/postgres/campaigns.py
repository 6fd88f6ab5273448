"""Campaigns as they are run: leased, read into their ledger, sent once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, Final

import asyncpg

from actors.campaign_ports import Campaigns, LeaseLost
from actors.campaign_records import Begun, Counts, Delivered, Job, Page, Result
from actors.ports import StoreUnavailable
from actors.rules.age_groups import AgeGroup, born_between, today_in
from actors.rules.campaign_states import RUNNING, TERMINAL, JobStatus
from protocol.ids import Millis
from server.postgres.campaign_ledger import (
    ADD,
    AUDIENCE,
    BEFORE,
    BEGIN,
    DELIVER,
    LAPSE,
    LEASE,
    MOVE,
    NEXT_DUE,
    READ,
    RECORD,
    RECOUNT,
    RENEW,
    SETTLE_AUDIENCE,
    STANDING,
    STOP,
    WAITING,
    begun_of,
    columns_of,
    delivered_of,
    job_of,
)
from server.postgres.pool import Database

TRIES: Final = 5


class CampaignStore(Campaigns):
    """The port Campaigns in PostgreSQL.

    The search learns of what was delivered when it next looks through all rooms, once an hour: a
    campaign stores for more of them than it could be told of.
    """

    def __init__(
        self, database: Database, *, new_id: Callable[[], str], within: float = 30.0
    ) -> None:
        """*within* seconds each statement has its answer; *new_id* names rooms."""
        self._database, self._new_id, self._within = database, new_id, within

    async def lease(self, *, now: Millis, until: Millis, most: int) -> Sequence[Job]:
        """Those whose time has come, the urgent first; who was lost with a worker is unknown."""
        within = self._within
        await self._database.execute(LAPSE, now, within=within)
        leased = await self._database.fetch(LEASE, now, until, most, within=within)
        counted = await self._all_counted([row["job_no"] for row in leased])
        mine = {(row["job_no"], row["lease"]) for row in leased}
        jobs = [job for job in counted if (job.job_no, job.lease) in mine and job.status in RUNNING]
        return sorted(jobs, key=lambda job: (-job.priority, job.start_at, job.job_no))

    async def _all_counted(self, job_nos: Sequence[int]) -> list[Job]:
        """One that takes too long keeps none of the others; its lease ends."""
        counted, failed = list[Job](), None
        for job_no in job_nos:
            try:
                counted.append(await self._counted(job_no))
            except StoreUnavailable as error:
                failed = error
        if failed is not None and not counted:
            raise failed
        return counted

    async def _counted(self, job_no: int) -> Job:
        async with self._database.transaction(within=self._within) as transaction:
            await transaction.execute(STOP, job_no, within=self._within)
            return job_of(await transaction.fetchrow(RECOUNT, job_no, within=self._within))

    async def renew(self, job: Job, *, until: Millis) -> None:
        """Have it until then."""
        tag = await self._database.execute(RENEW, *_held(job), until)
        if tag != "UPDATE 1":
            raise LeaseLost(job.job_id)

    async def let_go(self, job: Job) -> None:
        """Have it no more."""
        await self.renew(job, until=Millis(0))

    async def move(self, job: Job, to: JobStatus, *, at: Millis, reason: str = "") -> JobStatus:
        """Change its state; the same once more does nothing. ValueError where there is no way."""
        stops = to in TERMINAL or to is JobStatus.PAUSED
        async with self._database.transaction(within=self._within) as transaction:
            if stops:
                await transaction.execute(STOP, job.job_no, within=self._within)
            args = (to.value, reason, at if to in TERMINAL else None, BEFORE[to])
            if await transaction.fetchval(MOVE, *_held(job), *args) is None:
                _refuse(job, to, await transaction.fetchrow(STANDING, job.job_no))
            elif stops:
                row = await transaction.fetchrow(RECOUNT, job.job_no, within=self._within)
                return JobStatus(row["status"])
        return to

    async def read(self, job: Job, *, most: int, at: Millis) -> Page:
        """Put the next people of its audience into the ledger."""
        row = await self._page(job, most)
        if row["user_nos"] is None:
            await self._settle_audience(job, at)
            row = await self._page(job, most)
        return Page(row["user_nos"], row["is_last"])

    async def _page(self, job: Job, most: int) -> Any:
        args = (*_held(job), most)
        row = await self._database.fetchrow(READ, *args, once=True, within=self._within)
        return _of_holder(job, row, row["is_held"])

    async def _settle_audience(self, job: Job, at: Millis) -> None:
        row = await self._database.fetchrow(AUDIENCE, *_held(job))
        meant = _of_holder(job, row, row)
        born = born_between(AgeGroup(meant["age_group"]), today_in(meant["zone"], at))
        await self._database.execute(SETTLE_AUDIENCE, *_held(job), *born)

    async def waiting(self, job: Job, *, after: int, now: Millis, most: int) -> Sequence[int]:
        """Recipients who are queued and whose time has come."""
        args = (*_held(job), after, now, most)
        row = await self._database.fetchrow(WAITING, *args, within=self._within)
        found: list[int] = _of_holder(job, row, row)["user_nos"]
        return found

    async def next_due(self, job: Job) -> Millis | None:
        """When somebody may be sent to; of who is leased, when he will not be any more."""
        row = await self._database.fetchrow(NEXT_DUE, *_held(job), within=self._within)
        due = _of_holder(job, row, row)["due"]
        return None if due is None else Millis(due)

    async def deliver(
        self, job: Job, user_nos: Sequence[int], *, watching: Collection[int], at: Millis
    ) -> Delivered:
        """Store the message in each one's room, in one commit."""
        rooms = [self._new_id() for _ in user_nos]
        args = (*_held(job), list(user_nos), rooms, list(watching), at)
        for _ in range(TRIES):
            try:
                row = await self._database.fetchrow(DELIVER, *args, once=True, within=self._within)
            except asyncpg.UniqueViolationError:
                continue  # somebody has just written in one of the rooms, and it was undone
            except StoreUnavailable as error:
                if not isinstance(error.__cause__, asyncpg.DeadlockDetectedError):
                    raise
            else:
                return delivered_of(_of_holder(job, row, row["delivered"] is not None))
        raise StoreUnavailable("the rooms of a batch are written to all the time")

    async def begin(self, job: Job, user_nos: Sequence[int], *, at: Millis, until: Millis) -> Begun:
        """Lease those of them who are queued, and say what to send."""
        args = (*_held(job), list(user_nos), at, until)
        row = await self._database.fetchrow(BEGIN, *args, once=True, within=self._within)
        return begun_of(_of_holder(job, row, row["ready"]), job)

    async def record(self, job: Job, results: Sequence[Result], *, at: Millis) -> None:
        """Settle those who were begun with, or queue them again; the same once more changes
        nothing.
        """
        args = (*_held(job), *columns_of(results), at)
        await self._database.fetchval(RECORD, *args, once=True, within=self._within)

    async def add(self, job: Job, counts: Counts) -> None:
        """Add to what the job tells of its recipients."""
        held = await self._database.fetchval(ADD, *_held(job), *counts, once=True)
        _of_holder(job, None, held)


def _held(job: Job) -> tuple[int, int]:
    return job.job_no, job.lease


def _of_holder(job: Job, row: Any, held: object) -> Any:
    """*row*, where the lease was still that of *job*."""
    if not held:
        raise LeaseLost(job.job_id)
    return row


def _refuse(job: Job, to: JobStatus, standing: Any) -> None:
    """Say why a job did not become *to*, unless this lease has made it that before."""
    status = JobStatus(standing["status"])
    mine = bool(standing["lease"] == job.lease)
    is_counted = to is JobStatus.COMPLETED and status is JobStatus.PARTIALLY_FAILED
    if mine and (status is to or is_counted):
        return
    if not mine or status is JobStatus.PAUSED or status in TERMINAL:
        raise LeaseLost(job.job_id)
    raise ValueError(f"{job.job_id} is {status} and cannot become {to}")
