"""What the campaigns need from outside: where they are kept, and who sends their messages."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from actors.campaign_records import Begun, Counts, Delivered, Job, Page, Result
from actors.message_records import Outcome, OutgoingMessage
from actors.rules.campaign_states import JobStatus
from protocol.ids import Millis
from protocol.notices import Progress


class LeaseLost(Exception):
    """Another node has the job by now, or an admin has stopped it: nothing was changed."""


class MessageProvider(Protocol):
    """Sends messages to phones."""

    async def send(self, message: OutgoingMessage) -> Outcome:
        """Try once; never raises for what the provider does or does not answer."""


class Campaigns(Protocol):
    """The jobs and their ledger. Every method may raise StoreUnavailable or OutcomeUnknown; those
    that take a job raise LeaseLost where its ``lease`` is not the last one any more, or where it
    is PAUSED or over.

    A recipient is *queued* until it is settled what became of him. Only ``deliver`` and ``record``
    settle anybody, each recipient once.
    """

    async def lease(self, *, now: Millis, until: Millis, most: int) -> Sequence[Job]:
        """Jobs whose time has come and which no node has, for this one alone *until* then.

        Those that have not begun become IN_PROGRESS. Recipients whom a lost node had leased become
        ``unknown`` once their lease is over. Counts are those of the ledger.
        """

    async def renew(self, job: Job, *, until: Millis) -> None:
        """Have it for longer."""

    async def let_go(self, job: Job) -> None:
        """Another node may have it at once."""

    async def move(self, job: Job, to: JobStatus, *, at: Millis, reason: str = "") -> JobStatus:
        """Change its state; which one it has then. Where it stops, counts are those of the ledger:
        are some of it failed or unknown, COMPLETED becomes PARTIALLY_FAILED.
        """

    async def read(self, job: Job, *, most: int, at: Millis) -> Page:
        """Put the next people of its audience into the ledger, in the order of their numbers.

        The audience is that of the first call: who comes later is not of it.
        """

    async def waiting(self, job: Job, *, after: int, now: Millis, most: int) -> Sequence[int]:
        """Recipients who are queued and whose time has come, by number, from *after* on."""

    async def next_due(self, job: Job) -> Millis | None:
        """When somebody queued may be sent to; None where nobody is queued or leased."""

    async def deliver(
        self, job: Job, user_nos: Sequence[int], *, watching: Collection[int], at: Millis
    ) -> Delivered:
        """Store the message in each one's room, in one commit. Of *watching* who got it is told.

        Who is not queued any more is left alone.
        """

    async def begin(self, job: Job, user_nos: Sequence[int], *, at: Millis, until: Millis) -> Begun:
        """Lease those of them who are queued to this call, *until* then, and say what to send."""

    async def record(self, job: Job, results: Sequence[Result], *, at: Millis) -> None:
        """Settle those who were begun with, or queue them again.

        Does not raise LeaseLost: what was sent was sent.
        """

    async def add(self, job: Job, counts: Counts) -> None:
        """Add to what the job tells of its recipients (``total`` replaces)."""


class JobsWatched(Protocol):
    """Campaigns and broadcasts, for those who look on. Either method may raise StoreUnavailable."""

    async def may_watch(self, user_no: int, role: str, job: str) -> bool:
        """Whether there is such a job, and that user may know how it goes."""

    async def progress_of(self, job: str) -> Progress | None:
        """How far it is; None where there is none. Of a broadcast ``total`` is how many were asked
        for, and ``done`` how many received it.
        """
