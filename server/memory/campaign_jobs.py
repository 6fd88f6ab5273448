"""Jobs of campaigns and their ledgers in memory, as values."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from actors.campaign_records import Channel, Counts
from actors.rules.age_groups import AgeGroup
from actors.rules.campaign_states import JobStatus, RecipientStatus

RUNNING = (JobStatus.IN_PROGRESS, JobStatus.PROCESSING_BATCH, JobStatus.SENDING_MESSAGES)
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
        found = [row.status for row in self.ledger.values()]
        is_stopped = self.status in (JobStatus.CANCELLED, JobStatus.FAILED)
        self.counts = Counts(
            len(found) if self.is_read else self.counts.total,
            sum(status in SUCCESS for status in found),
            found.count(RecipientStatus.FAILED),
            found.count(RecipientStatus.UNKNOWN),
            found.count(RecipientStatus.SKIPPED)
            + (found.count(RecipientStatus.QUEUED) if is_stopped else 0),
        )
