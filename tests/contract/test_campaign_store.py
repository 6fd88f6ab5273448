"""Campaigns as they are run: the same promises in memory and in PostgreSQL."""

from __future__ import annotations

from datetime import date

import pytest
import trio
from campaign_store_world import (
    AGAIN,
    MINUTE,
    MORNING,
    NIGHT,
    NOON,
    REFUSED,
    SENT,
    SERVICE,
    UNKNOWN,
    open_campaign_world,
)
from conftest import Writing

from actors.campaign_ports import LeaseLost
from actors.campaign_records import Counts, Result
from actors.message_records import NO_ATTEMPT, Outcome
from actors.records import Verdict
from actors.rules.age_groups import AgeGroup
from actors.rules.campaign_states import JobStatus
from protocol.ids import Millis

EVERYBODY = list(range(1, 11))
QUEUED, DELIVERED, SENT_ROW = ("queued", None), ("delivered", None), ("sent", None)


@pytest.fixture
async def run(world_url):
    async with open_campaign_world(world_url) as world:
        yield world


# ---- taking jobs


async def test_a_job_is_one_nodes_until_its_lease_is_over(run):
    await run.job("j1")
    [job] = await run.leased(NOON, until=NOON + MINUTE)
    assert (job.job_id, job.status, job.channel, job.lease) == ("j1", "IN_PROGRESS", "in_app", 1)
    assert not job.is_read and not job.is_ramped
    assert await run.leased(Millis(NOON + MINUTE - 1)) == []
    await run.store.renew(job, until=Millis(NOON + 3 * MINUTE))
    assert await run.leased(Millis(NOON + MINUTE)) == []
    [again] = await run.leased(Millis(NOON + 3 * MINUTE))
    assert (again.job_no, again.lease, again.status) == (job.job_no, 2, "IN_PROGRESS")
    await run.store.let_go(again)
    assert [each.lease for each in await run.leased(NOON)] == [3]


async def test_what_is_scheduled_waits_and_the_urgent_goes_first(run):
    await run.job("later", start_at=Millis(NOON + MINUTE), priority=4)
    await run.job("calm", priority=1)
    await run.job("urgent", priority=4)
    await run.job("urgent too", priority=4)
    assert [job.job_id for job in await run.leased(NOON, most=2)] == ["urgent", "urgent too"]
    assert [job.job_id for job in await run.leased(NOON)] == ["calm"]
    due = await run.leased(Millis(NOON + MINUTE), until=Millis(NOON + 9 * MINUTE))
    assert [job.job_id for job in due] == ["urgent", "urgent too", "later", "calm"]


async def test_states_go_their_way_and_no_other(run):
    job = await run.started()
    with pytest.raises(ValueError, match="cannot become"):
        await run.store.move(job, JobStatus.COMPLETED, at=NOON)
    for status in ("PROCESSING_BATCH", "SENDING_MESSAGES", "SENDING_MESSAGES"):
        await run.store.move(job, JobStatus(status), at=NOON)
    await run.store.let_go(job)
    [job] = await run.leased()
    assert job.status is JobStatus.SENDING_MESSAGES, "it goes on where it stood"
    await run.deliver(job, *EVERYBODY)
    for _ in range(2):
        await run.store.move(job, JobStatus.COMPLETED, at=NOON)
    assert await run.standing() == ("COMPLETED", Counts(10, 10, 0, 0, 0))
    assert await run.leased(Millis(NOON + 99 * MINUTE)) == []
    with pytest.raises(LeaseLost):
        await run.store.renew(job, until=NOON)


@pytest.mark.parametrize("stopped", ["paused", "cancelled", "taken", "halted"])
async def test_a_lost_lease_does_nothing_any_more(run, stopped):
    job = await run.started()
    if stopped == "taken":
        await run.store.let_go(job)
        assert len(await run.leased()) == 1
    elif stopped == "halted":
        await run.store.move(job, JobStatus.PAUSED, at=NOON, reason="failure_rate")
    else:
        await {"paused": run.pause, "cancelled": run.cancel}[stopped]("j1")
    store, before = run.store, await run.ledger()
    for call in (
        lambda: run.deliver(job, 1, 2),
        lambda: run.begin(job, 1, 2),
        lambda: store.read(job, most=5, at=NOON),
        lambda: run.waiting(job),
        lambda: store.next_due(job),
        lambda: store.renew(job, until=NOON),
        lambda: store.let_go(job),
        lambda: store.move(job, JobStatus.PROCESSING_BATCH, at=NOON),
        lambda: store.add(job, Counts(9, 9, 9, 9, 9)),
    ):
        with pytest.raises(LeaseLost):
            await call()
    assert await run.ledger() == before == dict.fromkeys(EVERYBODY, QUEUED)
    assert (await run.standing())[1].total == 10


async def test_a_job_goes_on_after_a_pause(run):
    job = await run.started()
    await run.deliver(job, 1, 2, 3)
    await run.pause("j1")
    assert await run.standing() == ("PAUSED", Counts(10, 3, 0, 0, 0))
    assert await run.leased(Millis(NOON + 9 * MINUTE)) == []
    await run.resume("j1")
    [job] = await run.leased()
    assert (job.status, job.counts, job.is_read) == ("IN_PROGRESS", Counts(10, 3, 0, 0, 0), True)
    assert await run.waiting(job) == EVERYBODY[3:]


# ---- the audience


async def test_its_audience_is_read_in_pages_by_number(run):
    await run.person(3, born=None)
    await run.person(5, status="suspended")
    await run.job("j1")
    [job] = await run.leased()
    assert await run.read(job, most=4) == [[1, 2, 4, 6], [7, 8, 9, 10], []]
    page = await run.store.read(job, most=4, at=NOON)
    assert (page.user_nos, page.is_last) == ([], True)
    assert await run.ledger() == dict.fromkeys((1, 2, 4, 6, 7, 8, 9, 10), QUEUED)
    assert (await run.standing())[1].total == 8


async def test_an_age_is_that_on_the_day_of_the_first_page_in_the_zone_of_the_job(run):
    born = {1: (2004, 6, 1), 2: (2004, 6, 2), 3: (1994, 6, 2), 4: (1994, 6, 1)}
    for number in EVERYBODY:
        await run.person(number, born=date(*born[number]) if number in born else None)
    await run.job("j1")
    [job] = await run.leased()
    assert await run.read(job) == [[1, 3]]
    await run.job("next day")
    [job] = await run.leased()
    assert await run.read(job, at=Millis(NOON + 12 * 60 * MINUTE)) == [[1, 2]]
    await run.job("old", group=AgeGroup.FIFTIES_PLUS)
    await run.person(4, born=date(1900, 1, 1))
    [job] = await run.leased()
    assert await run.read(job) == [[4]]


async def test_pages_stay_right_while_people_come_and_go(run):
    await run.job("j1")
    [job] = await run.leased()
    assert (await run.store.read(job, most=4, at=NOON)).user_nos == [1, 2, 3, 4]
    await run.person(20)  # came after the audience was settled
    await run.person(2, status="suspended")  # is in it already
    await run.person(6, status="suspended")
    await run.store.let_go(job)
    [job] = await run.leased()
    assert await run.read(job, most=4) == [[5, 7, 8, 9], [10]]
    assert list(await run.ledger()) == [1, 2, 3, 4, 5, 7, 8, 9, 10]
    told = await run.deliver(job, *EVERYBODY)
    assert (told.delivered, told.skipped) == (8, {"suspended": 1})


async def test_only_who_was_failed_is_sent_to_again(run):
    job = await run.started(channel="http")
    await run.begin(job, 1, 2, 3, 4)
    outcomes = (SENT, REFUSED, UNKNOWN, REFUSED)
    results = [Result(no, outcome, None) for no, outcome in enumerate(outcomes, 1)]
    await run.store.record(job, results, at=NOON)
    for status in ("PROCESSING_BATCH", "SENDING_MESSAGES", "PARTIALLY_FAILED"):
        await run.store.move(job, JobStatus(status), at=NOON)
    await run.job("j2", of_job="j1", channel="http")
    [job] = await run.leased()
    assert await run.read(job, most=1) == [[2], [4], []]


# ---- in the app


async def test_each_gets_one_message_in_a_room_of_his(run):
    job = await run.started()
    told = await run.deliver(job, *EVERYBODY[:6], watching=[2, 4, 9])
    assert (told.delivered, told.skipped, told.deferred) == (6, {}, 0)
    assert {(each.user, each.is_new) for each in told.live} == {("user2", True), ("user4", True)}
    assert {each.room for each in told.live} == {(await run.room(no))[1] for no in (2, 4)}
    again = await run.deliver(job, *EVERYBODY, 99, watching=[2, 8])
    assert (again.delivered, [each.user for each in again.live]) == (4, ["user8"])
    for number in EVERYBODY:
        assert await run.texts(number) == [(1, SERVICE, 1, "text of j1")]
    assert await run.ledger() == dict.fromkeys(EVERYBODY, DELIVERED)
    assert await run.store.next_due(job) is None and await run.waiting(job) == []


async def test_the_next_campaign_goes_into_the_same_room(run):
    await run.deliver(await run.started("j1"), 1)
    job = await run.started("j2")
    told = await run.deliver(job, 1, 2, watching=[1, 2])
    assert {(each.user, each.is_new) for each in told.live} == {("user1", False), ("user2", True)}
    expected = [(1, SERVICE, 1, "text of j1"), (2, SERVICE, 2, "text of j2")]
    assert await run.texts(1) == expected


async def test_whoever_delivers_at_once_stores_one_message_each(run):
    job = await run.started()
    told = []

    async def one(*user_nos):
        told.append((await run.deliver(job, *user_nos)).delivered)

    async with trio.open_nursery() as nursery:
        for shift in range(6):
            nursery.start_soon(one, *EVERYBODY[shift:], *EVERYBODY[:shift])
    while await run.waiting(job):
        await one(*EVERYBODY)  # who was skipped because another was at it, and gave up
    assert sum(told) == 10
    for number in EVERYBODY:
        assert len(await run.texts(number)) == 1


async def test_who_is_left_out_is_told_by_reason(run):
    job = await run.started()
    await run.block(1)
    await run.person(2, status="suspended")
    await run.person(3, status="deleted")
    told = await run.deliver(job, *EVERYBODY, watching=[1, 2, 3])
    assert (told.delivered, told.live) == (7, [])
    assert told.skipped == {"blocked": 1, "suspended": 1, "gone": 1}
    ledger = await run.ledger()
    assert [ledger[no] for no in (1, 2, 3)] == [
        ("skipped", "blocked"),
        ("skipped", "suspended"),
        ("skipped", "gone"),
    ]


async def test_who_left_the_room_comes_back_to_it(run):
    await run.deliver(await run.started("j1"), 1, 2)
    await run.leave(1)
    assert not await run.inside(1)
    await run.deliver(await run.started("j2"), 1)
    assert await run.inside(1) and len(await run.texts(1)) == 2


async def test_a_room_that_an_actor_owns_loses_nothing(run):
    await run.deliver(await run.started("j1"), 1)
    room_no, room = await run.room(1)
    journal = run.journal()
    claimed = (await journal.claim([room], tail=0))[room]
    batch = Writing.batch(room_no, claimed.epoch, [Writing.said(2)])
    assert await journal.append([batch]) == [Verdict.STORED]
    await run.deliver(await run.started("j2"), 1)
    idle = Writing.batch(room_no, claimed.epoch, [], cursors={1: 2})
    assert await journal.append([idle]) == [Verdict.STALE], "also who writes nothing finds out"
    late = Writing.batch(room_no, claimed.epoch, [Writing.said(3)])
    assert (await journal.append([late]))[0] in {Verdict.STALE, Verdict.DUPLICATE}
    anew = (await journal.claim([room], tail=9))[room]
    assert (anew.last_seq, anew.epoch > claimed.epoch) == (3, True)
    again = Writing.batch(room_no, anew.epoch, [Writing.said(4)])
    assert await journal.append([again]) == [Verdict.STORED]
    bodies = [body for *_, body in await run.texts(1)]
    assert bodies == ["text of j1", "message 2", "text of j2", "message 4"]


# ---- advertising


async def test_advertising_goes_to_who_agreed_to_it(run):
    for number in (1, 2, 3):
        await run.consent(number)
    await run.consent(3, given=False)
    job = await run.started(advertising=True)
    told = await run.deliver(job, 1, 3, 4)
    assert (told.delivered, told.skipped) == (1, {"opted_out": 1, "no_consent": 1})
    await run.consent(2, given=False)
    assert (await run.deliver(job, 2)).skipped == {"opted_out": 1}, "in a job that is under way"
    assert await run.texts(1) == [(1, SERVICE, 1, "text of j1")]


@pytest.mark.parametrize("channel", ["in_app", "http"])
async def test_at_night_it_waits_for_the_morning_of_the_recipient(run, channel):
    for number in EVERYBODY:
        await run.consent(number)
    await run.consent(2, "advertising_night")
    await run.person(3, zone="Europe/Berlin")  # 15:00 there
    job = await run.started(advertising=True, channel=channel)
    step = run.deliver if channel == "in_app" else run.begin
    told = await step(job, 1, 2, 3, at=NIGHT)
    assert (told.deferred, told.skipped) == (1, {})
    done = told.delivered if channel == "in_app" else len(told.ready)
    assert (done, (await run.ledger())[1]) == (2, ("queued", "night"))
    assert await run.waiting(job, now=NIGHT) == EVERYBODY[3:]
    again = await step(job, 1, at=Millis(MORNING - 1))
    assert again.deferred == 0, "it is not even asked about before"
    assert await run.waiting(job, now=MORNING, most=3) == [1, 4, 5]
    assert await run.waiting(job, now=MORNING, after=4, most=3) == [5, 6, 7]
    await run.consent(1, given=False)
    assert (await step(job, 1, at=MORNING)).skipped == {"opted_out": 1}


@pytest.mark.parametrize("channel", ["in_app", "http"])
async def test_a_zone_that_is_not_known_is_that_of_the_job(run, channel):
    for number in EVERYBODY:
        await run.consent(number)
    await run.person(1, zone="Mars/Olympus")
    job = await run.started(advertising=True, channel=channel)
    step = run.deliver if channel == "in_app" else run.begin
    assert (await step(job, *EVERYBODY, at=NIGHT)).deferred == 10
    assert await run.store.next_due(job) == MORNING


async def test_it_is_known_when_the_next_is_due(run):
    for number in EVERYBODY:
        await run.consent(number)
    job = await run.started(advertising=True, channel="http")
    assert await run.store.next_due(job) == 0
    assert (await run.begin(job, *EVERYBODY, at=NIGHT)).deferred == 10
    assert await run.store.next_due(job) == MORNING
    until = Millis(MORNING + MINUTE)
    assert len((await run.begin(job, *EVERYBODY, at=MORNING, until=until)).ready) == 10
    assert await run.store.next_due(job) == until


# ---- to phones


async def test_a_batch_is_leased_and_says_what_to_send(run):
    job = await run.started(channel="http")
    await run.person(2, phone=None)
    await run.block(3)
    begun = await run.begin(job, 1, 2, 3)
    assert begun.skipped == {"no_phone": 1}, "a block is of the app"
    [one, three] = begun.ready
    assert (one.user_no, three.user_no, one.attempt) == (1, 3, 1)
    message = one.message
    told = (message.id, message.to, message.body, message.advertising)
    assert told == ("j1-1", "010-0000-0001", "text of j1", False)
    assert (await run.begin(job, 1, 3)).ready == [], "they are leased"
    await run.store.record(job, [Result(1, AGAIN, Millis(NOON + 5))], at=NOON)
    [again] = (await run.begin(job, 1, at=Millis(NOON + 5))).ready
    assert (again.message.id, again.attempt) == ("j1-1", 2), "the same for every attempt"


async def test_results_settle_each_once(run):
    job = await run.started(channel="http")
    await run.begin(job, *EVERYBODY[:6])
    results = [
        Result(1, SENT, None),
        Result(2, REFUSED, None),
        Result(3, UNKNOWN, None),
        Result(4, AGAIN, Millis(NOON + MINUTE)),
        Result(5, AGAIN, None),
        Result(9, SENT, None),  # not begun with
    ]
    for _ in range(2):
        await run.store.record(job, results, at=NOON)
    ledger = await run.ledger()
    assert [ledger[no] for no in (1, 2, 3, 4, 5, 6, 9)] == [
        SENT_ROW,
        ("failed", "provider_refused"),
        ("unknown", "no_answer"),
        ("queued", "provider_error"),
        ("failed", "provider_error"),
        ("leased", None),
        QUEUED,
    ]
    assert 4 not in await run.waiting(job)
    assert 4 in await run.waiting(job, now=Millis(NOON + MINUTE))


@pytest.mark.parametrize("reason", sorted(NO_ATTEMPT))
async def test_whose_message_was_not_looked_at_has_had_no_attempt(run, reason):
    job = await run.started(channel="http")
    limited = Outcome(kind="again", reason=reason)
    for minute in range(1, 4):
        at = Millis(NOON + minute * MINUTE)
        [only] = (await run.begin(job, 1, at=at)).ready
        assert only.attempt == 1
        await run.store.record(job, [Result(1, limited, Millis(at + 5))], at=at)


async def test_a_doubt_is_kept_through_further_attempts(run):
    job = await run.started(channel="http")
    doubtful = Outcome(kind="again", reason="no_answer", may_be_sent=True)
    for minute, outcome in enumerate([AGAIN, doubtful, AGAIN], start=1):
        at = Millis(NOON + minute * MINUTE)
        [only] = (await run.begin(job, 1, at=at)).ready
        assert not only.in_doubt or minute > 2
        await run.store.record(job, [Result(1, outcome, Millis(at + 5))], at=at)
    [only] = (await run.begin(job, 1, at=Millis(NOON + 9 * MINUTE))).ready
    assert only.in_doubt and only.attempt == 4


async def test_a_result_told_twice_does_not_end_the_next_attempt(run):
    job = await run.started(channel="http")
    await run.begin(job, 1)
    result = Result(1, AGAIN, Millis(NOON + 5))
    await run.store.record(job, [result], at=NOON)
    await run.begin(job, 1, at=Millis(NOON + 5))
    await run.store.record(job, [result], at=Millis(NOON + 6))
    assert (await run.ledger())[1] == ("leased", None)


async def test_who_was_leased_by_a_node_that_died_is_unknown(run):
    job = await run.started(channel="http")
    await run.begin(job, 1, 2, until=Millis(NOON + MINUTE))
    await run.begin(job, 3, until=Millis(NOON + 3 * MINUTE))
    run.store = run.another_node()
    [taken] = await run.leased(Millis(NOON + MINUTE))
    assert taken.counts == Counts(10, 0, 0, 2, 0)
    ledger = await run.ledger()
    assert [ledger[no] for no in (1, 2, 3)] == [("unknown", "no_answer")] * 2 + [("leased", None)]
    late = [Result(1, SENT, None), Result(3, SENT, None)]
    await run.store.record(job, late, at=NOON)
    ledger = await run.ledger()
    assert (ledger[1], ledger[3]) == (("unknown", "no_answer"), SENT_ROW)
    assert (await run.standing())[1] == Counts(10, 1, 0, 2, 0), "nobody else would count it"
    assert await run.waiting(taken) == EVERYBODY[3:]


async def test_what_was_sent_while_the_job_was_stopped_is_kept_and_counted(run):
    job = await run.started(channel="http")
    await run.begin(job, 1, 2, 3, 4)
    await run.cancel("j1")
    assert await run.standing() == ("CANCELLED", Counts(10, 0, 0, 0, 6))
    results = [Result(1, SENT, None), Result(2, REFUSED, None), Result(3, AGAIN, MORNING)]
    await run.store.record(job, results, at=NOON)
    assert await run.standing() == ("CANCELLED", Counts(10, 1, 1, 0, 7)), "3 is not tried again"
    assert await run.leased(Millis(NOON + MINUTE)) == []
    assert await run.standing() == ("CANCELLED", Counts(10, 1, 1, 1, 7)), "all are settled"


async def test_a_job_is_called_what_its_ledger_says_also_where_its_node_does_not_know(run):
    for name, status in (("j1", "COMPLETED"), ("j2", "PARTIALLY_FAILED")):
        job = await run.started(name, channel="http")
        await run.begin(job, *EVERYBODY)
        late = EVERYBODY[0] if name == "j2" else 0
        results = [Result(no, SENT, None) for no in EVERYBODY if no != late]
        await run.store.record(job, results, at=NOON)
        await run.leased(Millis(NOON + MINUTE), most=0)
        await run.store.record(job, [Result(1, SENT, None)], at=Millis(NOON + MINUTE))
        for step in ("PROCESSING_BATCH", "SENDING_MESSAGES"):
            assert await run.store.move(job, JobStatus(step), at=NOON) == step
        assert await run.store.move(job, JobStatus.COMPLETED, at=NOON) == status
        assert (await run.standing(name))[0] == status


async def test_a_node_that_stops_its_job_tells_of_all_whom_it_has_sent_to(run):
    job = await run.started()
    await run.deliver(job, 1, 2, 3)
    await run.store.move(job, JobStatus.PAUSED, at=NOON, reason="failure_rate")
    assert await run.standing() == ("PAUSED", Counts(10, 3, 0, 0, 0))


async def test_a_node_that_died_is_followed_where_it_stopped(run):
    await run.job("j1")
    [job] = await run.leased()
    await run.store.move(job, JobStatus.PROCESSING_BATCH, at=NOON)
    await run.store.read(job, most=4, at=NOON)
    await run.store.move(job, JobStatus.SENDING_MESSAGES, at=NOON)
    await run.deliver(job, 1, 2)
    run.store = run.another_node()
    [job] = await run.leased(Millis(NOON + MINUTE))
    assert (job.status, job.is_read) == ("SENDING_MESSAGES", False)
    assert job.counts[1:] == (2, 0, 0, 0)
    assert await run.waiting(job) == [3, 4]
    assert await run.read(job, most=4) == [[5, 6, 7, 8], [9, 10]]
    await run.deliver(job, *EVERYBODY)
    for number in EVERYBODY:
        assert len(await run.texts(number)) == 1


async def test_counts_are_added_to_what_is_told(run):
    job = await run.started()
    await run.store.add(job, Counts(12, 1, 2, 3, 4))
    await run.store.add(job, Counts(11, 1, 0, 0, 1))
    assert (await run.standing())[1] == Counts(11, 2, 2, 3, 5)
    assert (await run.standing())[1].done == 12
