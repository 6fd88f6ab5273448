"""Campaigns that are sent again to those whom they failed to reach: alike in memory and in
PostgreSQL.
"""

from __future__ import annotations

import pytest
from campaign_store_world import (
    AGAIN,
    MINUTE,
    NOON,
    REFUSED,
    SENT,
    UNKNOWN,
    open_campaign_world,
)

from actors.campaign_records import Counts, Result
from actors.rules.campaign_states import JobStatus
from protocol.errors import ErrorCode, ProtocolError
from protocol.ids import Millis

SOME = range(1, 5)


@pytest.fixture
async def run(world_url):
    async with open_campaign_world(world_url) as world:
        yield world


async def refused(call):
    with pytest.raises(ProtocolError) as caught:
        await call
    assert caught.value.code is ErrorCode.CONFLICT


async def sent(run, job, outcomes):
    """The ids of what is sent, by recipient, after which each has his outcome."""
    begun = await run.begin(job, *outcomes)
    results = [Result(each.user_no, outcomes[each.user_no], None) for each in begun.ready]
    await run.store.record(job, results, at=NOON)
    return {each.user_no: each.message.id for each in begun.ready}


async def over(run, job):
    for status in ("PROCESSING_BATCH", "SENDING_MESSAGES", "PARTIALLY_FAILED"):
        await run.store.move(job, JobStatus(status), at=NOON)


async def failed(run):
    """A job that is over, and has failed to reach some."""
    job = await run.started(channel="http")
    await sent(run, job, dict.fromkeys(SOME, REFUSED) | {5: SENT, 6: UNKNOWN})
    await over(run, job)


async def test_a_job_is_sent_again_once_and_then_that_one(run):
    await failed(run)
    again = await run.started("again", of_job="j1")
    assert again.counts.total == 4
    await run.job("again", of_job="j1")  # the same once more
    await refused(run.job("more", of_job="j1"))
    await refused(run.job("more", of_job="again"))
    ids = await sent(run, again, {1: SENT, 2: SENT, 3: REFUSED, 4: SENT})
    assert ids == {no: f"j1-{no}" for no in SOME}, "a provider knows what it took before"
    await over(run, again)
    await refused(run.job("more", of_job="j1"))
    last = await run.started("last", of_job="again")
    assert await sent(run, last, dict.fromkeys(SOME, SENT)) == {3: "j1-3"}
    await over(run, last)
    for job in ("j1", "again", "last"):
        await refused(run.job("more", of_job=job))


async def test_who_was_left_by_a_resend_that_was_cancelled_is_sent_to_by_another(run):
    await failed(run)
    await run.job("again", of_job="j1")
    [again] = await run.leased()
    assert (await run.store.read(again, most=3, at=NOON)).user_nos == [1, 2, 3]
    await sent(run, again, {1: SENT, 2: REFUSED})
    await run.cancel("again")
    assert await run.standing("again") == ("CANCELLED", Counts(4, 1, 1, 0, 1))
    more = await run.started("more", of_job="j1")
    assert await sent(run, more, dict.fromkeys(SOME, SENT)) == {3: "j1-3", 4: "j1-4"}
    await refused(run.job("most", of_job="j1"))
    most = await run.started("most", of_job="again")
    assert await sent(run, most, dict.fromkeys(SOME, SENT)) == {2: "j1-2"}


async def test_who_is_under_way_is_waited_for(run):
    job = await run.started(channel="http")
    await sent(run, job, {1: REFUSED})
    await run.begin(job, 2, 3)
    await run.cancel("j1")
    await refused(run.job("again", of_job="j1"))
    await run.store.record(job, [Result(2, REFUSED, None)], at=NOON)
    await refused(run.job("again", of_job="j1"))
    await run.leased(Millis(NOON + MINUTE))  # nobody will hear of 3 any more
    again = await run.started("again", of_job="j1")
    assert again.counts.total == 2
    await run.begin(again, 1, 2)
    await run.cancel("again")
    await refused(run.job("more", of_job="j1"))
    results = [Result(1, AGAIN, Millis(NOON + 5)), Result(2, SENT, None)]
    await run.store.record(again, results, at=NOON)
    more = await run.started("more", of_job="j1")
    assert await sent(run, more, dict.fromkeys(SOME, SENT)) == {1: "j1-1"}
