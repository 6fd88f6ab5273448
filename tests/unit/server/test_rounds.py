"""Rounds beside the chats: one after the other, whatever each meets."""

import sys
from functools import partial

import trio

from actors.ports import StoreUnavailable
from server.rounds import rounds


class NotedLog:
    def __init__(self):
        self.events = []

    def warning(self, event, **fields):
        self.events.append((event, fields))

    def exception(self, event, **fields):
        self.warning(event, raised=sys.exc_info()[1], **fields)


class Work:
    """Does as it is told, one thing a round; at the end it stops."""

    def __init__(self, *outcomes):
        self.outcomes, self.times, self.done = list(outcomes), [], trio.Event()

    async def round(self):
        self.times.append(trio.current_time())
        if not self.outcomes:
            self.done.set()
            await trio.sleep_forever()
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


async def intervals(nursery, work, log):
    nursery.start_soon(partial(rounds, "tidying", work.round, again_s=7.0, log=log))
    await work.done.wait()
    nursery.cancel_scope.cancel()
    return [later - sooner for sooner, later in zip(work.times, work.times[1:], strict=False)]


async def test_each_round_says_when_the_next_is(autojump_clock, nursery):
    log = NotedLog()
    assert await intervals(nursery, Work(3.0, 0.0, 20.0), log) == [3.0, 0.0, 20.0]
    assert log.events == []


async def test_a_store_that_is_away_is_waited_for(autojump_clock, nursery):
    log = NotedLog()
    assert await intervals(nursery, Work(StoreUnavailable("away"), 1.0), log) == [7.0, 1.0]
    assert log.events == [("round_postponed", {"work": "tidying", "reason": "away"})]


async def test_a_fault_is_told_and_ends_nothing(autojump_clock, nursery):
    log, fault = NotedLog(), KeyError("nobody thought of it")
    assert await intervals(nursery, Work(fault, 1.0), log) == [7.0, 1.0]
    assert log.events == [("round_failed", {"work": "tidying", "raised": fault})]
