"""Answers for those who wait for seconds only: what takes longer is done without them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Generic, Protocol, TypeVar

import trio

T = TypeVar("T")


class Log(Protocol):
    """What is wanted of a logger."""

    def error(self, event: str, **fields: object) -> object:
        """Note a failure of ours."""


class Asked(Generic[T]):
    """One piece of work, what came of it, and whether anybody still wants to know."""

    def __init__(self, work: Callable[[], Awaitable[T]]) -> None:
        self._work = work
        self.done = trio.Event()
        self.is_late = False
        self.failed: Exception | None = None
        self._found: list[T] = []

    async def go(self) -> None:
        """Do it, whatever comes of it."""
        try:
            self._found.append(await self._work())
        except Exception as error:  # noqa: BLE001 - it is raised where it was asked for, or logged
            self.failed = error
        finally:
            self.done.set()

    def taken(self, late: T) -> T:
        """What came of it, or *late*. Raises what it raised."""
        self.is_late = not self.done.is_set()
        if self.failed is not None:
            raise self.failed
        return self._found[0] if self._found else late


class Promptly:
    """Runs work beside those who asked for it, so that no commit that hangs keeps them waiting.

    At most *most* at once; what comes then is not begun with.
    """

    def __init__(self, *, most: int = 100, log: Log) -> None:
        self._most, self._log = most, log
        self._nursery: trio.Nursery | None = None
        self._under_way = 0

    async def run(self) -> None:
        """Have work done until cancelled."""
        try:
            async with trio.open_nursery() as self._nursery:
                await trio.sleep_forever()
        finally:
            self._nursery = None

    async def within(
        self, seconds: float, work: Callable[[], Awaitable[T]], *, late: T, busy: T
    ) -> T:
        """What *work* returns, or *late* where it takes longer; then it goes on nevertheless.
        *busy* where it is not begun with, and will not be.

        Raises what *work* raises in time; later that is logged.
        """
        if self._nursery is None or self._under_way >= self._most:
            await trio.lowlevel.checkpoint()
            return busy
        asked = Asked(work)
        self._under_way += 1
        self._nursery.start_soon(self._do, asked)
        with trio.move_on_after(seconds):
            await asked.done.wait()
        return asked.taken(late)

    async def _do(self, asked: Asked[T]) -> None:
        try:
            await asked.go()
        finally:
            self._under_way -= 1
        if asked.is_late and asked.failed is not None:
            self._log.error("late_work_failed", exc_info=asked.failed)
