"""Campaigns in memory and in PostgreSQL, for a suite that holds both to one contract.

Users 1 to 12 are 25 years old on 2024-06-01 and have phones. User 11 is an admin, and 12 the
service's account.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date
from itertools import count
from typing import NamedTuple

from conftest import MemoryWorld, postgres_world

from actors.campaign_records import Counts
from actors.message_records import Outcome
from actors.rules.age_groups import AgeGroup
from actors.rules.campaign_states import JobStatus, RecipientStatus
from protocol.ids import Millis
from server.memory.blocks import MemoryBlocks
from server.memory.campaign_jobs import KnownRecipient, LedgerRow, MemoryJob
from server.memory.campaign_making import MemoryCampaignMaking
from server.memory.campaigns import MemoryCampaigns
from server.memory.journal import MemoryJournal
from server.postgres.audit import By
from server.postgres.blocks import BlockStore
from server.postgres.campaign_ledger import COUNTS
from server.postgres.campaign_making import CampaignMaking, Conditions, Meant, NewJob
from server.postgres.campaign_views import CampaignViews
from server.postgres.campaigns import CampaignStore
from server.postgres.consents import Consent, ConsentStore

ADMIN, SERVICE = 11, 12
BORN = date(1999, 1, 1)
NOON = Millis(1_717_210_800_000)  # 2024-06-01 12:00 in Seoul
NIGHT = Millis(NOON + 10 * 3_600_000)  # 22:00
MORNING = Millis(NOON + 20 * 3_600_000)  # 08:00
MINUTE = 60_000

SENT = Outcome(kind="sent", provider_id="p1")
AGAIN = Outcome(kind="again", reason="provider_error")
REFUSED = Outcome(kind="refused", reason="provider_refused")
UNKNOWN = Outcome(kind="unknown", reason="no_answer")


class Kept(NamedTuple):
    """All that is kept of a job."""

    status: JobStatus
    lease: int
    leased_until: int
    start_at: int
    cursor: int
    is_read: bool
    counts: Counts
    ledger: dict[int, LedgerRow]


class Running:
    """What the suite does alike with both."""

    def __init__(self, store):
        self.store = store

    async def leased(self, now=NOON, until=None, most=9):
        until = until or Millis(now + MINUTE)
        return await self.store.lease(now=now, until=until, most=most)

    async def started(self, name="j1", **fields):
        """A job of everybody that is leased, with all its audience in the ledger."""
        await self.job(name, **fields)
        [job] = await self.leased(fields.get("start_at") or NOON)
        await self.read(job)
        return job

    async def read(self, job, most=100, at=NOON):
        """All pages that are left, as lists."""
        pages = []
        while True:
            page = await self.store.read(job, most=most, at=at)
            pages.append(list(page.user_nos))
            if page.is_last:
                return pages

    async def deliver(self, job, *user_nos, watching=(), at=NOON):
        return await self.store.deliver(job, list(user_nos), watching=watching, at=at)

    async def begin(self, job, *user_nos, at=NOON, until=None):
        until = until or Millis(at + MINUTE)
        return await self.store.begin(job, list(user_nos), at=at, until=until)

    async def waiting(self, job, after=0, now=NOON, most=100):
        return list(await self.store.waiting(job, after=after, now=now, most=most))


class MemoryCampaignWorld(Running):
    def __init__(self, world, store=MemoryCampaigns):
        super().__init__(store(world.log, service_no=SERVICE))
        self.making = MemoryCampaignMaking(self.store)
        self.log = world.log
        for number in range(1, SERVICE + 1):
            role = {ADMIN: "admin", SERVICE: "service"}.get(number, "user")
            self.store.people[number] = KnownRecipient(BORN, f"010-0000-00{number:02}", role=role)

    def another_node(self):
        return self.store  # nothing of it is a node's own

    async def job(self, name, *, channel="in_app", advertising=False, priority=2, **fields):
        at, start_at = fields.get("at", NOON), fields.get("start_at") or NOON
        if fields.get("of_job") is not None:
            await self.making.resend_failures(fields["of_job"], name, at=at)
            return
        number, people = len(self.store.jobs) + 1, self.store.people.values()
        meant = sum(each.status == "active" and each.role == "user" for each in people)
        self.store.jobs[number] = MemoryJob(
            job_no=number,
            job_id=name,
            channel=channel,
            message=f"text of {name}",
            group=fields.get("group", AgeGroup.TWENTIES),
            is_advertising=advertising,
            priority=priority,
            start_at=start_at,
            status=JobStatus.SCHEDULED if start_at > at else JobStatus.CREATED,
            counts=Counts(meant, 0, 0, 0, 0),
        )

    def _job(self, name):
        return next(job for job in self.store.jobs.values() if job.job_id == name)

    async def person(self, number, **fields):
        self.store.people.setdefault(number, KnownRecipient(BORN, "010"))
        self.log.users.setdefault(number, f"user{number}")
        for name, value in fields.items():
            setattr(self.store.people[number], name, value)

    async def consent(self, number, kind="advertising", *, given=True):
        self.store.people[number].consents[kind] = given

    async def block(self, number):
        await MemoryBlocks(self.log).change(number, SERVICE, on=True, at=Millis(1))

    async def pause(self, name):
        await self.making.pause(name)

    async def resume(self, name):
        await self.making.resume(name)

    async def cancel(self, name):
        await self.making.cancel(name)

    async def schedule(self, name, start_at):
        await self.making.schedule(name, start_at=start_at)

    async def kept(self):
        return {
            job.job_id: Kept(
                job.status,
                job.lease,
                job.leased_until,
                job.start_at,
                job.cursor,
                job.is_read,
                job.counts,
                {number: replace(row) for number, row in sorted(job.ledger.items())},
            )
            for job in self.store.jobs.values()
        }

    async def messages(self):
        """Who has which, in the order of their numbers."""
        found = []
        for room in self.log.rooms.values():
            [who] = set(room.members) - {SERVICE}
            found += [(who, event.client_id) for event in room.events]
        return sorted(found)

    async def ledger(self, name="j1"):
        rows = self._job(name).ledger.items()
        return {number: (row.status.value, row.reason) for number, row in sorted(rows)}

    async def standing(self, name="j1"):
        job = self._job(name)
        return job.status, job.counts

    async def leave(self, number):
        room = self.log.rooms[self.store.room_with(number)]
        room.members[number].active = False

    async def inside(self, number):
        return self.log.rooms[self.store.room_with(number)].has(number)

    async def texts(self, number):
        events = self.log.rooms[self.store.room_with(number)].events
        return [(event.seq, event.sender_no, event.countable, event.body) for event in events]

    async def room(self, number):
        made = self.log.rooms[self.store.room_with(number)]
        return made.room_no, made.summary.id

    def journal(self):
        return MemoryJournal(self.log)


class PostgresCampaignWorld(Running):
    ROOM = """
SELECT r.room_no, r.room_id FROM chat_rooms r
WHERE r.direct_key = least($1::integer, $2) || ':' || greatest($1, $2)"""

    def __init__(self, postgres):
        self._postgres, self.database = postgres, postgres.database
        self._ids = count(1)
        self.making = CampaignMaking(self.database)
        self.views = CampaignViews(self.database)
        self.consents = ConsentStore(self.database)
        super().__init__(self.another_node())

    def another_node(self):
        return CampaignStore(self.database, new_id=lambda: f"direct{next(self._ids)}")

    async def people(self):
        await self.database.execute(
            "UPDATE users SET birth_date = $1,"
            " phone = '010-0000-00' || lpad(user_no::text, 2, '0'),"
            " role = CASE user_no WHEN 11 THEN 'admin' WHEN 12 THEN 'service' ELSE 'user' END",
            BORN,
        )
        await self.database.execute(
            "SELECT setval(pg_get_serial_sequence('users', 'user_no'), 1000)"
        )

    async def job(self, name, *, channel="in_app", advertising=False, priority=2, **fields):
        by = By(ADMIN, fields.get("at", NOON))
        if fields.get("of_job") is not None:
            await self.making.resend_failures(fields["of_job"], name, by)
            return
        start_at = fields.get("start_at") or NOON
        group = fields.get("group", AgeGroup.TWENTIES)
        conditions = fields.get("conditions", Conditions())
        meant = Meant(SERVICE, group, conditions, channel, advertising, "Asia/Seoul")
        new = NewJob(name, meant, f"text of {name}", priority, False, start_at)
        await self.making.create(new, by)

    async def person(self, number, **fields):
        await self.database.execute(
            "INSERT INTO users (user_no, user_id, username, birth_date, phone)"
            " VALUES ($1::integer, 'user' || $1::integer, 'name' || $1::integer, $2, '010')"
            " ON CONFLICT DO NOTHING",
            number,
            BORN,
        )
        names = {"born": "birth_date", "zone": "time_zone"}
        for name, value in fields.items():
            column = names.get(name, name)
            sql = f"UPDATE users SET {column} = $2 WHERE user_no = $1"  # noqa: S608
            await self.database.execute(sql, number, value)

    async def consent(self, number, kind="advertising", *, given=True):
        await self.consents.put(number, Consent(kind, given, "test", NOON))

    async def block(self, number):
        await BlockStore(self.database).change(number, SERVICE, on=True, at=Millis(1))

    async def pause(self, name):
        await self.making.pause(name, By(ADMIN, NOON))

    async def resume(self, name):
        await self.making.resume(name, By(ADMIN, NOON))

    async def cancel(self, name):
        await self.making.cancel(name, By(ADMIN, NOON))

    async def schedule(self, name, start_at):
        await self.making.schedule(name, By(ADMIN, NOON), start_at=start_at)

    async def kept(self):
        columns = "j.lease, j.leased_until, j.start_at, j.cursor_no, j.is_read"
        of_row = "r.reason, r.attempt, r.due_at, r.leased_until, r.lease"
        rows = await self.fetch(
            f"SELECT j.job_id, j.status, {columns}, {COUNTS}, r.user_no, r.status::text, {of_row}"  # noqa: S608
            " FROM bulk_message_jobs j LEFT JOIN bulk_message_recipients r USING (job_no)"
            " ORDER BY j.job_no, r.user_no"
        )
        found = {}
        for name, status, *rest in rows:
            fields, counts, (number, was, *row) = rest[:5], rest[5:10], rest[10:]
            found.setdefault(name, Kept(JobStatus(status), *fields, Counts(*counts), {}))
            if number is not None:
                found[name].ledger[number] = LedgerRow(RecipientStatus(was), *row)
        return found

    async def messages(self):
        """Who has which, in the order of their numbers."""
        return await self.fetch(
            "SELECT m.user_no, e.client_id FROM room_events e JOIN chat_members m USING (room_no)"
            " WHERE m.user_no <> $1 ORDER BY 1, 2",
            SERVICE,
        )

    async def ledger(self, name="j1"):
        rows = await self.fetch(
            "SELECT r.user_no, r.status::text, r.reason FROM bulk_message_recipients r"
            " JOIN bulk_message_jobs j USING (job_no) WHERE j.job_id = $1 ORDER BY 1",
            name,
        )
        return {number: (status, reason) for number, status, reason in rows}

    async def standing(self, name="j1"):
        row = await self.views.one(name)
        counts = [row[f"{each}_count"] for each in ("success", "failure", "unknown", "skipped")]
        return row["status"], Counts(row["total_users"], *counts)

    async def leave(self, number):
        number_of_room, _ = await self.room(number)
        await self.database.execute(
            "UPDATE chat_members SET is_active = false WHERE room_no = $1 AND user_no = $2",
            number_of_room,
            number,
        )

    async def inside(self, number):
        room, _ = await self.room(number)
        sql = "SELECT is_active FROM chat_members WHERE room_no = $1 AND user_no = $2"
        return await self.database.fetchval(sql, room, number)

    async def texts(self, number):
        number_of_room, _ = await self.room(number)
        return await self.fetch(
            "SELECT e.seq, e.sender_no, e.countable, e.body FROM room_events e"
            " WHERE e.room_no = $1 ORDER BY 1",
            number_of_room,
        )

    async def room(self, number):
        [row] = await self.fetch(self.ROOM, number, SERVICE)
        return row

    def journal(self):
        return self._postgres.journal()

    async def fetch(self, sql, *args):
        return [tuple(row) for row in await self.database.fetch(sql, *args)]


@asynccontextmanager
async def open_campaign_world(
    url: str | None,
) -> AsyncIterator[MemoryCampaignWorld | PostgresCampaignWorld]:
    """In PostgreSQL at *url*, else in memory."""
    if url is None:
        yield MemoryCampaignWorld(MemoryWorld())
        return
    async with postgres_world(url) as world:
        made = PostgresCampaignWorld(world)
        await made.people()
        yield made
