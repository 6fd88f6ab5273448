"""The workers of one channel, and the queue before them (specification 002)."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Final, NamedTuple, Protocol

import trio

from actors.campaign_figures import ChannelFigures, Sends
from actors.campaign_numbers import CampaignNumbers
from actors.campaign_ports import LeaseLost
from actors.campaign_run import JobRun
from actors.ports import AdapterError
from actors.supervisor import Log


class Sender(Protocol):
    """Does what there is to do with recipients."""

    sends: Sends

    @property
    def is_ill(self) -> bool:
        """Whether what it sends by has failed so often that it is left alone for now."""

    @property
    def at_once(self) -> int:
        """So many calls of ``send``."""

    @property
    def size(self) -> int:
        """Recipients of one call at most."""

    @property
    def linger_s(self) -> float:
        """For how long fewer are waited with, so that a call is worth its while."""

    async def send(self, run: JobRun, hand: list[int]) -> None:
        """Send to those in *hand*, and take out of it whom it began with.

        May raise what the store does: who is still in *hand* then is tried again.
        """

    def stop(self) -> None:
        """Begin with nobody more; those begun with are finished."""


class Batch(NamedTuple):
    """Some recipients of one job, who wait since then (seconds of trio's clock)."""

    run: JobRun
    user_nos: list[int]
    since: float


class Crew:
    """A bounded queue and workers, which grow with it and shrink when they are idle.

    As an executor with CallerRuns: up to the least number of workers each batch brings a worker;
    then batches wait; is the queue full and nobody idle, there are more workers; are there the
    most, who brings the batch does it himself. Batches of the same job that wait are joined.
    """

    SOON_S: Final = 0.001

    def __init__(
        self, sender: Sender, *, numbers: CampaignNumbers, names: Iterator[str], log: Log
    ) -> None:
        self.sender = sender
        self._numbers, self._names, self._log = numbers, names, log
        self._queue: deque[Batch] = deque()
        self._waiting = 0  # recipients
        self._lot = trio.lowlevel.ParkingLot()
        self._slots = trio.Semaphore(sender.at_once)
        self._stopping = trio.Event()
        self._nursery: trio.Nursery
        self.workers = self.active = self.completed = self.refused = 0

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Work until it is stopped and what was begun with is finished."""
        async with trio.open_nursery() as self._nursery:
            task_status.started()
            await self._stopping.wait()

    def stop(self) -> None:
        """Begin nothing more. What waits is in the ledger."""
        self._stopping.set()
        self._queue.clear()
        self._waiting = 0
        self.sender.stop()
        self._lot.unpark_all()

    async def submit(self, run: JobRun, user_nos: list[int]) -> None:
        """Have them sent to; returns at once unless the queue is full."""
        await trio.lowlevel.checkpoint()
        while self._is_full(user_nos) and self._takes_soon():  # noqa: ASYNC110 - one turn, or two
            await trio.sleep(self.SOON_S)  # who is idle takes what waits first
        if self._stopping.is_set():
            run.put_back(user_nos)
            return
        batch = Batch(run, user_nos, trio.current_time())
        if not self._place(batch):
            self.refused += 1
            async with self._slots:
                await self._send(run, user_nos)

    def _place(self, batch: Batch) -> bool:
        is_full = self._is_full(batch.user_nos)
        idle, most = self.workers - self.active, self._numbers.workers_most
        if self.workers < self._numbers.workers or (is_full and not idle and self.workers < most):
            self._hire()
        elif is_full:
            return False
        self._queue.append(batch)
        self._waiting += len(batch.user_nos)
        self._lot.unpark()
        return True

    def _is_full(self, more: list[int]) -> bool:
        return self._waiting + len(more) > self._numbers.queue

    def _takes_soon(self) -> bool:
        """Whether somebody is about to take what waits."""
        return self.workers > self.active < self.sender.at_once

    def _hire(self) -> None:
        self.workers += 1
        name = next(self._names)
        self._nursery.start_soon(self._be_worker, name=name)

    async def _be_worker(self) -> None:
        busy_at = trio.current_time()
        while not self._stopping.is_set():
            if self._queue:
                async with self._slots:
                    if await self._work_off():
                        busy_at = trio.current_time()
                continue
            with trio.move_on_at(busy_at + self._numbers.keep_alive_s):
                await self._lot.park()
            is_idle = trio.current_time() >= busy_at + self._numbers.keep_alive_s
            if is_idle and not self._queue:
                if self.workers > self._numbers.workers:
                    break
                busy_at = trio.current_time()
        self.workers -= 1

    async def _work_off(self) -> bool:
        """Do what is next; whether there was anything."""
        if 0 < self._waiting < self.sender.size:
            await trio.sleep(self.sender.linger_s)
        taken = self._take()
        if taken is None:
            return False
        await self._send(*taken)
        return True

    async def _send(self, run: JobRun, hand: list[int]) -> None:
        self.active += 1
        try:
            await self.sender.send(run, hand)
        except LeaseLost:
            run.end()
        except AdapterError as error:
            self._log.warning("campaign_postponed", job=run.job.job_id, reason=str(error))
            run.rest()
            self._withdraw(run)
        except Exception as error:  # noqa: BLE001 - one job ends neither the others nor the node
            self._log.error("campaign_failed", job=run.job.job_id, exc_info=error)
            run.fault()
        finally:
            self.active -= 1
        self.completed += 1
        run.put_back(hand)

    def _take(self) -> tuple[JobRun, list[int]] | None:
        """As many of one job as the sender takes, of those who waited longest."""
        self._drop_ended()
        if not self._queue:
            return None
        run, hand, others = self._queue[0].run, list[int](), list[Batch]()
        while self._queue and len(hand) < self.sender.size:
            batch = self._queue.popleft()
            room = self.sender.size - len(hand) if batch.run is run else 0
            hand += batch.user_nos[:room]
            if rest := batch.user_nos[room:]:
                others.append(batch._replace(user_nos=rest))
        self._queue.extendleft(reversed(others))
        self._waiting -= len(hand)
        return run, hand

    def _withdraw(self, run: JobRun) -> None:
        """What waits of *run* would meet the same: it is read out again after its rest."""
        others = deque(batch for batch in self._queue if batch.run is not run)
        for batch in reversed(self._queue):
            if batch.run is run:
                self._waiting -= len(batch.user_nos)
                run.put_back(batch.user_nos)
        self._queue = others

    def _drop_ended(self) -> None:
        while self._queue and (self._queue[0].run.is_over or self._queue[0].run.halted):
            batch = self._queue.popleft()
            self._waiting -= len(batch.user_nos)
            batch.run.put_back(batch.user_nos)

    # ---- for whoever watches

    def waits_s(self) -> float:
        """How long the oldest batch has waited; 0 where there is none."""
        return trio.current_time() - self._queue[0].since if self._queue else 0.0

    def figures(self) -> ChannelFigures:
        """How it is now."""
        sends = self.sender.sends
        return ChannelFigures(
            succeeded=sends.succeeded,
            failed=sends.failed,
            per_second=sends.per_second(trio.current_time()),
            mean_s=sends.mean_s,
            p95_s=sends.p95_s,
            failure_rate=sends.window.rate,
            active=self.active,
            idle=max(0, self.workers - self.active),  # who reads may be active too
            queue=self._waiting,
            completed=self.completed,
            refused=self.refused,
        )
