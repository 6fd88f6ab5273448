"""One campaign as this node runs it: how far it is, and whether it may go on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf
from typing import Final, NamedTuple

import trio

from actors.campaign_numbers import CampaignNumbers
from actors.campaign_ports import Campaigns
from actors.campaign_records import Counts, Job
from actors.campaign_source import Source
from actors.ports import StoreUnavailable, WallClock
from actors.rules.campaign_states import JobStatus, may
from actors.rules.failure_window import FailureWindow
from actors.rules.moving_rate import MovingRate
from actors.rules.ramp import ends_step, ramp_limit
from protocol.ids import Millis
from protocol.notices import Progress

STEPS: Final = (JobStatus.PROCESSING_BATCH, JobStatus.SENDING_MESSAGES)
ALL: Final = 2**62


class Settled(NamedTuple):
    """What became of some recipients."""

    success: int = 0
    failure: int = 0
    unknown: int = 0
    skipped: int = 0


class JobRun:
    """From the lease to the end of it. Whatever ends it, ``changed`` is called."""

    AGAIN_S: Final = 1.0  # after an outage of the store
    FAULT_S: Final = 5.0  # after a fault of ours
    FAULTS_MOST: Final = 5

    def __init__(
        self,
        job: Job,
        store: Campaigns,
        *,
        numbers: CampaignNumbers,
        clock: WallClock,
        changed: Callable[[], None],
    ) -> None:
        self.job, self.status, self.counts = job, job.status, job.counts
        self.source = Source(job, store, page=numbers.page, clock=clock)
        self.window = FailureWindow(numbers.window, numbers.enough)
        self.rate = MovingRate()
        self.moved_at = trio.current_time()
        self.leased_at = -inf  # to be renewed at once: until all were counted, much may have passed
        self.in_hand = self.faults = 0
        self.halted = ""  # why it is to be paused
        self.is_over = False  # by whatever: nothing more is begun here
        self.woken = trio.Event()  # its attendant has something to do at once
        self._store, self._clock, self._changed = store, clock, changed
        self._limit = numbers.failure_limit
        self._rests_until = 0.0
        self._unsaved = Settled()
        self._saved_total = job.counts.total

    # ---- for the reader

    def is_ready(self) -> bool:
        """Whether ``next_batch`` is worth calling."""
        return trio.current_time() >= self._rests_until and self.is_due()

    def is_due(self) -> bool:
        """The same, but for an outage that is rested from."""
        return not (self.is_over or self.halted) and self._room() > 0 and self._wants()

    def wakes_at(self) -> float:
        """When that may change though nothing happens, in seconds of trio's clock."""
        if self._rests_until > trio.current_time():
            return self._rests_until
        return self.source.wakes_at()

    async def next_batch(self, most: int) -> list[int]:
        """The next recipients, out from now on; none where the store had to be looked into first.

        May raise what the store does.
        """
        if not self.source.has_some():
            await self._fill()
            return []
        await self.advance(JobStatus.SENDING_MESSAGES)
        found = self.source.take(min(most, self._room()))
        self.in_hand += len(found)
        return found

    async def advance(self, to: JobStatus) -> None:
        """Go on to one of the STEPS, by those before it, unless that was done."""
        for step in STEPS[: STEPS.index(to) + 1]:
            if may(self.status, step):
                await self.move(step)

    async def move(self, to: JobStatus, reason: str = "") -> None:
        """Have the job in another state."""
        at = self._clock.now_ms()
        self.status = await self._store.move(self.job, to, at=at, reason=reason)

    # ---- for those who send

    def settle(self, settled: Settled) -> None:
        """So many are out no longer."""
        before = self._tried()
        self._unsaved = _sum(self._unsaved, settled)
        self.counts = Counts(self.counts.total, *_sum(Settled(*self.counts[1:]), settled))
        self.counts = self.counts._replace(total=self._total())
        self.rate.add(settled.success, trio.current_time())
        self._judge(settled, before)
        if any(settled):
            self.faults = 0
            self._moved_on()

    def lay_down(self, count: int) -> None:
        """So many are out no longer, whatever became of them."""
        self.in_hand -= count
        self._changed()

    def put_back(self, user_nos: Sequence[int]) -> None:
        """They were not begun with."""
        self.source.put_back(user_nos)
        self.lay_down(len(user_nos))

    def again(self, user_no: int, at: Millis) -> None:
        """He is to be tried again then."""
        self.source.again(user_no, at)

    def rest(self) -> None:
        """The store is away: that is nobody's fault."""
        self._rests_until = trio.current_time() + self.AGAIN_S
        self._changed()

    def fault(self) -> None:
        """A fault of ours. It is tried again, and paused where that does not help."""
        self.faults += 1
        self._rests_until = trio.current_time() + self.FAULT_S
        if self.faults >= self.FAULTS_MOST:
            self.halt("error")
        self._changed()

    def halt(self, reason: str) -> None:
        """Begin nothing more; the job is to be paused."""
        self.halted = self.halted or reason
        self.woken.set()

    def end(self) -> None:
        """It is not for this node any more."""
        self.is_over = True
        self.woken.set()
        self._changed()

    # ---- for its attendant

    def progress(self) -> Progress:
        """How far it is."""
        counts = self.counts
        failed = counts.failure + counts.unknown
        return Progress(
            job=self.job.job_id,
            status=self.status.value,
            total=counts.total,
            done=counts.done,
            failed=failed,
        )

    async def save_counts(self) -> None:
        """Tell the store what came since the last time. May raise what it does.

        What was lost on the way is not told twice: at the end the ledger itself is counted.
        """
        unsaved, total = self._unsaved, self.counts.total
        if not any(unsaved) and total == self._saved_total:
            return
        self._unsaved, self._saved_total = Settled(), total
        try:
            await self._store.add(self.job, Counts(total, *unsaved))
        except StoreUnavailable:
            self._unsaved, self._saved_total = _sum(self._unsaved, unsaved), -1
            raise

    def is_sure(self) -> bool:
        """Whether its counts are those of the ledger; what a call of unknown outcome did, and who
        was lost with a node meanwhile, is not in them. A lease counts anew.
        """
        return self.counts.done == self.source.total

    def is_at_its_end(self) -> bool:
        """Whether nobody is left but those who are out."""
        return self.counts.done + self.in_hand == self.source.total

    def failure_rate(self) -> float:
        """Of all who were tried, how many were not reached, or perhaps not."""
        return (self.counts.failure + self.counts.unknown) / max(1, self._tried())

    def has_mostly_failed(self) -> bool:
        """Whether these are more than may be."""
        return self.failure_rate() > self._limit

    def outcome(self) -> tuple[JobStatus, str]:
        """What a job becomes of which all are settled."""
        if not self.counts.done and not self.source.seen:
            return JobStatus.FAILED, "nobody"
        if self.counts.failure or self.counts.unknown:
            return JobStatus.PARTIALLY_FAILED, ""
        return JobStatus.COMPLETED, ""

    def _wants(self) -> bool:
        return self.source.wants(self.in_hand)

    async def _fill(self) -> None:
        seen = self.source.seen
        await self.source.fill()
        self.counts = self.counts._replace(total=self._total())
        if self.source.has_some():
            await self.advance(JobStatus.PROCESSING_BATCH)
        if self.source.seen > seen:
            self._moved_on()
        if self.source.is_finished or self.source.is_stuck:
            self.woken.set()

    def _room(self) -> int:
        """How many more may be begun with."""
        if not self.job.is_ramped:
            return ALL
        tried = self._tried()
        limit = ramp_limit(self.counts.total, tried)
        return ALL if limit is None else limit - tried - self.in_hand - self.source.retrying

    def _tried(self) -> int:
        return self.counts.done - self.counts.skipped

    def _total(self) -> int:
        known = self.source.total
        return max(self.counts.total if known is None else known, self.counts.done)

    def _judge(self, settled: Settled, before: int) -> None:
        """Stop where too many of the last ones failed, or of a step of the ramp."""
        failed = settled.failure + settled.unknown
        for _ in range(settled.success):
            self.window.add(failed=False)
        for _ in range(failed):
            self.window.add(failed=True)
        is_step = self.job.is_ramped and ends_step(self.counts.total, before, self._tried())
        if (failed and self.window.too_many(self._limit)) or (is_step and self.has_mostly_failed()):
            self.halt("failure_rate")

    def _moved_on(self) -> None:
        self.moved_at = trio.current_time()


def _sum(one: Settled, other: Settled) -> Settled:
    return Settled(*(a + b for a, b in zip(one, other, strict=True)))
