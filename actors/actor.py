"""Synchronous actors: state machines that a dispatcher runs, and the cells they live in."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Generic, TypeVar

from actors.message import message

if TYPE_CHECKING:
    from actors.registry import Registry

M = TypeVar("M")


class Actor(Generic[M]):
    """One incarnation of a synchronous actor. Its hooks never wait.

    A hook that raises ends this incarnation alone: the next one loads from the database, so no
    hook ever has to repair half-changed state.
    """

    __slots__ = ()

    def started(self) -> None:
        """Take over. Leftovers come next, and then the mailbox."""

    def retake(self, message: M) -> None:
        """Apply a command that the last incarnation took and did not answer."""
        self.receive(message)

    def receive(self, message: M) -> None:
        """Apply one message: change state and note what must be stored."""
        raise NotImplementedError

    def settle(self) -> None:
        """Called after a run of messages: hand on what they left to be stored."""

    def at_rest(self) -> bool:
        """Whether nothing is pending or in flight, so that this incarnation may be let go."""
        return True

    def leftovers(self) -> list[M]:
        """Commands without an answer yet, oldest first, for the next incarnation."""
        return []


@message
class MailboxStatistics:
    """One mailbox at one moment. ``peak`` is the greatest depth so far."""

    key: Hashable
    depth: int
    peak: int
    received: int
    crashes: int
    active: bool


class Cell(Generic[M]):
    """An actor's place: its mailbox and its present incarnation, if it has one.

    ``held`` counts the reasons for which the mailbox waits; at zero messages flow.
    """

    __slots__ = (
        "active",
        "crashes",
        "held",
        "home",
        "key",
        "leftovers",
        "loading",
        "mailbox",
        "peak",
        "queued",
        "received",
        "stale",
        "total_crashes",
        "touched",
        "waiting",
    )

    def __init__(self, key: Hashable, home: Registry[M]) -> None:
        self.key, self.home = key, home
        self.mailbox: list[M] = []  # not a deque: an empty one is 0.6 KiB, and each user has one
        self.active: Actor[M] | None = None
        self.leftovers: list[M] = []  # of the last incarnation; they go first
        self.waiting: list[Callable[[], None]] = []
        self.crashes: list[float] = []
        self.held = 0
        self.loading = self.queued = False
        self.stale = False  # what is being loaded may be older than what was stored since
        self.peak = self.received = self.total_crashes = 0
        self.touched = 0.0

    def statistics(self) -> MailboxStatistics:
        """What this mailbox looks like now."""
        return MailboxStatistics(
            self.key,
            len(self.mailbox),
            self.peak,
            self.received,
            self.total_crashes,
            self.active is not None,
        )


def open_up(cell: Cell[M], low_water: int) -> None:
    """Tell those who met a full mailbox once it has fallen to *low_water*."""
    if cell.waiting and len(cell.mailbox) <= low_water:
        waiting, cell.waiting = cell.waiting, []
        for proceed in waiting:
            proceed()
