"""Workers, their queue, and how jobs share them; what is seen of it."""

from __future__ import annotations

import itertools
from collections import Counter

import pytest
import trio
from campaign_world import open_campaigns

from actors.campaign import CampaignActor
from actors.campaign_figures import Sends
from actors.campaign_numbers import CampaignNumbers
from actors.message_records import Outcome
from actors.ports import StoreUnavailable
from actors.rules.campaign_states import JobStatus


def senders() -> list[str]:
    """The names of the workers there are."""
    tasks = [trio.lowlevel.current_root_task()]
    names = []
    while tasks:
        task = tasks.pop()
        names.append(task.name)
        tasks += [child for nursery in task.child_nurseries for child in nursery.child_tasks]
    return sorted(name for name in names if name.startswith("message-sender-"))


async def test_the_numbers_are_those_of_the_specification():
    numbers = CampaignNumbers()
    assert (numbers.page, numbers.batch, numbers.queue) == (1_000, 100, 1_000)
    assert (numbers.workers, numbers.workers_most, numbers.keep_alive_s) == (10, 50, 60.0)
    assert numbers.drain_s == 30.0


async def test_workers_grow_with_the_queue_to_the_most_and_shrink_when_idle(autojump_clock):
    async with open_campaigns() as world:
        world.provider.took_s = 0.5
        job = world.store.make(8_000, channel="http")
        await trio.sleep(1)
        figures = world.actor.channels()["http"]
        assert len(senders()) == 50 and figures.active == 51, "50, and who reads does one himself"
        assert figures.queue == 1_000 and figures.idle == 0 and figures.refused == 1
        assert all(name.removeprefix("message-sender-").isdecimal() for name in senders())
        await world.over(job)
        assert len(senders()) == 50
        await trio.sleep(62)
        assert len(senders()) == 10
        figures = world.actor.channels()["http"]
        assert (figures.active, figures.idle, figures.queue) == (0, 10, 0)
        await trio.sleep(300)
        assert len(senders()) == 10, "the least number stays"
        assert job.statuses() == {"sent": 8_000}


async def test_a_small_job_brings_few_workers(autojump_clock):
    async with open_campaigns() as world:
        job = world.store.make(250, channel="http")
        await world.over(job)
        assert senders() == ["message-sender-1", "message-sender-2", "message-sender-3"]


async def test_memory_is_bounded_by_the_queue_and_a_page_whatever_the_size(autojump_clock):
    async with open_campaigns() as world:
        world.provider.took_s = 1e6
        job = world.store.make(20_000, channel="http")
        await trio.sleep(20)
        assert len(job.ledger) <= 1_000 + 51 * 100 + 1_000 + 1_000


async def test_calls_in_the_app_are_few_and_join_what_waits(autojump_clock):
    async with open_campaigns() as world:
        world.store.slow = {"deliver": 0.05}
        job = world.store.make(20_000)
        await world.over(job)
        sizes = world.store.named("deliver")
        assert world.store.most_under_way["deliver"] == 2
        assert max(sizes) == 1_000 and sum(size for size in sizes if size > 100) > 15_000
        figures = world.actor.channels()["in_app"]
        assert figures.refused > 0 and figures.completed == len(sizes)


async def test_a_call_joins_batches_of_one_job_alone(autojump_clock):
    async with open_campaigns() as world:
        world.store.slow = {"deliver": 0.05}
        jobs = [world.store.make(3_000, first=1 + 3_000 * n) for n in range(3)]
        deliver = world.store.deliver

        async def seen(job, user_nos, **options):
            assert {(no - 1) // 3_000 + 1 for no in user_nos} == {job.job_no}
            return await deliver(job, user_nos, **options)

        world.store.deliver = seen
        await world.over(*jobs)
        assert "campaign_failed" not in world.log.events


async def test_jobs_share_the_crew_by_their_priorities(autojump_clock):
    async with open_campaigns() as world:
        world.store.slow = {"deliver": 0.2}
        urgent = world.store.make(30_000, priority=4)
        other = world.store.make(30_000, priority=1, first=30_001)
        await trio.sleep(3)
        done, behind = (job.statuses()["delivered"] for job in (urgent, other))
        assert behind > 0 and 5 < done / behind < 12, "8 to 1"


async def test_more_jobs_than_places_wait_for_one(autojump_clock, monkeypatch):
    monkeypatch.setattr(CampaignActor, "HELD_MOST", 8)
    async with open_campaigns() as world:
        world.store.slow = {"deliver": 3.0}
        jobs = [world.store.make(100, first=1 + 100 * n) for n in range(10)]
        await trio.sleep(0.5)
        assert Counter(job.status for job in jobs)[JobStatus.CREATED] == 2
        assert len(world.actor.jobs()) == 8
        await world.over(*jobs)


async def test_calls_get_smaller_while_the_store_is_short_and_grow_back_slowly(autojump_clock):
    async with open_campaigns() as world:
        world.store.slow = {"deliver": 0.5}
        world.store.fail_next = {"deliver": [StoreUnavailable("out of memory")] * 12}
        job = world.store.make(8_000)
        await world.over(job)
        sizes = world.store.named("deliver")
        assert min(sizes) == 10, "no smaller than that"
        assert max(sizes[12:30]) < 100 and max(sizes[40:]) > 150
        assert job.statuses() == {"delivered": 8_000}


async def test_slow_calls_are_followed_by_smaller_ones(autojump_clock):
    async with open_campaigns() as world:
        world.store.slow = {"deliver": 2.5}
        world.store.make(5_000)
        await trio.sleep(120)
        assert world.store.named("deliver")[-1] == 10


async def test_who_is_connected_is_told_and_nobody_else(autojump_clock):
    async with open_campaigns() as world:
        world.audience.here = {3, 250, 999_999}
        job = world.store.make(500)
        await world.over(job)
        assert sorted(each.user for each in world.audience.shown) == ["user-250", "user-3"]
        assert all(each.is_new for each in world.audience.shown)


async def test_what_the_figures_say(autojump_clock):
    async with open_campaigns() as world:
        world.provider.took_s = 0.5
        refused = Outcome(kind="refused", reason="provider_refused")
        world.provider.answers = lambda no, _: refused if no <= 20 else None
        job = world.store.make(100, channel="http")
        await trio.sleep(0.1)
        seen = world.actor.jobs()["job-1"]
        assert seen.channel == "http" and seen.total == 100
        await world.over(job)
        figures = world.actor.channels()["http"]
        assert (figures.succeeded, figures.failed) == (80, 20)
        assert figures.mean_s == pytest.approx(0.5) and figures.p95_s == pytest.approx(0.5)
        assert figures.failure_rate == pytest.approx(0.2) and figures.per_second == 8.0
        assert world.actor.jobs() == {}, "no longer than it runs"
        await trio.sleep(20)
        assert world.actor.channels()["http"].per_second == 0.0


def test_the_95th_percentile_is_of_the_last_thousand():
    sends = Sends()
    assert (sends.mean_s, sends.p95_s) == (0.0, 0.0)
    for each in range(2_000):
        sends.took(float(each < 1_000) * 99 or (each - 999) / 1_000)
    assert sends.p95_s == 0.95 and sends.mean_s == pytest.approx(0.5005)


async def test_slow_jobs_keep_nobody_from_the_urgent_one(autojump_clock):
    async with open_campaigns(rate=1) as world:
        for number in range(40):
            world.store.make(500, channel="http", priority=1, first=1 + 500 * number)
        await trio.sleep(30)
        urgent = world.store.make(3, priority=4)
        await world.over(urgent, within=3)


async def test_in_the_app_who_writes_goes_first(autojump_clock):
    async with open_campaigns(CampaignNumbers(beside=200, rest=7.0)) as world:
        world.store.slow["deliver"] = 0.02

        async def people_write() -> None:
            while trio.current_time() < 2:
                await trio.sleep(0.005)
                world.commits += 1

        world.nursery.start_soon(people_write)
        job = world.store.make(9_000)
        await trio.sleep(2)
        beside = world.store.named("deliver")
        assert max(beside[2:]) == 200, "smaller calls, after the first two"
        assert 4_000 < sum(beside) < 8_000, "two at a time, each with a rest of seven times as long"
        began = trio.current_time()
        await world.over(job)
        assert job.statuses() == {"delivered": 9_000}
        assert max(world.store.named("deliver")[len(beside) :]) == 1_000
        assert trio.current_time() - began < 1, "and at full speed when nobody writes"


async def test_a_long_call_is_rested_after_for_half_a_second_at_most(autojump_clock):
    async with open_campaigns(CampaignNumbers(calls=1, beside=100, rest=7.0)) as world:
        world.store.slow["deliver"] = 1.0

        async def people_write() -> None:
            while True:
                await trio.sleep(0.1)
                world.commits += 1

        world.nursery.start_soon(people_write)
        world.store.make(3_000)
        await trio.sleep(16)
        begun = [at for name, _, at in world.store.calls if name == "deliver"]
        assert [b - a for a, b in itertools.pairwise(begun[2:])] == pytest.approx(
            [1.5] * 8, abs=0.1
        )
