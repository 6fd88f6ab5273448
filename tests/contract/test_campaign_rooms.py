"""What a delivery meets in rooms that are written to at this moment, and the states it goes by."""

from __future__ import annotations

from contextlib import asynccontextmanager

import asyncpg
import pytest
import trio
from campaign_store_world import (
    AGAIN,
    MINUTE,
    NIGHT,
    NOON,
    REFUSED,
    SENT,
    SERVICE,
    UNKNOWN,
    PostgresCampaignWorld,
)

from actors.campaign_records import Result
from actors.records import Verdict
from actors.rules.campaign_states import RECIPIENT_TRANSITIONS, JobStatus, RecipientStatus, may
from protocol.ids import Millis

INSERT = (
    "INSERT INTO room_events (room_no, seq, kind, sender_no, countable, at, body)"
    " VALUES ($1, $2, 1, 1, $2, 5, 'late')"
)
WAITING = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    " AND wait_event_type = 'Lock' AND query LIKE $1"
)
THE_OTHER_WAITS_TOO = """
DO $$ BEGIN
    WHILE NOT EXISTS (SELECT FROM pg_locks WHERE NOT granted
        AND transactionid = pg_current_xact_id()::xid) LOOP
        PERFORM pg_sleep(0.01);
    END LOOP;
    INSERT INTO room_events (room_no, seq, kind, sender_no, countable, at, body)
        VALUES (%d, 2, 1, 1, 2, 5, 'late');
END $$"""
DELIVER = "SELECT delivered FROM deliver_bulk($1, $2, $3, $4, '{}', $5)"

NOTE_MOVES = [
    "CREATE TABLE moves (of text, before text, after text)",
    """
CREATE FUNCTION note_move() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO moves VALUES (TG_TABLE_NAME, OLD.status::text, NEW.status::text);
    RETURN NULL;
END $$""",
    *(
        f"CREATE TRIGGER note_move AFTER UPDATE ON {table} FOR EACH ROW"
        " WHEN (OLD.status IS DISTINCT FROM NEW.status) EXECUTE FUNCTION note_move()"
        for table in ("bulk_message_jobs", "bulk_message_recipients")
    ),
]
MOVES = "SELECT DISTINCT before, after FROM moves WHERE of = $1"


@pytest.fixture
async def run(postgres):
    made = PostgresCampaignWorld(postgres)
    await made.people()
    return made


@asynccontextmanager
async def another_backend(run):
    call = run.database.loop.run_aio_coroutine
    connection = await call(asyncpg.connect(run.database.url))
    try:
        yield lambda sql, *args: call(connection.fetch(sql, *args))
    finally:
        connection.terminate()


async def is_waiting(run, query):
    with trio.fail_after(10):
        while True:
            if await run.database.fetchval(WAITING, f"%{query}%"):
                return
            await trio.sleep(0.01)


async def test_an_event_that_is_being_stored_comes_first(run):
    """The old owner has looked at the epoch before the delivery, and commits during it."""
    await run.deliver(await run.started("j1"), 1)
    room_no, _ = await run.room(1)
    job = await run.started("j2")
    told = []

    async def deliver():
        told.append(await run.deliver(job, 1, 2))

    async with another_backend(run) as other, trio.open_nursery() as nursery:
        await other("BEGIN")
        await other(INSERT, room_no, 2)
        nursery.start_soon(deliver)
        await is_waiting(run, "deliver_bulk")
        await other("COMMIT")
    assert told[0].delivered == 2
    assert [body for *_, body in await run.texts(1)] == ["text of j1", "late", "text of j2"]
    assert [seq for seq, *_ in await run.texts(1)] == [1, 2, 3]


async def test_an_owner_who_comes_too_late_is_told_so(run, writing):
    await run.deliver(await run.started("j1"), 1)
    room_no, room = await run.room(1)
    journal = run.journal()
    epoch = (await journal.claim([room], tail=0))[room].epoch
    job = await run.started("j2")
    verdicts = []

    async def append():
        batch = writing.batch(room_no, epoch, [writing.said(2)])
        verdicts.extend(await journal.append([batch]))

    async with another_backend(run) as other, trio.open_nursery() as nursery:
        await other("BEGIN")
        await other(DELIVER, job.job_no, job.lease, [1], ["new"], NOON)
        nursery.start_soon(append)
        await is_waiting(run, "append_events")
        await other("COMMIT")
    assert verdicts == [Verdict.DUPLICATE], "so that it claims the room anew"
    assert [body for *_, body in await run.texts(1)] == ["text of j1", "text of j2"]
    anew = (await journal.claim([room], tail=0))[room]
    batch = writing.batch(room_no, anew.epoch, [writing.said(3)])
    assert await journal.append([batch]) == [Verdict.STORED]


async def test_two_that_wait_for_each_other_both_get_through(run):
    """The delivery is who looks for a deadlock, and so the one that begins again."""
    await run.deliver(await run.started("j1"), 1, 2)
    (one, _), (two, _) = sorted([await run.room(1), await run.room(2)])
    job = await run.started("j2")
    told = []

    async def deliver():
        told.append(await run.deliver(job, 1, 2))

    async with another_backend(run) as other:
        await other("SET deadlock_timeout = '1min'")
        await other("BEGIN")
        await other(INSERT, two, 2)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(deliver)
            await other(THE_OTHER_WAITS_TOO % one)
            await other("COMMIT")
    assert told[0].delivered == 2
    for number in (1, 2):
        bodies = [body for *_, body in await run.texts(number)]
        assert bodies == ["text of j1", "late", "text of j2"]


async def test_who_pauses_waits_for_what_is_under_way(run):
    job = await run.started()
    paused = trio.Event()

    async def pause():
        await run.pause("j1")
        paused.set()

    async with another_backend(run) as other, trio.open_nursery() as nursery:
        await other("BEGIN")
        await other(DELIVER, job.job_no, job.lease, [1, 2], ["new1", "new2"], NOON)
        nursery.start_soon(pause)
        await is_waiting(run, "pg_advisory_xact_lock")
        assert not paused.is_set()
        await other("COMMIT")
        with trio.fail_after(10):
            await paused.wait()
    assert (await run.standing())[1].success == 2, "it was counted before"


async def test_a_job_and_its_recipients_move_as_the_tables_say(run):
    for statement in NOTE_MOVES:
        await run.database.execute(statement)
    await a_long_day(run)
    moves = await run.fetch(MOVES, "bulk_message_jobs")
    assert len(moves) > 8
    assert [move for move in moves if not may(*map(JobStatus, move))] == []
    moves = {(a, b) for a, b in await run.fetch(MOVES, "bulk_message_recipients")}
    unsettled = (RecipientStatus.QUEUED, RecipientStatus.LEASED)
    assert moves == {(a.value, b.value) for a in unsettled for b in RECIPIENT_TRANSITIONS[a]}


async def a_long_day(run):
    """Everything that can become of a recipient, and of a job."""
    for number in range(1, 8):
        await run.consent(number)
    job = await run.started("j1", channel="http", advertising=True)
    await run.begin(job, 1, 2, 3, 4, 5, 8)
    outcomes = (SENT, REFUSED, UNKNOWN, AGAIN, AGAIN)
    again = {4: Millis(NOON + 5)}
    results = [Result(no, each, again.get(no)) for no, each in enumerate(outcomes, 1)]
    await run.store.record(job, results, at=NOON)
    await run.begin(job, 6, until=Millis(NOON + 9))
    await run.begin(job, 7, at=NIGHT)
    await run.store.move(job, JobStatus.PROCESSING_BATCH, at=NOON)
    await run.pause("j1")
    await run.resume("j1")
    [job] = await run.leased(Millis(NOON + MINUTE))
    for status in ("PROCESSING_BATCH", "SENDING_MESSAGES", "PARTIALLY_FAILED"):
        await run.store.move(job, JobStatus(status), at=NOON)
    job = await run.started("j2")
    await run.deliver(job, 1, 2)
    for status in ("PROCESSING_BATCH", "SENDING_MESSAGES"):
        await run.store.move(job, JobStatus(status), at=NOON)
    await run.cancel("j2")
    await run.job("j3", start_at=NIGHT)
    await run.cancel("j3")
    await run.job("j4")
    await run.cancel("j4")
    job = await run.started("j5")
    await run.store.move(job, JobStatus.PROCESSING_BATCH, at=NOON)
    await run.store.move(job, JobStatus.FAILED, at=NOON, reason="nobody")
    assert SERVICE not in await run.ledger("j5")
