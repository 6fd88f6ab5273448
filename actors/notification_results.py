"""What became of attempts to notify, until the store has it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from itertools import islice
from random import Random
from typing import Final

import trio

from actors.notification_ports import NotificationQueue
from actors.notification_records import LegResult
from actors.ports import AdapterError, WallClock
from actors.rules.backoff import wait_ms
from actors.supervisor import Log


class Results:
    """Recorded several at once, and again until the store says that it has them: what it has
    already changes nothing. Bounded by whoever adds: he begins nothing while it is away.
    """

    AT_ONCE: Final = 200
    GATHER_S: Final = 0.01
    AGAIN_MOST_MS: Final = 5_000

    def __init__(
        self,
        queue: NotificationQueue,
        *,
        recorded: Callable[[], None],
        next_turn: Callable[[], None],
        clock: WallClock,
        random: Random,
        log: Log,
    ) -> None:
        """*recorded*: some are; *next_turn*: the next of a fallback is to be decided."""
        self._queue, self._recorded, self._next_turn = queue, recorded, next_turn
        self._clock, self._random, self._log = clock, random, log
        self._waiting: deque[LegResult] = deque()
        self._news, self._lot = trio.Event(), trio.lowlevel.ParkingLot()
        self._failures = 0

    def __len__(self) -> int:
        """How many the store does not have."""
        return len(self._waiting)

    @property
    def is_away(self) -> bool:
        """Whether the store is."""
        return self._failures > 0

    def add(self, result: LegResult) -> None:
        """One more."""
        self._waiting.append(result)
        self._news.set()

    async def run(self) -> None:
        """Record until cancelled."""
        while True:
            if not self._waiting:
                await self._news.wait()
            self._news = trio.Event()
            await trio.sleep(self.GATHER_S)
            some = list(islice(self._waiting, self.AT_ONCE))
            if await self._record(some):
                for _ in some:
                    self._waiting.popleft()
                self._lot.unpark_all()
                self._recorded()

    async def all_recorded(self) -> None:
        """Return when the store has all."""
        while self._waiting:
            await self._lot.park()

    async def _record(self, some: Sequence[LegResult]) -> bool:
        """Whether the store has them, or never will."""
        try:
            following = await self._queue.record(some, at=self._clock.now_ms())
        except AdapterError as error:
            await self._wait_for_store(error)
            return False
        except Exception as error:  # noqa: BLE001 - what is wrong with one keeps none of the others
            return await self._record_each(some, error)
        if self._failures:
            self._log.info("notification_results_go_on", failures=self._failures)
        self._failures = 0
        if following:
            self._next_turn()
        return True

    async def _record_each(self, some: Sequence[LegResult], error: Exception) -> bool:
        if len(some) == 1:  # its lease will be over
            self._log.error("notification_result_lost", leg=some[0].leg.leg_no, exc_info=error)
            return True
        for each in some:
            while not await self._record([each]):
                pass
        return True

    async def _wait_for_store(self, error: AdapterError) -> None:
        self._failures += 1
        if self._failures == 1:
            self._log.warning("notification_results_wait", reason=str(error))
        wait = wait_ms(self._failures, self._random.random(), most_ms=self.AGAIN_MOST_MS)
        await trio.sleep(0.1 + wait / 1000)
