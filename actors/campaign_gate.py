"""Who may be begun with for the provider of messages, and when: at its rate, while it is well."""

from __future__ import annotations

from typing import Final, NamedTuple, Protocol

import trio

from actors.campaign_numbers import CampaignNumbers
from actors.campaign_run import JobRun
from actors.message_records import Outcome
from actors.ports import AdapterError
from actors.rules.circuit_breaker import Circuit, CircuitBreaker
from actors.rules.token_bucket import TokenBucket
from actors.supervisor import Log


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


class Passed(NamedTuple):
    """So many may be begun with, and then are sent to at once."""

    size: int
    turn: int
    """Of the circuit breaker, when they passed."""


class Gate:
    """Lets pass as many as have a token of the rate and will have a connection, so that nobody who
    was begun with waits. Nobody passes while the provider has asked for a rest, or the circuit is
    open; then one tries.
    """

    REST_S: Final = 1.0
    """Where the rate cannot be asked, or a provider asked for a rest without saying how long; and
    until a run is looked at again.
    """
    REST_MOST_S: Final = 300.0  # of all, where the provider asked one of them to wait
    GATHER_S: Final = 0.01  # for more tokens, so that one call of the store begins with several
    LEAST_S: Final = 1e-5

    def __init__(
        self, rate: Rate, *, breaker: CircuitBreaker, numbers: CampaignNumbers, log: Log
    ) -> None:
        self._rate, self._breaker, self._log = rate, breaker, log
        self._chunk, self._connections = numbers.chunk, numbers.connections
        self._in_turn = trio.Lock()
        self._news = trio.Event()
        self._rests_until = 0.0
        self._tokens, self._got_at = 0, 0.0  # nobody has passed with them yet
        self._under_way, self._is_full = 0, False
        self._is_closed = False

    @property
    def is_tripped(self) -> bool:
        """Whether the provider failed so often that one alone tries."""
        return self._breaker.state is not Circuit.CLOSED

    def close(self) -> None:
        """Let nobody pass any more."""
        self._is_closed = True
        self._tell()

    async def admit(self, run: JobRun, most: int) -> Passed | None:
        """The next of *run*, as soon as any may pass; None where it does not go on."""
        async with self._in_turn:
            while self._goes_on(run):
                wait = await self._gather(self._room(most))
                count = min(self._tokens, self._room(most))
                if count and self._goes_on(run):
                    return self._pass(count)
                with trio.move_on_after(max(min(wait, self.REST_S), self.LEAST_S)):
                    await self._news.wait()
        return None

    def give_back(self, passed: Passed, count: int) -> None:
        """So many of them are not sent to: their tokens are for the next."""
        if not count:
            return
        if self._breaker.turn == passed.turn and count == passed.size:
            self._breaker.unused(trio.current_time())
        self._tokens, self._got_at = min(self._tokens + count, self._chunk), trio.current_time()
        self._under_way -= count
        self._tell()

    def heard(self, passed: Passed, outcome: Outcome) -> None:
        """What came of one of them, and says something of the provider itself."""
        self._under_way -= 1
        now, was = trio.current_time(), self._breaker.state
        if outcome.reason == "limited":
            asked = outcome.retry_after_ms
            rest = self.REST_S if asked is None else min(asked / 1000, self.REST_MOST_S)
            self._rests_until = max(self._rests_until, now + rest)
        if self._breaker.turn == passed.turn:  # else it is of before, and tells nothing of now
            is_ill = outcome.kind in {"again", "unknown"} and outcome.reason != "limited"
            (self._breaker.failed if is_ill else self._breaker.succeeded)(now)
        if self._breaker.state is not was:
            self._log.warning("campaign_circuit", state=self._breaker.state.value)
        if self._is_full or self._breaker.state is not was:
            self._tell()

    def _goes_on(self, run: JobRun) -> bool:
        return not (self._is_closed or run.is_over or run.halted)

    def _room(self, most: int) -> int:
        """How many of *most* may pass now, but for the rate: as many as begin at once, or none."""
        if trio.current_time() < self._shut_until():
            return 0
        limit = self._chunk if self._breaker.state is Circuit.CLOSED else 1
        wanted = min(most, limit, self._connections)
        self._is_full = self._under_way + wanted > self._connections
        return 0 if self._is_full else wanted

    def _shut_until(self) -> float:
        return max(self._rests_until, self._breaker.opens_at or 0.0)

    async def _gather(self, room: int) -> float:
        """Have tokens for *room*; are there fewer, when to try again, in seconds."""
        now = trio.current_time()
        if now > self._got_at + self.REST_S:
            self._tokens = 0  # the rate has made up for them
        if not room:
            return max(self._shut_until() - now, 0.0) or self.REST_S
        while self._tokens < room:
            wait = await self._ask()
            if not wait:
                self._tokens, self._got_at = self._tokens + 1, trio.current_time()
            elif not self._tokens or trio.current_time() + wait > now + self.GATHER_S:
                return wait
            else:
                await trio.sleep(max(wait, self.LEAST_S))
        return 0.0

    async def _ask(self) -> float:
        try:
            return await self._rate.take()
        except AdapterError as error:
            self._log.warning("campaign_rate_unknown", reason=str(error))
            return self.REST_S

    def _pass(self, count: int) -> Passed:
        self._breaker.may_send(trio.current_time())  # while it is open, this is the one that tries
        self._tokens -= count
        self._under_way += count
        return Passed(count, self._breaker.turn)

    def _tell(self) -> None:
        self._news.set()
        self._news = trio.Event()
