"""Garbage collection that keeps out of the loop's way."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from actors.supervisor import Log

THRESHOLDS = 10_000, 50, 100
"""Young objects until a collection, and collections until one of the next generation.

Next to nothing here is freed by the collector: what acts is freed by its last reference. With
Python's own 700, 10, 10 it looked through all connections and rooms every second or so, 58 ms each
time with 1,000 of them; freezing what lasts and looking seldom gave 1.3 times the messages.
"""
SLOW = 0.05


class Pauses:
    """What collections cost, in seconds; ``collections`` counts them by generation."""

    def __init__(self, log: Log, *, clock: Callable[[], float] = time.perf_counter) -> None:
        self._log, self._clock = log, clock
        self._began = 0.0
        self.collections = [0, 0, 0]
        self.seconds = self.longest = 0.0

    def noted(self, phase: str, info: Mapping[str, Any]) -> None:
        """The collector's call before and after each collection."""
        if phase == "start":
            self._began = self._clock()
            return
        took = self._clock() - self._began
        self.collections[info["generation"]] += 1
        self.seconds += took
        self.longest = max(self.longest, took)
        if took > SLOW:
            self._log.warning("slow_collection", ms=round(took * 1000), **info)


@contextmanager
def calm_collector(pauses: Pauses) -> Iterator[None]:
    """Freeze what there is, which is there to stay, and collect seldom until the end."""
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
    gc.callbacks.append(pauses.noted)
    try:
        yield
    finally:
        gc.callbacks.remove(pauses.noted)
        gc.set_threshold(*before)
        gc.unfreeze()
