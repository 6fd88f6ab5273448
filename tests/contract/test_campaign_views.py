"""Campaigns and what became of their recipients, as admins see them; consents."""

from __future__ import annotations

import pytest
from campaign_store_world import ADMIN, NOON, REFUSED, SENT, SERVICE, PostgresCampaignWorld

from actors.campaign_records import Result
from actors.rules.campaign_states import JobStatus, RecipientStatus
from protocol.errors import ErrorCode, ProtocolError
from protocol.ids import Millis
from server.postgres.consents import Consent

READ = "UPDATE chat_members SET read_seq = $2 WHERE user_no = $1"


@pytest.fixture
async def run(postgres):
    made = PostgresCampaignWorld(postgres)
    await made.people()
    return made


async def test_one_and_all(run):
    for name in ("j1", "j2", "j3"):
        await run.job(name)
    await run.cancel("j2")
    one = await run.views.one("j2")
    assert (one["created_by"], one["created_at"], one["message"]) == (
        f"user{ADMIN}",
        NOON,
        "text of j2",
    )
    assert await run.views.one("j9") is None
    listed = [row["job_id"] for row in await run.views.listed(limit=2)]
    assert listed == ["j3", "j2"]
    assert [row["job_id"] for row in await run.views.listed(after="j2", limit=2)] == ["j1"]
    created = await run.views.listed(status=JobStatus.CREATED, limit=9)
    assert [row["job_id"] for row in created] == ["j3", "j1"]
    with pytest.raises(ProtocolError) as refused:
        await run.views.listed(after="j9", limit=2)
    assert refused.value.code is ErrorCode.INVALID


async def test_results_come_in_pages_by_status(run):
    job = await run.started(channel="http")
    await run.begin(job, 1, 2, 4)
    results = [Result(1, SENT, None), Result(2, REFUSED, None), Result(4, SENT, None)]
    await run.store.record(job, results, at=NOON)
    page = await run.views.results(job.job_no, limit=2)
    told = [(row["user_id"], row["status"], row["reason"]) for row in page.rows]
    assert told == [("user1", "sent", None), ("user2", "failed", "provider_refused")]
    assert (page.rows[0]["provider_id"], page.rows[0]["done_at"]) == ("p1", NOON)
    assert page.after == 2
    rest = await run.views.results(job.job_no, after=2, limit=99)
    assert (len(rest.rows), rest.after) == (8, None)
    sent, pages, after = [], 0, 0
    while after is not None:
        page = await run.views.results(
            job.job_no, after=after, status=RecipientStatus.SENT, limit=2, looked_at=3
        )
        sent += [row["user_no"] for row in page.rows]
        after, pages = page.after, pages + 1
    assert (sent, pages) == ([1, 4], 5)


async def test_who_has_read_it_is_seen_where_he_shows_it(run):
    job = await run.started()
    await run.deliver(job, 1, 2, 3, 4)
    for number, seq in ((1, 1), (2, 0), (3, 1)):
        await run.database.execute(READ, number, seq)
    await run.person(3, read_receipts=False)
    page = await run.views.results(job.job_no, limit=4)
    told = [row["status"] for row in page.rows]
    assert told == ["read", "delivered", "delivered", "delivered"]
    read = await run.views.results(job.job_no, status=RecipientStatus.READ, limit=4)
    assert [row["user_no"] for row in read.rows] == [1]
    later = await run.started("j2")
    await run.deliver(later, 1)
    page = await run.views.results(later.job_no, limit=1)
    assert page.rows[0]["status"] == "delivered", "it is the next message of the same room"


async def test_who_was_queued_when_it_was_cancelled_is_skipped(run):
    job = await run.started()
    await run.deliver(job, 1)
    await run.cancel("j1")
    told = [
        (row["status"], row["reason"]) async for row in run.views.every_result(job.job_no, page=3)
    ]
    assert told == [("delivered", None)] + [("skipped", "cancelled")] * 9
    skipped = await run.views.results(job.job_no, status=RecipientStatus.SKIPPED, limit=99)
    assert len(skipped.rows) == 9 == (await run.standing())[1].skipped


async def test_the_last_word_of_each_kind_holds(run):
    consents = run.consents
    assert await consents.current(1) == {}
    yes = Consent("advertising", True, "page", Millis(1))
    night = Consent("advertising_night", True, "page", Millis(2))
    no = Consent("advertising", False, "080", Millis(3))
    for word in (yes, night, no):
        await consents.put(1, word)
    await consents.put(2, yes)
    assert await consents.current(1) == {"advertising": no, "advertising_night": night}
    history = await consents.history(1, limit=2)
    assert [word for _, word in history] == [no, night]
    older = await consents.history(1, after=history[-1][0], limit=2)
    assert [word for _, word in older] == [yes]
    assert await consents.current(SERVICE) == {}
