"""The registry: finds an actor by key, wakes it from the store, lets it go when idle."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from typing import Generic, TypeVar

import trio

from actors.actor import Actor, Cell, MailboxStatistics, open_up
from actors.dispatcher import Dispatcher
from actors.ports import AdapterError
from actors.ref import ActorError, ActorStopped, MailboxFull, Ref
from actors.supervisor import Log, too_intense
from actors.timers import Timers
from protocol.errors import ErrorCode

M = TypeVar("M")
S = TypeVar("S")
_AWAY = ErrorCode.UNAVAILABLE


class Context(Generic[M]):
    """What an incarnation may do to its own cell."""

    __slots__ = ("_cell", "_registry")

    def __init__(self, registry: Registry[M], cell: Cell[M]) -> None:
        self._registry, self._cell = registry, cell

    def completion(self, actor: Actor[M], call: Callable[[S], None]) -> Callable[[S], None]:
        """*call*, guarded, and only as long as *actor* is the present incarnation."""
        return self._registry.dispatcher.guarded(self._cell, actor, call)

    def hold(self) -> None:
        """Leave messages in the mailbox until ``release``."""
        self._cell.held += 1

    def release(self) -> None:
        """Take back one ``hold``."""
        self._cell.held -= 1
        if not self._cell.held:
            self._registry.dispatcher.wake(self._cell)

    def end(self) -> None:
        """End this incarnation without blame; the next one starts from the store at once."""
        self._registry.end(self._cell)


class Registry(Generic[M]):
    """All actors of one kind on this node. Mailboxes are bounded by ``capacity``.

    An incarnation that crashes is followed by another, up to ``intensity`` times in ``period``
    seconds; past that its cell is retired for ``retired_s`` and refuses messages.
    """

    INTENSITY, PERIOD, RETIRED_S, RETRY_S = 3, 5.0, 10.0, 0.5

    def __init__(  # noqa: PLR0913 - what tells one kind of actor from another
        self,
        *,
        dispatcher: Dispatcher,
        timers: Timers,
        load: Callable[[Hashable, Callable[[object], None]], None],
        build: Callable[[Context[M], object], Actor[M]],
        refuse: Callable[[M, ErrorCode], bool],
        let_go: Callable[[Hashable], None],
        log: Log,
        capacity: int = 1024,
    ) -> None:
        """*refuse* says whether somebody waited for an answer; *let_go* hears of cells that end."""
        self.dispatcher, self._timers, self._log = dispatcher, timers, log
        self._load, self._build, self._refuse, self._let_go = load, build, refuse, let_go
        self._capacity = capacity
        self._cells: dict[Hashable, Cell[M]] = {}
        self.crashes = self.retirements = self.dropped = 0

    def ref(self, key: Hashable) -> Ref[M]:
        """The address of the actor *key*."""
        return Ref(self, key)

    def tell(self, key: Hashable, message: M) -> None:
        """Enqueue *message*. Raises MailboxFull, or ActorStopped while the cell is retired."""
        cell = self._cells.get(key)
        if cell is None:
            cell = self._cells[key] = Cell(key, self)
        depth = len(cell.mailbox)
        if depth >= self._capacity:
            raise MailboxFull(str(key))
        if len(cell.crashes) > self.INTENSITY:
            raise ActorStopped(str(key))
        cell.mailbox.append(message)
        if depth >= cell.peak:
            cell.peak = depth + 1
        if not cell.held:
            self.dispatcher.wake(cell)

    def tell_or_drop(self, key: Hashable, message: M) -> None:
        """The same for what nobody waits for; a refused message is counted."""
        try:
            self.tell(key, message)
        except ActorError:
            self.dropped += 1

    def tell_if_there(self, key: Hashable, message: M) -> None:
        """The same for an actor that is there: for any other it will be in what it loads."""
        if key in self._cells:
            self.tell_when_open(key, message)

    def tell_when_open(self, key: Hashable, message: M) -> None:
        """The same, but a full mailbox is waited for."""
        try:
            self.tell(key, message)
        except MailboxFull:
            self.when_open(key, lambda: self.tell_when_open(key, message))
        except ActorStopped:
            self.dropped += 1

    def when_open(self, key: Hashable, proceed: Callable[[], None]) -> None:
        """Call *proceed* once the full mailbox of *key* has fallen to half its capacity."""
        cell = self._cells.get(key)
        if cell is None:
            proceed()
        else:
            cell.waiting.append(proceed)

    def wake(self, key: Hashable) -> None:
        """Activate *key* although nothing was told to it."""
        cell = self._cells.get(key)
        if cell is None:
            cell = self._cells[key] = Cell(key, self)
        self.dispatcher.wake(cell)

    def renew(self, key: Hashable) -> None:
        """Have *key*, if it is active, start anew from the store: another has written there."""
        cell = self._cells.get(key)
        if cell is not None and cell.loading:
            cell.stale = True
        elif cell is not None:
            self.end(cell)

    def statistics(self) -> Iterator[MailboxStatistics]:
        """Every mailbox of this kind."""
        return (cell.statistics() for cell in self._cells.values())

    def __len__(self) -> int:
        return len(self._cells)

    def __iter__(self) -> Iterator[Hashable]:
        """The keys of those that are active, or about to be."""
        return iter(self._cells)

    def __contains__(self, key: Hashable) -> bool:
        """Whether *key* is active, or about to be."""
        return key in self._cells

    def ran(self, cell: Cell[M]) -> None:
        """A turn of *cell* is over."""
        cell.touched = self.dispatcher.now
        if cell.waiting:
            open_up(cell, self._capacity // 2)
        if ((cell.mailbox or cell.leftovers) and not cell.held) or cell.active is None:
            self.dispatcher.wake(cell)

    def activate(self, cell: Cell[M]) -> None:
        """Ask the store for the state of *cell*; messages wait meanwhile."""
        if cell.loading or len(cell.crashes) > self.INTENSITY:
            return
        cell.loading, cell.stale = True, False
        self._load(cell.key, lambda state: self._loaded(cell, state))

    def _loaded(self, cell: Cell[M], state: object) -> None:
        cell.loading = False
        if isinstance(state, AdapterError):
            self._outage(cell)
        elif state is None:
            self._refuse_all(cell, ErrorCode.NOT_FOUND)
            self._drop(cell)
        elif cell.stale:
            self.activate(cell)
        else:
            self._start(cell, state)

    def _start(self, cell: Cell[M], state: object) -> None:
        cell.held = 0
        try:
            cell.active = actor = self._build(Context(self, cell), state)
            actor.started()
            actor.settle()
        except Exception as exc:  # noqa: BLE001 - crashes are meant to land here
            self.crashed(cell, None, exc)
        self.dispatcher.wake(cell)

    def _outage(self, cell: Cell[M]) -> None:
        """The store is away: no crash. What somebody waits for is refused, unless it is uncertain.

        The rest, and leftovers, whose outcome is not known, wait for the store.
        """
        cell.mailbox[:] = [message for message in cell.mailbox if not self._refuse(message, _AWAY)]
        open_up(cell, self._capacity // 2)
        cell.loading = True  # until the next look, whatever is told meanwhile
        self._timers.after(self.RETRY_S, lambda: self._retry(cell))

    def _retry(self, cell: Cell[M]) -> None:
        cell.loading = False
        if cell.leftovers or cell.mailbox:
            self.dispatcher.wake(cell)
        else:
            self._drop(cell)

    def _drop(self, cell: Cell[M]) -> None:
        del self._cells[cell.key]
        cell.active = None
        self._let_go(cell.key)

    def end(self, cell: Cell[M]) -> None:
        """Let go of the incarnation; its unanswered commands go to the next one."""
        if cell.active is not None:
            cell.leftovers[:0] = cell.active.leftovers()
            cell.active, cell.held = None, 0
        self.dispatcher.wake(cell)

    def crashed(self, cell: Cell[M], message: M | None, exc: Exception) -> None:
        """An exception ended the incarnation; *message*, if any, is not tried a second time."""
        self.crashes += 1
        cell.total_crashes += 1
        self._log.error("actor_crashed", actor=str(cell.key), exc_info=exc)
        if message is not None:
            self._refuse(message, ErrorCode.INTERNAL)
        self.end(cell)
        if too_intense(
            cell.crashes, trio.current_time(), intensity=self.INTENSITY, period=self.PERIOD
        ):
            self._retire(cell)

    def _retire(self, cell: Cell[M]) -> None:
        self.retirements += 1
        self._log.error("actor_retired", actor=str(cell.key), seconds=self.RETIRED_S)
        self._refuse_all(cell, ErrorCode.UNAVAILABLE)
        self._timers.after(self.RETIRED_S, lambda: self._return(cell))

    def _return(self, cell: Cell[M]) -> None:
        cell.crashes.clear()
        if cell.leftovers or cell.mailbox:
            self.dispatcher.wake(cell)
        else:
            self._drop(cell)

    def _refuse_all(self, cell: Cell[M], code: ErrorCode) -> None:
        for message in cell.leftovers:
            self._refuse(message, code)
        cell.leftovers.clear()
        self._refuse_mailbox(cell, code)

    def _refuse_mailbox(self, cell: Cell[M], code: ErrorCode) -> None:
        for message in cell.mailbox:
            self._refuse(message, code)
        cell.mailbox.clear()
        open_up(cell, 0)

    def passivate_idle(self, idle_s: float) -> int:
        """Let go of every incarnation that has rested for *idle_s* seconds; how many."""
        before = trio.current_time() - idle_s
        idle = [
            cell
            for cell in self._cells.values()
            if cell.touched < before and len(cell.crashes) <= self.INTENSITY and _at_rest(cell)
        ]
        for cell in idle:
            self._drop(cell)
        return len(idle)


def _at_rest(cell: Cell[M]) -> bool:
    """Nothing in the mailbox, loading, held, queued, left over or pending: one synchronous look."""
    busy = cell.mailbox or cell.leftovers or cell.loading or cell.held or cell.queued
    return not busy and (cell.active is None or cell.active.at_rest())
