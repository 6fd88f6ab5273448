"""Campaigns through a provider that limits, fails, stalls and cuts off."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
import trio
from campaign_world import open_campaigns
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock

from actors.campaign_numbers import CampaignNumbers
from actors.message_records import Outcome
from actors.ports import OutcomeUnknown, StoreUnavailable
from actors.rules.campaign_states import JobStatus

AGAIN = Outcome(kind="again", reason="provider_error")
UNKNOWN = Outcome(kind="unknown", reason="no_answer")
MOST_FAIL = CampaignNumbers(failure_limit=1.0)


async def test_the_rate_is_never_exceeded_and_is_used_up(autojump_clock):
    async with open_campaigns(rate=50) as world:
        world.provider.took_s = 0.4
        job = world.store.make(1_000, channel="http")
        await world.over(job)
        times = [at for at, _ in world.provider.sent]
        assert all(b - a >= 0.02 - 1e-6 for a, b in pairwise(times))
        assert 19.9 < times[-1] - times[0] < 20.5


async def test_chunks_are_sent_at_once_and_recorded_in_one_call(autojump_clock):
    async with open_campaigns() as world:
        world.provider.took_s = 1.0
        job = world.store.make(95, channel="http")
        await world.over(job)
        assert world.provider.most_at_once == 60, "as many as there are connections"
        assert world.store.named("begin") == [10] * 9 + [5]
        assert sorted(world.store.named("record"), reverse=True) == [10] * 9 + [5]


async def test_many_workers_are_no_more_at_once_than_there_are_connections(autojump_clock):
    async with open_campaigns() as world:
        world.provider.took_s = 4.0
        job = world.store.make(8_000, channel="http")
        await trio.sleep(3)
        assert job.statuses()["leased"] == 60
        await trio.sleep(17)
        assert world.provider.most_at_once == 60 and len(world.provider.sent) == 300


async def test_nobody_is_begun_with_who_waits_for_the_rate(autojump_clock):
    async with open_campaigns(rate=1) as world:
        job = world.store.make(2_000, channel="http")
        await trio.sleep(200)
        assert set(job.statuses()) == {"sent", "queued"}
        assert 195 <= job.statuses()["sent"] <= 202


async def test_a_high_rate_is_used_up_in_few_calls(autojump_clock):
    async with open_campaigns(rate=1_000) as world:
        world.store.slow = {"begin": 0.01, "record": 0.01}
        world.provider.took_s = 0.02
        job = world.store.make(10_000, channel="http")
        await world.over(job)
        times = [at for at, _ in world.provider.sent]
        assert 9.9 < times[-1] - times[0] < 10.5
        assert all(b - a >= 0.05 - 0.02 for a, b in zip(times, times[50:], strict=False))
        assert len(world.store.named("begin")) < 1_300


async def test_the_tokens_of_who_is_left_out_are_for_the_next(autojump_clock):
    async with open_campaigns(rate=1) as world:
        job = world.store.make(500, channel="http")
        world.store.leave_out(*(no for no in range(1, 501) if no % 10))
        await world.over(job, within=60)
        assert job.statuses() == {"sent": 50, "skipped": 450}
        times = [at for at, _ in world.provider.sent]
        assert all(b - a >= 1 - 1e-6 for a, b in pairwise(times))


async def test_waiting_for_the_rate_is_no_attempt(autojump_clock):
    async with open_campaigns(MOST_FAIL, rate=0.1) as world:
        world.provider.answers = lambda _, attempt: AGAIN if attempt == 1 else None
        job = world.store.make(100, channel="http")
        await world.over(job, within=3_000)
        assert job.statuses() == {"sent": 100}
        assert {row.attempt for row in job.ledger.values()} == {2}


@pytest.mark.parametrize("to", [JobStatus.PAUSED, JobStatus.CANCELLED])
async def test_who_waits_for_the_rate_is_not_sent_to_once_the_job_stops(autojump_clock, to):
    async with open_campaigns(rate=1) as world:
        job = world.store.make(500, channel="http")
        await trio.sleep(30.5)
        world.store.change(job.job_no, to)
        sent = len(world.provider.sent)
        await trio.sleep(200)
        assert len(world.provider.sent) == sent
        assert job.statuses() == {"sent": sent, "queued": 500 - sent}


async def test_who_waits_for_the_rate_and_opts_out_is_not_sent_to(autojump_clock):
    async with open_campaigns(rate=1) as world:
        job = world.store.make(500, channel="http", is_advertising=True)
        for person in world.store.people.values():
            person.consents = {"advertising": True, "advertising_night": True}
        await trio.sleep(60.5)
        for person in world.store.people.values():
            person.consents["advertising"] = False
        sent = len(world.provider.sent)
        await world.over(job)
        assert job.statuses() == {"sent": sent, "skipped": 500 - sent} and sent >= 59


async def test_who_waits_for_the_rate_is_not_sent_to_at_night(autojump_clock):
    async with open_campaigns(rate=1) as world:
        night = 1_800  # begins then in Newfoundland
        await trio.sleep(night - 60)
        job = world.store.make(500, channel="http", is_advertising=True)
        for person in world.store.people.values():
            person.zone, person.consents["advertising"] = "America/St_Johns", True
        await trio.sleep(300)
        times = [at for at, _ in world.provider.sent]
        assert len(times) >= 58 and max(times) < night
        assert job.statuses() == {"sent": len(times), "queued": 500 - len(times)}


async def test_a_drain_does_not_wait_for_the_rate_and_leaves_nobody_begun_with(autojump_clock):
    async with open_campaigns(rate=0.01) as world:
        job = world.store.make(500, channel="http")
        await trio.sleep(20)
        await world.actor.drain()
        assert trio.current_time() < 20.1
        assert job.statuses() == {"sent": 1, "queued": 499} and job.leased_until == 0


async def test_it_is_tried_again_with_growing_waits_and_then_given_up(autojump_clock):
    async with open_campaigns(MOST_FAIL) as world:
        world.provider.answers = lambda no, _: AGAIN if no == 3 else None
        job = world.store.make(30, channel="http")
        await world.over(job)
        times = [at for at, no in world.provider.sent if no == 3]
        assert len(times) == 5 and job.ledger[3].status == "failed"
        assert job.ledger[3].reason == "provider_error"
        for number, (a, b) in enumerate(pairwise(times)):
            assert b - a <= 0.5 * 2**number + 15.1, "its wait, or the next look"
        assert job.status is JobStatus.PARTIALLY_FAILED
        assert job.told[-1].failure == 1


async def test_a_second_attempt_that_succeeds_leaves_no_trace(autojump_clock):
    async with open_campaigns() as world:
        world.provider.answers = lambda _, attempt: AGAIN if attempt == 1 else None
        job = world.store.make(3, channel="http")
        await world.over(job)
        assert job.status is JobStatus.COMPLETED and job.statuses() == {"sent": 3}


async def test_retry_after_is_waited_for_by_all(autojump_clock):
    async with open_campaigns() as world:
        limited = Outcome(kind="again", reason="limited", retry_after_ms=40_000)
        world.provider.answers = lambda no, attempt: limited if (no, attempt) == (1, 1) else None
        job = world.store.make(300, channel="http")
        await world.over(job)
        times = {no: at for at, no in world.provider.sent}
        first = world.provider.sent[0][0]
        assert times[1] >= first + 40, "he above all"
        between = [at for at, _ in world.provider.sent if first + 0.1 < at < first + 39.9]
        assert between == [] and job.status is JobStatus.COMPLETED


async def test_whom_an_early_attempt_may_have_reached_is_unknown_in_the_end(autojump_clock):
    async with open_campaigns(MOST_FAIL) as world:
        doubtful = Outcome(kind="again", reason="no_answer", may_be_sent=True)
        world.provider.answers = lambda no, attempt: (
            doubtful if (no, attempt) == (1, 1) else AGAIN if no < 3 else None
        )
        job = world.store.make(3, channel="http")
        await world.over(job)
        ended = {no: row.status.value for no, row in job.ledger.items()}
        assert ended == {1: "unknown", 2: "failed", 3: "sent"}
        assert (job.counts.unknown, job.counts.failure) == (1, 1)


async def test_a_provider_that_stays_full_is_a_stall(autojump_clock):
    async with open_campaigns() as world:
        world.provider.answers = lambda *_: Outcome(kind="again", reason="limited")
        world.store.make(40, channel="http")
        await trio.sleep(130)
        assert [event for _, event, _ in world.alerts] == ["campaign.stalled"]


async def test_a_provider_that_is_full_for_long_uses_up_nobodys_attempts(autojump_clock):
    async with open_campaigns() as world:
        full = Outcome(kind="again", reason="limited")
        world.provider.answers = lambda *_: full if trio.current_time() < 120 else None
        job = world.store.make(30, channel="http")
        await world.over(job)
        assert job.statuses() == {"sent": 30}
        assert max(world.provider.attempts.values()) > 5
        assert {row.attempt for row in job.ledger.values()} == {1}


@pytest.mark.parametrize("reason", ["not_authorized", "redirected"])
async def test_what_is_wrong_with_the_settings_pauses_a_job_and_fails_nobody(
    autojump_clock, reason
):
    async with open_campaigns() as world:
        wrong = Outcome(kind="again", reason=reason)
        world.provider.answers = lambda *_: wrong
        job = world.store.make(500, channel="http")
        await trio.sleep(10)
        assert (job.status, job.reason) == (JobStatus.PAUSED, reason)
        assert set(job.statuses()) == {"queued"} and len(world.provider.sent) <= 100
        assert next(event for _, event, _ in world.alerts) == f"campaign.{reason}"
        world.provider.answers = lambda *_: None
        world.store.change(job.job_no, JobStatus.IN_PROGRESS)
        world.actor.wake()
        await world.over(job)
        assert job.statuses() == {"sent": 500}


async def test_an_open_circuit_raises_one_alert(autojump_clock):
    async with open_campaigns(MOST_FAIL) as world:
        world.provider.answers = lambda *_: AGAIN if trio.current_time() < 45 else None
        job = world.store.make(200, channel="http")
        await trio.sleep(40)
        opened = [data for _, event, data in world.alerts if event == "campaign.circuit_open"]
        assert opened == [{"channel": "http"}]
        await world.over(job)
        assert not world.actor._readers["http"].crew.sender.is_ill


async def test_while_the_circuit_is_open_nobody_is_begun_with_then_one_tries(autojump_clock):
    async with open_campaigns(MOST_FAIL) as world:
        down = True
        world.provider.answers = lambda *_: AGAIN if down else None
        job = world.store.make(2_000, channel="http")
        await trio.sleep(5)
        begun, sent = sum(world.store.named("begin")), len(world.provider.sent)
        assert sent <= 60, "those on their way when it opened"
        await trio.sleep(4)
        assert sum(world.store.named("begin")) == begun
        await trio.sleep(25)
        assert len(world.provider.sent) - sent == 2, "one after 10 s, one after 20 more"
        down = False
        await world.over(job)
        assert job.status is JobStatus.COMPLETED and job.statuses() == {"sent": 2_000}
        assert world.log.events.count("campaign_circuit") >= 2


async def test_who_is_left_out_does_not_try_whether_the_provider_is_well(autojump_clock):
    async with open_campaigns(MOST_FAIL) as world:
        down = True
        world.provider.answers = lambda *_: AGAIN if down else None
        job = world.store.make(3_000, channel="http")
        world.store.leave_out(*range(501, 3_000))
        await trio.sleep(5)
        down = False
        await world.over(job, within=120)
        assert job.statuses() == {"sent": 501, "skipped": 2_499}


async def test_an_answer_of_before_says_nothing_of_the_one_that_tries(autojump_clock):
    async with open_campaigns(MOST_FAIL) as world:
        slow = dict.fromkeys(range(1, 11), 12.0)  # sent before it opens, answered while one tries
        send = world.provider.send

        async def sent(message):
            no = int(message.to.removeprefix("010"))
            world.provider.took_s = slow.pop(no, 0.0) or (5.0 if trio.current_time() > 9 else 0.0)
            return await send(message)

        world.provider.send = sent
        world.provider.answers = lambda no, _: None if no <= 10 else AGAIN
        world.store.make(300, channel="http")
        await trio.sleep(14)
        assert len([at for at, _ in world.provider.sent if at > 9]) == 1
        await trio.sleep(20)
        assert len([at for at, _ in world.provider.sent if at > 9]) == 1, "it failed: 20 s more"


async def test_the_last_attempt_that_may_have_been_taken_makes_its_recipient_unknown(
    autojump_clock,
):
    async with open_campaigns(MOST_FAIL) as world:
        doubtful = Outcome(kind="again", reason="no_answer", may_be_sent=True)
        world.provider.answers = lambda no, _: {1: doubtful, 2: AGAIN}.get(no)
        job = world.store.make(30, channel="http")
        await world.over(job)
        assert world.provider.attempts[1] == world.provider.attempts[2] == 5
        ends = [(job.ledger[no].status, job.ledger[no].reason) for no in (1, 2)]
        assert ends == [("unknown", "no_answer"), ("failed", "provider_error")]


async def test_an_unknown_outcome_is_never_sent_again(autojump_clock):
    async with open_campaigns() as world:
        world.provider.answers = lambda no, _: UNKNOWN if no % 4 == 0 else None
        job = world.store.make(200, channel="http")
        await world.over(job)
        assert job.statuses() == {"sent": 150, "unknown": 50}
        assert set(world.provider.attempts.values()) == {1}


async def test_a_provider_that_never_answers_is_not_waited_for_for_ever(autojump_clock):
    async with open_campaigns(MOST_FAIL) as world:
        world.provider.took_s = 10**6
        job = world.store.make(3, channel="http")
        await world.over(job)
        assert job.statuses() == {"unknown": 3} and trio.current_time() < 40


async def test_a_fault_of_the_client_makes_its_recipient_unknown_and_no_other(autojump_clock):
    async with open_campaigns() as world:

        def answer(no, _):
            if no == 5:
                raise RuntimeError("a bug")

        world.provider.answers = answer
        job = world.store.make(20, channel="http")
        await world.over(job)
        assert job.statuses() == {"sent": 19, "unknown": 1}


async def test_results_are_kept_through_an_outage_of_the_store(autojump_clock):
    async with open_campaigns() as world:
        lost = [StoreUnavailable("a"), OutcomeUnknown("b"), StoreUnavailable("c")]
        world.store.fail_next = {"record": list(lost)}
        world.store.lose_next = {"record": [OutcomeUnknown("d")]}
        job = world.store.make(40, channel="http")
        await world.over(job)
        assert job.statuses() == {"sent": 40} and set(world.provider.attempts.values()) == {1}
        assert job.told[-1].success == 40


async def test_a_drain_finishes_what_was_begun_with_and_records_it(autojump_clock):
    async with open_campaigns() as world:
        world.provider.took_s = 4.0
        job = world.store.make(1_000, channel="http")
        await trio.sleep(2)
        await world.actor.drain()
        assert 4 <= trio.current_time() < 5
        assert job.statuses() == {"sent": 60, "queued": 940}, "one for each connection"
        assert world.provider.accepted.total() == 60 and job.leased_until == 0


async def test_a_paused_job_finishes_its_chunks_and_no_more(autojump_clock):
    async with open_campaigns() as world:
        world.provider.took_s = 4.0
        job = world.store.make(1_000, channel="http")
        await trio.sleep(2)
        world.store.change(job.job_no, JobStatus.PAUSED)
        await trio.sleep(60)
        assert job.statuses() == {"sent": 60, "queued": 940}
        world.store.change(job.job_no, JobStatus.IN_PROGRESS)
        await world.over(job)
        assert job.statuses() == {"sent": 1_000}
        assert max(world.provider.accepted.values()) == 1


async def test_who_has_no_phone_is_left_out(autojump_clock):
    async with open_campaigns() as world:
        job = world.store.make(25, channel="http")
        world.store.leave_out(1, 2, 25)
        await world.over(job)
        assert job.statuses() == {"sent": 22, "skipped": 3} and job.told[-1].skipped == 3
        assert job.status is JobStatus.COMPLETED


def test_whatever_fails_when_each_has_one_end_and_at_most_one_acceptance() -> None:
    @settings(max_examples=15)
    @given(seed=st.integers(0, 10**9), people=st.integers(1, 250), kills=st.integers(0, 4))
    def check(seed: int, people: int, kills: int) -> None:
        trio.run(ends_well, seed, people, kills, clock=MockClock(autojump_threshold=0))

    check()


async def ends_well(seed: int, people: int, kills: int) -> None:
    dice = random.Random(seed)  # noqa: S311 - a test
    async with open_campaigns(MOST_FAIL, rate=dice.choice([0, 100])) as world:
        kinds = [None] * 16 + [AGAIN] * 3 + [UNKNOWN, Outcome(kind="refused", reason="redirected")]
        world.provider.answers = lambda *_: dice.choice(kinds)
        world.provider.took_s = 0.3
        errors = [StoreUnavailable("x"), OutcomeUnknown("y")]
        names = ("lease", "begin", "record", "read", "add", "move", "waiting", "next_due")
        world.store.fail_next = {dice.choice(names): dice.choices(errors, k=3) for _ in range(3)}
        world.store.lose_next = {name: dice.choices(errors) for name in ("begin", "record")}
        job = world.store.make(people, channel="http")
        for _ in range(kills):
            with trio.move_on_after(dice.uniform(0, 3)):
                await world.another().run()
        await world.over(job, within=6_000)
        assert job.is_settled() and len(job.ledger) == people
        assert max(world.provider.accepted.values(), default=0) <= 1
        counts = job.told[-1]
        assert counts.total == counts.done == people
        bad = counts.failure + counts.unknown
        assert job.status is (JobStatus.PARTIALLY_FAILED if bad else JobStatus.COMPLETED)
        assert "campaign_failed" not in world.log.events
