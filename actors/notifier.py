"""Sends notifications by one provider: nothing twice, nothing that waits, and at its pace."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Final

import trio
from msgspec import structs

from actors.notification_figures import SendingFigures
from actors.notification_gate import ProviderGate
from actors.notification_ports import NotificationProvider, NotificationQueue
from actors.notification_records import Attempt, Begun, LegResult, OutgoingNotification, Outside
from actors.notification_results import Results
from actors.notification_tries import Tries
from actors.ports import AdapterError, WallClock
from actors.rules.backoff import wait_ms
from actors.rules.circuit_breaker import Circuit, CircuitBreaker
from actors.supervisor import Log
from protocol.ids import Millis

NOT_KNOWN: Final = Attempt(kind="unknown", reason="no_answer")


class NotifierActor:
    """A task under the node's supervisor, one for each platform that is somebody else's. What is to
    be sent is in the store, so that nothing is lost with a node; any number of them may run it.

    It begins with as many as it sends at once, under a lease of that call. One whose result never
    comes, for the node is lost, is ``unknown`` when its lease is over, and not sent again.
    """

    SEND_S: Final = 30.0
    LEASE_MS: Final = 60_000
    LOOK_S: Final = 1.0  # for what other nodes left; and a clock may jump
    SOON_S: Final = 0.05  # where another node has what is due
    GATHER_S: Final = 0.02  # for more room, so that one call of the store begins with several
    AGAIN_MS: Final = (5_000, 600_000)  # the first wait at most, and any
    ASKED_MOST_MS: Final = 86_400_000  # of what a provider asked for
    OUTAGE_MOST_MS: Final = 10_000
    DRAIN_S: Final = 35.0

    def __init__(  # noqa: PLR0913 - what it sends by, and all that chance and time decide
        self,
        platform: Outside,
        queue: NotificationQueue,
        provider: NotificationProvider,
        *,
        next_turn: Callable[[], None],
        new_lease: Callable[[], int],
        clock: WallClock,
        random: Random,
        log: Log,
        at_once: int = 50,
        breaker: CircuitBreaker | None = None,
    ) -> None:
        """*next_turn*: one came to nothing, so that another platform is to be decided. *new_lease*:
        a number that no other call of any node has.
        """
        self._platform, self._queue, self._provider = platform, queue, provider
        self._new_lease, self._at_once = new_lease, at_once
        self._clock, self._random, self._log = clock, random, log
        self._gate = ProviderGate(breaker or CircuitBreaker())
        self._results = Results(
            queue,
            recorded=self._made_room,
            next_turn=next_turn,
            clock=clock,
            random=random,
            log=log,
        )
        self._tries = Tries()
        self._news, self._draining = trio.Event(), trio.Event()
        self._ended: trio.Event | None = None
        self._is_full = False
        self._failures = 0
        self.under_way = 0
        self.figures = SendingFigures()

    def wake(self) -> None:
        """There is something to be sent."""
        self._news.set()

    @property
    def circuit(self) -> Circuit:
        """Whether the provider is left alone."""
        return self._gate.state

    @property
    def unrecorded(self) -> int:
        """Results that the store does not have."""
        return len(self._results)

    async def drain(self, within_s: float = DRAIN_S) -> None:
        """Begin nothing more, and return when what was begun with is finished and recorded, or
        after so long.
        """
        self._draining.set()
        self.wake()
        if self._ended is not None:
            with trio.move_on_after(within_s):
                await self._ended.wait()

    async def run(self) -> None:
        """Work until cancelled or drained."""
        self._ended, self.under_way = trio.Event(), 0
        try:
            async with trio.open_nursery() as recording:
                recording.start_soon(self._results.run)
                async with trio.open_nursery() as sending:
                    await self._rounds(sending)
                await self._results.all_recorded()
                recording.cancel_scope.cancel()
        finally:
            self._ended.set()

    # ---- what is begun with

    async def _rounds(self, sending: trio.Nursery) -> None:
        while not self._draining.is_set():
            self._news = trio.Event()
            rest = await self._round(sending)
            with trio.move_on_after(rest):  # whoever wakes it knows nothing of the store
                await (self._draining if self._failures else self._news).wait()
            with trio.move_on_after(self.GATHER_S):
                await self._draining.wait()

    async def _round(self, sending: trio.Nursery) -> float:
        """Begin with what there is room for; seconds until the next look."""
        room = self._room()
        self._is_full = not room
        if not room:
            return min(self.LOOK_S, self._gate.shut_s() or self.LOOK_S)
        turn, legs = self._gate.enter(), list[OutgoingNotification]()
        try:
            begun = await self._begin(room)
            legs += begun.legs
        except AdapterError as error:
            return self._failed(error)
        except Exception as error:  # noqa: BLE001 - what is wrong with one row ends no node
            self._log.error("notifier_failed", platform=self._platform, exc_info=error)
            return self._failed(error)
        finally:
            if not legs:
                self._gate.unused(turn)
        self._recovered()
        for leg in legs:
            self.under_way += 1
            sending.start_soon(self._send, leg, turn)
        return self._rest(begun, room)

    def _room(self) -> int:
        if self._results.is_away:
            return 0
        held = self.under_way + len(self._results)
        free = min(self._at_once - self.under_way, 2 * self._at_once - held)
        room = self._gate.room()
        return max(0, free if room is None else min(free, room))

    def _made_room(self) -> None:
        if self._is_full:
            self.wake()

    async def _begin(self, room: int) -> Begun:
        now = self._clock.now_ms()
        until, lease = Millis(now + self.LEASE_MS), self._new_lease()
        return await self._queue.begin(self._platform, now=now, until=until, most=room, lease=lease)

    def _rest(self, begun: Begun, room: int) -> float:
        if len(begun.legs) >= room:
            return 0.0
        if begun.next_due is None:
            return self.LOOK_S
        wait = (begun.next_due - self._clock.now_ms()) / 1000
        least = 0.0 if begun.legs else self.SOON_S
        return min(self.LOOK_S, max(least, wait))

    def _failed(self, error: Exception) -> float:
        self._failures += 1
        if self._failures == 1:
            self._log.warning("notifier_postponed", platform=self._platform, reason=str(error))
        wait = wait_ms(self._failures, self._random.random(), most_ms=self.OUTAGE_MOST_MS)
        return 0.1 + wait / 1000

    def _recovered(self) -> None:
        if self._failures:
            self._log.info("notifier_goes_on", platform=self._platform, failures=self._failures)
        self._failures = 0

    # ---- what is sent

    async def _send(self, leg: OutgoingNotification, turn: int) -> None:
        began, attempt = trio.current_time(), NOT_KNOWN
        try:
            with trio.move_on_after(self.SEND_S):
                attempt = await self._provider.send(leg)
        except Exception as error:  # noqa: BLE001 - the others are on their way
            self._log.error("provider_failed", platform=self._platform, exc_info=error)
        finally:
            self.under_way -= 1
        self._heard(leg, attempt, turn, trio.current_time() - began)

    def _heard(
        self, leg: OutgoingNotification, attempt: Attempt, turn: int, seconds: float
    ) -> None:
        is_change = self._gate.heard(turn, attempt)
        if is_change:
            state = self._gate.state.value
            self._log.warning("notifier_circuit", platform=self._platform, state=state)
        attempt = structs.replace(attempt, latency_ms=round(seconds * 1000))
        result = self._result(leg, attempt)
        self.figures.tried(result.attempt.kind, result.attempt.reason, seconds)
        self._results.add(result)
        if is_change:
            self.wake()
        self._made_room()

    def _result(self, leg: OutgoingNotification, attempt: Attempt) -> LegResult:
        is_last = self._tries.is_last(leg, attempt)
        if attempt.kind != "again":
            return LegResult(leg, attempt, None)
        if is_last:
            last = structs.replace(attempt, kind="refused", reason="attempts")
            return LegResult(leg, last, None)
        first, longest = self.AGAIN_MS
        wait = wait_ms(
            leg.attempt,
            self._random.random(),
            base_ms=first,
            most_ms=longest,
            at_least_ms=min(attempt.retry_after_ms or 0, self.ASKED_MOST_MS),
        )
        return LegResult(leg, attempt, Millis(self._clock.now_ms() + wait))
