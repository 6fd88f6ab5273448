"""Notifiers and their providers: how much at once, and those that limit, fail and stall."""

from __future__ import annotations

from itertools import pairwise

import pytest
import trio
from msgspec import structs
from notifier_nodes import AGAIN, open_notifying, patient
from notifier_world import SmallQueue, outgoing

from actors.notification_records import Attempt, Begun, OutgoingNotification
from actors.notification_tries import Tries
from actors.rules.circuit_breaker import Circuit

LIMITED = Attempt(kind="again", reason="limited", retry_after_ms=7_000, of_all=True)


async def test_one_is_sent_at_once_and_recorded(autojump_clock):
    async with open_notifying() as it:
        await trio.sleep(0.5)
        it.ready()
        await trio.sleep(0.1)
        assert it.small.states() == {"sent": 1} and it.provider.accepted == {1: 1}
        result = it.small.legs[1].results[0]
        assert (result.kind, result.provider_ref, result.latency_ms) == ("sent", "p1", 0)
        assert it.notifier.figures.attempts == {("sent", ""): 1} and it.turns == 0


async def test_no_more_are_begun_with_than_are_sent_at_once(autojump_clock):
    async with open_notifying(at_once=20) as it:
        it.provider.took_s = 3.0
        it.ready(100)
        for _ in range(50):
            leased = it.small.states().get("leased", 0)
            assert it.notifier.under_way == it.provider.at_once <= 20
            assert leased == it.provider.at_once + it.notifier.unrecorded, "none of them waits"
            await trio.sleep(0.301)
        await it.until("sent")
        assert it.provider.most_at_once == 20 and trio.current_time() < 18
        assert set(it.provider.accepted.values()) == {1}
        assert it.notifier.figures.latencies.seconds == pytest.approx(300, rel=0.01)


async def test_a_fast_provider_costs_few_calls_of_the_store(autojump_clock):
    async with open_notifying() as it:
        it.queue.slow = {"begin": 0.01, "record": 0.01}
        it.provider.took_s = 0.05
        it.ready(2_000)
        await it.until("sent")
        assert len(it.queue.named("begin")) + len(it.queue.named("record")) < 400
        assert trio.current_time() < 8


async def test_a_slow_store_bounds_what_is_sent_and_not_recorded(autojump_clock):
    async with open_notifying(at_once=2) as it:
        it.queue.slow = {"record": 0.3}
        it.ready(40)
        for _ in range(10):
            assert it.notifier.under_way + it.notifier.unrecorded <= 4
            await trio.sleep(0.07)
        await it.until("sent")
        assert trio.current_time() < 8, "it goes on as soon as some are recorded"


async def test_an_idle_node_looks_once_a_second_and_when_the_next_is_due(autojump_clock):
    async with open_notifying() as it:
        await trio.sleep(20)
        assert len(it.queue.named("begin")) <= 21
        it.small.ready(at=it.clock.now_ms() + 400)
        it.notifier.wake()
        await trio.sleep(0.5)
        assert it.provider.times(1) == [pytest.approx(20.4, abs=0.05)]


class Held(SmallQueue):
    """What is due is in the hands of another node."""

    async def begin(self, platform, *, now, until, most, lease):
        await trio.lowlevel.checkpoint()
        return Begun((), now)


async def test_what_another_node_holds_is_not_asked_for_without_a_rest(autojump_clock):
    async with open_notifying() as it:
        it.queue.inner = Held()
        await trio.sleep(2)
        assert 10 <= len(it.queue.named("begin")) <= 30


async def test_a_clock_that_jumps_is_noticed_within_a_second(autojump_clock):
    async with open_notifying() as it:
        it.small.ready(at=it.clock.now_ms() + 3_600_000)
        await trio.sleep(5)
        it.clock.ahead_s -= 80_000
        await trio.sleep(5)
        it.clock.ahead_s += 80_000 + 3_600
        await trio.sleep(1.1)
        assert it.small.states() == {"sent": 1}


# ---- what goes wrong with a leg


async def test_it_is_tried_again_with_growing_waits_and_then_failed(autojump_clock):
    async with open_notifying(breaker=patient()) as it:
        it.provider.answers = lambda no, _: AGAIN if no == 2 else None
        it.ready(3)
        await it.until("sent", "failed")
        assert it.small.states() == {"sent": 2, "failed": 1}
        times, results = it.provider.times(2), it.small.legs[2].results
        assert len(times) == 5 and [each.kind for each in results] == ["again"] * 4 + ["refused"]
        assert [each.reason for each in results] == ["provider_error"] * 4 + ["attempts"]
        for number, (a, b) in enumerate(pairwise(times)):
            assert b - a <= 5 * 2**number + 1.1
        assert it.turns == 1 and it.notifier.figures.count("refused") == 1


async def test_a_provider_that_names_a_time_is_not_asked_before(autojump_clock):
    async with open_notifying(breaker=patient()) as it:
        later = Attempt(kind="again", reason="provider_error", retry_after_ms=90_000)
        it.provider.answers = lambda no, attempt: later if (no, attempt) == (1, 1) else None
        it.ready(2)
        await it.until("sent")
        first, second = it.provider.times(1)
        assert 90 <= second - first <= 96.2 and len(it.provider.times(2)) == 1
        long = Attempt(kind="again", reason="provider_error", retry_after_ms=10**15)
        it.provider.answers = lambda _, attempt: long if attempt == 1 else None
        it.ready()
        await trio.sleep(1)
        assert it.small.legs[3].due_at - it.clock.now_ms() <= 86_400_000 + 5_000


@pytest.mark.parametrize("kind", ["refused", "gone", "unknown"])
async def test_what_is_not_to_be_sent_again_never_is(autojump_clock, kind):
    async with open_notifying() as it:
        it.provider.answers = lambda _no, _attempt: Attempt(kind=kind, reason="x")
        it.ready()
        await trio.sleep(300)
        assert len(it.provider.asked) == 1 and it.turns == 1
        assert it.small.states() == {"unknown" if kind == "unknown" else "failed": 1}


async def test_an_answer_that_never_comes_is_unknown_in_time(autojump_clock):
    async with open_notifying() as it:
        it.provider.took_s = 10**6
        it.ready(3)
        await trio.sleep(30.1)
        assert it.small.states() == {"unknown": 3} and it.provider.at_once == 0
        assert {each.reason for leg in it.small.legs.values() for each in leg.results} == {
            "no_answer"
        }
        assert it.small.legs[1].results[0].latency_ms == 30_000
        await trio.sleep(300)
        assert len(it.provider.asked) == 3


async def test_a_provider_that_raises_is_in_doubt_and_ends_nothing(autojump_clock):
    async with open_notifying() as it:

        def fail(no: int, _attempt: int) -> None:
            if no == 1:
                raise ZeroDivisionError

        it.provider.answers = fail
        it.ready(2)
        await trio.sleep(0.1)
        assert it.small.states() == {"unknown": 1, "sent": 1}
        assert it.log.events.count("provider_failed") == 1 and it.notifier.under_way == 1 - 1


# ---- what goes wrong with a provider


async def test_all_rest_while_the_provider_asks_for_it(autojump_clock):
    async with open_notifying(at_once=5) as it:
        it.provider.answers = lambda no, attempt: LIMITED if (no, attempt) == (3, 1) else None
        it.provider.took_s = 0.1
        it.ready(50)
        await trio.sleep(6.5)
        assert len(it.provider.asked) <= 10, "those that were under way, and no others"
        await it.until("sent")
        times = [at for at, _ in it.provider.asked]
        assert max(b - a for a, b in pairwise(times)) >= 6.8
        assert 7 <= it.provider.times(3)[1] - it.provider.times(3)[0] <= 12.5
        assert it.notifier.circuit is Circuit.CLOSED, "it answers, so it is well"


async def test_being_limited_is_no_fault_of_the_message_for_long(autojump_clock):
    async with open_notifying() as it:
        it.provider.answers = lambda no, attempt: LIMITED if attempt <= 12 and no == 1 else None
        it.ready()
        it.notifier.AGAIN_MS = (100, 1_000)
        await trio.sleep(200)
        assert it.small.states() == {"sent": 1} and len(it.provider.asked) == 13
        it.provider.answers = lambda _no, _attempt: LIMITED
        it.ready()
        await trio.sleep(200)
        assert it.small.states() == {"sent": 1, "failed": 1}
        assert len(it.provider.times(2)) == Tries.NOT_LOOKED


async def test_what_a_provider_did_not_look_at_is_no_attempt(autojump_clock):
    async with open_notifying(breaker=patient()) as it:
        limited = Attempt(kind="again", reason="limited")
        left_alone = Attempt(kind="again", reason="not_connected", was_asked=False)
        it.notifier.AGAIN_MS = (100, 1_000)
        answers = {1: limited, 2: left_alone}
        it.provider.answers = lambda no, attempt: answers[no] if attempt < 20 else AGAIN
        it.ready(2)
        await it.until("failed")
        for leg in it.small.legs.values():
            assert [each.kind for each in leg.results] == ["again"] * 23 + ["refused"]
        assert len(it.notifier._tries) == 0
        it.provider.answers = lambda no, attempt: AGAIN if attempt == 20 else limited
        [mixed] = it.ready()
        await it.until("failed")
        assert len(it.provider.times(mixed)) == 21 and len(it.notifier._tries) == 0


def test_of_how_many_it_is_known_who_looked_is_bounded() -> None:
    tries = Tries(most=3)
    for leg_no in range(10):
        assert not tries.is_last(structs.replace(outgoing(leg_no, "push"), attempt=1), AGAIN)
    assert len(tries) == 3
    sent = Attempt(kind="sent")
    assert all(tries.is_last(outgoing(leg_no, "push"), sent) for leg_no in range(10))
    assert len(tries) == 0


async def test_a_rest_without_a_time_is_short_and_one_without_an_end_has_one(autojump_clock):
    async with open_notifying() as it:
        no_time = Attempt(kind="again", reason="limited", of_all=True)
        long = Attempt(kind="again", reason="limited", of_all=True, retry_after_ms=10**9)
        for answer, most in ((no_time, 1.3), (long, 300.3)):
            it.provider.answers = lambda _, attempt, answer=answer: answer if attempt == 1 else None
            one = it.ready()[0]
            await trio.sleep(0.1)
            other, began = it.ready()[0], trio.current_time()
            it.provider.answers = lambda _no, _attempt: None
            with trio.fail_after(400):
                while not it.provider.times(other):  # noqa: ASYNC110 - a look
                    await trio.sleep(0.1)
            assert most - 0.5 <= trio.current_time() - began <= most
            it.small.legs[one].state = "over"


async def test_a_provider_that_is_down_is_left_alone_and_tried_by_one(autojump_clock):
    async with open_notifying(at_once=10) as it:
        it.provider.answers = lambda _no, _attempt: AGAIN
        it.ready(200)
        await trio.sleep(9)
        assert it.notifier.circuit is Circuit.OPEN and len(it.provider.asked) == 10
        await trio.sleep(140)
        assert len(it.provider.asked) <= 14, "one each time, after longer and longer"
        assert it.small.states()["ready"] >= 199
        it.provider.answers = lambda _no, _attempt: None
        await it.until("sent")
        assert set(it.provider.accepted.values()) == {1}
        assert it.notifier.circuit is Circuit.CLOSED
        assert it.log.events.count("notifier_circuit") >= 2


async def test_what_is_wrong_with_one_address_is_no_word_on_its_platform(autojump_clock):
    async with open_notifying(at_once=5) as it:
        ill = structs.replace(AGAIN, of_one=True)
        it.provider.answers = lambda no, _: ill if no <= 50 else None
        it.ready(60)
        await trio.sleep(2)
        assert it.notifier.circuit is Circuit.CLOSED
        assert {it.small.legs[no].state for no in range(51, 61)} == {"sent"}


@pytest.mark.parametrize("kind", ["gone", "refused"])
async def test_fifty_dead_webhooks_keep_nobody_from_the_others(autojump_clock, kind):
    async with open_notifying(at_once=5) as it:
        dead = Attempt(kind=kind, reason="x")
        it.provider.answers = lambda no, _: dead if no <= 50 else None
        it.ready(60)
        await trio.sleep(2)
        assert it.notifier.circuit is Circuit.CLOSED
        assert it.small.states() == {"failed": 50, "sent": 10}


async def test_who_was_not_asked_is_tried_by_the_next(autojump_clock):
    async with open_notifying(at_once=5) as it:
        it.provider.answers = lambda _no, _attempt: AGAIN
        it.ready(5)
        await trio.sleep(9)
        assert it.notifier.circuit is Circuit.OPEN
        nobody = Attempt(kind="again", reason="limited", was_asked=False, retry_after_ms=10**6)
        it.provider.answers = lambda no, _: nobody if no <= 5 else AGAIN
        await trio.sleep(3)
        assert it.notifier.circuit is not Circuit.CLOSED, "nothing was heard of it"
        it.provider.answers = lambda no, _: nobody if no <= 5 else None
        it.ready()
        await trio.sleep(2)
        assert it.notifier.circuit is Circuit.CLOSED and it.small.legs[6].state == "sent"


async def test_what_was_sent_before_says_nothing_of_how_it_is_now(autojump_clock):
    async with open_notifying(at_once=10) as it:
        it.provider.answers = lambda no, _: None if 5 < no <= 10 else AGAIN
        it.provider.lasts = dict.fromkeys(range(6, 11), 11.0)
        it.ready(10)
        await trio.sleep(9)
        assert it.notifier.circuit is Circuit.OPEN
        it.provider.took_s = 5.0
        await trio.sleep(3)
        assert it.small.states()["sent"] == 5 and it.notifier.circuit is Circuit.HALF_OPEN
        await trio.sleep(4)
        assert it.notifier.circuit is Circuit.OPEN


async def test_nobody_to_try_it_with_keeps_nobody_waiting_later(autojump_clock):
    async with open_notifying() as it:
        it.provider.answers = lambda _no, _attempt: Attempt(kind="unknown", reason="no_answer")
        it.ready(5)
        await trio.sleep(60)
        assert it.notifier.circuit is Circuit.OPEN
        it.provider.answers = lambda _no, _attempt: None
        it.ready()
        await trio.sleep(0.1)
        assert it.small.states() == {"unknown": 5, "sent": 1}
        assert it.notifier.circuit is Circuit.CLOSED


async def test_what_was_taken_back_is_no_failure(autojump_clock):
    async with open_notifying() as it:
        it.provider.answers = lambda _no, _attempt: Attempt(kind="withdrawn")
        it.ready()
        await trio.sleep(0.1)
        assert it.small.states() == {"withdrawn": 1} and it.turns == 0


def test_what_is_printed_of_one_says_nothing_of_what_it_is() -> None:
    queue = SmallQueue()
    queue.ready()
    out: OutgoingNotification = queue.legs[1].out
    assert repr(out) == "OutgoingNotification('n1-1')"
