"""Campaigns through the provider of messages: at its rate, and nothing twice that may be sent."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Final

import trio
from msgspec import structs

from actors.campaign_figures import Sends
from actors.campaign_gate import Gate, Passed
from actors.campaign_numbers import CampaignNumbers
from actors.campaign_ports import Campaigns, MessageProvider
from actors.campaign_records import Begun, Ready, Result
from actors.campaign_run import JobRun, Settled
from actors.message_records import NO_ATTEMPT, OUR_SETTINGS, Outcome
from actors.ports import AdapterError, WallClock
from actors.rules.backoff import wait_ms
from actors.supervisor import Log
from protocol.ids import Millis

NOT_KNOWN: Final = Outcome(kind="unknown", reason="no_answer")


class HttpSender:
    """Begins with a chunk of recipients as the gate lets them pass, sends to them at once, and
    records what came of it in one call.

    Who waits for the gate is queued, and so what is said meanwhile holds: a pause, the end of a
    job or of this node, who takes back his consent, and the night.
    """

    REST_S: Final = 1.0  # where the store cannot be asked

    def __init__(  # noqa: PLR0913 - what it sends by, and all that chance and time decide
        self,
        store: Campaigns,
        provider: MessageProvider,
        gate: Gate,
        *,
        numbers: CampaignNumbers,
        clock: WallClock,
        random: Random,
        log: Log,
    ) -> None:
        self._store, self._provider, self._gate = store, provider, gate
        self._numbers, self._clock, self.sends = numbers, clock, Sends()
        self._random, self._log = random, log
        self._line = trio.Semaphore(numbers.line)
        self.at_once = numbers.workers_most + 1  # with who runs a batch that has no place
        self.size, self.linger_s = numbers.batch, 0.0

    async def send(self, run: JobRun, hand: list[int]) -> None:
        """Send to those in *hand*, chunk by chunk, and wait for what comes of it."""
        failed: Exception | None = None
        async with trio.open_nursery() as nursery:
            try:
                while hand and await self._chunk(run, hand, nursery):
                    pass
            except Exception as error:  # noqa: BLE001 - raised when those on their way are settled
                failed = error
        if failed is not None:
            raise failed

    @property
    def is_ill(self) -> bool:
        """Whether the provider is left alone."""
        return self._gate.is_tripped

    def stop(self) -> None:
        """Begin with nobody more."""
        self._gate.close()

    async def _chunk(self, run: JobRun, hand: list[int], nursery: trio.Nursery) -> bool:
        """Begin with the next ones; False where *run* does not go on."""
        async with self._line:
            passed = await self._gate.admit(run, len(hand))
            if passed is None:
                return False
            begun = await self._begin(run, hand[: passed.size], passed)
        del hand[: passed.size]
        nursery.start_soon(self._finish, run, begun, passed)
        return True

    async def _begin(self, run: JobRun, chunk: Sequence[int], passed: Passed) -> Begun:
        now, ready = self._clock.now_ms(), 0
        until = Millis(now + int(self._numbers.leased_s * 1000))
        try:
            begun = await self._store.begin(run.job, chunk, at=now, until=until)
            ready = len(begun.ready)
        finally:
            self._gate.give_back(passed, passed.size - ready)
        return begun

    async def _finish(self, run: JobRun, begun: Begun, passed: Passed) -> None:
        results: list[Result] = []
        try:
            async with trio.open_nursery() as nursery:
                for each in begun.ready:
                    nursery.start_soon(self._send_one, run, each, passed, results)
            await self._record(run, begun, results)
        except Exception as error:  # noqa: BLE001 - the other chunks of the batch are on their way
            self._fault(run, error)
        finally:
            run.lay_down(passed.size)

    async def _send_one(
        self, run: JobRun, ready: Ready, passed: Passed, results: list[Result]
    ) -> None:
        began, outcome = trio.current_time(), NOT_KNOWN
        try:
            with trio.move_on_after(self._numbers.send_s):
                outcome = await self._provider.send(ready.message)
        except Exception as error:  # noqa: BLE001 - the others of the chunk are on their way
            self._fault(run, error)
        self.sends.took(trio.current_time() - began)
        self._gate.heard(passed, outcome)
        if outcome.kind == "again" and outcome.reason in OUR_SETTINGS:
            run.halt(outcome.reason)
        results.append(self._result(ready, outcome))

    def _result(self, ready: Ready, outcome: Outcome) -> Result:
        if outcome.kind != "again":
            return Result(ready.user_no, outcome, None)
        if ready.attempt >= self._numbers.attempts and outcome.reason not in NO_ATTEMPT:
            in_doubt = outcome.may_be_sent or ready.in_doubt
            last = structs.replace(outcome, kind="unknown") if in_doubt else outcome
            return Result(ready.user_no, last, None)
        least = outcome.retry_after_ms or 0
        wait = wait_ms(ready.attempt, self._random.random(), at_least_ms=least)
        return Result(ready.user_no, outcome, Millis(self._clock.now_ms() + wait))

    def _fault(self, run: JobRun, error: Exception) -> None:
        self._log.error("campaign_failed", job=run.job.job_id, exc_info=error)
        run.fault()

    async def _record(self, run: JobRun, begun: Begun, results: Sequence[Result]) -> None:
        while results:
            try:
                await self._store.record(run.job, results, at=self._clock.now_ms())
            except AdapterError as error:
                self._log.warning("campaign_results_wait", reason=str(error))
                await trio.sleep(self.REST_S)
            else:
                break
        settled = settled_by(results, begun)
        failed = settled.failure + settled.unknown
        self.sends.settled(settled.success, failed, trio.current_time())
        for each in results:
            if each.again_at is not None:
                run.again(each.user_no, each.again_at)
        run.settle(settled)


def settled_by(results: Sequence[Result], begun: Begun) -> Settled:
    """How many of a chunk are settled, and as what."""
    last = [each.outcome.kind for each in results if each.again_at is None]
    return Settled(
        success=last.count("sent"),
        failure=last.count("refused") + last.count("again"),
        unknown=last.count("unknown"),
        skipped=sum(begun.skipped.values()),
    )
