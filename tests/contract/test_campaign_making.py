"""Campaigns as admins make, stop and go on with them."""

from __future__ import annotations

from datetime import date
from functools import partial

import pytest
import trio
from campaign_store_world import ADMIN, MINUTE, NIGHT, NOON, REFUSED, SERVICE, PostgresCampaignWorld

from actors.campaign_records import Counts, Result
from actors.rules.age_groups import AgeGroup
from actors.rules.campaign_states import JobStatus
from protocol.errors import ErrorCode, ProtocolError
from protocol.ids import Millis, UserId
from server.postgres.audit import AuditStore, By, Sought
from server.postgres.campaign_making import Conditions, Meant, NewJob
from server.postgres.campaigns import CampaignStore
from server.postgres.users import UserStore

BY = By(ADMIN, NOON, "192.0.2.1")
EVERYBODY = Meant(SERVICE, AgeGroup.TWENTIES, Conditions(), "in_app", False, "Asia/Seoul")


@pytest.fixture
async def run(postgres):
    made = PostgresCampaignWorld(postgres)
    await made.people()
    return made


def new(name="j1", start_at=NOON, **fields):
    return NewJob(name, EVERYBODY._replace(**fields), "hello", 2, False, start_at)


async def entries(run):
    listed = await AuditStore(run.database).listed(Sought(), after=None, limit=99)
    return [(e.action, e.actor, e.address, e.count, dict(e.details)) for e in reversed(listed)]


async def refused(call, code=ErrorCode.CONFLICT):
    with pytest.raises(ProtocolError) as caught:
        await call
    assert caught.value.code is code


async def test_a_double_click_is_one_job(run):
    totals = []

    async def one():
        totals.append(await run.making.create(new(), BY))

    async with trio.open_nursery() as nursery:
        for _ in range(4):
            nursery.start_soon(one)
    assert totals == [10] * 4
    assert await run.standing() == ("CREATED", Counts(10, 0, 0, 0, 0))
    details = {"job": "j1", "group": "TWENTIES", "via": "in_app"}
    expected = ("campaign.create", "user11", "192.0.2.1", 10, details)
    assert await entries(run) == [expected]


async def test_each_step_is_one_of_the_table_and_is_noted(run):
    making = run.making
    await making.create(new("j1", NIGHT), BY)
    assert (await run.standing())[0] == "SCHEDULED"
    await refused(making.pause("j1", BY))
    await refused(making.resume("j1", BY))
    await refused(making.pause("j9", BY), ErrorCode.NOT_FOUND)
    await making.create(new("j2"), BY)
    await making.schedule("j2", BY, start_at=Millis(NOON + MINUTE))
    assert await run.leased(NOON) == []
    [job] = await run.leased(Millis(NOON + MINUTE))
    await refused(making.schedule("j2", BY, start_at=NIGHT))
    await run.store.move(job, JobStatus.PROCESSING_BATCH, at=NOON)
    await making.pause("j2", BY)
    await making.resume("j2", BY)
    await making.cancel("j2", BY)
    for step in (making.pause, making.resume, making.cancel):
        await refused(step("j2", BY))
    steps = [(action, details.get("was")) for action, _, _, _, details in await entries(run)]
    assert steps[2:] == [
        ("campaign.schedule", "CREATED"),
        ("campaign.pause", "PROCESSING_BATCH"),
        ("campaign.resume", "PAUSED"),
        ("campaign.cancel", "IN_PROGRESS"),
    ]
    row = await run.views.one("j2")
    assert (row["completed_at"], row["started_at"]) == (NOON, NOON + MINUTE)


async def test_a_preview_says_who_is_left_out_and_why(run):
    await run.block(1)
    await run.person(2, status="suspended")
    await run.person(3, phone=None)
    await run.consent(4)
    await run.consent(5)
    await run.consent(5, given=False)
    preview = await run.making.preview(EVERYBODY, at=NOON)
    assert (preview.reached, preview.left_out) == (8, {"blocked": 1, "suspended": 1})
    assert preview.sample == [f"user{no}" for no in range(3, 11)]
    asked = EVERYBODY._replace(channel="http", is_advertising=True)
    preview = await run.making.preview(asked, at=NOON)
    assert (preview.reached, preview.sample) == (1, ["user4"])
    left_out = {"no_consent": 6, "no_phone": 1, "opted_out": 1, "suspended": 1}
    assert preview.left_out == left_out
    for number in range(20, 30):
        await run.person(number)
    preview = await run.making.preview(EVERYBODY, at=NOON)
    assert (preview.reached, len(preview.sample)) == (18, 10)


@pytest.mark.parametrize(
    ("conditions", "meant"),
    [
        (Conditions(region="서울"), [1, 2]),
        (Conditions(is_test=True), [2, 3]),
        (Conditions(is_test=False), [1, 4, 5, 6, 7, 8, 9, 10]),
        (Conditions(last_seen_within_days=7), [4, 5]),
        (Conditions(region="서울", is_test=True), [2]),
        (Conditions(region="%"), []),
    ],
)
async def test_conditions_narrow_the_audience(run, conditions, meant):
    await run.person(1, region="서울")
    await run.person(2, region="서울", is_test=True)
    await run.person(3, region="부산", is_test=True)
    seen = "UPDATE users SET {} = to_timestamp($2::bigint / 1000.0) WHERE user_no = $1"
    for number, column, days in ((4, "last_seen_at", 6), (5, "last_sign_in_at", 7)):
        await run.database.execute(seen.format(column), number, NOON - days * 86_400_000)
    await run.database.execute(seen.format("last_seen_at"), 6, NOON - 7 * 86_400_000 - 1)
    preview = await run.making.preview(EVERYBODY._replace(conditions=conditions), at=NOON)
    assert preview.sample == [f"user{no}" for no in meant]
    assert await run.making.create(new(conditions=conditions), BY) == len(meant)
    [job] = await run.leased()
    assert [no for page in await run.read(job, most=3) for no in page] == meant


async def test_nobody_without_a_birth_date_nor_admins_nor_the_service_are_meant(run):
    await run.person(1, born=None)
    await run.person(2, born=date(2014, 6, 2))
    preview = await run.making.preview(EVERYBODY, at=NOON)
    assert preview.sample == [f"user{no}" for no in range(3, 11)]
    assert preview.left_out == {}


async def test_failures_are_sent_again_by_a_job_of_its_own(run):
    job = await run.started(channel="http")
    await run.begin(job, 1, 3)
    results = [Result(no, REFUSED, None) for no in (1, 3)]
    await run.store.record(job, results, at=NOON)
    await refused(run.making.resend_failures("j1", "j2", BY))
    await run.cancel("j1")
    for _ in range(2):
        assert await run.making.resend_failures("j1", "j2", BY) == 2
    row = await run.views.one("j2")
    assert (row["of_job"], row["status"], row["message"]) == ("j1", "CREATED", "text of j1")
    assert ((await run.views.one("j1"))["resent_as"], row["resent_as"]) == ("j2", None)
    await run.cancel("j2")
    assert (await run.views.one("j1"))["resent_as"] is None
    await run.job("j3")
    await run.cancel("j3")
    await refused(run.making.resend_failures("j3", "j4", BY))
    assert [each[0] for each in await entries(run)].count("campaign.resend") == 1


async def test_the_account_of_the_service_is_made_once(run):
    numbers = set()

    async def one():
        numbers.add(await run.making.ensure_service(UserId("madang"), "마당"))

    async with trio.open_nursery() as nursery:
        for _ in range(4):
            nursery.start_soon(one)
    assert len(numbers) == 1
    sql = "SELECT role, name, password_hash, username FROM users WHERE user_id = 'madang'"
    assert await run.fetch(sql) == [("service", "마당", None, "*madang")]
    await refused(run.making.ensure_service(UserId("user1"), "마당"))
    for prefix in ("마당", "*madang"):
        assert await UserStore(run.database).search(prefix, limit=9) == [], "nobody looks for it"


async def test_a_test_is_for_those_who_are_named_alone(run):
    await run.person(2, status="suspended")
    asked = new(age_group=None)
    for _ in range(2):
        assert await run.making.create_test(asked, [2, 9, ADMIN], BY) == 3
    row = await run.views.one("j1")
    assert (row["age_group"], row["is_read"], row["total_users"]) == (None, True, 3)
    [job] = await run.leased()
    assert await run.read(job) == [[]]
    assert await run.waiting(job) == [2, 9, ADMIN]
    told = await run.deliver(job, 2, 9, ADMIN)
    assert (told.delivered, told.skipped) == (2, {"suspended": 1})
    assert [each[:1] + each[3:4] for each in await entries(run)] == [("campaign.test", 3)]


async def test_the_service_does_not_write_to_itself(run):
    await run.making.create_test(new(age_group=None), [2, SERVICE], BY)
    [job] = await run.leased()
    told = await run.deliver(job, 2, SERVICE)
    assert (told.delivered, told.skipped) == (1, {"gone": 1})
    assert await run.store.next_due(job) is None


@pytest.mark.parametrize("zone", ["right/UTC", "posix/Asia/Seoul", "localtime", "posixrules", "x/"])
async def test_no_zone_of_somebody_stops_the_others(run, zone):
    await run.person(1, zone=zone)
    for number in (1, 2, 3):
        await run.consent(number)
    job = await run.started(advertising=True, start_at=NIGHT)
    told = await run.deliver(job, 1, 2, 3, at=NIGHT)
    assert (told.delivered + told.deferred, told.skipped) == (3, {})


class Slow(CampaignStore):
    """Something happens to jobs after it has leased them."""

    meanwhile = None

    async def _counted(self, job_no):
        if self.meanwhile is not None:
            happens, self.meanwhile = self.meanwhile, None
            await happens()
        return await super()._counted(job_no)


async def test_a_node_has_no_job_that_another_took_or_an_admin_stopped_meanwhile(run):
    slow, late, taken = Slow(run.database, new_id=str), Millis(NOON + 2 * MINUTE), []
    await run.job("j1")

    async def take():
        taken.extend(await run.leased(late))

    slow.meanwhile = take
    assert await slow.lease(now=NOON, until=Millis(NOON + MINUTE), most=9) == []
    assert [job.lease for job in taken] == [2]
    later = Millis(late + 2 * MINUTE)
    slow.meanwhile = partial(run.pause, "j1")
    assert await slow.lease(now=later, until=Millis(later + MINUTE), most=9) == []
    assert (await run.standing())[0] == "PAUSED"
    await run.resume("j1")
    [job] = await slow.lease(now=later, until=Millis(later + MINUTE), most=9)
    assert job.lease == 4
