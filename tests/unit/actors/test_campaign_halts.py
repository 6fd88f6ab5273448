"""What stops a campaign by itself, and whom it tells: ramp, failures, stalls."""

from __future__ import annotations

import trio
from campaign_world import open_campaigns

from actors.campaign_numbers import CampaignNumbers
from actors.message_records import Outcome
from actors.ports import StoreUnavailable
from actors.rules.campaign_states import JobStatus
from actors.rules.ramp import ramp_limit

REFUSED = Outcome(kind="refused", reason="provider_refused")
AGAIN = Outcome(kind="again", reason="provider_error")


async def test_a_ramped_job_goes_to_1_then_10_percent_and_then_to_all(autojump_clock):
    async with open_campaigns() as world:
        world.provider.took_s = 1.0
        job = world.store.make(1_000, channel="http", is_ramped=True)
        steps = set()

        def answer(*_):
            limit = ramp_limit(1_000, job.statuses().get("sent", 0))
            steps.add(limit)
            assert limit is None or len(world.provider.attempts) <= limit

        world.provider.answers = answer
        await world.over(job)
        assert job.statuses() == {"sent": 1_000} and steps == {10, 100, None}


async def test_who_is_tried_again_belongs_to_his_step(autojump_clock):
    async with open_campaigns() as world:
        tried = Outcome(kind="again", reason="limited", retry_after_ms=30_000)
        world.provider.answers = lambda no, attempt: tried if (no, attempt) == (4, 1) else None
        job = world.store.make(1_000, channel="http", is_ramped=True)
        await trio.sleep(29)
        assert len(world.provider.sent) == 10
        await world.over(job)
        assert job.statuses() == {"sent": 1_000}


async def test_a_small_ramped_job_begins_with_one(autojump_clock):
    async with open_campaigns() as world:
        world.provider.took_s = 5.0
        job = world.store.make(7, channel="http", is_ramped=True)
        await trio.sleep(4)
        assert len(world.provider.sent) == 1
        await world.over(job)


async def test_a_step_of_which_most_fail_is_the_last(autojump_clock):
    async with open_campaigns() as world:
        world.provider.answers = lambda no, _: REFUSED if no <= 6 else None
        job = world.store.make(1_000, channel="http", is_ramped=True)
        await trio.sleep(60)
        assert job.status is JobStatus.PAUSED and job.reason == "failure_rate"
        assert len(world.provider.sent) == 10
        world.store.change(job.job_no, JobStatus.IN_PROGRESS)
        await world.over(job)
        assert job.statuses() == {"sent": 994, "failed": 6}


async def test_a_ramp_in_the_app_and_over_a_change_of_nodes(autojump_clock):
    async with open_campaigns() as world:
        world.store.slow = {"deliver": 3.0}
        job = world.store.make(2_000, is_ramped=True)
        await trio.sleep(1)
        await world.actor.drain()
        assert job.statuses()["delivered"] == 20
        world.nursery.start_soon(world.another().run)
        await trio.sleep(2)
        assert max(world.store.named("deliver")) <= 200
        await world.over(job)
        assert job.statuses() == {"delivered": 2_000}


async def test_too_many_failures_pause_it_and_raise_an_alert(autojump_clock):
    async with open_campaigns() as world:
        world.provider.took_s = 0.5
        world.provider.answers = lambda no, _: None if no % 3 == 0 else REFUSED
        job, other = world.store.make(5_000, channel="http"), world.store.make(500)
        await world.over(other)
        await trio.sleep(30)
        assert job.status is JobStatus.PAUSED and job.reason == "failure_rate"
        assert len(world.provider.sent) < 1_500, "a window, and what was on its way"
        (key, event, data), *more = world.alerts
        assert (key, event, data["job"]) == ("campaign:job-1", "campaign.failure_rate", "job-1")
        assert data["failure_rate"] > 0.5 and not more
        statuses = job.statuses()
        assert job.counts.success == statuses["sent"]
        assert job.counts.failure == statuses["failed"], "what ended after it is counted, too"


async def test_half_of_them_is_not_too_many_and_fewer_than_50_are_not_judged(autojump_clock):
    async with open_campaigns() as world:
        world.provider.answers = lambda no, _: REFUSED if no % 2 or no <= 60 - 20 else None
        small = world.store.make(40, channel="http")
        await world.over(small)
        assert small.statuses() == {"failed": 40}
        assert [event for _, event, _ in world.alerts] == ["campaign.failure_rate"]
    async with open_campaigns() as world:
        world.provider.answers = lambda no, _: REFUSED if no % 2 else None
        job = world.store.make(1_000, channel="http")
        await world.over(job)
        assert job.statuses() == {"sent": 500, "failed": 500}


async def test_a_job_of_which_nobody_is_left_ends_however_many_failed(autojump_clock):
    async with open_campaigns() as world:
        world.provider.took_s = 1.0
        world.provider.answers = lambda no, _: REFUSED if no > 10 else None
        job = world.store.make(50, channel="http")
        await world.over(job)
        assert (job.status, job.statuses()) == (
            JobStatus.PARTIALLY_FAILED,
            {"sent": 10, "failed": 40},
        )
        assert [event for _, event, _ in world.alerts] == ["campaign.failure_rate"]


async def test_what_still_waits_of_a_job_that_halted_does_not_keep_it(autojump_clock):
    numbers = CampaignNumbers(workers=1, workers_most=1, batch=50)
    async with open_campaigns(numbers) as world:
        world.provider.answers = lambda *_: REFUSED
        job = world.store.make(100, channel="http")
        await trio.sleep(30)
        assert (job.status, job.reason) == (JobStatus.PAUSED, "failure_rate")
        assert job.statuses() == {"failed": 50, "queued": 50}


async def test_a_lease_that_took_long_to_get_is_renewed_before_it_is_taken_again(autojump_clock):
    async with open_campaigns() as world:
        world.store.slow = {"lease": 20.0, "deliver": 3.0}
        job = world.store.make(5_000)
        await world.over(job)
        assert (job.lease, job.statuses()) == (1, {"delivered": 5_000})


async def test_who_is_left_out_is_no_step_of_a_ramp(autojump_clock):
    async with open_campaigns() as world:
        world.provider.took_s = 10.0
        job = world.store.make(1_000, channel="http", is_ramped=True)
        world.store.leave_out(*range(1, 101))
        await trio.sleep(9)
        assert len(world.provider.sent) == 10
        await world.over(job)
        assert job.statuses() == {"sent": 900, "skipped": 100}


async def test_faults_that_lie_far_apart_do_not_pause_it(autojump_clock):
    async with open_campaigns() as world:
        world.store.slow = {"deliver": 1.0}
        job = world.store.make(20_000)
        for _ in range(8):
            world.store.fail_next["deliver"] = [RuntimeError("a fault of ours")]
            await trio.sleep(8)
        await world.over(job)
        assert job.statuses() == {"delivered": 20_000}


async def test_a_stall_raises_one_alert_until_it_goes_on(autojump_clock):
    async with open_campaigns() as world:
        world.store.slow = {"deliver": 0.5}
        job = world.store.make(5_000)
        await trio.sleep(0.6)
        deliver, stuck = world.store.fail_next, StoreUnavailable("stuck")
        deliver["deliver"] = [stuck] * 10_000
        await trio.sleep(50)
        assert world.alerts == []
        await trio.sleep(100)
        stalls = [key for key, event, _ in world.alerts if event == "campaign.stalled"]
        assert stalls == ["campaign-stall:job-1"]
        deliver.clear()
        await world.over(job)
        assert len(world.alerts) == 1


async def test_who_waits_for_the_morning_is_no_stall(autojump_clock):
    async with open_campaigns() as world:
        job = world.store.make(10, is_advertising=True)
        for person in world.store.people.values():
            person.consents["advertising"] = True
        world.store.put_to_bed(*range(1, 11))
        await trio.sleep(1_000)
        assert job.statuses() == {"queued": 10} and world.alerts == []


async def test_a_batch_that_waits_for_long_raises_an_alert(autojump_clock):
    async with open_campaigns(CampaignNumbers(workers_most=10)) as world:
        world.provider.took_s = 29.0
        world.store.make(3_000, channel="http")
        await trio.sleep(100)
        queue = [(key, data["channel"]) for key, event, data in world.alerts if "queue" in event]
        assert queue == [("campaign-queue:http", "http")]
