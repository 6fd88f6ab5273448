"""Jobs of campaigns and their ledgers in memory, as values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Self

from actors.campaign_records import Channel, Counts
from actors.rules.age_groups import AgeGroup
from actors.rules.campaign_states import JobStatus, RecipientStatus

STOPPED = (JobStatus.CANCELLED, JobStatus.FAILED)
SUCCESS = (RecipientStatus.SENT, RecipientStatus.DELIVERED, RecipientStatus.READ)


@dataclass(slots=True)
class KnownRecipient:
    """Somebody who may be of an audience; a test changes what it likes."""

    born: date | None = None
    phone: str | None = None
    status: str = "active"
    role: str = "user"
    zone: str = "Asia/Seoul"
    consents: dict[str, bool] = field(default_factory=dict)


@dataclass(slots=True)
class LedgerRow:
    """One recipient of a job."""

    status: RecipientStatus = RecipientStatus.QUEUED
    reason: str | None = None
    attempt: int = 0
    due_at: int = 0
    leased_until: int = 0
    lease: int = 0
    in_doubt: bool = False

    def settle(self, status: RecipientStatus, reason: str | None = None) -> None:
        """Have it in another state."""
        self.status, self.reason = status, reason


@dataclass(slots=True, kw_only=True)
class MemoryJob:
    """One job, as it was asked for, and how far it is."""

    job_no: int
    job_id: str
    channel: Channel
    message: str
    group: AgeGroup
    is_advertising: bool = False
    priority: int = 2
    zone: str = "Asia/Seoul"
    start_at: int = 0
    of_job: int | None = None
    status: JobStatus = JobStatus.CREATED
    lease: int = 0
    leased_until: int = 0
    audience: list[int] | None = None
    cursor: int = 0
    is_read: bool = False
    counts: Counts = field(default_factory=lambda: Counts(0, 0, 0, 0, 0))
    ledger: dict[int, LedgerRow] = field(default_factory=dict)

    def recount(self) -> None:
        """Tell of the recipients as they are in the ledger."""
        total = len(self.ledger) if self.is_read else self.counts.total
        self.counts = Counts(total, 0, 0, 0, 0)
        self.count([row.status for row in self.ledger.values()])

    def count(self, found: Sequence[RecipientStatus]) -> None:
        """Tell of these, too."""
        queued = found.count(RecipientStatus.QUEUED) if self.status in STOPPED else 0
        self.add(
            sum(status in SUCCESS for status in found),
            found.count(RecipientStatus.FAILED),
            found.count(RecipientStatus.UNKNOWN),
            found.count(RecipientStatus.SKIPPED) + queued,
        )

    def add(self, *more: int) -> None:
        """Tell of so many more: successes, failures, unknown and skipped ones."""
        counts = (one + other for one, other in zip(self.counts[1:], more, strict=True))
        self.counts = Counts(self.counts.total, *counts)

    def resend(self, job_no: int, job_id: str, at: int, total: int) -> Self:
        """Another, to *total* of those whom this one failed to reach."""
        return type(self)(
            job_no=job_no,
            job_id=job_id,
            channel=self.channel,
            message=self.message,
            group=self.group,
            is_advertising=self.is_advertising,
            priority=self.priority,
            zone=self.zone,
            start_at=at,
            of_job=self.job_no,
            counts=Counts(total, 0, 0, 0, 0),
        )
