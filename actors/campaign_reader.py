"""Reads the ledgers of the campaigns of one channel, and hands out what it finds, by turns."""

from __future__ import annotations

from math import inf

import trio

from actors.campaign_crew import Crew
from actors.campaign_ports import LeaseLost
from actors.campaign_run import JobRun
from actors.ports import AdapterError
from actors.rules.fair_share import WEIGHTS, FairShare
from actors.supervisor import Log


class Reader:
    """One batch after another: whose turn it is says the share of its priority. It reads no further
    than its crew takes.
    """

    def __init__(self, crew: Crew, *, batch: int, log: Log) -> None:
        self.crew, self._batch, self._log = crew, batch, log
        self._runs: list[JobRun] = []
        self._shares: FairShare[JobRun] = FairShare()
        self._woken = trio.Event()
        self._is_stopped = False

    def take_up(self, run: JobRun) -> None:
        """There is one more."""
        self._runs.append(run)
        self._shares.put(run, WEIGHTS[run.job.priority])
        self.wake()

    def drop(self, run: JobRun) -> None:
        """It has ended."""
        self._runs.remove(run)
        self._shares.drop(run)

    def wake(self) -> None:
        """Something may be ready that was not."""
        self._woken.set()

    def stop(self) -> None:
        """Read no more."""
        self._is_stopped = True
        self.wake()

    async def run(self) -> None:
        """Read until stopped."""
        while not self._is_stopped:
            self._woken = trio.Event()
            run = self._shares.next([each for each in self._runs if each.is_ready()])
            if run is not None:
                await self._serve(run)
                continue
            with trio.move_on_at(min((each.wakes_at() for each in self._runs), default=inf)):
                await self._woken.wait()

    async def _serve(self, run: JobRun) -> None:
        try:
            batch = await run.next_batch(min(self._batch, self.crew.sender.size))
        except LeaseLost:
            run.end()
        except AdapterError as error:
            self._log.warning("campaign_postponed", job=run.job.job_id, reason=str(error))
            run.rest()
        except Exception as error:  # noqa: BLE001 - one job ends neither the others nor the node
            self._log.error("campaign_failed", job=run.job.job_id, exc_info=error)
            run.fault()
        else:
            await self._hand_out(run, batch)

    async def _hand_out(self, run: JobRun, batch: list[int]) -> None:
        if batch:
            self._shares.served(run, len(batch))
            await self.crew.submit(run, batch)
        else:
            await trio.lowlevel.checkpoint()
