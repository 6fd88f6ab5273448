"""What only a real database can do to the journal: orphans, lost connections, late answers."""

from __future__ import annotations

import os
import signal
from contextlib import asynccontextmanager

import asyncpg
import pytest
import trio

from actors.ports import OutcomeUnknown, StoreUnavailable
from actors.records import EventKind, MemberMove, NewEvent, Verdict
from server.postgres.journal import PostgresJournal
from server.postgres.pool import open_database

OWNER = 1000  # of the world's first journal

INSERT = (
    "INSERT INTO room_events (room_no, seq, kind, sender_no, countable, at, body)"
    " VALUES ($1, $2, 1, 1, $2, 5, 'late')"
)
WAITING = (
    "SELECT pid FROM pg_stat_activity"
    " WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE $1"
)


@asynccontextmanager
async def another_backend(world):
    run = world.database.loop.run_aio_coroutine
    connection = await run(asyncpg.connect(world.database.url))
    try:
        yield lambda sql, *args: run(connection.execute(sql, *args))
    finally:
        connection.terminate()


async def backend_waiting(world, query):
    """The process whose statement *query* waits for a lock."""
    with trio.fail_after(5):
        while True:
            pid = await world.database.fetchval(WAITING, f"%{query}%")
            if pid is not None:
                return pid
            await trio.sleep(0.01)


class NotedLog:
    def warning(self, event, **fields):
        pass


class Outcome:
    """What became of a call made in a nursery."""

    def __init__(self, call):
        self._call, self.value = call, None

    async def run(self):
        try:
            self.value = await self._call()
        except (OutcomeUnknown, StoreUnavailable) as error:
            self.value = error


async def test_a_claim_waits_for_an_orphaned_append_and_sees_what_it_stored(postgres):
    number, room = await postgres.room(1)
    old, new = postgres.journal(), postgres.journal()
    await old.claim([room], tail=10)
    claim = Outcome(lambda: new.claim([room], tail=10))
    async with another_backend(postgres) as orphan, trio.open_nursery() as nursery:
        await orphan("BEGIN")
        await orphan("SELECT pg_advisory_xact_lock_shared($1)", OWNER)
        await orphan(INSERT, number, 1)
        nursery.start_soon(claim.run)
        await backend_waiting(postgres, "claim_rooms")
        assert claim.value is None
        await orphan("COMMIT")
    assert (claim.value[room].last_seq, claim.value[room].epoch) == (1, 2)


async def test_a_claim_given_up_leaves_its_orphan_to_the_next_claim(postgres):
    number, room = await postgres.room(1)
    old, gone, new = postgres.journal(), postgres.journal(), postgres.journal()
    await old.claim([room], tail=10)
    claim = Outcome(lambda: new.claim([room], tail=10))
    async with another_backend(postgres) as orphan, trio.open_nursery() as nursery:
        await orphan("BEGIN")
        await orphan("SELECT pg_advisory_xact_lock_shared($1)", OWNER)
        await orphan(INSERT, number, 1)
        with trio.move_on_after(0.2) as waited:
            await gone.claim([room], tail=10)
        assert waited.cancelled_caught
        nursery.start_soon(claim.run)
        await backend_waiting(postgres, "claim_rooms")
        await orphan("COMMIT")
    assert (claim.value[room].last_seq, claim.value[room].epoch) == (1, 2)


async def test_an_append_that_meets_a_claim_under_way_is_stale(postgres, writing):
    number, room = await postgres.room(1)
    journal = postgres.journal()
    await journal.claim([room], tail=10)
    append = Outcome(lambda: journal.append([writing.batch(number, 1, [writing.said(1)])]))
    async with another_backend(postgres) as claimant, trio.open_nursery() as nursery:
        await claimant("BEGIN")
        await claimant("SELECT claim_rooms($1, 77)", [room])
        nursery.start_soon(append.run)
        await backend_waiting(postgres, "append_events")
        await claimant("COMMIT")
    assert append.value == [Verdict.STALE]


async def test_a_change_of_a_room_and_a_claim_of_it_do_not_wait_for_each_other(postgres, writing):
    number, room = await postgres.room(1)
    old, new = postgres.journal(), postgres.journal()
    await old.claim([room], tail=10)
    change = NewEvent(1, 5, EventKind.ROOM_CHANGED, 1, 0, extra='{"name": "new"}')
    append = Outcome(lambda: old.append([writing.batch(number, 1, [change])]))
    claim = Outcome(lambda: new.claim([room], tail=10))
    async with another_backend(postgres) as slow, trio.open_nursery() as nursery:
        await slow("BEGIN")
        await slow(INSERT, number, 1)
        nursery.start_soon(append.run)
        await backend_waiting(postgres, "append_events")  # with all locks but that of its seq
        nursery.start_soon(claim.run)
        await backend_waiting(postgres, "claim_rooms")
        await slow("ROLLBACK")
    assert append.value == [Verdict.STORED]
    assert claim.value[room].summary.name == "new"


async def test_a_journal_cannot_append_under_the_epoch_of_another_owner(postgres, writing):
    number, room = await postgres.room(1)
    await postgres.journal().claim([room], tail=10)
    batch = writing.batch(number, 1, [writing.said(1)])
    assert await postgres.journal().append([batch]) == [Verdict.STALE]


async def test_an_append_whose_backend_is_terminated_has_an_unknown_outcome(postgres, writing):
    number, room = await postgres.room(1)
    journal = postgres.journal()
    await journal.claim([room], tail=10)
    batch = writing.batch(number, 1, [writing.said(1)])
    append = Outcome(lambda: journal.append([batch]))
    async with another_backend(postgres) as holder, trio.open_nursery() as nursery:
        await holder("SELECT pg_advisory_lock($1)", OWNER)
        nursery.start_soon(append.run)
        pid = await backend_waiting(postgres, "append_events")
        await postgres.database.execute("SELECT pg_terminate_backend($1)", pid)
    assert isinstance(append.value, OutcomeUnknown)
    assert await journal.append([batch]) == [Verdict.STORED], "it connects again"


async def test_an_append_without_an_answer_in_time_has_an_unknown_outcome(postgres, writing):
    number, room = await postgres.room(1)
    journal = postgres.journal(within=0.3)
    await journal.claim([room], tail=10)
    batch = writing.batch(number, 1, [writing.said(1)])
    async with another_backend(postgres) as holder:
        await holder("SELECT pg_advisory_lock($1)", OWNER)
        with trio.fail_after(3), pytest.raises(OutcomeUnknown):
            await journal.append([batch])


async def test_a_cancelled_caller_waits_for_the_outcome(postgres, writing):
    number, room = await postgres.room(1)
    journal = postgres.journal()
    await journal.claim([room], tail=10)
    append = Outcome(lambda: journal.append([writing.batch(number, 1, [writing.said(1)])]))
    async with another_backend(postgres) as holder, trio.open_nursery() as nursery:
        await holder("SELECT pg_advisory_lock($1)", OWNER)
        nursery.start_soon(append.run)
        await backend_waiting(postgres, "append_events")
        nursery.cancel_scope.cancel()
        with trio.CancelScope(shield=True):
            await holder("SELECT pg_advisory_unlock($1)", OWNER)
    assert append.value == [Verdict.STORED]


async def test_a_connection_lost_at_rest_costs_nothing(postgres, writing):
    number, room = await postgres.room(1)
    journal = postgres.journal()
    await journal.claim([room], tail=10)
    await journal.append([writing.batch(number, 1, [writing.said(1)])])
    lost = (
        "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity"
        " WHERE datname = current_database() AND query LIKE '%append_events%'"
        " AND pid <> pg_backend_pid()"
    )
    assert await postgres.database.fetchval(lost) == 1
    await trio.sleep(0.1)
    assert await journal.append([writing.batch(number, 1, [writing.said(2)])]) == [Verdict.STORED]


async def test_nothing_was_stored_where_there_is_no_database(postgres, writing):
    journal = PostgresJournal(postgres.database, owner=1)
    postgres.database.url = "postgresql://nobody@/none?host=/nowhere"
    with pytest.raises(StoreUnavailable):
        await journal.append([writing.batch(1, 1, [writing.said(1)])])


async def test_a_database_that_forgets_commits_is_refused(postgres, writing):
    name = await postgres.database.fetchval("SELECT current_database()")
    await postgres.database.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
    with pytest.raises(StoreUnavailable, match="synchronous_commit"):
        await postgres.journal().append([writing.batch(1, 1, [writing.said(1)])])


@pytest.mark.parametrize("wrong", [{"body": "\ud800"}, {"reply_to": 2**40}, {"digest": 2**63}])
async def test_what_cannot_even_be_sent_is_refused_alone(postgres, writing, wrong):
    (bad, one), (good, other) = await postgres.room(1), await postgres.room(1)
    journal = postgres.journal()
    await journal.claim([one, other], tail=10)
    batches = [
        writing.batch(bad, 1, [writing.said(1, **wrong)]),
        writing.batch(good, 1, [writing.said(1)]),
    ]
    assert await journal.append(batches) == [Verdict.REFUSED, Verdict.STORED]


async def test_a_member_who_is_nobody_is_refused_with_his_event(postgres, writing):
    number, room = await postgres.room(1)
    journal = postgres.journal()
    await journal.claim([room], tail=10)
    batch = writing.batch(number, 1, [writing.said(1)], moves=[MemberMove(999, "member", 1)])
    assert await journal.append([batch]) == [Verdict.REFUSED]
    assert (await journal.claim([room], tail=10))[room].last_seq == 0


async def test_a_claim_of_many_rooms_takes_as_many_queries_as_of_one(postgres):
    rooms = [(await postgres.room(1, 2))[1] for _ in range(30)]
    journal, asked, fetch = postgres.journal(), [], postgres.database.fetch

    async def counting(sql, *args, **options):
        asked.append(sql)
        return await fetch(sql, *args, **options)

    postgres.database.fetch = counting
    await journal.claim(rooms[:1], tail=5)
    for_one = len(asked)
    assert len(await journal.claim(rooms, tail=5)) == 30
    assert len(asked) == 2 * for_one


async def test_a_probe_fails_where_there_is_no_database(postgres):
    async with open_database("postgresql://nobody@/none?host=/nowhere", log=NotedLog()) as away:
        with pytest.raises(StoreUnavailable):
            await PostgresJournal(away, owner=1).probe()


async def test_a_backend_that_stopped_is_given_up_and_others_go_on_without_it(postgres, writing):
    (number, room), (other, other_room) = await postgres.room(1), await postgres.room(1)
    journal = postgres.journal(within=0.5)
    await journal.claim([room, other_room], tail=10)
    await journal.append([writing.batch(number, 1, [writing.said(1)])])
    pid = journal._link.pid
    os.kill(pid, signal.SIGSTOP)
    try:
        with trio.fail_after(3), pytest.raises(OutcomeUnknown):
            await journal.append([writing.batch(number, 1, [writing.said(2)])])
        batch = writing.batch(other, 1, [writing.said(1)])
        assert await journal.append([batch]) == [Verdict.STORED]
    finally:
        os.kill(pid, signal.SIGCONT)
    claimed = (await journal.claim([room], tail=10))[room]
    assert claimed.epoch == 2 and claimed.last_seq in (1, 2)


async def test_a_cursor_in_a_large_room_touches_its_own_row_alone(postgres, writing):
    number, room = await postgres.room(1)
    journal = postgres.journal()
    await postgres.database.execute(
        "INSERT INTO users (user_no, user_id, username, name)"
        " SELECT n, 'user' || n, 'name' || n, 'User ' || n FROM generate_series(100, 1099) n"
    )
    await postgres.database.execute(
        "INSERT INTO chat_members (room_no, user_no, role)"
        " SELECT $1, n, 'member' FROM generate_series(100, 1099) n",
        number,
    )
    await postgres.database.execute("ANALYZE chat_members")
    await journal.claim([room], tail=10)
    await journal.append([writing.batch(number, 1, [writing.said(1)])])
    before = await rows_fetched(postgres, journal)
    batches = [writing.batch(number, 1, [writing.said(2)], cursors={500: 1, 700: 1})]
    assert await journal.append(batches) == [Verdict.STORED]
    assert await rows_fetched(postgres, journal) - before < 10


async def rows_fetched(postgres, journal):
    """Rows of chat_members that its indexes led to, whoever asked."""
    await journal._link.ask("SELECT pg_stat_force_next_flush()")
    await postgres.database.execute("SELECT pg_stat_clear_snapshot()")
    sql = "SELECT idx_tup_fetch FROM pg_stat_user_tables WHERE relname = 'chat_members'"
    return await postgres.database.fetchval(sql)
