"""Campaigns through the provider of messages: at its rate, and nothing twice that may be sent."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack
from random import Random
from typing import Final, Protocol

import trio

from actors.campaign_figures import Sends
from actors.campaign_numbers import CampaignNumbers
from actors.campaign_ports import Campaigns, MessageProvider
from actors.campaign_records import Begun, Ready, Result
from actors.campaign_run import JobRun, Settled
from actors.message_records import Outcome
from actors.ports import AdapterError, WallClock
from actors.rules.backoff import wait_ms
from actors.rules.circuit_breaker import Circuit, CircuitBreaker
from actors.rules.token_bucket import TokenBucket
from actors.supervisor import Log
from protocol.ids import Millis

NOT_TRIED: Final = Outcome(kind="again", reason="limited")
NOT_KNOWN: Final = Outcome(kind="unknown", reason="no_answer")


class Rate(Protocol):
    """The provider's rate."""

    async def take(self) -> float:
        """0.0 when a token was there and is taken, else the seconds until there may be one.

        May raise AdapterError.
        """


class LocalRate:
    """The rate of this node alone: *per_second*, and a burst of *burst* after a rest."""

    def __init__(self, per_second: float, burst: float = 1.0) -> None:
        self._bucket = TokenBucket(per_second, burst, trio.current_time())

    async def take(self) -> float:
        """Take a token, or say when to come again."""
        return self._bucket.take(trio.current_time())


class HttpSender:
    """Begins with a chunk of recipients, sends to them at once, each after a token of the rate,
    and records what came of it in one call.

    While the circuit is open nobody is begun with; then one tries.
    """

    REST_S: Final = 1.0  # where the store or the rate cannot be asked
    LEAST_S: Final = 1e-5
    REST_MOST_S: Final = 300.0  # of all, where the provider asked one of them to wait
    MARGIN_S: Final = 10.0  # to record a result within the lease of its recipient

    def __init__(  # noqa: PLR0913 - what it sends by, and all that chance and time decide
        self,
        store: Campaigns,
        provider: MessageProvider,
        rate: Rate,
        *,
        breaker: CircuitBreaker,
        numbers: CampaignNumbers,
        clock: WallClock,
        random: Random,
        log: Log,
    ) -> None:
        self._store, self._provider, self._rate = store, provider, rate
        self._numbers, self._clock, self.sends = numbers, clock, Sends()
        self._random, self._log, self.breaker = random, log, breaker
        self._line = trio.Semaphore(numbers.line)
        self._turn = trio.Lock()
        self._news, self._rests_until = trio.Event(), 0.0
        self._is_stopped = False
        self.at_once = numbers.workers_most + 1  # with who runs a batch that has no place
        self.size, self.linger_s = numbers.batch, 0.0

    async def send(self, run: JobRun, hand: list[int]) -> None:
        """Send to those in *hand*, chunk by chunk."""
        while hand and not (run.is_over or run.halted):
            most = await self._may_begin(run)
            if self._is_stopped:
                return
            if most:
                await self._chunk(run, hand, most)

    def stop(self) -> None:
        """Begin with nobody more."""
        self._is_stopped = True
        self._news.set()

    async def _may_begin(self, run: JobRun) -> int:
        """With how many to begin, as soon as it may be any; 0 where *run* may have ended."""
        now = trio.current_time()
        if now >= self._rests_until and self.breaker.may_send(now):
            return self._numbers.chunk if self.breaker.state is Circuit.CLOSED else 1
        until = max(self._rests_until, self.breaker.opens_at or now)
        with trio.move_on_at(min(until, now + self.REST_S)):
            await self._news.wait()
        return 0

    async def _chunk(self, run: JobRun, hand: list[int], most: int) -> None:
        async with AsyncExitStack() as line:
            await line.enter_async_context(self._line)
            if self._is_stopped or run.is_over or run.halted:
                return
            by = trio.current_time() + self._numbers.leased_s
            chunk = hand[:most]
            begun = await self._begin(run, chunk)
            del hand[: len(chunk)]
            try:
                results = await self._send_all(run, begun.ready, by, line)
                await self._record(run, begun, results)
            finally:
                run.lay_down(len(chunk))

    async def _begin(self, run: JobRun, chunk: Sequence[int]) -> Begun:
        now = self._clock.now_ms()
        until = Millis(now + int(self._numbers.leased_s * 1000))
        return await self._store.begin(run.job, chunk, at=now, until=until)

    async def _send_all(
        self, run: JobRun, ready: Sequence[Ready], by: float, line: AsyncExitStack
    ) -> list[Result]:
        """What came of each. Leaves the *line* when all have their tokens."""
        results: list[Result] = []
        latest = by - self._numbers.send_s - self.MARGIN_S
        async with trio.open_nursery() as nursery:
            for each in ready:
                if await self._token(latest):
                    nursery.start_soon(self._send_one, run, each, results)
                else:
                    results.append(Result(each.user_no, NOT_TRIED, self._clock.now_ms()))
            await line.aclose()
        return results

    async def _token(self, latest: float) -> bool:
        """A token of the rate, in turn; False where there is none before *latest*."""
        async with self._turn:
            while (now := trio.current_time()) <= latest:
                wait = await self._wait()
                if not wait:
                    return True
                await trio.sleep(max(min(wait, latest - now), self.LEAST_S))
            return False

    async def _wait(self) -> float:
        try:
            return await self._rate.take()
        except AdapterError as error:
            self._log.warning("campaign_rate_unknown", reason=str(error))
            return self.REST_S

    async def _send_one(self, run: JobRun, ready: Ready, results: list[Result]) -> None:
        began, outcome = trio.current_time(), NOT_KNOWN
        try:
            with trio.move_on_after(self._numbers.send_s):
                outcome = await self._provider.send(ready.message)
        except Exception as error:  # noqa: BLE001 - the others of the chunk are on their way
            self._log.error("campaign_failed", job=run.job.job_id, exc_info=error)
            run.fault()
        self.sends.took(trio.current_time() - began)
        self._heard(outcome)
        results.append(Result(ready.user_no, outcome, self._again_at(ready, outcome)))

    def _again_at(self, ready: Ready, outcome: Outcome) -> Millis | None:
        if outcome.kind != "again" or ready.attempt >= self._numbers.attempts:
            return None
        least = outcome.retry_after_ms or 0
        wait = wait_ms(ready.attempt, self._random.random(), at_least_ms=least)
        return Millis(self._clock.now_ms() + wait)

    def _heard(self, outcome: Outcome) -> None:
        """What an outcome says of the provider itself."""
        now, was = trio.current_time(), self.breaker.state
        if outcome.reason == "limited":
            rest = min((outcome.retry_after_ms or 0) / 1000, self.REST_MOST_S)
            self._rests_until = max(self._rests_until, now + rest)
        if outcome.kind in {"again", "unknown"} and outcome.reason != "limited":
            self.breaker.failed(now)
        else:
            self.breaker.succeeded(now)
        if self.breaker.state is not was:
            self._log.warning("campaign_circuit", state=self.breaker.state.value)
            self._news.set()
            self._news = trio.Event()

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
