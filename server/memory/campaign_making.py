"""Campaigns in memory as admins stop and go on with them, with the promises of the real store."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import trio

from actors.rules.campaign_states import (
    TERMINAL,
    JobStatus,
    RecipientStatus,
    cancelling,
    may,
)
from protocol.errors import ErrorCode, ProtocolError
from protocol.ids import Millis
from server.memory.campaign_jobs import STOPPED, MemoryJob
from server.memory.campaigns import MemoryCampaigns


class MemoryCampaignMaking:
    """The steps of jobs by the table of states; nobody's name is noted.

    A job that is not known is ``not_found``, and a step that the table does not have ``conflict``.
    """

    def __init__(self, store: MemoryCampaigns) -> None:
        self._store = store

    async def schedule(self, job: str, *, start_at: Millis) -> None:
        """Have one that nobody has taken up wait until then."""
        (await self._change(job, _to(JobStatus.SCHEDULED))).start_at = start_at

    async def pause(self, job: str) -> None:
        """Stop it for now: when this returns nobody is begun with any more."""
        await self._change(job, _to(JobStatus.PAUSED))

    async def resume(self, job: str) -> None:
        """Go on with one that was paused."""
        await self._change(job, _resuming)

    async def cancel(self, job: str) -> None:
        """Stop it for good, in the same way."""
        await self._change(job, cancelling)

    async def resend_failures(self, job: str, new_id: str, *, at: Millis) -> int:
        """Make a job of those whom another, which is over, failed to reach; how many they are."""
        await trio.lowlevel.checkpoint()
        jobs, failed_in = self._store.jobs, self._known(job)
        made = next((each for each in jobs.values() if each.job_id == new_id), None)
        if made is None:
            missed = self._missed(failed_in)
            if failed_in.status not in TERMINAL or not missed:
                raise ProtocolError(ErrorCode.CONFLICT, "resend: not over, or nobody is left")
            made = failed_in.resend(max(jobs) + 1, new_id, at, len(missed))
            jobs[made.job_no] = made
        return made.counts.total

    def _missed(self, job: MemoryJob) -> Sequence[int]:
        """Whom it failed to reach; nobody while that is not known, or after it was resent."""
        resends = [each for each in self._store.jobs.values() if each.of_job == job.job_no]
        rows = [row for each in (job, *resends) for row in each.ledger.values()]
        is_resent = any(each.status not in STOPPED for each in resends)
        if is_resent or any(row.status is RecipientStatus.LEASED for row in rows):
            return ()
        return self._store.missed_by(job.job_no)

    def _known(self, job: str) -> MemoryJob:
        for each in self._store.jobs.values():
            if each.job_id == job:
                return each
        raise ProtocolError(ErrorCode.NOT_FOUND)

    async def _change(self, job: str, way: Callable[[JobStatus], Sequence[JobStatus]]) -> MemoryJob:
        await trio.lowlevel.checkpoint()
        known = self._known(job)
        steps = way(known.status)
        if not steps:
            raise ProtocolError(ErrorCode.CONFLICT, f"it is {known.status}")
        for step in steps:
            self._store.change(known.job_no, step)
        return known


def _to(status: JobStatus) -> Callable[[JobStatus], Sequence[JobStatus]]:
    return lambda before: (status,) if may(before, status) else ()


def _resuming(before: JobStatus) -> Sequence[JobStatus]:
    return (JobStatus.IN_PROGRESS,) if before is JobStatus.PAUSED else ()
