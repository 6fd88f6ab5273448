"""Nodes that send notifications by one provider from one store, on virtual time."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import trio
from notifier_world import FaultyQueue, Provider, SmallQueue, VirtualClock
from remembering_log import RememberingLog

from actors.notification_records import Attempt
from actors.notifier import NotifierActor
from actors.rules.circuit_breaker import CircuitBreaker

AGAIN = Attempt(kind="again", reason="provider_error")


def patient() -> CircuitBreaker:
    return CircuitBreaker(failures=10**6)


class Notifying:
    """Nodes that send by one provider from one store."""

    def __init__(self, nursery: trio.Nursery, **settings: Any) -> None:
        self._nursery, self._settings = nursery, settings
        self.small, self.provider = SmallQueue(), Provider()
        self.queue, self.log = FaultyQueue(self.small), RememberingLog()
        self._leases = count(1)
        self.turns = 0
        self.clock = VirtualClock(86_400.0)
        self.notifier, self.scope = self.another()

    def another(self, clock: VirtualClock | None = None) -> tuple[NotifierActor, trio.CancelScope]:
        """Another node, which ends with its scope."""

        def next_turn() -> None:
            self.turns += 1

        notifier = NotifierActor(
            "push",
            self.queue,
            self.provider,
            next_turn=next_turn,
            new_lease=lambda: next(self._leases),
            clock=clock or self.clock,
            random=random.Random(3),  # noqa: S311 - of back-off
            log=self.log,
            **self._settings,
        )
        scope = trio.CancelScope()

        async def run() -> None:
            with scope:
                await notifier.run()

        self._nursery.start_soon(run)
        return notifier, scope

    def ready(self, number: int = 1) -> list[int]:
        made = self.small.ready(number)
        self.notifier.wake()
        return made

    async def until(self, *states: str, within: float = 600) -> None:
        """Until there are legs in no others."""
        with trio.fail_after(within):
            while self.small.states().keys() - set(states):  # noqa: ASYNC110 - a look
                await trio.sleep(0.05)


@asynccontextmanager
async def open_notifying(**settings: Any) -> AsyncIterator[Notifying]:
    async with trio.open_nursery() as nursery:
        yield Notifying(nursery, **settings)
        nursery.cancel_scope.cancel()
