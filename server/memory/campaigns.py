"""Campaigns in memory, with the promises of the real store."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import islice
from zoneinfo import ZoneInfoNotFoundError

import trio

from actors.campaign_ports import Campaigns, LeaseLost
from actors.campaign_records import (
    Arrived,
    Begun,
    Counts,
    Delivered,
    Job,
    Page,
    Ready,
    Result,
)
from actors.message_records import NO_ATTEMPT, OutgoingMessage
from actors.records import EventKind, NewEvent
from actors.rules.advertising import night_ends
from actors.rules.age_groups import born_between, today_in
from actors.rules.campaign_states import RUNNING, JobStatus, RecipientStatus, may
from protocol.frames import RoomSummary
from protocol.ids import Millis, RoomId
from server.memory.campaign_jobs import KnownRecipient, LedgerRow, MemoryJob
from server.memory.journal import MemoryLog


class MemoryCampaigns(Campaigns):
    """The port Campaigns over a MemoryLog, for any number of nodes.

    A job begins where somebody puts it into ``jobs``; people are in ``people``, by number.
    """

    def __init__(self, log: MemoryLog, *, service_no: int) -> None:
        self.jobs: dict[int, MemoryJob] = {}
        self.people: dict[int, KnownRecipient] = {}
        self._log, self._service_no = log, service_no
        self._rooms: dict[int, int] = {}  # by recipient

    async def lease(self, *, now: Millis, until: Millis, most: int) -> Sequence[Job]:
        """Jobs whose time has come, the urgent first."""
        await trio.lowlevel.checkpoint()
        for job in self.jobs.values():
            self._lapse(job, now)
        startable = (JobStatus.CREATED, JobStatus.SCHEDULED, *RUNNING)
        due = [
            job
            for job in self.jobs.values()
            if job.status in startable and job.start_at <= now and job.leased_until <= now
        ]
        due.sort(key=lambda job: (-job.priority, job.start_at, job.job_no))
        for job in due[:most]:
            job.lease, job.leased_until = job.lease + 1, until
            job.status = job.status if job.status in RUNNING else JobStatus.IN_PROGRESS
            job.recount()
        return [self._job(job) for job in due[:most]]

    def _job(self, job: MemoryJob) -> Job:
        return Job(
            job_no=job.job_no,
            job_id=job.job_id,
            status=job.status,
            channel=job.channel,
            priority=job.priority,
            is_ramped=False,
            lease=job.lease,
            is_read=job.is_read,
            counts=job.counts,
            start_at=Millis(job.start_at),
            root_id=self.first_of(job).job_id,
        )

    def first_of(self, job: MemoryJob) -> MemoryJob:
        """The job that a chain of resends began with."""
        while job.of_job is not None:
            job = self.jobs[job.of_job]
        return job

    def _lapse(self, job: MemoryJob, now: int) -> None:
        for row in job.ledger.values():
            if row.status is RecipientStatus.LEASED and row.leased_until <= now:
                row.settle(RecipientStatus.UNKNOWN, "no_answer")
                job.count([row.status])

    async def _held(self, job: Job) -> MemoryJob:
        await trio.lowlevel.checkpoint()
        held = self.jobs[job.job_no]
        if held.lease != job.lease or held.status not in RUNNING:
            raise LeaseLost(job.job_id)
        return held

    async def renew(self, job: Job, *, until: Millis) -> None:
        """Have it until then."""
        (await self._held(job)).leased_until = until

    async def let_go(self, job: Job) -> None:
        """Have it no more."""
        await self.renew(job, until=Millis(0))

    async def move(self, job: Job, to: JobStatus, *, at: Millis, reason: str = "") -> JobStatus:
        """Change its state; the same once more does nothing. ValueError where there is no way."""
        stored = self.jobs[job.job_no]
        if stored.lease == job.lease and stored.status is to:
            return to
        held = await self._held(job)
        if not may(held.status, to):
            raise ValueError(f"{job.job_id} is {held.status} and cannot become {to}")
        self.change(held.job_no, to)
        return held.status

    def change(self, job_no: int, to: JobStatus) -> None:
        """Have a job in another state, as an admin may."""
        job = self.jobs[job_no]
        job.status = to
        if to not in RUNNING:
            job.leased_until = 0
            job.recount()
        if to is JobStatus.COMPLETED and job.counts.failure + job.counts.unknown:
            job.status = JobStatus.PARTIALLY_FAILED

    async def read(self, job: Job, *, most: int, at: Millis) -> Page:
        """Put the next people of its audience into the ledger."""
        held = await self._held(job)
        if held.audience is None:
            held.audience = self._audience(held, at)
        rest = (no for no in held.audience if no > held.cursor and self._is_meant(held, no))
        page = [] if held.is_read else list(islice(rest, most))
        held.ledger.update({user_no: LedgerRow() for user_no in page})
        held.cursor = page[-1] if page else held.cursor
        if not held.is_read and len(page) < most:
            held.is_read = True
            held.counts = held.counts._replace(total=len(held.ledger))
        return Page(page, held.is_read)

    def _audience(self, job: MemoryJob, at: Millis) -> list[int]:
        """All there are by now; who is meant of them is found out page by page."""
        first, last = born_between(job.group, today_in(job.zone, at))
        if job.of_job is not None:
            return self.missed_by(job.of_job)
        return sorted(
            user_no
            for user_no, person in self.people.items()
            if person.born and (first is None or first <= person.born) and person.born <= last
        )

    def _is_meant(self, job: MemoryJob, user_no: int) -> bool:
        person = self.people[user_no]
        is_user = person.status == "active" and person.role == "user"
        return job.of_job is not None or is_user

    def missed_by(self, job_no: int) -> list[int]:
        """Whom a job failed to reach, less those whom a resend of it has come to."""
        resends = [each.ledger for each in self.jobs.values() if each.of_job == job_no]
        return sorted(
            no
            for no, row in self.jobs[job_no].ledger.items()
            if row.status is RecipientStatus.FAILED
            and all(no not in each or each[no].status is RecipientStatus.QUEUED for each in resends)
        )

    async def waiting(self, job: Job, *, after: int, now: Millis, most: int) -> Sequence[int]:
        """Recipients who are queued and whose time has come."""
        ledger = (await self._held(job)).ledger
        found = sorted(no for no in ledger if no > after and _is_due(ledger[no], now))
        return found[:most]

    async def next_due(self, job: Job) -> Millis | None:
        """When somebody may be sent to; of who is leased, when he will not be any more."""
        rows = (await self._held(job)).ledger.values()
        times = [row.due_at for row in rows if row.status is RecipientStatus.QUEUED]
        times += [row.leased_until for row in rows if row.status is RecipientStatus.LEASED]
        return Millis(min(times)) if times else None

    async def deliver(
        self, job: Job, user_nos: Sequence[int], *, watching: Collection[int], at: Millis
    ) -> Delivered:
        """Store the message in each one's room, in one step."""
        held = await self._held(job)
        going, skipped, deferred = self._going(held, user_nos, at)
        live = []
        for user_no in going:
            held.ledger[user_no].attempt += 1
            held.ledger[user_no].settle(RecipientStatus.DELIVERED)
            arrived = self._store(held, user_no, at)
            live += [arrived] if user_no in watching else []
        return Delivered(delivered=len(going), skipped=skipped, deferred=deferred, live=live)

    def _store(self, job: MemoryJob, user_no: int, at: Millis) -> Arrived:
        """The message as the next of its room, which no actor owns any more."""
        is_new = user_no not in self._rooms
        room = self._log.rooms[self.room_with(user_no)]
        room.epoch += bool(room.epoch)
        room.members[user_no].active = room.members[self._service_no].active = True
        event = NewEvent(
            len(room.events) + 1,
            at,
            EventKind.MESSAGE,
            self._service_no,
            room.countable + 1,
            f"campaign-{job.job_id}",
            body=job.message,
        )
        room.extend([event])
        return Arrived(self._log.users[user_no], RoomId(room.summary.id), is_new)

    def room_with(self, user_no: int) -> int:
        """The number of the room of somebody and the service, made when there is none."""
        if user_no not in self._rooms:
            number = max(self._log.rooms, default=0) + 1
            summary = RoomSummary(
                id=f"direct{number}",
                type="direct",
                name="",
                me="",
                last_seq=0,
                read_seq=0,
                unread=0,
                mentions=0,
            )
            members = dict.fromkeys((user_no, self._service_no), "member")
            self._log.add_room(number, summary, members)  # type: ignore[arg-type]
            self._rooms[user_no] = number
        return self._rooms[user_no]

    async def begin(self, job: Job, user_nos: Sequence[int], *, at: Millis, until: Millis) -> Begun:
        """Lease those of them who are queued, and say what to send."""
        held = await self._held(job)
        going, skipped, deferred = self._going(held, user_nos, at)
        ready = []
        for user_no in going:
            row = held.ledger[user_no]
            row.settle(RecipientStatus.LEASED)
            row.attempt, row.lease, row.leased_until = row.attempt + 1, job.lease, until
            message = OutgoingMessage(
                id=f"{job.root_id}-{user_no}",
                to=self.people[user_no].phone or "",
                body=held.message,
                advertising=held.is_advertising,
            )
            ready.append(Ready(user_no, message, row.attempt, row.in_doubt))
        return Begun(ready=ready, skipped=skipped, deferred=deferred)

    def _going(
        self, job: MemoryJob, user_nos: Sequence[int], at: Millis
    ) -> tuple[list[int], dict[str, int], int]:
        """Who is to be sent to now, how many never are, by reason, and how many later."""
        going, skipped, deferred = [], dict[str, int](), 0
        for user_no in sorted({*user_nos} & {*job.ledger}):
            row, person = job.ledger[user_no], self.people[user_no]
            if not _is_due(row, at):
                continue
            may_at_night = person.consents.get("advertising_night", False)
            ends = None if may_at_night else _night_ends(at, person.zone, job.zone)
            if why := self._left_out(job, user_no):
                row.settle(RecipientStatus.SKIPPED, why)
                skipped[why] = skipped.get(why, 0) + 1
            elif job.is_advertising and ends is not None:
                row.due_at, row.reason, deferred = ends, "night", deferred + 1
            else:
                going.append(user_no)
        return going, skipped, deferred

    def _left_out(self, job: MemoryJob, user_no: int) -> str:
        person = self.people[user_no]
        said = person.consents.get("advertising")
        if person.status == "deleted" or user_no == self._service_no:
            return "gone"
        if person.status != "active":
            return "suspended"
        if job.channel == "http" and person.phone is None:
            return "no_phone"
        if job.channel == "in_app" and (user_no, self._service_no) in self._log.blocks:
            return "blocked"
        if job.is_advertising and not said:
            return "no_consent" if said is None else "opted_out"
        return ""

    async def record(self, job: Job, results: Sequence[Result], *, at: Millis) -> None:
        """Settle those who were begun with, or queue them again."""
        await trio.lowlevel.checkpoint()
        stored, settled = self.jobs[job.job_no], list[RecipientStatus]()
        for result in results:
            row = stored.ledger.get(result.user_no)
            again = result.again_at if result.outcome.kind == "again" else None
            if row is None or row.status is not RecipientStatus.LEASED or row.lease != job.lease:
                continue
            if again is not None and row.due_at >= again:
                continue  # told before
            row.settle(_becomes(result), result.outcome.reason or None)
            row.in_doubt = row.in_doubt or result.outcome.may_be_sent
            row.due_at = row.due_at if again is None else again
            row.attempt -= again is not None and result.outcome.reason in NO_ATTEMPT
            settled.append(row.status)
        if stored.lease != job.lease or stored.status not in RUNNING:
            stored.count(settled)  # nobody else would

    async def add(self, job: Job, counts: Counts) -> None:
        """Add to what the job tells of its recipients."""
        held = await self._held(job)
        held.counts = held.counts._replace(total=counts.total)
        held.add(*counts[1:])


def _becomes(result: Result) -> RecipientStatus:
    if result.outcome.kind == "again" and result.again_at is not None:
        return RecipientStatus.QUEUED
    by_kind = {"sent": RecipientStatus.SENT, "unknown": RecipientStatus.UNKNOWN}
    return by_kind.get(result.outcome.kind, RecipientStatus.FAILED)


def _night_ends(at: Millis, zone: str, otherwise: str) -> int | None:
    try:
        return night_ends(at, zone)
    except ZoneInfoNotFoundError:
        return night_ends(at, otherwise)


def _is_due(row: LedgerRow, now: int) -> bool:
    return row.status is RecipientStatus.QUEUED and row.due_at <= now
