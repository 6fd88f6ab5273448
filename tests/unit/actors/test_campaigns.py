"""Campaigns from the lease to the end of it, whatever goes wrong between."""

from __future__ import annotations

import trio
from campaign_world import open_campaigns

from actors.campaign_numbers import CampaignNumbers
from actors.campaign_ports import LeaseLost
from actors.campaign_records import Counts
from actors.message_records import Outcome
from actors.ports import OutcomeUnknown, StoreUnavailable
from actors.rules.campaign_states import JobStatus
from actors.supervisor import Supervisor

STATES = ["IN_PROGRESS", "PROCESSING_BATCH", "SENDING_MESSAGES"]


async def test_everybody_gets_it_once_and_the_states_follow_each_other(autojump_clock):
    async with open_campaigns() as world:
        job = world.store.make(2_345)
        await world.over(job)
        assert job.states == [*STATES, "COMPLETED"]
        assert job.statuses() == {"delivered": 2_345}
        assert job.told[-1] == Counts(2_345, 2_345, 0, 0, 0)
        assert sum(world.store.named("deliver")) == 2_345, "nobody was handed out twice"
        assert world.store.named("read") == [1_000] * 3
        assert world.log.events == ["campaign_ended"]


async def test_the_counts_told_on_the_way_add_up_and_the_total_becomes_the_true_one(
    autojump_clock,
):
    async with open_campaigns() as world:
        world.store.slow = {"deliver": 0.7, "read": 0.7}
        job = world.store.make(3_000, estimate=9_999)
        world.store.leave_out(7, 8)
        await world.over(job)
        told = job.told[:-1]
        assert len(told) > 2 and sum(each.success for each in told) == 2_998
        assert sum(each.skipped for each in told) == 2
        assert told[0].total == 9_999 and told[-1].total == 3_000


async def test_a_job_for_nobody_fails_for_that(autojump_clock):
    async with open_campaigns() as world:
        job = world.store.make(0)
        await world.over(job)
        assert job.states == ["IN_PROGRESS", "PROCESSING_BATCH", "FAILED"]
        assert job.reason == "nobody"


async def test_one_that_all_are_left_out_of_is_over_without_a_failure(autojump_clock):
    async with open_campaigns() as world:
        job = world.store.make(5)
        world.store.leave_out(*range(1, 6))
        await world.over(job)
        assert job.status is JobStatus.COMPLETED and job.statuses() == {"skipped": 5}


async def test_some_failures_make_it_partial(autojump_clock):
    async with open_campaigns() as world:
        refused = Outcome(kind="refused", reason="provider_refused")
        world.provider.answers = lambda no, _: refused if no % 10 == 0 else None
        job = world.store.make(100, channel="http")
        await world.over(job)
        assert job.states == [*STATES, "PARTIALLY_FAILED"]
        assert job.told[-1] == Counts(100, 90, 10, 0, 0)


async def test_a_job_begins_when_its_time_has_come_or_when_it_is_woken_for(autojump_clock):
    async with open_campaigns() as world:
        later = world.store.make(10, start_at=30_000)
        await trio.sleep(0.1)
        now = world.store.make(10)
        world.actor.wake()
        await trio.sleep(0.02)
        assert now.status is not JobStatus.CREATED, "a wake is heard before the next second"
        await world.over(now, later)
        assert min(at for name, _, at in world.store.calls if name == "deliver" and at > 1) >= 30


async def test_who_was_queued_from_before_comes_first_then_the_rest_of_the_audience(
    autojump_clock,
):
    async with open_campaigns() as world:
        job = world.store.make(5_000)
        world.store.slow = {"deliver": 0.4}
        await trio.sleep(0.5)
        world.store.change(job.job_no, JobStatus.PAUSED)
        await trio.sleep(5)
        assert job.statuses()["queued"] and not job.is_read
        world.store.change(job.job_no, JobStatus.IN_PROGRESS)
        world.store.slow, world.store.calls = {}, []
        await world.over(job)
        names = [name for name, _, _ in world.store.calls]
        assert names.index("waiting") < names.index("deliver") < names.index("read")
        assert job.statuses() == {"delivered": 5_000}


async def test_who_is_deferred_is_waited_for_without_a_busy_look(autojump_clock):
    async with open_campaigns() as world:
        job = world.store.make(200, is_advertising=True)
        for person in world.store.people.values():
            person.consents["advertising"] = True
        world.store.put_to_bed(*range(1, 51))
        await trio.sleep(3_000)
        assert job.statuses() == {"delivered": 150, "queued": 50}
        assert len(world.store.named("next_due")) < 300, "once in 15 s"
        assert job.leased_until > 3_000_000, "it is renewed meanwhile"
        await world.over(job, within=700)
        assert job.statuses() == {"delivered": 200}
        assert [at for name, _, at in world.store.calls if name == "deliver"][-1] >= 3_600


async def test_jobs_that_wait_for_a_later_time_leave_their_places_to_others(autojump_clock):
    async with open_campaigns() as world:
        waiting = [world.store.make(10, is_advertising=True) for _ in range(20)]
        world.store.put_to_bed(*range(1, 11))
        for person in world.store.people.values():
            person.consents["advertising"] = True
        await trio.sleep(20)
        assert all(job.lease == 1 for job in waiting)
        other = world.store.make(10, first=100)
        await world.over(other, within=5)


async def test_another_writer_ends_the_run_here_quietly(autojump_clock):
    async with open_campaigns() as world:
        world.store.slow = {"deliver": 0.2}
        job = world.store.make(5_000)
        await trio.sleep(0.5)
        job.lease += 1
        job.leased_until = 10**12
        await trio.sleep(5)
        assert world.actor.jobs() == {} and world.log.events == []
        before = len(world.store.calls)
        await trio.sleep(20)
        assert {name for name, _, _ in world.store.calls[before:]} == {"lease"}


async def test_an_outage_postpones_and_loses_nobody(autojump_clock):
    async with open_campaigns() as world:
        world.store.slow = {"deliver": 0.1}
        job = world.store.make(3_000)
        await trio.sleep(0.15)
        world.store.away = StoreUnavailable("away")
        before = len(world.store.calls)
        await trio.sleep(300)
        assert len(world.store.calls) - before < 2_000, "it rests between"
        assert job.status is JobStatus.SENDING_MESSAGES
        world.store.away = None
        await world.over(job)
        assert job.status is JobStatus.COMPLETED and job.statuses() == {"delivered": 3_000}
        assert "campaign_failed" not in world.log.events


async def test_outages_of_every_call_at_once_come_to_the_same_end(autojump_clock):
    for name in ("lease", "read", "waiting", "next_due", "deliver", "move", "renew", "add"):
        async with open_campaigns() as world:
            world.store.fail_next = {name: [StoreUnavailable("a"), StoreUnavailable("b")]}
            world.store.slow = {"deliver": 11.0}
            job = world.store.make(1_200)
            await world.over(job)
            assert job.states == [*STATES, "COMPLETED"], name
            assert job.statuses() == {"delivered": 1_200}
            assert job.told[-1].success == 1_200
            if name == "add":
                assert sum(each.success for each in job.told[:-1]) == 1_200


async def test_a_delivery_of_unknown_outcome_is_tried_again_and_reaches_nobody_twice(
    autojump_clock,
):
    async with open_campaigns() as world:
        world.store.lose_next = {"deliver": [OutcomeUnknown("x")]}
        job = world.store.make(300)
        await world.over(job)
        assert job.status is JobStatus.COMPLETED and job.told[-1].success == 300


async def test_a_page_and_a_delivery_of_unknown_outcome_are_no_job_for_nobody(autojump_clock):
    async with open_campaigns() as world:
        world.store.lose_next = {name: [OutcomeUnknown("x")] for name in ("read", "deliver")}
        job = world.store.make(1)
        await world.over(job, within=60)
        assert job.status is JobStatus.COMPLETED and job.told[-1].success == 1
        assert "campaign_failed" not in world.log.events


async def test_a_fault_of_ours_pauses_its_job_and_no_other(autojump_clock):
    async with open_campaigns() as world:
        job, other = world.store.make(100), world.store.make(2_000)
        deliver = world.store.deliver

        async def broken(told, *args, **options):
            if told.job_no == job.job_no:
                raise RuntimeError("a bug")
            return await deliver(told, *args, **options)

        world.store.deliver = broken
        await world.over(other)
        assert other.status is JobStatus.COMPLETED
        await trio.sleep(60)
        assert job.status is JobStatus.PAUSED and job.reason == "error"
        assert world.log.events.count("campaign_failed") == 5
        assert [event for _, event, _ in world.alerts] == ["campaign.error"]
        world.store.deliver = deliver
        world.store.change(job.job_no, JobStatus.IN_PROGRESS)
        await world.over(job)
        assert job.statuses() == {"delivered": 100}


async def test_a_fault_in_what_the_reader_does_pauses_its_job(autojump_clock):
    async with open_campaigns() as world:

        async def broken(*_args, **_options):
            raise RuntimeError("a bug")

        world.store.read = broken
        job = world.store.make(100)
        await trio.sleep(60)
        assert job.status is JobStatus.PAUSED and job.reason == "error"


async def test_a_job_that_cannot_even_be_paused_ends_here_and_the_node_goes_on(autojump_clock):
    async with trio.open_nursery() as nursery:
        async with open_campaigns() as world:

            async def broken(*_args, **_options):
                raise RuntimeError("a bug")

            world.store.move = broken
            world.store.make(100)
            await trio.sleep(60)
            assert "campaign_failed" in world.log.events
            del world.store.move
            other = world.store.make(100)
            await world.over(other)
        nursery.cancel_scope.cancel()


async def test_a_lease_that_fails_is_nobodys_crash(autojump_clock):
    async with open_campaigns() as world:
        world.store.fail_next = {"lease": [RuntimeError("a bug"), StoreUnavailable("away")]}
        job = world.store.make(10)
        await world.over(job, within=30)
        assert world.log.events[:2] == ["campaigns_failed", "campaigns_postponed"]


async def test_a_recipient_whose_lease_was_lost_makes_the_job_be_leased_anew(autojump_clock):
    async with open_campaigns() as world:
        world.store.lose_next = {"begin": [OutcomeUnknown("x")]}
        job = world.store.make(30, channel="http")
        await world.over(job)
        assert job.statuses() == {"sent": 20, "unknown": 10}
        assert world.provider.accepted.total() == 20 and job.lease > 1
        assert job.status is JobStatus.PARTIALLY_FAILED


async def test_without_a_provider_what_wants_one_is_paused_for_that(autojump_clock):
    async with open_campaigns(provider=False) as world:
        job, other = world.store.make(10, channel="http"), world.store.make(10)
        await world.over(other)
        await trio.sleep(1)
        assert job.status is JobStatus.PAUSED and job.reason == "no_provider"


async def test_a_drain_lets_calls_finish_begins_no_more_and_lets_jobs_go(autojump_clock):
    async with open_campaigns() as world:
        world.store.slow = {"deliver": 5.0}
        job = world.store.make(5_000)
        await trio.sleep(3)
        begun = trio.current_time()
        await world.actor.drain()
        assert trio.current_time() - begun < 8, "the calls under way, and no more"
        assert job.leased_until == 0 and job.counts.success == job.statuses()["delivered"] > 0
        calls = len(world.store.calls)
        await trio.sleep(60)
        assert len(world.store.calls) == calls
        world.store.slow = {}
        world.nursery.start_soon(world.another().run)
        await world.over(job)
        assert job.statuses() == {"delivered": 5_000}


async def test_a_drain_waits_no_longer_than_it_may(autojump_clock):
    async with open_campaigns(CampaignNumbers(drain_s=30)) as world:
        world.store.slow = {"deliver": 500.0}
        world.store.make(100)
        await trio.sleep(3)
        begun = trio.current_time()
        await world.actor.drain()
        assert trio.current_time() - begun == 30


async def test_the_counts_and_the_ledger_survive_a_node_that_is_killed(autojump_clock):
    async with open_campaigns() as world:
        world.store.slow = {"deliver": 0.1, "read": 0.05}
        job, sent = world.store.make(5_000), world.store.make(500, channel="http")
        world.provider.took_s = 0.2
        with trio.move_on_after(0.7):
            await world.another().run()
        for _ in range(5):
            with trio.move_on_after(31.2):
                await world.another().run()
            await trio.lowlevel.checkpoint()
        await world.over(job, sent)
        assert job.is_settled() and sent.is_settled()
        assert job.statuses() == {"delivered": 5_000}
        assert max(world.provider.accepted.values()) == 1


async def test_it_runs_under_the_supervisor_as_the_node_has_it(autojump_clock):
    async with trio.open_nursery() as nursery:
        async with open_campaigns() as world:
            Supervisor(nursery, log=world.log).spawn("campaigns", world.another().run)
            job = world.store.make(10)
            await world.over(job)
        nursery.cancel_scope.cancel()


async def test_a_lost_lease_in_any_call_is_quiet(autojump_clock):
    for name in ("read", "deliver", "move", "renew", "add", "waiting", "next_due"):
        async with open_campaigns() as world:
            world.store.slow = {"deliver": 6.0}
            world.store.fail_next = {name: [LeaseLost()]}
            job = world.store.make(2_500)
            await world.over(job)
            assert job.status is JobStatus.COMPLETED and job.lease in (2, 3), name
            assert set(world.log.events) == {"campaign_ended"}, name
