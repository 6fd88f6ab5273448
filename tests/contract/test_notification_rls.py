"""Specification 003, section 5.2: with the application's checks taken away, nobody sees or changes
what is somebody else's; and without a user, nobody sees anything.
"""

from __future__ import annotations

import pytest
from conftest import NotedLog, postgres_world
from notification_world import NOON

from actors.ports import StoreUnavailable
from server.postgres.pool import APP_ROLE, open_database

OWN = {
    "notification_settings": "user_no",
    "notification_endpoints": "user_no",
    "notification_links": "user_no",
    "realtime_sessions": "user_no",
    "calendar_feeds": "user_no",
}
"""Tables of which users have and change their own rows, and whose column it is."""
SEEN = {
    "notification_queue": "recipient_no",
    "notification_deliveries": "recipient_no",
    "notification_log": "user_no",
}
"""Tables of which they only see them."""
FORCED = OWN | SEEN
OF_OTHERS = {
    *("meeting_coordination_sessions", "meeting_participants", "meeting_options"),
    *("meeting_votes", "meeting_history", "busy_times"),  # test_meeting_rows_guarded
    "friendships",  # test_friend_rows_guarded
}
"""Tables that are guarded as well, each by tests of its own."""

FILL = f"""
INSERT INTO notification_queue (notification_id, recipient_no, notification_type, title, message,
    platforms, priority, scheduled_at, created_at)
SELECT 'n' || n, n, 'meeting.invitation', 'title', '', '{{web}}', 1, {NOON}, {NOON}
FROM generate_series(1, 2) n;
INSERT INTO notification_deliveries (notification_no, recipient_no, platform, state, due_at,
    rank_at)
SELECT notification_no, recipient_no, 'web', 'waiting', {NOON}, {NOON} FROM notification_queue;
INSERT INTO notification_log (notification_no, user_no, platform, notification_type, status, at)
SELECT notification_no, recipient_no, 'web', 'meeting.invitation', 'sent', {NOON}
FROM notification_queue;
INSERT INTO notification_settings (user_no, platform, created_at, updated_at)
SELECT n, 'web', {NOON}, {NOON} FROM generate_series(1, 2) n;
INSERT INTO notification_endpoints (endpoint_id, user_no, platform, kind, sealed, key_id, lookup,
    label, created_at)
SELECT 'e' || n, n, 'push', 'test', '', 'k', n::text::bytea, '', {NOON}
FROM generate_series(1, 2) n;
INSERT INTO notification_links (code_hash, user_no, platform, expires_at)
SELECT n::text::bytea, n, 'kakao', {NOON} FROM generate_series(1, 2) n;
INSERT INTO realtime_sessions (session_id, user_no, session_type, last_activity, created_at)
SELECT 's' || n, n, 'web', {NOON}, {NOON} FROM generate_series(1, 2) n;
INSERT INTO calendar_feeds (user_no, token_hash, created_at)
SELECT n, sha256(n::text::bytea), {NOON} FROM generate_series(1, 2) n
"""  # noqa: S608 - constants

INSERT_FOR_2 = {
    "notification_settings": "(user_no, platform, created_at, updated_at) VALUES (2, 'push', 1, 1)",
    "notification_endpoints": "(endpoint_id, user_no, platform, kind, sealed, key_id, lookup,"
    " label, created_at) VALUES ('e9', 2, 'push', 'test', '', 'k', 'x', '', 1)",
    "notification_links": "(code_hash, user_no, platform, expires_at) VALUES ('x', 2, 'kakao', 1)",
    "realtime_sessions": "(session_id, user_no, session_type, last_activity, created_at)"
    " VALUES ('s9', 2, 'web', 1, 1)",
    "calendar_feeds": "(user_no, token_hash, created_at) VALUES (2, sha256('x'), 1)",
    "notification_queue": "(notification_id, recipient_no, notification_type, title, message,"
    " platforms, priority, scheduled_at, created_at)"
    " VALUES ('n9', 2, 't', 't', '', '{web}', 1, 1, 1)",
    "notification_deliveries": "(notification_no, recipient_no, platform, state, due_at, rank_at)"
    " VALUES (1, 2, 'web', 'waiting', 1, 1)",
    "notification_log": "(notification_no, user_no, platform, notification_type, status, at)"
    " VALUES (1, 2, 'web', 't', 'sent', 1)",
}


@pytest.fixture
async def owner(database_url):
    async with postgres_world(database_url) as world:
        for statement in FILL.split(";"):
            await world.database.execute(statement)
        yield world.database


@pytest.fixture
async def database(owner):
    """As the server opens it, but with one connection, so that each transaction has the last
    one's.
    """
    async with open_database(owner.url, size=1, role=APP_ROLE, log=NotedLog()) as opened:
        yield opened


async def whose(transaction, table):
    """Whose rows are to be seen, without a word of whose are wanted."""
    rows = await transaction.fetch(f"SELECT {FORCED[table]} FROM {table} ORDER BY 1")  # noqa: S608
    return [row[0] for row in rows]


def changed(tag):
    return int(tag.rpartition(" ")[2])


def test_each_table_of_the_list_has_a_row_to_be_inserted():
    assert set(INSERT_FOR_2) == set(FORCED)


async def test_all_tables_of_users_are_guarded(owner):
    """Those of the specification, and whatever else says whose its rows are."""
    rows = await owner.fetch(
        "SELECT relname FROM pg_class WHERE relrowsecurity AND relforcerowsecurity ORDER BY 1"
    )
    assert [row[0] for row in rows] == sorted(OF_OTHERS | set(FORCED))
    rows = await owner.fetch(
        "SELECT rolname, rolsuper, rolbypassrls, rolcanlogin FROM pg_roles"
        " WHERE rolname LIKE 'madang\\_%' ORDER BY 1"
    )
    assert [tuple(row) for row in rows] == [
        ("madang_app", False, False, False),
        ("madang_service", False, False, False),
    ]


@pytest.mark.parametrize("table", FORCED)
async def test_nobody_is_shown_nothing(database, table):
    assert await whose(database, table) == []
    column = FORCED[table]
    assert changed(await database.execute(f"UPDATE {table} SET {column} = {column}")) == 0  # noqa: S608
    assert changed(await database.execute(f"DELETE FROM {table}")) == 0  # noqa: S608
    with pytest.raises(StoreUnavailable, match="row-level security"):
        await database.execute(f"INSERT INTO {table} {INSERT_FOR_2[table]}")


@pytest.mark.parametrize("table", FORCED)
async def test_a_user_sees_his_own_rows_alone(database, table):
    for number, seen in ((1, [1]), (2, [2]), (3, [])):
        async with database.acting(number) as transaction:
            assert await whose(transaction, table) == seen


@pytest.mark.parametrize("table", FORCED)
async def test_a_user_changes_his_own_rows_alone(database, owner, table):
    column, most = FORCED[table], int(table in OWN)
    async with database.acting(1) as transaction:
        tag = await transaction.execute(f"UPDATE {table} SET {column} = {column}")  # noqa: S608
        assert changed(tag) == most
        assert changed(await transaction.execute(f"DELETE FROM {table}")) == most  # noqa: S608
    assert [row[0] for row in await owner.fetch(f"SELECT {column} FROM {table} ORDER BY 1")] == (  # noqa: S608
        [2] if table in OWN else [1, 2]
    )


@pytest.mark.parametrize("table", FORCED)
async def test_a_user_makes_no_row_for_another(database, table):
    with pytest.raises(StoreUnavailable, match="row-level security"):
        async with database.acting(1) as transaction:
            await transaction.execute(f"INSERT INTO {table} {INSERT_FOR_2[table]}")
    if table in OWN:
        with pytest.raises(StoreUnavailable, match="row-level security"):
            async with database.acting(1) as transaction:
                await transaction.execute(f"UPDATE {table} SET user_no = 2")  # noqa: S608


@pytest.mark.parametrize("table", FORCED)
async def test_the_server_sees_all(database, table):
    async with database.service() as transaction:
        assert await whose(transaction, table) == [1, 2]


@pytest.mark.parametrize("table", FORCED)
async def test_whom_it_acts_for_ends_with_a_transaction(database, table):
    """On the same connection: kept, rolled back, or for the server itself."""
    async with database.acting(1) as transaction:
        assert await whose(transaction, table) == [1]
    assert await whose(database, table) == []
    with pytest.raises(StoreUnavailable):
        async with database.acting(1) as transaction:
            await transaction.execute("SELECT wrong")
    assert await whose(database, table) == []
    async with database.service():
        pass
    assert await whose(database, table) == []
    async with database.transaction() as transaction:
        assert await whose(transaction, table) == []


@pytest.mark.parametrize("table", FORCED)
async def test_it_is_each_policy_that_lets_somebody_in(database, owner, table):
    await owner.execute(f"DROP POLICY own ON {table}")
    async with database.acting(1) as transaction:
        assert await whose(transaction, table) == []
    async with database.service() as transaction:
        assert await whose(transaction, table) == [1, 2]
    await owner.execute(f"DROP POLICY service ON {table}")
    async with database.service() as transaction:
        assert await whose(transaction, table) == []


@pytest.mark.parametrize("table", FORCED)
async def test_the_policy_of_users_alone_is_enough_for_them(database, owner, table):
    await owner.execute(f"DROP POLICY service ON {table}")
    async with database.acting(1) as transaction:
        assert await whose(transaction, table) == [1]
    async with database.service() as transaction:
        assert await whose(transaction, table) == []


@pytest.mark.parametrize("table", FORCED)
async def test_whoever_owns_a_table_is_bound_as_well(database, owner, table):
    await owner.execute(f"ALTER TABLE {table} OWNER TO {APP_ROLE}")
    assert await whose(database, table) == []
    async with database.acting(1) as transaction:
        assert await whose(transaction, table) == [1]
    await owner.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    assert await whose(database, table) == [1, 2]


async def test_a_user_is_a_number(database):
    with pytest.raises(ValueError, match="invalid literal"):
        database.acting("1'; SET LOCAL ROLE madang_service; --")
