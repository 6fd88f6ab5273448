"""Whatever is asked of campaigns and of their ledger, in any order, by nodes that have lost their
leases and by clocks that are wrong: PostgreSQL does what the campaigns in memory do, and both keep
to the tables of states, to one message each, and to whose lease it is.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import trio
from campaign_ledger_rules import Ledgers
from campaign_store_world import MINUTE, SENT, MemoryCampaignWorld, PostgresCampaignWorld
from conftest import MemoryWorld, postgres_world
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from actors.campaign_records import Job
from actors.rules.campaign_states import RecipientStatus
from protocol.ids import Millis
from server.memory.campaigns import MemoryCampaigns

TABLES = "bulk_message_jobs, bulk_message_recipients, consents, user_blocks"


async def cleaned(world: PostgresCampaignWorld) -> PostgresCampaignWorld:
    """As it was before the first campaign."""
    for table in ("room_events", "chat_members", "chat_rooms"):
        await world.database.execute(f"DELETE FROM {table}")  # noqa: S608
    await world.database.execute(f"TRUNCATE {TABLES} RESTART IDENTITY CASCADE")
    await world.database.execute("UPDATE users SET status = 'active' WHERE status <> 'active'")
    return world


@pytest.mark.timeout(600)  # what is wrong takes long to be told in few steps
async def test_postgresql_keeps_every_promise_in_any_order(database_url: str) -> None:
    async with postgres_world(database_url) as world:
        postgres = PostgresCampaignWorld(world)
        await postgres.people()

        def machine() -> Ledgers:
            trio.from_thread.run(cleaned, postgres)
            return Ledgers(MemoryCampaignWorld(MemoryWorld()), postgres)

        some = settings(max_examples=20, stateful_step_count=40)
        run = partial(run_state_machine_as_test, machine, settings=some)
        await trio.to_thread.run_sync(run)


class ForgetsTheHolder(MemoryCampaigns):
    """Settles whom another has begun with."""

    async def record(self, job: Job, results: Any, *, at: Millis) -> None:
        rows = self.jobs[job.job_no].ledger
        leases = {who: row.lease for who, row in rows.items()}
        for row in rows.values():
            row.lease = job.lease
        await super().record(job, results, at=at)
        for who, lease in leases.items():
            rows[who].lease = lease


class SettlesTwice(MemoryCampaigns):
    """Delivers to who has it."""

    async def deliver(self, job: Job, user_nos: Any, **options: Any) -> Any:
        for row in self.jobs[job.job_no].ledger.values():
            if row.status is RecipientStatus.DELIVERED:
                row.settle(RecipientStatus.QUEUED)
        return await super().deliver(job, user_nos, **options)


class SendsAgainToTheLost(MemoryCampaigns):
    """Queues whom a lost node had begun with."""

    async def lease(self, *, now: Millis, **options: Any) -> Any:
        for job in self.jobs.values():
            for row in job.ledger.values():
                if row.status is RecipientStatus.LEASED and row.leased_until <= now:
                    row.settle(RecipientStatus.QUEUED)
        return await super().lease(now=now, **options)


def begins_and_is_lost(ledgers: Ledgers) -> None:
    """Two begin with some each, and lose the job; then the first tells of the others' people."""
    start(ledgers, "http")
    ledgers.begin(lease=0, people=[1, 2], wrong=0, lasts=9 * MINUTE)
    ledgers.lease(wrong=2 * MINUTE, most=1)
    ledgers.begin(lease=0, people=[3, 4], wrong=0, lasts=9 * MINUTE)
    ledgers.lease(wrong=4 * MINUTE, most=1)
    ledgers.record_late(lease=-2, wrong=0, people=[3, 4], outcomes=[(SENT, None)])


def delivers_twice(ledgers: Ledgers) -> None:
    start(ledgers, "in_app")
    for _ in range(2):
        ledgers.deliver(lease=0, people=[1], wrong=0)


def begins_and_is_late(ledgers: Ledgers) -> None:
    start(ledgers, "http")
    ledgers.begin(lease=0, people=[1], wrong=0, lasts=MINUTE)
    ledgers.lease(wrong=2 * MINUTE, most=1)


def start(ledgers: Ledgers, channel: str) -> None:
    job = {"channel": channel, "priority": 2, "advertising": False}
    ledgers.begun(jobs=[job], is_lost=False)


@pytest.mark.parametrize(
    ("wrong", "script"),
    [
        (ForgetsTheHolder, begins_and_is_lost),
        (SettlesTwice, delivers_twice),
        (SendsAgainToTheLost, begins_and_is_late),
    ],
)
async def test_the_checks_find_a_ledger_that(wrong: type[MemoryCampaigns], script: Any) -> None:
    """In calls that a right one answers as is right."""

    def play(*stores: type[MemoryCampaigns]) -> None:
        script(Ledgers(*(MemoryCampaignWorld(MemoryWorld(), store) for store in stores)))

    await trio.to_thread.run_sync(play, MemoryCampaigns, MemoryCampaigns)
    with pytest.raises(AssertionError):
        await trio.to_thread.run_sync(play, MemoryCampaigns, wrong)
