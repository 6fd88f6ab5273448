"""Looks after one campaign while this node has it: its lease, its counts, its state, its alarms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

import trio

from actors.campaign_numbers import CampaignNumbers
from actors.campaign_ports import Campaigns, LeaseLost
from actors.campaign_run import JobRun
from actors.ports import AdapterError, WallClock
from actors.rules.campaign_states import JobStatus
from actors.supervisor import Log
from protocol.ids import Millis
from protocol.notices import Progress


class Alert(Protocol):
    """Tells whoever watches over the server; soon, and without waiting."""

    def __call__(self, key: str, event: str, **data: object) -> None: ...


class Alarms:
    """Alerts for what holds for a while: once, until it has not held."""

    def __init__(self, alert: Alert) -> None:
        self._alert = alert
        self._raised: set[str] = set()

    def say(self, key: str, event: str, **data: object) -> None:
        """This has happened."""
        self._alert(key, event, **data)

    def hold(self, key: str, event: str, *, on: bool, **data: object) -> None:
        """This is so, or is not."""
        if on and key not in self._raised:
            self._alert(key, event, **data)
        (self._raised.add if on else self._raised.discard)(key)


class Attendant:
    """Moves jobs to PAUSED and to their ends; what that takes of the store is tried until it is
    done, or the job is another node's.
    """

    LEASE_MS: Final = 15_000
    RENEW_S: Final = 5.0
    LOOK_S: Final = 0.5

    def __init__(
        self,
        store: Campaigns,
        *,
        progress: Callable[[Progress], None],
        alarms: Alarms,
        numbers: CampaignNumbers,
        clock: WallClock,
        log: Log,
    ) -> None:
        self._store, self._progress, self._alarms = store, progress, alarms
        self._numbers, self._clock, self._log = numbers, clock, log

    async def attend(self, run: JobRun) -> None:
        """Until it is over."""
        told: Progress | None = None
        while not run.is_over:
            with trio.move_on_after(self.LOOK_S):
                await run.woken.wait()
            run.woken = trio.Event()
            await self._look_after(run)
            if (now := run.progress()) != told:
                self._progress(told := now)
        self._stalled(run, on=False)

    async def let_go(self, run: JobRun) -> None:
        """Another node may have it. May raise what the store does."""
        run.end()
        await run.save_counts()
        await self._store.let_go(run.job)

    async def _look_after(self, run: JobRun) -> None:
        try:
            await self._move_on(run)
        except LeaseLost:
            run.end()
        except AdapterError as error:
            self._log.warning("campaign_postponed", job=run.job.job_id, reason=str(error))
            await trio.sleep(run.AGAIN_S)
        except Exception as error:  # noqa: BLE001 - one job ends neither the others nor the node
            self._log.error("campaign_failed", job=run.job.job_id, exc_info=error)
            if run.halted:
                run.end()  # it cannot even be paused: it comes again when its lease is over
            run.fault()

    async def _move_on(self, run: JobRun) -> None:
        if run.halted and not run.is_at_its_end():
            await self._pause(run)
        elif run.source.is_stuck:
            await self.let_go(run)
        elif (run.source.is_finished or run.halted) and not run.in_hand:
            await (self._finish(run) if run.is_sure() else self.let_go(run))
        else:
            await self._keep(run)

    async def _keep(self, run: JobRun) -> None:
        now = trio.current_time()
        if now >= run.leased_at + self.RENEW_S:
            await self._store.renew(run.job, until=Millis(self._clock.now_ms() + self.LEASE_MS))
            run.leased_at = now
        await run.save_counts()
        is_still = now >= run.moved_at + self._numbers.stall_s
        self._stalled(run, on=is_still and (run.in_hand > 0 or run.is_due()))

    async def _pause(self, run: JobRun) -> None:
        await run.save_counts()
        await run.move(JobStatus.PAUSED, run.halted)
        run.end()
        self._log.warning("campaign_paused", job=run.job.job_id, reason=run.halted)
        self._say(run, run.halted, run.window.rate)

    def _say(self, run: JobRun, why: str, failure_rate: float) -> None:
        job, rate = run.job.job_id, round(failure_rate, 3)
        self._alarms.say(f"campaign:{job}", f"campaign.{why}", job=job, failure_rate=rate)

    async def _finish(self, run: JobRun) -> None:
        status, reason = run.outcome()
        await run.save_counts()
        is_failed = status is JobStatus.FAILED
        await run.advance(JobStatus.PROCESSING_BATCH if is_failed else JobStatus.SENDING_MESSAGES)
        await run.move(status, reason)
        run.end()
        if run.halted or run.has_mostly_failed():  # of a small job, or one of which nobody is left
            self._say(run, run.halted or "failure_rate", run.failure_rate())
        counts = run.counts._asdict()
        self._log.info("campaign_ended", job=run.job.job_id, status=run.status.value, **counts)

    def _stalled(self, run: JobRun, *, on: bool) -> None:
        job = run.job.job_id
        self._alarms.hold(f"campaign-stall:{job}", "campaign.stalled", on=on, job=job)
