"""Runs campaigns: one message to everyone of an age group (specification 002)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count
from typing import Final

import trio

from actors.campaign_attendant import Alarms, Attendant
from actors.campaign_channels import CampaignSurroundings, make_readers
from actors.campaign_figures import ChannelFigures, JobFigures
from actors.campaign_numbers import CampaignNumbers
from actors.campaign_ports import Campaigns, LeaseLost
from actors.campaign_reader import Reader
from actors.campaign_records import Channel, Job
from actors.campaign_run import JobRun
from actors.ports import AdapterError
from protocol.ids import Millis


class CampaignActor:
    """A task under the node's supervisor. Jobs and their recipients are in the store, so that
    nothing is lost with a node; any number of them may run it, each job at one at a time.

    Each channel has a reader and a crew of workers, each job an attendant. What goes wrong with one
    job is tried again, and pauses that job in the end; an outage of the store is waited out.
    """

    HELD_MOST: Final = 256  # jobs; their readers share out whose turn it is
    LEASED_AT_ONCE: Final = 8  # each is counted first
    LOOK_EVERY_S: Final = 1.0
    AGAIN_S: Final = 5.0  # after what nobody foresaw

    def __init__(
        self,
        store: Campaigns,
        around: CampaignSurroundings,
        *,
        numbers: CampaignNumbers | None = None,
    ) -> None:
        self._store, self._around = store, around
        self._numbers = numbers or CampaignNumbers()
        self._clock, self._log = around.clock, around.log
        self._alarms = Alarms(around.alert)
        self._attendant = Attendant(
            store,
            progress=around.progress,
            alarms=self._alarms,
            numbers=self._numbers,
            clock=around.clock,
            log=around.log,
        )
        self._names = (f"message-sender-{number}" for number in count(1))
        self._readers: dict[Channel, Reader] = {}
        self._runs: dict[int, JobRun] = {}
        self._woken = trio.Event()
        self._is_draining = False
        self._ended: trio.Event | None = None

    def wake(self) -> None:
        """There is a new job, or one goes on; it may be due."""
        self._woken.set()

    async def drain(self, within_s: float | None = None) -> None:
        """Begin nothing more, and return when what was begun with is finished and recorded, or
        after so long.
        """
        self._is_draining = True
        self.wake()
        if self._ended is not None:
            with trio.move_on_after(self._numbers.drain_s if within_s is None else within_s):
                await self._ended.wait()

    async def run(self) -> None:
        """Work until cancelled or drained."""
        self._ended = trio.Event()
        self._runs = {}
        self._readers = make_readers(self._store, self._around, self._numbers, self._names)
        readers = list(self._readers.values())
        try:
            async with trio.open_nursery() as attendants:
                async with trio.open_nursery() as nursery:
                    for reader in readers:
                        await nursery.start(reader.crew.run)
                        nursery.start_soon(reader.run)
                    await self._rounds(attendants)
                    for reader in readers:
                        reader.stop()
                        reader.crew.stop()
                attendants.cancel_scope.cancel()
            await self._let_all_go()
        finally:
            self._ended.set()

    # ---- for whoever watches

    def channels(self) -> Mapping[Channel, ChannelFigures]:
        """How each channel does here."""
        return {channel: reader.crew.figures() for channel, reader in self._readers.items()}

    def jobs(self) -> Mapping[str, JobFigures]:
        """How each job does that is here now."""
        now = trio.current_time()
        return {
            run.job.job_id: JobFigures(
                channel=run.job.channel,
                per_second=run.rate.per_second(now),
                failure_rate=run.window.rate,
                total=run.counts.total,
                done=run.counts.done,
            )
            for run in self._runs.values()
        }

    # ---- jobs

    async def _rounds(self, nursery: trio.Nursery) -> None:
        while not self._is_draining:
            self._woken = trio.Event()
            rest = await self._round(nursery)
            with trio.move_on_after(rest):
                await self._woken.wait()

    async def _round(self, nursery: trio.Nursery) -> float:
        """Take up what is due; seconds until the next look."""
        try:
            for job in await self._lease():
                self._take_up(job, nursery)
        except AdapterError as error:
            self._log.warning("campaigns_postponed", reason=str(error))
        except Exception as error:  # noqa: BLE001 - what is wrong with one row ends no node
            self._log.error("campaigns_failed", exc_info=error)
            return self.AGAIN_S
        self._watch_channels()
        return self.LOOK_EVERY_S

    async def _lease(self) -> Sequence[Job]:
        most = min(self.LEASED_AT_ONCE, self.HELD_MOST - len(self._runs))
        if most <= 0:
            return ()
        now = self._clock.now_ms()
        until = Millis(now + self._attendant.LEASE_MS)
        return await self._store.lease(now=now, until=until, most=most)

    def _take_up(self, job: Job, nursery: trio.Nursery) -> None:
        if job.job_no in self._runs:  # its lease was over, and is this one now
            self._runs[job.job_no].end()
        reader = self._readers.get(job.channel)
        run = JobRun(
            job,
            self._store,
            numbers=self._numbers,
            clock=self._clock,
            changed=reader.wake if reader else _nothing,
        )
        self._runs[job.job_no] = run
        if reader is None:
            run.halt("no_provider")
        nursery.start_soon(self._attend, run, reader)

    async def _attend(self, run: JobRun, reader: Reader | None) -> None:
        if reader is not None:
            reader.take_up(run)
        await self._attendant.attend(run)
        if reader is not None:
            reader.drop(run)
        if self._runs.get(run.job.job_no) is run:
            del self._runs[run.job.job_no]

    def _watch_channels(self) -> None:
        for channel, reader in self._readers.items():
            self._alarms.hold(
                f"campaign-circuit:{channel}",
                "campaign.circuit_open",
                on=reader.crew.sender.is_ill,
                channel=channel,
            )
            waits = reader.crew.waits_s()
            self._alarms.hold(
                f"campaign-queue:{channel}",
                "campaign.queue_age",
                on=waits > self._numbers.stall_s,
                channel=channel,
                seconds=round(waits),
            )

    async def _let_all_go(self) -> None:
        for run in list(self._runs.values()):
            try:
                await self._attendant.let_go(run)
            except (AdapterError, LeaseLost) as error:
                self._log.warning("campaign_kept", job=run.job.job_id, reason=str(error))


def _nothing() -> None:
    """Nobody reads it."""
