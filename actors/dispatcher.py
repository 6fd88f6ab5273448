"""The dispatcher: one task that runs every ready actor of the node, back to back."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar

import trio

from actors.actor import Actor, Cell

M = TypeVar("M")
A = TypeVar("A")


class Dispatcher:
    """Runs ready cells for at most ``turn_s`` seconds, then lets the rest of the node run.

    Every call into an actor is guarded by itself, so a crash stays in its cell. ``turn_ended`` is
    called after each turn: whatever the actors offered to sessions leaves then.
    """

    BATCH = 64  # most messages one cell receives before the next cell's turn
    CELLS_A_LOOK = 8  # cells run between two looks at the clock, 0.25 µs each

    def __init__(self, *, turn_ended: Callable[[], None], turn_s: float = 0.002) -> None:
        self._turn_ended, self._turn_s = turn_ended, turn_s
        self._ready: deque[Cell[Any]] = deque()
        self._lot = trio.lowlevel.ParkingLot()
        self._asleep = False
        self.now = trio.current_time()  # as of the present turn
        self.turns = 0

    def wake(self, cell: Cell[Any]) -> None:
        """Let *cell* run in the next turn, if it has not been asked for already."""
        if not cell.queued:
            cell.queued = True
            self._ready.append(cell)
            if self._asleep:  # one unpark costs 0.7 µs, as much as the rest of a tell
                self._asleep = False
                self._lot.unpark()

    def guarded(
        self, cell: Cell[M], actor: Actor[M], completion: Callable[[A], None]
    ) -> Callable[[A], None]:
        """*completion* as a plain call that a crash cannot leave; nothing once *actor* is gone."""

        def complete(outcome: A) -> None:
            if cell.active is not actor:
                return
            try:
                completion(outcome)
                if cell.active is actor:
                    actor.settle()
            except Exception as exc:  # noqa: BLE001 - crashes are meant to land here
                cell.home.crashed(cell, None, exc)

        return complete

    async def run(self) -> None:
        """Serve the ready cells until cancelled."""
        while True:
            if self._ready:
                await trio.lowlevel.checkpoint()
            else:
                self._asleep = True
                await self._lot.park()
            self.turn()

    def turn(self) -> None:
        """Run what is ready within the time of one turn, and flush what came of it."""
        self.turns += 1
        self.now = trio.current_time()
        end, ready = self.now + self._turn_s, self._ready
        while ready:
            for _ in range(min(len(ready), self.CELLS_A_LOOK)):
                cell = ready.popleft()
                cell.queued = False
                self._run(cell)
            if trio.current_time() > end:
                break
        self._turn_ended()

    def _run(self, cell: Cell[M]) -> None:
        actor = cell.active
        if actor is None:
            cell.home.activate(cell)
            return
        mailbox, message, taken = cell.mailbox, None, 0
        try:
            while cell.leftovers and not cell.held:
                message = cell.leftovers.pop(0)
                actor.retake(message)
            for message in mailbox[: self.BATCH]:
                if cell.held:
                    break
                taken += 1
                actor.receive(message)
            message = None
            actor.settle()
        except Exception as exc:  # noqa: BLE001 - crashes are meant to land here
            del mailbox[:taken]
            cell.home.crashed(cell, message, exc)
        else:
            del mailbox[:taken]
        cell.received += taken
        cell.home.ran(cell)
