"""Runs broadcasts: who is due is selected for, delivered to, and told."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import trio

from actors.broadcast_records import DueBroadcast
from actors.notices import Notices
from actors.ports import AdapterError, Broadcasts, Selection, WallClock
from actors.selection_records import Audience, Selected, SelectionAsked
from actors.supervisor import Log
from protocol.ids import Millis
from protocol.notices import Progress


class Figures:
    """What was done since the start of this node."""

    BOUNDS: Final = (0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5)
    """Seconds of a selection, up to which each of ``counts`` but the last counts."""

    def __init__(self) -> None:
        self.delivered = self.failed = self.recipients = 0
        self.counts = [0] * (len(self.BOUNDS) + 1)
        self.seconds = 0.0

    def selected(self, seconds: float) -> None:
        """A selection took so long."""
        self.counts[bisect_left(self.BOUNDS, seconds)] += 1
        self.seconds += seconds


async def asked_of(
    store: Broadcasts,
    *,
    sender_no: int,
    asked: int,
    seed: int,
    audience: Audience | None,
    now: Millis,
) -> SelectionAsked:
    """What a selection is asked, with what it has to know of the sender. May raise AdapterError."""
    facts = await store.facts(sender_no, now=now)
    return SelectionAsked(
        sender_no=sender_no,
        asked=asked,
        seed=seed,
        now_ms=now,
        blocked=facts.blocked,
        pairs=facts.pairs,
        audience=audience,
    )


class BroadcastActor:
    """A task under the node's supervisor. What is due is in the store, so that nothing is lost with
    a node; any number of them may run it.

    A broadcast is leased, so that two nodes seldom select for the same one, and delivered only once
    whoever tries. One that was delivered and not announced, for a crash between the two, is
    announced again: the same frame with the same id.
    """

    AT_ONCE: Final = 8
    LEASE_MS: Final = 30_000
    LOOK_EVERY_S: Final = 1.0  # for those that other nodes took, and left
    AGAIN_S: Final = 5.0  # after what nobody foresaw
    FAULTS_MOST: Final = 5  # of the server's own, not outages

    def __init__(
        self,
        store: Broadcasts,
        selection: Selection,
        *,
        notices: Notices,
        clock: WallClock,
        log: Log,
        progress: Callable[[Progress], None] = lambda _: None,
    ) -> None:
        self._store, self._selection, self._notices = store, selection, notices
        self._clock, self._log, self._progress = clock, log, progress
        self._woken = trio.Event()
        self.figures = Figures()

    def wake(self) -> None:
        """There is a new one; it may be due."""
        self._woken.set()

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            try:
                rest = await self._round()
            except AdapterError as error:
                self._log.warning("broadcasts_postponed", reason=str(error))
                rest = self.LOOK_EVERY_S
            except Exception as error:  # noqa: BLE001 - what is wrong with one row ends no node
                self._log.error("broadcasts_failed", exc_info=error)
                rest = self.AGAIN_S
            with trio.move_on_after(rest):
                await self._woken.wait()
            self._woken = trio.Event()

    async def _round(self) -> float:
        """Run what is due; seconds until the next may be."""
        now = self._clock.now_ms()
        until = Millis(now + self.LEASE_MS)
        due, following = await self._store.lease(now=now, until=until, most=self.AT_ONCE)
        for each in due:
            await self._run(each)
        if len(due) == self.AT_ONCE:
            return 0.0
        if following is None:
            return self.LOOK_EVERY_S
        return min(self.LOOK_EVERY_S, max(0.0, (following - self._clock.now_ms()) / 1000))

    async def _run(self, due: DueBroadcast) -> None:
        try:
            if due.delivered or await self._deliver(due):
                await self._announce(due)
        except AdapterError as error:
            self._log.warning("broadcast_postponed", broadcast=due.broadcast_id, reason=str(error))
        except Exception as error:  # noqa: BLE001 - one broadcast ends neither the others nor the node
            self._log.error("broadcast_failed", broadcast=due.broadcast_id, exc_info=error)
            with suppress(AdapterError):  # it comes again
                if await self._store.fault(due) >= self.FAULTS_MOST and not due.delivered:
                    await self._give_up(due, "error")

    async def _deliver(self, due: DueBroadcast) -> bool:
        selected = await self._select(due)
        if not selected.chosen:
            await self._give_up(due, "nobody")
            return False
        count = await self._store.deliver(due, selected, at=self._clock.now_ms())
        if count:
            self.figures.delivered += 1
            self.figures.recipients += count
            self._tell(due, "delivered", count)
            self._log.info(
                "broadcast_delivered",
                broadcast=due.broadcast_id,
                recipients=count,
                took_ms=selected.took_ms,
            )
        else:  # where another node delivered it, or it was taken back, this changes nothing
            await self._give_up(due, "sender" if count is None else "nobody")
        return bool(count)

    async def _select(self, due: DueBroadcast) -> Selected:
        asked = await asked_of(
            self._store,
            sender_no=due.sender_no,
            asked=due.asked,
            seed=due.seed,
            audience=due.audience,
            now=self._clock.now_ms(),
        )
        if asked.blocked:
            self._log.info(
                "broadcast_leaves_out_blocked",
                broadcast=due.broadcast_id,
                sender=due.sender_no,
                blocked=len(asked.blocked),
            )
        selected = await self._selection.select(asked)
        self.figures.selected(selected.took_ms / 1000)
        return selected

    async def _announce(self, due: DueBroadcast) -> None:
        announcement = await self._store.announcement(due)
        for user in announcement.recipients:
            self._notices.tell(user, ("broadcast", due.broadcast_id), announcement.frame)
        self._notices.told()
        await self._store.announced(due)
        if due.delivered:  # before a crash: nobody was told how many
            self._tell(due, "delivered", len(announcement.recipients))

    async def _give_up(self, due: DueBroadcast, reason: str) -> None:
        if await self._store.fail(due, reason):
            self.figures.failed += 1
            self._tell(due, "failed", 0)
            self._log.warning("broadcast_given_up", broadcast=due.broadcast_id, reason=reason)

    def _tell(self, due: DueBroadcast, status: str, done: int) -> None:
        """Whoever watches it learns how far it is."""
        job = due.broadcast_id
        self._progress(Progress(job=job, status=status, total=due.asked, done=done, failed=0))
