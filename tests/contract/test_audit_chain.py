"""The audit log can only grow, and what is changed in it all the same is found."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import structlog
import trio
import trio_asyncio

from actors.ports import StoreUnavailable
from protocol.ids import Millis, UserId
from server.postgres.audit import AuditStore, By, Sought, note
from server.postgres.audit_chain import Chain, verify_chain
from server.postgres.migrate import MIGRATIONS, migrate
from server.postgres.pool import connect, open_database
from server.postgres.users import UserStore

BY = By(1, Millis(1_700_000_000_123), "203.0.113.9")
OFF = "ALTER TABLE audit_log DISABLE TRIGGER ALL"
ON = "ALTER TABLE audit_log ENABLE TRIGGER ALL"


@pytest.fixture
async def log(postgres: Any) -> AuditStore:
    """Five entries."""
    store = AuditStore(postgres.database)
    for count in range(5):
        await store.note("some.thing", BY, subject_no=2, count=count, what="말", n=count)
    return store


async def tampered(postgres: Any, sql: str) -> Chain:
    """The chain after somebody who may do anything did that."""
    for statement in (OFF, sql, ON):
        await postgres.database.execute(statement)
    return await verify_chain(postgres.database, at_once=2)


async def test_an_untouched_log_is_whole_and_its_heads_are_found(
    postgres: Any, log: AuditStore
) -> None:
    entries = await log.listed(Sought(), after=None, limit=9)
    assert [entry.number for entry in entries] == [5, 4, 3, 2, 1]
    assert (entries[0].at, entries[0].address) == (BY.at, BY.address)
    assert entries[0].details == {"what": "말", "n": 4}
    head = bytes.fromhex(entries[0].hash)
    for at_once in (1, 2, 5, 100):
        assert await verify_chain(postgres.database, at_once=at_once) == (5, None, head, True)
    for entry in entries:
        found = await verify_chain(postgres.database, sought=bytes.fromhex(entry.hash), at_once=2)
        assert found == (5, None, head, True)
    assert not (await verify_chain(postgres.database, sought=bytes(32))).found


async def test_an_empty_log_is_whole(postgres: Any) -> None:
    assert await verify_chain(postgres.database) == (0, None, b"", True)


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE audit_log SET details = '{}'",
        "UPDATE audit_log SET details = '{}' WHERE false",
        "DELETE FROM audit_log WHERE audit_no = 5",
        "TRUNCATE audit_log",
        "TRUNCATE users CASCADE",
        "INSERT INTO audit_log (audit_no, at, action, hash) VALUES (1, now(), 'x', '')"
        " ON CONFLICT (audit_no) DO UPDATE SET action = 'y'",
        "SET LOCAL session_replication_role = replica; DELETE FROM audit_log",
    ],
)
async def test_no_entry_is_changed_or_removed_even_by_its_owner(
    postgres: Any, log: AuditStore, sql: str
) -> None:
    with pytest.raises(StoreUnavailable, match="the audit log can only grow"):
        await postgres.database.execute(sql)
    assert (await verify_chain(postgres.database))[:2] == (5, None)


async def test_nobody_has_a_right_but_to_read_and_to_add(postgres: Any) -> None:
    rights = await postgres.database.fetch(
        "SELECT DISTINCT privilege_type FROM pg_class,"
        " aclexplode(coalesce(relacl, acldefault('r', relowner)))"
        " WHERE oid = 'audit_log'::regclass"
    )
    assert {row[0] for row in rights}.isdisjoint({"UPDATE", "DELETE", "TRUNCATE"})
    assert {row[0] for row in rights} >= {"SELECT", "INSERT"}


async def test_nobody_gives_his_entry_a_number_or_a_hash(postgres: Any, log: AuditStore) -> None:
    await postgres.database.execute(
        "INSERT INTO audit_log (audit_no, at, action, hash) VALUES (99, now(), 'x', '\\x00')"
    )
    assert (await verify_chain(postgres.database))[:2] == (6, None)
    assert (await log.listed(Sought(action="x"), after=None, limit=9))[0].number == 6


@pytest.mark.parametrize(
    "change",
    [
        "at = at + interval '1 microsecond'",
        "actor_no = NULL",
        "actor_no = 3",
        "action = 'other.thing'",
        "subject_no = 3",
        "details = details || '{\"n\": 9}'",
        "address = '203.0.113.8'",
        "count = 9",
        "hash = '\\x00'",
        "hash = audit_hash('', audit_log)",
    ],
)
async def test_what_was_changed_is_found_where_it_was(
    postgres: Any, log: AuditStore, change: str
) -> None:
    sql = f"UPDATE audit_log SET {change} WHERE audit_no = 3"  # noqa: S608 - the test's own
    assert (await tampered(postgres, sql))[:2] == (2, 3)


@pytest.mark.parametrize(("gone", "broken"), [(1, 2), (3, 4), (4, 5)])
async def test_what_was_removed_is_found_by_what_came_after(
    postgres: Any, log: AuditStore, gone: int, broken: int
) -> None:
    sql = f"DELETE FROM audit_log WHERE audit_no = {gone}"  # noqa: S608 - the test's own
    assert (await tampered(postgres, sql)).broken == broken


async def test_what_was_put_between_is_found(postgres: Any, log: AuditStore) -> None:
    sql = (
        "UPDATE audit_log SET audit_no = 6 WHERE audit_no = 5; INSERT INTO audit_log"
        " (audit_no, at, action, hash) VALUES (5, now(), 'x', sha256('x'))"
    )
    assert (await tampered(postgres, sql)).broken == 5


async def test_an_end_that_was_cut_off_is_found_by_a_head_that_was_noted(
    postgres: Any, log: AuditStore
) -> None:
    noted = (await verify_chain(postgres.database)).head
    assert (await tampered(postgres, "DELETE FROM audit_log WHERE audit_no = 5")).broken is None
    await log.note("another.thing", BY)
    cut = await verify_chain(postgres.database, sought=noted)
    assert (cut.checked, cut.broken, cut.found) == (5, None, False)


async def test_what_is_rolled_back_leaves_no_hole(postgres: Any, log: AuditStore) -> None:
    with suppress(LookupError):
        async with postgres.database.transaction() as transaction:
            await note(transaction, "undone.thing", BY)
            raise LookupError
    await log.note("another.thing", BY)
    assert (await log.listed(Sought(), after=None, limit=1))[0].number == 6
    assert (await verify_chain(postgres.database))[:2] == (6, None)


async def test_several_in_one_statement_are_one_after_another(
    postgres: Any, log: AuditStore
) -> None:
    await postgres.database.execute(
        "INSERT INTO audit_log (at, action) SELECT now(), 'many' FROM generate_series(1, 50)"
    )
    assert (await verify_chain(postgres.database, at_once=7))[:2] == (55, None)


async def test_many_at_once_make_one_chain_and_wait_for_nobody_in_a_circle(
    postgres: Any,
) -> None:
    """Each holds a row that the entries of others look at: those of both change each other."""
    users, store = UserStore(postgres.database), AuditStore(postgres.database)

    async def change(by_no: int, whom: int) -> None:
        for turn in range(10):
            changed = await users.set_status_role(
                UserId(f"user{whom}"),
                status=("suspended", "active")[turn % 2],
                role=("admin", "user")[turn % 2],
                by_no=by_no,
                at=BY.at,
            )
            assert changed is not None

    async def see() -> None:
        for _ in range(20):
            await store.note("some.thing", BY, subject_no=2)

    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            for by_no, whom in ((1, 2), (2, 1), (3, 1), (1, 3)):
                nursery.start_soon(change, by_no, whom)
            nursery.start_soon(see)
    checked, broken, _, _ = await verify_chain(postgres.database)
    assert broken is None
    assert checked >= 20 + 2 * 2 * 10


async def test_a_log_from_before_is_chained_and_loses_its_free_text(
    database_url: str, tmp_path: Path
) -> None:
    """The first migrations; an old entry; then all."""
    for path in MIGRATIONS.glob("*.sql"):
        if path.name < "0029":
            shutil.copy(path, tmp_path)
    async with trio_asyncio.open_loop() as loop:
        connection = await connect(database_url, loop)

        async def run(sql: str) -> list[asyncpg.Record]:
            return await loop.run_aio_coroutine(connection.fetch(sql))  # type: ignore[no-any-return]

        await run("DROP SCHEMA public CASCADE")
        await run("CREATE SCHEMA public")
        await migrate(database_url, folder=tmp_path)
        await run("INSERT INTO users (user_id, username) VALUES ('u1', 'minji')")
        await run(
            "INSERT INTO audit_log (at, actor_no, action, subject_no, details) SELECT"
            ' now(), 1, \'reveal.ask\', 1, \'{"order": "o", "reason": "canary"}\''
            " FROM generate_series(1, 3)"
        )
        await run("DELETE FROM audit_log WHERE audit_no = 2")  # as it was: numbers had holes
        assert await migrate(database_url) != []
        await run("INSERT INTO audit_log (at, action) VALUES (now(), 'new')")
        rows = await run("SELECT audit_no, details::text FROM audit_log ORDER BY audit_no")
        assert [tuple(row) for row in rows] == [
            (1, '{"order": "o"}'),
            (3, '{"order": "o"}'),
            (4, "{}"),
        ]
        connection.terminate()
        async with open_database(database_url, log=structlog.get_logger()) as database:
            assert (await verify_chain(database))[:2] == (3, None)
