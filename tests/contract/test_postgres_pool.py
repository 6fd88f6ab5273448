"""The seam to asyncpg: deadlines, rollbacks, outages."""

from __future__ import annotations

import asyncpg
import pytest
import trio
import trio_asyncio

from actors.ports import OutcomeUnknown, StoreUnavailable
from server.postgres.pool import open_database, quiet_loop


class NotedLog:
    def __init__(self):
        self.events = []

    def warning(self, event, **fields):
        self.events.append((event, fields))


@pytest.fixture
def log():
    return NotedLog()


@pytest.fixture
async def database(database_url, log):
    async with trio_asyncio.open_loop() as loop:
        quiet_loop(loop, log)
        async with open_database(database_url, size=2, log=log) as made:
            await made.execute("CREATE TABLE things (n integer PRIMARY KEY)")
            yield made


async def in_transaction(database, *steps):
    """Run *steps* one after another in one transaction: SQL, or something to await or raise."""
    async with database.transaction() as transaction:
        for step in steps:
            if isinstance(step, str):
                await transaction.execute(step)
            else:
                await step(database)


async def lose_its_connection(database):
    await end_every_other(database)
    await trio.sleep(0.05)


async def fail(_):
    raise KeyError


async def things(database):
    return [row["n"] for row in await database.fetch("SELECT n FROM things ORDER BY n")]


async def test_the_four_calls_answer_in_their_ways(database):
    assert await database.execute("INSERT INTO things VALUES ($1), ($2)", 1, 2) == "INSERT 0 2"
    assert await things(database) == [1, 2]
    assert (await database.fetchrow("SELECT n FROM things ORDER BY n"))["n"] == 1
    assert await database.fetchrow("SELECT n FROM things WHERE n = 9") is None
    assert await database.fetchval("SELECT count(*) FROM things") == 2


async def test_a_transaction_commits_at_the_end_and_rolls_back_when_it_raises(database):
    async with database.transaction() as transaction:
        await transaction.execute("INSERT INTO things VALUES (1)")
        assert await transaction.fetchval("SELECT count(*) FROM things") == 1
        assert await things(database) == []
    with pytest.raises(KeyError):
        await in_transaction(database, "INSERT INTO things VALUES (2)", fail)
    assert await things(database) == [1]


async def test_a_statement_at_fault_raises_its_own_error_and_rolls_back(database):
    with pytest.raises(asyncpg.UniqueViolationError):
        await in_transaction(database, *["INSERT INTO things VALUES (1)"] * 2)
    assert await things(database) == []


async def test_a_cancelled_transaction_is_rolled_back_and_its_connection_used_again(database, log):
    for number in range(6):
        with trio.move_on_after(0.05) as scope:
            async with database.transaction() as transaction:
                await transaction.execute("INSERT INTO things VALUES ($1)", number)
                await transaction.execute("SELECT pg_sleep(30)")
        assert scope.cancelled_caught
    assert await things(database) == []
    mine = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    assert await database.fetchval(mine) <= 2
    assert log.events == []


async def test_a_late_answer_is_store_unavailable(database):
    with pytest.raises(StoreUnavailable, match=r"within 0\.1 s"):
        await database.fetch("SELECT pg_sleep(30)", within=0.1)
    assert await database.fetchval("SELECT 1") == 1


async def test_waiting_for_a_connection_ends_in_store_unavailable(database):
    async with database.transaction(), database.transaction():
        with trio.fail_after(3), pytest.raises(StoreUnavailable):
            await database.fetchval("SELECT 1", within=0.1)
        with trio.fail_after(3), pytest.raises(StoreUnavailable):
            async with database.transaction(within=0.1):
                pytest.fail("there was a third connection")
    assert await database.fetchval("SELECT 1") == 1


async def end_every_other(database):
    await database.fetch(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )


async def test_a_lost_connection_is_store_unavailable_and_then_replaced(database):
    async with trio.open_nursery() as nursery:

        async def sleep():
            with pytest.raises(StoreUnavailable):
                await database.fetch("SELECT pg_sleep(30)")

        nursery.start_soon(sleep)
        await trio.sleep(0.1)
        await end_every_other(database)
    for _ in range(3):
        assert await database.fetchval("SELECT 1") == 1


async def test_a_transaction_whose_connection_is_lost_is_not_committed(database):
    with pytest.raises(StoreUnavailable):
        await in_transaction(database, "INSERT INTO things VALUES (1)", lose_its_connection)
    assert await things(database) == []
    with pytest.raises(StoreUnavailable):
        await in_transaction(database, lose_its_connection, "SELECT 1")


async def test_a_commit_without_an_answer_has_an_unknown_outcome(database):
    await database.execute(
        "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS"
        " $$BEGIN PERFORM pg_sleep(30); RETURN NULL; END$$;"
        "CREATE CONSTRAINT TRIGGER late AFTER INSERT ON things DEFERRABLE INITIALLY DEFERRED"
        " FOR EACH ROW EXECUTE FUNCTION wait()"
    )

    async def end_the_commit():
        await trio.sleep(0.2)
        await end_every_other(database)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(end_the_commit)
        with pytest.raises(OutcomeUnknown):
            await in_transaction(database, "INSERT INTO things VALUES (1)")


async def test_no_database_is_store_unavailable(log):
    async with trio_asyncio.open_loop() as loop:
        quiet_loop(loop, log)
        async with open_database("postgresql://x@/y?host=/nowhere", log=log) as away:
            with pytest.raises(StoreUnavailable, match="PostgreSQL"):
                await away.fetch("SELECT 1")


async def test_an_error_in_a_callback_of_the_loop_is_logged_and_ends_nothing(database, log):
    database.loop.call_soon(lambda: 1 / 0)
    await trio.sleep(0.01)
    assert await database.fetchval("SELECT 1") == 1
    assert [event for event, _ in log.events] == ["asyncio"]
