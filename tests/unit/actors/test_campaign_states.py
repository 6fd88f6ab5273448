from __future__ import annotations

import re
from itertools import pairwise, product

import pytest

from actors.rules.campaign_states import (
    RECIPIENT_TRANSITIONS,
    SETTLED,
    TERMINAL,
    TRANSITIONS,
    JobStatus,
    RecipientStatus,
    cancelling,
    markdown,
    may,
    recipient_may,
)

SPECIFICATION = """
    CREATED --> IN_PROGRESS: 처리 시작
    IN_PROGRESS --> PROCESSING_BATCH: 배치 처리 중
    PROCESSING_BATCH --> SENDING_MESSAGES: 메시지 발송 중
    SENDING_MESSAGES --> COMPLETED: 모든 발송 완료
    SENDING_MESSAGES --> PARTIALLY_FAILED: 일부 실패
    PROCESSING_BATCH --> FAILED: 처리 실패
    IN_PROGRESS --> CANCELLED: 작업 취소
"""
ADDED = """
    CREATED --> SCHEDULED
    SCHEDULED --> IN_PROGRESS
    SCHEDULED --> CANCELLED
    IN_PROGRESS --> PAUSED
    PROCESSING_BATCH --> PAUSED
    SENDING_MESSAGES --> PAUSED
    PAUSED --> IN_PROGRESS
    PAUSED --> CANCELLED
"""
OF_RECIPIENTS = """
    queued --> leased
    queued --> delivered
    queued --> skipped
    leased --> queued
    leased --> sent
    leased --> failed
    leased --> unknown
    sent --> delivered
    delivered --> read
"""


def arrows(text: str) -> set[tuple[str, str]]:
    return set(re.findall(r"(\w+) --> (\w+)", text))


def test_jobs_go_the_ways_of_the_specification_and_those_added() -> None:
    allowed = {(a.value, b.value) for a, b in product(JobStatus, repeat=2) if may(a, b)}
    assert allowed == arrows(SPECIFICATION) | arrows(ADDED)
    assert not arrows(SPECIFICATION) & arrows(ADDED)
    assert {"COMPLETED", "PARTIALLY_FAILED", "FAILED", "CANCELLED"} == TERMINAL


def test_recipients_go_the_ways_of_the_ledger() -> None:
    pairs = product(RecipientStatus, repeat=2)
    assert {(a.value, b.value) for a, b in pairs if recipient_may(a, b)} == arrows(OF_RECIPIENTS)


def test_who_is_settled_is_never_sent_to_again() -> None:
    assert set(RecipientStatus) - SETTLED == {"queued", "leased"}
    assert all(set(RECIPIENT_TRANSITIONS[status]) <= SETTLED for status in SETTLED)


@pytest.mark.parametrize("status", JobStatus)
def test_every_job_that_is_not_over_can_be_cancelled_in_legal_steps(status: JobStatus) -> None:
    steps = cancelling(status)
    assert (not steps) == (status in TERMINAL)
    assert all(may(before, after) for before, after in pairwise([status, *steps]))
    assert not steps or (steps[-1] is JobStatus.CANCELLED and len(steps) <= 2)


@pytest.mark.parametrize("status", [JobStatus.PROCESSING_BATCH, JobStatus.SENDING_MESSAGES])
def test_a_job_at_work_is_cancelled_by_way_of_a_pause(status: JobStatus) -> None:
    assert cancelling(status) == (JobStatus.PAUSED, JobStatus.CANCELLED)


def test_every_job_can_come_to_an_end_and_every_state_be_come_to() -> None:
    reached, new = {JobStatus.CREATED}, {JobStatus.CREATED}
    while new:
        new = {after for status in new for after in TRANSITIONS[status]} - reached
        reached |= new
    assert reached == set(JobStatus)
    assert all(TRANSITIONS[status] for status in set(JobStatus) - TERMINAL)


@pytest.mark.parametrize("table", [TRANSITIONS, RECIPIENT_TRANSITIONS])
def test_the_table_in_markdown_is_the_table(table: dict[JobStatus, tuple[JobStatus, ...]]) -> None:
    rows = [line.strip("| ").split(" | ") for line in markdown(table).splitlines()]
    told = [(row[0].strip("`"), re.findall(r"`(\w+)`", row[1])) for row in rows]
    assert told == [(before.value, [s.value for s in after]) for before, after in table.items()]


def test_in_markdown_the_jobs_are_told_of_unless_one_asks_otherwise() -> None:
    assert markdown() == markdown(TRANSITIONS) != markdown(RECIPIENT_TRANSITIONS)
    assert markdown().splitlines()[-1] == "| `CANCELLED` | - |"
