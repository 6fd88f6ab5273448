"""Work for one session that goes only as fast as its client reads: replays and pages."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable

import trio

Job = Callable[[], Awaitable[None]]


class Paced:
    """Jobs of one session, one at a time, in a task that lives only while there are any."""

    MOST = 4096  # jobs that wait: a hello can resume 2,700 rooms
    STALLED_S = 60.0

    __slots__ = ("_drained", "_failed", "_flush", "_jobs", "_nursery", "_running")

    def __init__(
        self,
        nursery: trio.Nursery,
        *,
        flush: Callable[[], None],
        failed: Callable[[Exception], None],
    ) -> None:
        self._nursery, self._flush, self._failed = nursery, flush, failed
        self._jobs: deque[Job] = deque()
        self._running = False
        self._drained = trio.Event()

    def put(self, job: Job) -> bool:
        """Queue *job*; False when too many wait already."""
        if len(self._jobs) >= self.MOST:
            return False
        self._jobs.append(job)
        if not self._running:
            self._running = True
            self._nursery.start_soon(self._run)
        return True

    async def wait(self) -> None:
        """Until ``wake``: the client has read, or is gone."""
        with trio.move_on_after(self.STALLED_S):
            await self._drained.wait()

    def wake(self) -> None:
        """The outbox fell below its low-water mark, or the connection ended."""
        self._drained.set()
        self._drained = trio.Event()

    def drop(self) -> None:
        """The session is gone: what waits is not worth doing."""
        self._jobs.clear()
        self.wake()

    async def _run(self) -> None:
        try:
            while self._jobs:
                try:
                    await self._jobs.popleft()()
                except Exception as exc:  # noqa: BLE001 - one session's fault must not end all
                    self._failed(exc)
                self._flush()
        finally:
            self._running = False
