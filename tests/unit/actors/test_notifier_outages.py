"""Notifiers whose store is away, and nodes that end: nothing is sent twice, no result is lost."""

from __future__ import annotations

import pytest
import trio
from notifier_nodes import AGAIN, open_notifying, patient

from actors.ports import OutcomeUnknown, StoreUnavailable


async def test_no_result_is_lost_while_the_store_is_away_and_nothing_more_is_begun(autojump_clock):
    async with open_notifying(at_once=10) as it:
        it.provider.took_s = 1.0
        it.ready(30)
        await trio.sleep(0.5)
        it.queue.away = StoreUnavailable("away")
        before = len(it.queue.calls)
        for _ in range(600):
            it.notifier.wake()
            await trio.sleep(0.1)
        assert len(it.provider.asked) == 10 and it.notifier.unrecorded == 10
        assert len(it.queue.calls) - before <= 60
        assert it.log.events.count("notification_results_wait") == 1
        it.queue.away = None
        await it.until("sent")
        assert set(it.provider.accepted.values()) == {1} and len(it.provider.accepted) == 30
        assert it.log.events.count("notification_results_go_on") == 1


async def test_results_come_before_what_is_begun_next(autojump_clock):
    """Else this node would take its own for lost: the outage was longer than a lease."""
    async with open_notifying() as it:
        it.provider.took_s = 1.0
        it.ready(5)
        await trio.sleep(0.5)
        it.queue.away = StoreUnavailable("away")
        await trio.sleep(1_000)
        it.queue.away = None
        await trio.sleep(10)
        assert it.small.states() == {"sent": 5}


async def test_what_was_perhaps_recorded_is_told_again_and_changes_nothing(autojump_clock):
    async with open_notifying(breaker=patient()) as it:
        it.provider.answers = lambda _, attempt: AGAIN if attempt == 1 else None
        it.queue.lose_next["record"] = [OutcomeUnknown("lost")] * 3
        it.ready(4)
        await it.until("sent")
        assert {len(leg.results) for leg in it.small.legs.values()} == {2}
        assert set(it.provider.accepted.values()) == {1}


async def test_a_result_that_cannot_be_recorded_holds_up_no_other(autojump_clock):
    async with open_notifying() as it:
        record = it.small.record

        async def one_is_odd(results, *, at):
            if any(each.leg.leg_no == 2 for each in results):
                raise ValueError(results)
            return await record(results, at=at)

        it.small.record = one_is_odd
        it.ready(3)
        await trio.sleep(1)
        assert it.small.states() == {"sent": 2, "leased": 1} and it.notifier.unrecorded == 0
        assert it.log.events.count("notification_result_lost") == 1
        it.small.record = record
        await trio.sleep(120)
        assert it.small.states() == {"sent": 2, "unknown": 1}


async def test_an_outage_of_beginning_is_waited_out_without_a_storm(autojump_clock):
    async with open_notifying() as it:
        it.queue.fail_next["begin"] = [StoreUnavailable("away")] * 8
        it.ready()
        for _ in range(1_000):
            it.notifier.wake()
            await trio.sleep(0.1)
        assert it.small.states() == {"sent": 1}
        assert it.log.events.count("notifier_postponed") == 1
        assert it.log.events.count("notifier_goes_on") == 1
        failed = it.queue.named("begin")[:9]
        assert failed[-1] - failed[0] > 5


async def test_what_nobody_foresaw_of_the_store_ends_nothing(autojump_clock):
    async with open_notifying() as it:
        it.queue.fail_next["begin"] = [ValueError("a row")] * 3
        it.ready()
        await trio.sleep(60)
        assert it.small.states() == {"sent": 1}
        assert it.log.events.count("notifier_failed") == 3


async def test_what_was_perhaps_begun_with_is_not_sent_twice(autojump_clock):
    async with open_notifying() as it:
        it.queue.lose_next["begin"] = [OutcomeUnknown("lost")]
        it.ready(3)
        await trio.sleep(1)
        assert it.provider.asked == [] and it.small.states() == {"leased": 3}
        await trio.sleep(130)
        assert it.provider.asked == [] and it.small.states() == {"unknown": 3}


# ---- nodes


async def test_a_lost_node_leaves_what_it_began_with_in_doubt_and_the_rest_to_others(
    autojump_clock,
):
    async with open_notifying(at_once=4) as it:
        it.provider.took_s = 2.0
        it.ready(10)
        await trio.sleep(1)
        it.scope.cancel()
        it.another()
        await it.until("sent", "unknown", "leased")
        await trio.sleep(130)
        assert it.small.states() == {"unknown": 4, "sent": 6}
        assert max(it.provider.accepted.values()) == 1


async def test_a_run_that_ends_by_a_fault_keeps_its_results(autojump_clock):
    async with open_notifying() as it:
        it.queue.away = None
        it.queue.fail_next["record"] = [StoreUnavailable("away")] * 3
        it.ready(2)
        await trio.sleep(0.05)
        assert it.notifier.unrecorded == 2
        it.scope.cancel()
        await trio.sleep(1)
        it._nursery.start_soon(it.notifier.run)
        await it.until("sent", within=30)
        assert it.notifier.under_way == 0 and len(it.provider.asked) == 2


async def test_two_nodes_send_nothing_twice(autojump_clock):
    async with open_notifying(at_once=7) as it:
        it.another()
        it.queue.slow = {"begin": 0.03, "record": 0.02}
        it.provider.took_s = 0.2
        it.ready(300)
        await it.until("sent")
        assert set(it.provider.accepted.values()) == {1} and len(it.provider.asked) == 300


async def test_a_drain_finishes_what_is_under_way_and_begins_nothing(autojump_clock):
    async with open_notifying(at_once=5) as it:
        it.provider.took_s = 2.0
        it.ready(20)
        await trio.sleep(1)
        await it.notifier.drain()
        assert trio.current_time() < 2.2
        assert it.small.states() == {"sent": 5, "ready": 15}
        it.notifier.wake()
        await trio.sleep(10)
        assert it.small.states() == {"sent": 5, "ready": 15}


async def test_a_drain_waits_no_longer_than_it_is_given(autojump_clock):
    async with open_notifying() as it:
        it.queue.away = StoreUnavailable("away")
        await trio.sleep(1)
        await it.notifier.drain()
        assert trio.current_time() < 1.1, "nothing is under way"
    async with open_notifying() as it:
        it.provider.took_s = 10**6
        it.ready()
        began = trio.current_time()
        await trio.sleep(0.1)
        await it.notifier.drain(3.0)
        assert trio.current_time() - began == pytest.approx(3.1)
    async with open_notifying() as it:
        it.queue.slow = {"record": 10**6}
        it.ready()
        began = trio.current_time()
        await trio.sleep(0.1)
        await it.notifier.drain(3.0)
        assert trio.current_time() - began == pytest.approx(3.1)
    async with open_notifying() as it:
        it.ready()
        it.queue.fail_next["record"] = [StoreUnavailable("away")] * 2
        await trio.sleep(0.1)
        await it.notifier.drain()
        assert it.small.states() == {"sent": 1}, "what became of it is recorded first"


async def test_a_drain_before_it_runs_leaves_nothing_to_run(autojump_clock):
    async with open_notifying() as it:
        await it.notifier.drain()
        it.ready()
        await trio.sleep(5)
        assert it.provider.asked == []
