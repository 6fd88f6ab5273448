"""The states of a campaign and of its recipients (specification 002), and what may follow what."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class JobStatus(StrEnum):
    """Where a campaign stands."""

    CREATED = "CREATED"
    SCHEDULED = "SCHEDULED"
    IN_PROGRESS = "IN_PROGRESS"  # a node has taken it up
    PROCESSING_BATCH = "PROCESSING_BATCH"  # its audience is being read, nothing is sent yet
    SENDING_MESSAGES = "SENDING_MESSAGES"  # from the first batch on
    PAUSED = "PAUSED"
    COMPLETED = "COMPLETED"  # none failed, none is unknown
    PARTIALLY_FAILED = "PARTIALLY_FAILED"  # some did or are, or all
    FAILED = "FAILED"  # nothing could begin
    CANCELLED = "CANCELLED"


class RecipientStatus(StrEnum):
    """What became of one recipient."""

    QUEUED = "queued"
    LEASED = "leased"  # a worker has it
    SENT = "sent"
    DELIVERED = "delivered"  # it is in his room in the app
    READ = "read"
    FAILED = "failed"
    SKIPPED = "skipped"  # nothing was to be sent to him
    UNKNOWN = "unknown"  # it may have been sent: it is not sent again


_J, _R = JobStatus, RecipientStatus

TRANSITIONS: Final[Mapping[JobStatus, tuple[JobStatus, ...]]] = MappingProxyType(
    {
        _J.CREATED: (_J.SCHEDULED, _J.IN_PROGRESS),
        _J.SCHEDULED: (_J.IN_PROGRESS, _J.CANCELLED),
        _J.IN_PROGRESS: (_J.PROCESSING_BATCH, _J.PAUSED, _J.CANCELLED),
        _J.PROCESSING_BATCH: (_J.SENDING_MESSAGES, _J.PAUSED, _J.FAILED),
        _J.SENDING_MESSAGES: (_J.PAUSED, _J.COMPLETED, _J.PARTIALLY_FAILED),
        _J.PAUSED: (_J.IN_PROGRESS, _J.CANCELLED),
        _J.COMPLETED: (),
        _J.PARTIALLY_FAILED: (),
        _J.FAILED: (),
        _J.CANCELLED: (),
    }
)
"""What a job of each state may become."""

RECIPIENT_TRANSITIONS: Final[Mapping[RecipientStatus, tuple[RecipientStatus, ...]]] = (
    MappingProxyType(
        {
            _R.QUEUED: (_R.LEASED, _R.DELIVERED, _R.SKIPPED),
            _R.LEASED: (_R.QUEUED, _R.SENT, _R.FAILED, _R.UNKNOWN),
            _R.SENT: (_R.DELIVERED,),
            _R.DELIVERED: (_R.READ,),
            _R.READ: (),
            _R.FAILED: (),
            _R.SKIPPED: (),
            _R.UNKNOWN: (),
        }
    )
)
"""What a row of the ledger of each state may become."""

TERMINAL: Final = frozenset(status for status, after in TRANSITIONS.items() if not after)
"""The job is over."""

RUNNING: Final = frozenset((_J.IN_PROGRESS, _J.PROCESSING_BATCH, _J.SENDING_MESSAGES))
"""A node works on it, or may."""

SETTLED: Final = frozenset(RecipientStatus) - {RecipientStatus.QUEUED, RecipientStatus.LEASED}
"""The recipient is counted, and never sent to again."""


def may(before: JobStatus, after: JobStatus) -> bool:
    """Whether a job may go from *before* to *after*.

    >>> may(JobStatus.SCHEDULED, JobStatus.CANCELLED), may(JobStatus.FAILED, JobStatus.CREATED)
    (True, False)
    """
    return after in TRANSITIONS[before]


def recipient_may(before: RecipientStatus, after: RecipientStatus) -> bool:
    """Whether a row of the ledger may go from *before* to *after*.

    >>> recipient_may(RecipientStatus.UNKNOWN, RecipientStatus.QUEUED)
    False
    """
    return after in RECIPIENT_TRANSITIONS[before]


def cancelling(status: JobStatus) -> Sequence[JobStatus]:
    """The steps from *status* to CANCELLED, to be made in one transaction; none when it is over.

    >>> [step.value for step in cancelling(JobStatus.SENDING_MESSAGES)]
    ['PAUSED', 'CANCELLED']
    """
    if may(status, JobStatus.CANCELLED):
        return (JobStatus.CANCELLED,)
    for at_rest in (JobStatus.SCHEDULED, JobStatus.PAUSED):
        if may(status, at_rest):
            return (at_rest, JobStatus.CANCELLED)
    return ()


def markdown(table: Mapping[StrEnum, Collection[StrEnum]] | None = None) -> str:
    """The rows of *table* (TRANSITIONS, or the one given) in Markdown, a line for each state.

    >>> print(markdown().splitlines()[1])
    | `SCHEDULED` | `IN_PROGRESS`, `CANCELLED` |
    """
    rows = (TRANSITIONS if table is None else table).items()
    return "\n".join(f"| `{before}` | {_listed(after)} |" for before, after in rows)


def _listed(states: Collection[StrEnum]) -> str:
    return ", ".join(f"`{status}`" for status in states) or "-"
