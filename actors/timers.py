"""Timers: plain calls at a later time, from one task for the whole node."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import count

import trio


class Timer:
    """A call that has not happened yet, unless it was cancelled."""

    __slots__ = ("call",)

    def __init__(self, call: Callable[[], None]) -> None:
        self.call: Callable[[], None] | None = call

    def cancel(self) -> None:
        """Forget the call. Its place in the heap stays until its time."""
        self.call = None


class Timers:
    """A heap of deadlines on trio's clock."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Timer]] = []
        self._order = count()
        self._changed = trio.Event()

    def after(self, delay_s: float, call: Callable[[], None]) -> Timer:
        """Call *call* in *delay_s* seconds; it must neither wait nor raise."""
        timer, at = Timer(call), trio.current_time() + delay_s
        if not self._heap or at < self._heap[0][0]:
            self._changed.set()
        heapq.heappush(self._heap, (at, next(self._order), timer))
        return timer

    async def run(self) -> None:
        """Fire timers as they fall due, until cancelled."""
        while True:
            self._changed = trio.Event()
            with trio.move_on_at(self._heap[0][0] if self._heap else float("inf")):
                await self._changed.wait()
            self._fire_due()

    def _fire_due(self) -> None:
        now = trio.current_time()
        while self._heap and self._heap[0][0] <= now:
            timer = heapq.heappop(self._heap)[2]
            call, timer.call = timer.call, None
            if call is not None:
                call()
