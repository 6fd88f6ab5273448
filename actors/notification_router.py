"""Decides where notifications go, and shows those that go to the web."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby
from random import Random
from typing import Final, Protocol

import trio

from actors.notices import Notices
from actors.notification_figures import RoutingFigures
from actors.notification_ports import NotificationQueue
from actors.notification_records import Decision, Outside, Placed, WaitingLeg
from actors.ports import AdapterError, StoreUnavailable, WallClock
from actors.rules.backoff import wait_ms
from actors.rules.routing import held
from actors.supervisor import Log
from protocol.ids import Millis


class Deciding(Protocol):
    """The rules: one decision for each leg."""

    def __call__(self, legs: Sequence[WaitingLeg], *, now: Millis) -> Sequence[Decision]: ...


class NotificationRouter:
    """A task under the node's supervisor. What is due is in the store, so that nothing is lost with
    a node; any number of them may run it.

    A leg that cannot be read, or that the rules cannot decide, is held back, and keeps none of the
    others.
    """

    AT_ONCE: Final = 200  # legs of one transaction
    ROUNDS: Final = 3  # at once where there is much: while one waits for the store another decides
    POLL_S: Final = 1.0  # for what other nodes took in; and a clock may jump
    SOON_S: Final = 0.05  # where another node has what is due
    AGAIN_MOST_MS: Final = 10_000
    FAULT_MS: Final = 300_000  # a leg that cannot be decided

    def __init__(  # noqa: PLR0913 - what is due, how it is decided, and whom it is told
        self,
        queue: NotificationQueue,
        decide: Deciding,
        *,
        notices: Notices,
        notifiers: Mapping[Outside, Callable[[], None]],
        clock: WallClock,
        random: Random,
        log: Log,
    ) -> None:
        """*notifiers*: how those are woken that there are; what has none is not sent there."""
        self._queue, self._decide, self._notices = queue, decide, notices
        self._notifiers, self._clock = notifiers, clock
        self._random, self._log = random, log
        self._woken = trio.Event()
        self._failures = 0
        self._is_much = False
        self._is_untold = False  # something may have been stored that nobody here was told
        self.figures = RoutingFigures()

    def wake(self) -> None:
        """There is something new; it may be due."""
        self._woken.set()

    @property
    def is_away(self) -> bool:
        """Whether the store is, or cannot do what it is asked."""
        return self._failures > 0

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            rest = await self._rounds()
            if self._failures:
                await trio.sleep(rest)  # whoever wakes it knows nothing of the store
                continue
            with trio.move_on_after(rest):
                await self._woken.wait()
            self._woken = trio.Event()

    async def _rounds(self) -> float:
        rests = list[float]()

        async def one() -> None:
            rests.append(await self._round())

        async with trio.open_nursery() as nursery:
            for _ in range(self.ROUNDS if self._is_much else 1):
                nursery.start_soon(one)
        self._is_much = 0.0 in rests
        return max(rests) if self._failures else min(rests)

    async def _round(self) -> float:
        """Decide a batch of what is due; seconds until the next may be."""
        now, done = self._clock.now_ms(), list[tuple[Sequence[WaitingLeg], Sequence[Decision]]]()

        def decide(legs: Sequence[WaitingLeg]) -> Sequence[Decision]:
            done.append((legs, self._decided(now, legs)))
            return done[-1][1]

        try:
            placed = await self._queue.place(decide, now=now, most=self.AT_ONCE)
        except AdapterError as error:
            return self._failed(error)
        except Exception as error:  # noqa: BLE001 - what is wrong with one row ends no node
            self._log.error("notifications_failed", exc_info=error)
            return self._failed(error)
        self._recovered()
        for legs, decisions in done[-1:]:
            self.figures.placed(legs, decisions, now)
        self._count(placed)
        self._tell(placed)
        return self._rest(placed)

    def _rest(self, placed: Placed) -> float:
        if placed.next_due is None:
            return self.POLL_S
        wait = (placed.next_due - self._clock.now_ms()) / 1000
        least = 0.0 if placed.decided else self.SOON_S
        return min(self.POLL_S, max(least, wait))

    def _tell(self, placed: Placed) -> None:
        for shown in placed.shown:
            self._notices.show(shown)
        self._notices.told()
        for platform in placed.ready:
            if platform != "web" and platform in self._notifiers:
                self._notifiers[platform]()

    def _count(self, placed: Placed) -> None:
        self.figures.shown += len(placed.shown)
        self.figures.left(placed.next_due)

    # ---- outages

    def _failed(self, error: Exception) -> float:
        self._failures += 1
        self._is_untold = self._is_untold or not isinstance(error, StoreUnavailable)
        if self._failures == 1:
            self._log.warning("notifications_postponed", reason=str(error))
        wait = wait_ms(self._failures, self._random.random(), most_ms=self.AGAIN_MOST_MS)
        return self.SOON_S + wait / 1000

    def _recovered(self) -> None:
        if self._failures:
            self._log.info("notifications_go_on", failures=self._failures)
        self._failures = 0
        if self._is_untold:
            self._is_untold = False
            self._notices.recall()

    # ---- decisions

    def _decided(self, now: Millis, legs: Sequence[WaitingLeg]) -> Sequence[Decision]:
        found, known = list[Decision](), list[WaitingLeg]()
        for leg in legs:
            if leg.platform != "web" and leg.platform not in self._notifiers:
                found.append(Decision(leg_no=leg.leg_no, kind="skip", reason="no_provider"))
            elif leg.fault:
                self._log.error("notification_unreadable", leg=leg.leg_no, fault=leg.fault)
                found.append(self._postponed(leg, now))
            else:
                known.append(leg)
        return [*found, *self._by_rules(known, now)]

    def _by_rules(self, legs: Sequence[WaitingLeg], now: Millis) -> Iterable[Decision]:
        try:
            return self._decide(legs, now=now)
        except Exception as error:  # noqa: BLE001 - one leg must not keep all others from being sent
            self._log.error("routing_failed", legs=len(legs), exc_info=error)
        found: list[Decision] = []
        by_recipient = sorted(legs, key=lambda leg: leg.recipient_no)
        for _, mine in groupby(by_recipient, key=lambda leg: leg.recipient_no):
            found += self._of_one(list(mine), now)
        return found

    def _of_one(self, legs: Sequence[WaitingLeg], now: Millis) -> Sequence[Decision]:
        try:
            return self._decide(legs, now=now)
        except Exception as error:  # noqa: BLE001 - it is looked at again
            self._log.error("routing_failed", user=legs[0].recipient_no, exc_info=error)
            return [self._postponed(leg, now) for leg in legs]

    def _postponed(self, leg: WaitingLeg, now: Millis) -> Decision:
        return held(leg, "error", until=now + self.FAULT_MS, now=now)
