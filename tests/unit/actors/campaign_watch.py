"""Holds campaigns and their ledgers to the tables of states, from one look to the next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from actors.campaign_records import Counts
from actors.rules.campaign_states import (
    TERMINAL,
    JobStatus,
    RecipientStatus,
    cancelling,
    may,
    recipient_may,
)

BEGUN = (RecipientStatus.LEASED, RecipientStatus.DELIVERED)


class Standing(NamedTuple):
    """A job, and its ledger by recipients: where each is, after how many attempts."""

    status: JobStatus
    lease: int
    counts: Counts
    is_read: bool
    ledger: Mapping[int, tuple[RecipientStatus, int]]


class Watch:
    """Is told how jobs stand after every call that may have changed something: each changes any
    recipient once at most.
    """

    def __init__(self) -> None:
        self._before: dict[str, Standing] = {}

    def look(self, job: str, now: Standing) -> None:
        """AssertionError where *job* cannot have come there."""
        before = self._before.get(job)
        if before is not None:
            step = f"{job}: {before.status} -> {now.status}"
            assert before.status is now.status or _may_become(before.status, now.status), step
            assert before.lease <= now.lease and before.is_read <= now.is_read, step
            assert before.ledger.keys() <= now.ledger.keys(), f"{job}: somebody is forgotten"
            for user_no, row in before.ledger.items():
                is_fair = row == now.ledger[user_no] or _is_step(row, now.ledger[user_no])
                assert is_fair, f"{job}, {user_no}: {row} -> {now.ledger[user_no]}"
        if now.status in TERMINAL:
            adds_up(job, now)
        self._before[job] = now


def adds_up(job: str, told: Standing) -> None:
    """What a job that is over tells is what its ledger says, less those a worker still has."""
    found = [status for status, _ in told.ledger.values()]
    is_stopped = told.status in (JobStatus.CANCELLED, JobStatus.FAILED)
    expected = (
        sum(map(found.count, (RecipientStatus.SENT, RecipientStatus.DELIVERED))),
        found.count(RecipientStatus.FAILED),
        found.count(RecipientStatus.UNKNOWN),
        found.count(RecipientStatus.SKIPPED) + is_stopped * found.count(RecipientStatus.QUEUED),
    )
    assert told.counts[1:] == expected, f"{job}: {told.counts} of {found}"
    assert not told.is_read or told.counts.total == len(found), f"{job}: {told.counts}"


def ended_well(job: str, told: Standing) -> None:
    """By itself: nobody is left, and it is called what it is."""
    failed = told.counts.failure + told.counts.unknown
    assert told.is_read and told.counts.done == told.counts.total, f"{job}: {told.counts}"
    expected = JobStatus.PARTIALLY_FAILED if failed else JobStatus.COMPLETED
    if not told.ledger:
        expected = JobStatus.FAILED
    assert told.status is expected, f"{job}: {told.status}, {told.counts}"


def _may_become(before: JobStatus, now: JobStatus) -> bool:
    by_admin = now is JobStatus.CANCELLED and bool(cancelling(before))
    return may(before, now) or by_admin


def _is_step(before: tuple[RecipientStatus, int], now: tuple[RecipientStatus, int]) -> bool:
    """Of the table; an attempt is counted where one begins, and is taken back where nobody looked
    at the message.
    """
    begins = now[0] in BEGUN and before[0] is RecipientStatus.QUEUED
    is_back = before[0] is RecipientStatus.LEASED and now[0] is RecipientStatus.QUEUED
    counted = now[1] - before[1]
    return recipient_may(before[0], now[0]) and (
        counted == begins or (is_back and counted == -1 and now[1] >= 0)
    )
