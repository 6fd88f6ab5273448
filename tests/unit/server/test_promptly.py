"""Answers in time, and work that goes on without those who asked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
import trio.testing

from server.promptly import Promptly


class NotedLog:
    def __init__(self) -> None:
        self.events: list[tuple[str, object]] = []

    def error(self, event: str, **fields: object) -> None:
        self.events.append((event, fields["exc_info"]))


@asynccontextmanager
async def running(*, most: int = 100) -> AsyncIterator[tuple[Promptly, NotedLog]]:
    log = NotedLog()
    promptly = Promptly(most=most, log=log)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(promptly.run)
        await trio.testing.wait_all_tasks_blocked()
        yield promptly, log
        nursery.cancel_scope.cancel()


async def lasting(seconds: float, done: list[str], *, what: str = "done") -> str:
    with trio.CancelScope(shield=True):
        await trio.sleep(seconds)
    done.append(what)
    return what


async def test_what_is_done_in_time_is_the_answer(autojump_clock: trio.testing.MockClock) -> None:
    done: list[str] = []
    async with running() as (promptly, _):
        assert (
            await promptly.within(1, lambda: lasting(0.9, done), late="late", busy="busy") == "done"
        )


async def test_what_is_late_goes_on(autojump_clock: trio.testing.MockClock) -> None:
    done: list[str] = []
    async with running() as (promptly, _):
        begun = trio.current_time()
        assert (
            await promptly.within(1, lambda: lasting(5, done), late="late", busy="busy") == "late"
        )
        assert trio.current_time() - begun == 1
        assert done == []
        await trio.sleep(5)
        assert done == ["done"]


async def test_what_fails_in_time_is_raised_and_later_it_is_logged(
    autojump_clock: trio.testing.MockClock,
) -> None:
    error = KeyError("it")

    async def fail(seconds: float) -> str:
        await trio.sleep(seconds)
        raise error

    async with running() as (promptly, log):
        with pytest.raises(KeyError):
            await promptly.within(1, lambda: fail(0.5), late="late", busy="busy")
        assert log.events == []
        assert await promptly.within(1, lambda: fail(2), late="late", busy="busy") == "late"
        await trio.sleep(2)
        assert log.events == [("late_work_failed", error)]
        assert await promptly.within(1, lambda: lasting(0, []), late="late", busy="busy") == "done"


async def test_what_is_too_much_is_not_begun_with_and_said_so(
    autojump_clock: trio.testing.MockClock,
) -> None:
    done: list[str] = []
    async with running(most=2) as (promptly, _):
        for _ in range(2):
            await promptly.within(1, lambda: lasting(10, done), late="late", busy="busy")
        begun = trio.current_time()
        third = await promptly.within(
            1, lambda: lasting(0, done, what="third"), late="late", busy="busy"
        )
        assert (third, trio.current_time() - begun) == ("busy", 0)
        await trio.sleep(10)
        assert done == ["done", "done"]
        assert (
            await promptly.within(1, lambda: lasting(0, done), late="late", busy="busy") == "done"
        )


async def test_where_it_does_not_run_nothing_is_begun_with(
    autojump_clock: trio.testing.MockClock,
) -> None:
    done: list[str] = []
    async with running() as (ended, _):
        pass
    for promptly in (Promptly(log=NotedLog()), ended):
        said = await promptly.within(1, lambda: lasting(0, done), late="late", busy="busy")
        assert said == "busy"
    await trio.sleep(5)
    assert done == []


async def test_who_leaves_does_not_end_the_work(autojump_clock: trio.testing.MockClock) -> None:
    done: list[str] = []
    async with running() as (promptly, _):
        with trio.move_on_after(0.5):
            await promptly.within(5, lambda: lasting(2, done), late="late", busy="busy")
        await trio.sleep(3)
        assert done == ["done"]
