"""Whom a campaign goes to next, by the order of its ledger."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from enum import Enum, auto
from heapq import heappop, heappush
from math import inf
from typing import Final

import trio

from actors.campaign_ports import Campaigns
from actors.campaign_records import Job
from actors.ports import OutcomeUnknown, WallClock
from protocol.ids import Millis


class Stage(Enum):
    """Where the reading is."""

    WAITING = auto()  # those who were queued before this node had the job
    READING = auto()  # the audience
    LATER = auto()  # those who are to be tried again, or whose night is over


class Source:
    """Reads a page at a time. Nobody is given out a second time before he was given back.

    Of those who are to be tried again, some are remembered: they come as soon as it is time. The
    others come when nobody else is left.
    """

    LOOK_S: Final = 15.0  # at most, for those of whom the ledger says that they are due later
    AGAIN_MOST: Final = 10_000

    def __init__(self, job: Job, store: Campaigns, *, page: int, clock: WallClock) -> None:
        self._job, self._store, self._page, self._clock = job, store, page, clock
        self._stage = Stage.WAITING
        self._here: deque[int] = deque()
        self._again: list[tuple[Millis, int]] = []
        self._after = 0
        self._look_at = trio.current_time()
        self._is_whole = not job.counts.done  # all in the ledger pass through here
        self.seen = 0
        self.is_finished = False  # nobody is queued or leased any more
        self.is_stuck = False  # somebody is due whom no look finds: his lease was lost

    @property
    def total(self) -> int | None:
        """How many the ledger has, once that is known."""
        if self._job.is_read:
            return self._job.counts.total
        return self.seen if self._is_whole and self._stage is Stage.LATER else None

    @property
    def retrying(self) -> int:
        """How many are remembered to be tried again later."""
        self._recall()
        return len(self._again)

    def wants(self, in_hand: int) -> bool:
        """Whether somebody can be had or looked for, while *in_hand* are out."""
        if self.is_finished or self.is_stuck:
            return False
        if self.has_some() or self._stage is not Stage.LATER:
            return True
        return (self._after > 0 or not in_hand) and trio.current_time() >= self._look_at

    def wakes_at(self) -> float:
        """When that may change though nothing happens, in seconds of trio's clock."""
        now, times = trio.current_time(), [self._look_at]
        if self._again:
            times.append(now + (self._again[0][0] - self._clock.now_ms()) / 1000)
        return min((at for at in times if at > now), default=inf)

    def has_some(self) -> bool:
        """Whether ``take`` gives somebody."""
        self._recall()
        return bool(self._here)

    def take(self, most: int) -> list[int]:
        """The next ones, *most* of them at most."""
        self._recall()
        return [self._here.popleft() for _ in range(min(most, len(self._here)))]

    def put_back(self, user_nos: Sequence[int]) -> None:
        """They are still queued in the ledger, and come next."""
        self._here.extendleft(reversed(user_nos))

    def again(self, user_no: int, at: Millis) -> None:
        """He is queued in the ledger until *at*."""
        if len(self._again) < self.AGAIN_MOST:
            heappush(self._again, (at, user_no))

    async def fill(self) -> None:
        """One look into the store, after which ``wants`` says whether there is more to be had."""
        if self._stage is Stage.READING:
            await self._read()
        else:
            await self._fill_queued()

    async def _read(self) -> None:
        try:
            page = await self._store.read(self._job, most=self._page, at=self._clock.now_ms())
        except OutcomeUnknown:
            self._is_whole = False  # some may be in the ledger who were not seen here
            raise
        self._put(page.user_nos)
        if page.is_last:
            self._begin_later()

    async def _fill_queued(self) -> None:
        if self._stage is Stage.LATER and not self._after:
            self._again.clear()  # the ledger has them all
        now, after = self._clock.now_ms(), self._after
        found = await self._store.waiting(self._job, after=after, now=now, most=self._page)
        if self._stage is Stage.WAITING:
            self._is_whole = self._is_whole and not found
        self._put(found)
        self._after = found[-1] if len(found) == self._page else 0
        if self._stage is Stage.LATER and not found and not after:
            await self._look_ahead(now)
        elif self._stage is Stage.WAITING and not self._after:
            self._end_waiting()

    def _end_waiting(self) -> None:
        if self._job.is_read:
            self._is_whole = False
            self._begin_later()
        else:
            self._stage = Stage.READING

    def _begin_later(self) -> None:
        self._stage, self._after, self._look_at = Stage.LATER, 0, trio.current_time()

    async def _look_ahead(self, looked: Millis) -> None:
        due = await self._store.next_due(self._job)
        if due is None:
            self.is_finished = True
        elif due > looked:
            wait = max(0.0, (due - self._clock.now_ms()) / 1000)
            self._look_at = trio.current_time() + min(wait, self.LOOK_S)
        else:
            self.is_stuck = True

    def _put(self, user_nos: Sequence[int]) -> None:
        self._here.extend(user_nos)
        if self._stage is not Stage.LATER:
            self.seen += len(user_nos)

    def _recall(self) -> None:
        while self._again and self._again[0][0] <= self._clock.now_ms():
            self._here.appendleft(heappop(self._again)[1])
