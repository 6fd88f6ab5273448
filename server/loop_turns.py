"""How long the loop is held: each step of a task between two waits, on trio's own terms."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import trio

from actors.supervisor import Log

BOUNDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1.0)
"""Seconds; the last bucket holds what is longer."""
SLOW = 0.05


class LoopTurns(trio.abc.Instrument):
    """Measures every turn of every task, and logs what ran where one took more than 50 ms.

    A turn begins where the one before ended, or with the end of the wait for I/O.
    """

    def __init__(self, log: Log, *, clock: Callable[[], float] = time.perf_counter) -> None:
        self._log, self._clock = log, clock
        self._began = 0.0
        self.counts = [0] * (len(BOUNDS) + 1)
        self.seconds = 0.0
        self.longest = 0.0

    def after_io_wait(self, timeout: float) -> None:
        """A turn begins."""
        self._began = self._clock()

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        """It is over, and another begins."""
        now = self._clock()
        took, self._began = now - self._began, now
        self.counts[bisect_left(BOUNDS, took)] += 1
        self.seconds += took
        self.longest = max(self.longest, took)
        if took > SLOW:
            self._log.warning("slow_turn", ms=round(took * 1000), task=task.name)


@contextmanager
def watched(turns: LoopTurns) -> Iterator[None]:
    """Measure until the end."""
    turns.after_io_wait(0)  # the present turn counts from here
    trio.lowlevel.add_instrument(turns)
    try:
        yield
    finally:
        trio.lowlevel.remove_instrument(turns)
