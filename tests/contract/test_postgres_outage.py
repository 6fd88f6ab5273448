"""A database that lets nobody in: whatever it says, adapters raise the port's errors."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import asyncpg
import pytest
import trio

from actors.ports import AdapterError, OutcomeUnknown, StoreUnavailable
from actors.records import PageQuery, Verdict
from server.postgres.idempotency import Asked, KeptAnswers
from server.postgres.migrate import migrate
from server.postgres.users import UserStore

END = (
    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
    " WHERE datname = '{name}' AND pid <> pg_backend_pid()"
)
CLOSED = ("ALTER DATABASE {name} ALLOW_CONNECTIONS false", END)
OPENED = ("ALTER DATABASE {name} ALLOW_CONNECTIONS true",)
RENAMED = (END, "ALTER DATABASE {name} RENAME TO elsewhere")
NAMED_BACK = ("ALTER DATABASE elsewhere RENAME TO {name}",)


@pytest.fixture
async def other_database(postgres, backends) -> Callable[..., object]:
    """Runs statements from another database, about that of the test."""
    name = postgres.database.url.split("/")[3].split("?")[0]
    run = postgres.database.loop.run_aio_coroutine

    async def execute(*statements: str) -> None:
        connection = await run(asyncpg.connect(backends.database_url))
        for statement in statements:
            await run(connection.execute(statement.format(name=name)))
        await run(connection.close())

    return execute


@asynccontextmanager
async def outage(execute, begin, end) -> AsyncIterator[None]:
    await execute(*begin)
    try:
        yield
    finally:
        await execute(*end)


def uses_of(postgres, journal, number, room, writing):
    """One call of every kind there is."""
    database, users = postgres.database, UserStore(postgres.database)
    kept = KeptAnswers(database)

    async def in_transaction() -> None:
        async with database.transaction() as transaction:
            await transaction.execute("SELECT 1")

    return [
        lambda: journal.append([writing.batch(number, 1, [writing.said(1)])]),
        journal.probe,
        lambda: journal.claim([room], tail=1),
        lambda: postgres.events.page(PageQuery(room, 1, None, None, 10, None)),
        lambda: postgres.rooms.summaries(["user1"]),
        lambda: users.set_password(1, "hash", at=1_000),
        lambda: users.by_username("name1"),
        lambda: users.seen({1: 5}),
        lambda: kept.claim(Asked(1, "key", "route", b"digest"), at=1_000),
        in_transaction,
        lambda: migrate(database.url),
    ]


@pytest.mark.parametrize(
    ("begin", "end"), [(CLOSED, OPENED), (RENAMED, NAMED_BACK)], ids=["closed", "renamed"]
)
async def test_who_is_not_let_in_is_told_store_unavailable_and_goes_on_afterwards(
    postgres, other_database, writing, begin, end
):
    number, room = await postgres.room(1)
    journal = postgres.journal()
    await journal.claim([room], tail=1)
    await journal.append([])
    uses = uses_of(postgres, journal, number, room, writing)
    async with outage(other_database, begin, end):
        await trio.sleep(0.1)  # the ends of the connections arrive
        for use in uses:
            with pytest.raises(StoreUnavailable, match="PostgreSQL"):
                await use()
    for use in uses[1:]:
        await use()
    epoch = (await journal.claim([room], tail=1))[room].epoch
    stored = await journal.append([writing.batch(number, epoch, [writing.said(1)])])
    assert stored == [Verdict.STORED]


async def test_a_table_that_is_away_is_an_outage_and_no_crash(postgres, writing):
    number, room = await postgres.room(1)
    journal = postgres.journal()
    await journal.claim([room], tail=1)
    batch = writing.batch(number, 1, [writing.said(1)])
    for new, old in (("gone", "room_events"), ("room_events", "gone")):
        await postgres.database.execute(f"ALTER TABLE {old} RENAME TO {new}")
        if new == "gone":
            with pytest.raises(StoreUnavailable):
                await journal.append([batch])
            with pytest.raises(StoreUnavailable):
                await postgres.events.replay(room, 0, 9, 9)
    assert await journal.append([batch]) == [Verdict.STORED]


async def test_an_answer_lost_in_the_middle_of_what_is_done_once_is_unknown(
    postgres, other_database
):
    raised: list[AdapterError] = []

    async def sleep() -> None:
        with pytest.raises(AdapterError) as caught:
            await postgres.database.fetchval("SELECT pg_sleep(30)", once=True)
        raised.append(caught.value)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(sleep)
        await trio.sleep(0.2)
        await other_database(END)
    assert isinstance(raised[0], OutcomeUnknown)
