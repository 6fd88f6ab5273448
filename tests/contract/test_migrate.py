"""Migrations on a real, empty database."""

from __future__ import annotations

import pytest
import trio
import trio_asyncio
from remembering_log import RememberingLog

from actors.ports import StoreUnavailable
from server.postgres.migrate import MIGRATIONS, MigrationRefused, migrate, read_migrations
from server.postgres.pool import APP_ROLE, connect, open_database


@pytest.fixture
async def loop():
    async with trio_asyncio.open_loop() as made:
        yield made


@pytest.fixture
async def empty(loop, database_url):
    connection = await connect(database_url, loop)
    sql = "DROP SCHEMA public CASCADE; CREATE SCHEMA public"
    await loop.run_aio_coroutine(connection.execute(sql))
    connection.terminate()
    return database_url


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "0001_one.sql").write_text("CREATE TABLE one (n integer); SELECT pg_sleep(0.05);")
    (tmp_path / "0002_two.sql").write_text("CREATE TABLE two (n integer);")
    return tmp_path


async def tables(loop, url):
    connection = await connect(url, loop)
    sql = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
    rows = await loop.run_aio_coroutine(connection.fetch(sql))
    connection.terminate()
    return [row[0] for row in rows]


async def test_the_schema_is_made_once(empty):
    names = [migration.name for migration in read_migrations(MIGRATIONS)]
    assert names[:3] == ["0001_people", "0002_rooms", "0003_room_events"]
    assert await migrate(empty) == names
    assert await migrate(empty) == []


async def test_only_what_is_new_is_applied(empty, folder):
    assert await migrate(empty, folder=folder) == ["0001_one", "0002_two"]
    (folder / "0003_three.sql").write_text("CREATE TABLE three (n integer);")
    assert await migrate(empty, folder=folder) == ["0003_three"]


async def test_many_nodes_may_migrate_at_once(empty, folder):
    applied = []

    async def one():
        applied.extend(await migrate(empty, folder=folder))

    async with trio.open_nursery() as nursery:
        for _ in range(4):
            nursery.start_soon(one)
    assert applied == ["0001_one", "0002_two"]


async def test_a_migration_that_fails_leaves_nothing_and_those_before_it(loop, empty, folder):
    (folder / "0003_bad.sql").write_text("CREATE TABLE half (n integer); SELECT 1 / 0;")
    with pytest.raises(MigrationRefused, match="0003_bad: division by zero"):
        await migrate(empty, folder=folder)
    assert await tables(loop, empty) == ["one", "schema_migrations", "two"]
    (folder / "0003_bad.sql").write_text("CREATE TABLE whole (n integer);")
    assert await migrate(empty, folder=folder) == ["0003_bad"]


async def test_a_file_edited_after_it_was_applied_is_refused(empty, folder):
    await migrate(empty, folder=folder)
    (folder / "0001_one.sql").write_text("CREATE TABLE other (n integer);")
    with pytest.raises(MigrationRefused, match="0001_one was applied with other content"):
        await migrate(empty, folder=folder)


async def test_a_database_newer_than_the_code_is_refused(empty, folder):
    await migrate(empty, folder=folder)
    (folder / "0002_two.sql").unlink()
    with pytest.raises(MigrationRefused, match="0002_two, which this version does not know"):
        await migrate(empty, folder=folder)


async def test_a_file_that_comes_late_is_refused(empty, folder):
    two = folder / "0002_two.sql"
    two.rename(folder / "0003_two.sql")
    await migrate(empty, folder=folder)
    two.write_text("CREATE TABLE two_b (n integer);")
    with pytest.raises(MigrationRefused, match="0002_two comes before migration 3"):
        await migrate(empty, folder=folder)


def test_misnamed_and_doubled_files_are_refused(folder):
    (folder / "0002_again.sql").write_text("")
    with pytest.raises(ValueError, match="twice"):
        read_migrations(folder)
    (folder / "3_three.sql").write_text("")
    with pytest.raises(ValueError, match="NNNN_subject"):
        read_migrations(folder)


async def test_no_database_is_store_unavailable(loop, folder):
    with pytest.raises(StoreUnavailable):
        await migrate("postgresql://x@/y?host=/nowhere", folder=folder)


PLAIN = "plain_owner"
HANDED = f"""
DROP SCHEMA public CASCADE; DROP ROLE IF EXISTS {PLAIN};
CREATE ROLE {PLAIN} LOGIN NOCREATEROLE; CREATE SCHEMA public AUTHORIZATION {PLAIN}"""


async def as_superuser(loop, url, sql):
    connection = await connect(url, loop)
    await loop.run_aio_coroutine(connection.execute(sql))
    connection.terminate()


async def test_an_owner_who_may_make_no_roles_is_told_what_to_have_done(loop, database_url):
    await as_superuser(loop, database_url, HANDED)
    plain = database_url.replace("madang@", f"{PLAIN}@")
    assert plain != database_url
    try:
        with pytest.raises(MigrationRefused, match="as a superuser") as refused:
            await migrate(plain)
        assert f"GRANT madang_app TO {PLAIN} WITH SET TRUE" in str(refused.value)
        grant = f"GRANT madang_app TO {PLAIN} WITH SET TRUE"
        await as_superuser(loop, database_url, grant)
        assert (await migrate(plain))[0] == "0031_notifications"
        async with open_database(plain, role=APP_ROLE, log=RememberingLog()) as database:
            assert await database.fetchval("SELECT count(*) FROM users") == 0
            async with database.service() as service:
                assert await service.fetchval("SELECT count(*) FROM notification_queue") == 0
    finally:
        gone = f"DROP OWNED BY {PLAIN} CASCADE; DROP ROLE {PLAIN}"
        await as_superuser(loop, database_url, gone)


async def test_the_server_has_no_right_that_asks_no_policy(loop, database_url):
    connection = await connect(database_url, loop)
    rows = await loop.run_aio_coroutine(
        connection.fetch(
            "SELECT DISTINCT privilege_type FROM information_schema.role_table_grants"
            " WHERE grantee IN ('madang_app', 'madang_service')"
        )
    )
    connection.terminate()
    assert {row[0] for row in rows} == {"SELECT", "INSERT", "UPDATE", "DELETE"}
