"""Specification 003, section 5.2, of meetings: with the application's checks taken away, nobody
sees what he takes no part in; and what is looked for is found by an index, however much there is.
"""

from __future__ import annotations

import re

import pytest
from conftest import NotedLog, postgres_world
from meeting_world import FIRST, HOUR, PostgresMeetingWorld, confirmed, stands, vote
from notification_world import NOON, open_app_world

from actors.meeting_ports import Changed
from actors.meeting_records import HistoryEntry
from actors.ports import StoreUnavailable
from server.postgres.meeting_rows import (
    CLASHES,
    DUE,
    HELD,
    HISTORY,
    NEXT_DUE,
    OF_USER,
    OPTIONS,
    PEOPLE,
    SESSION,
    VOTES,
)
from server.postgres.notification_settling import WORK
from server.postgres.pool import APP_ROLE, open_database

TABLES = (
    "meeting_coordination_sessions",
    "meeting_participants",
    "meeting_options",
    "meeting_votes",
    "meeting_history",
)
INSERT = {
    "meeting_coordination_sessions": "(meeting_id, room_no, initiator_no, meeting_title, rule,"
    " time_zone, duration_ms, is_open_to_proposals, created_at, updated_at)"
    " VALUES ('mine', 1, 1, 't', '{}', 'UTC', 1, true, 1, 1)",
    "meeting_participants": "(meeting_no, user_no, standing) VALUES (1, 4, 'accepted')",
    "meeting_options": "(option_id, meeting_no, kind, position, name, proposed_by)"
    " VALUES ('x', 1, 'place', 9, 'here', 4)",
    "meeting_votes": "(option_no, user_no, meeting_no, vote) VALUES (1, 4, 1, 'yes')",
    "meeting_history": "(meeting_no, kind, at) VALUES (1, 'k', 1)",
}


@pytest.fixture
async def world(database_url):
    """Users 1 and 2 have the first meeting, 1 and 3 the second."""
    async with open_app_world(database_url) as notifications:
        made = PostgresMeetingWorld(notifications)
        for name, other in (("m1", 2), ("m2", 3)):
            await made.create(name, people=(other,))
            await made.store.change(name, vote(1, "t1"))
            await made.store.change(name, vote(other, "t1"))
            entry = HistoryEntry(kind="k", by=1, at=NOON, body={})
            await made.store.change(name, lambda found, e=entry: Changed(found, history=[e]))
        yield made


async def numbers(transaction, table):
    """Of which meetings rows are to be seen, without a word of which are wanted."""
    rows = await transaction.fetch(f"SELECT DISTINCT meeting_no FROM {table} ORDER BY 1")  # noqa: S608
    return [row[0] for row in rows]


def changed(tag):
    return int(tag.rpartition(" ")[2])


# ---- who sees what


@pytest.mark.parametrize("table", TABLES)
async def test_whoever_takes_part_sees_all_of_it_and_no_other_anything(world, table):
    for number, seen in ((1, [1, 2]), (2, [1]), (3, [2]), (4, [])):
        async with world.database.acting(number) as transaction:
            assert await numbers(transaction, table) == seen
    assert await numbers(world.database, table) == []
    async with world.database.service() as transaction:
        assert await numbers(transaction, table) == [1, 2]


@pytest.mark.parametrize("table", TABLES)
async def test_who_has_left_sees_it_no_more_until_he_is_asked_again(world, table):
    for standing, seen in (("declined", [1]), ("left", []), ("invited", [1])):
        await world.store.change("m1", stands(2, standing))
        async with world.database.acting(2) as transaction:
            assert await numbers(transaction, table) == seen


@pytest.mark.parametrize("table", TABLES)
async def test_people_write_nothing_by_themselves(world, table):
    """That goes by who may, one at a time: through the store."""
    for number in (1, 4):
        async with world.database.acting(number) as transaction:
            sql = f"UPDATE {table} SET meeting_no = meeting_no"  # noqa: S608
            if table != "meeting_coordination_sessions":  # whose number is nobody's to give
                assert changed(await transaction.execute(sql)) == 0
            assert changed(await transaction.execute(f"DELETE FROM {table}")) == 0  # noqa: S608
        with pytest.raises(StoreUnavailable, match="row-level security"):
            async with world.database.acting(number) as transaction:
                await transaction.execute(f"INSERT INTO {table} {INSERT[table]}")
    async with world.database.service() as transaction:
        assert await numbers(transaction, table) == [1, 2]


@pytest.mark.parametrize("table", TABLES)
async def test_it_is_the_policy_that_lets_somebody_in(world, table):
    await world.owner.execute(f"DROP POLICY participants ON {table}")
    async with world.database.acting(1) as transaction:
        assert await numbers(transaction, table) == []
    await world.owner.execute(f"DROP POLICY service ON {table}")
    async with world.database.service() as transaction:
        assert await numbers(transaction, table) == []


@pytest.mark.parametrize("table", TABLES)
async def test_whoever_owns_a_table_is_bound_as_well(world, table):
    await world.owner.execute(f"ALTER TABLE {table} OWNER TO {APP_ROLE}")
    assert await numbers(world.database, table) == []
    async with world.database.acting(2) as transaction:
        assert await numbers(transaction, table) == [1]


async def test_who_may_look_is_asked_of_a_function_that_nobody_can_turn(world):
    """It has no rights above those of the server, and looks nowhere else."""
    sql = (
        "SELECT pg_get_userbyid(proowner), prosecdef, proconfig::text FROM pg_proc"
        " WHERE proname = 'takes_part'"
    )
    [found] = await world.fetch(sql)
    assert found == ("madang_service", True, '{"search_path=pg_catalog, public, pg_temp"}')
    may = "SELECT has_schema_privilege('madang_service', 'public', 'CREATE')"
    assert await world.fetch(may) == [(False,)]
    async with world.database.acting(4) as transaction:
        await transaction.execute("CREATE TEMP TABLE meeting_participants AS SELECT 1 meeting_no, 4"
                                  " user_no, 'accepted' standing")  # fmt: skip
        await transaction.execute("SET LOCAL search_path = pg_temp, public")
        assert not await transaction.fetchval("SELECT takes_part(1)")


# ---- the time that somebody has not


async def busy_of(transaction):
    rows = await transaction.fetch("SELECT user_no, source FROM busy_times ORDER BY 1, 2")
    return [tuple(row) for row in rows]


async def test_when_somebody_has_no_time_is_his_own(world):
    await world.busy(1, FIRST, FIRST + HOUR)
    await world.busy(2, FIRST, FIRST + HOUR)
    await world.store.change("m1", confirmed())
    assert await busy_of(world.database) == []
    for number in (1, 2):
        async with world.database.acting(number) as transaction:
            assert await busy_of(transaction) == [(number, "meeting"), (number, "own")]
    async with world.database.acting(3) as transaction:
        assert await busy_of(transaction) == []
    async with world.database.acting(1) as transaction:
        tag = await transaction.execute("UPDATE busy_times SET title = 'mine'")
        assert changed(tag) == 1
        assert changed(await transaction.execute("DELETE FROM busy_times")) == 1
    async with world.database.service() as transaction:
        assert await busy_of(transaction) == [(1, "meeting"), (2, "meeting"), (2, "own")]


@pytest.mark.parametrize("row", ["2, 'own', NULL", "1, 'meeting', 1"])
async def test_nobody_makes_anothers_time_or_a_meetings(world, row):
    sql = "INSERT INTO busy_times (starts_at, ends_at, user_no, source, meeting_no) VALUES (1, 2, "
    with pytest.raises(StoreUnavailable, match="row-level security"):
        async with world.database.acting(1) as transaction:
            await transaction.execute(f"{sql}{row})")
    async with world.database.acting(1) as transaction:
        await transaction.execute(f"{sql}1, 'import', NULL)")
        with pytest.raises(StoreUnavailable, match="row-level security"):
            await transaction.execute("UPDATE busy_times SET user_no = 2")


# ---- what is found by an index

MANY = 20_000
FILL = [
    """
INSERT INTO users (user_no, user_id, username) SELECT n, 'many' || n, 'many' || n
FROM generate_series(1001, 3000) n""",
    f"""
INSERT INTO chat_rooms (room_id, room_type) SELECT 'many' || n, 'team'
FROM generate_series(1, {MANY}) n""",  # noqa: S608 - constants
    f"""
INSERT INTO meeting_coordination_sessions (meeting_no, meeting_id, room_no, initiator_no,
    meeting_title, rule, time_zone, duration_ms, is_open_to_proposals, wake_at, created_at,
    updated_at)
OVERRIDING SYSTEM VALUE
SELECT n, 'm' || n, r.room_no, 1001 + n % 2000, 'title', '{{}}', 'UTC', {HOUR}, true,
    CASE WHEN n % 4 = 0 THEN {NOON} + n END, {NOON}, {NOON}
FROM generate_series(1, {MANY}) n JOIN chat_rooms r ON r.room_id = 'many' || n""",  # noqa: S608 - constants
    f"""
INSERT INTO meeting_participants (meeting_no, user_no, standing)
SELECT n, 1001 + (n + other * 7) % 2000, 'accepted'
FROM generate_series(1, {MANY}) n, generate_series(0, 2) other""",  # noqa: S608 - constants
    f"""
INSERT INTO meeting_options (meeting_no, option_id, kind, position, starts_at, time_zone,
    proposed_by)
SELECT n, 't' || o, 'time', o, {FIRST} + o * {HOUR}, 'UTC', 1001 + n % 2000
FROM generate_series(1, {MANY}) n, generate_series(0, 2) o""",  # noqa: S608 - constants
    """
INSERT INTO meeting_votes (option_no, user_no, meeting_no, vote)
SELECT o.option_no, o.proposed_by, o.meeting_no, 'yes' FROM meeting_options o""",
    f"""
INSERT INTO meeting_history (meeting_no, kind, at)
SELECT n, 'k', {NOON} FROM generate_series(1, {MANY}) n, generate_series(1, 3)""",  # noqa: S608 - constants
    f"""
INSERT INTO busy_times (user_no, starts_at, ends_at, source)
SELECT 1001 + n % 2000, {FIRST} + n * 1000, {FIRST} + n * 1000 + CASE WHEN n % 9 = 0
    THEN 30 * 86400000::bigint ELSE {HOUR} END, 'own'
FROM generate_series(1, {MANY} * 2) n""",  # noqa: S608 - constants
]
WHOLE = "Seq Scan on (users|chat_|meeting_|busy_)"
DUE_NOW = str(NOON + 40)


@pytest.fixture
async def many(database_url):
    async with (
        postgres_world(database_url) as world,
        open_database(database_url, size=2, role=APP_ROLE, log=NotedLog()) as database,
    ):
        await world.database.execute("ANALYZE")
        for statement in FILL:
            await world.database.execute(statement, within=60.0)
        yield world.database, database


async def plan_of(transaction, sql, *values, how="(ANALYZE, TIMING OFF)"):
    for number, value in reversed(list(enumerate(values, 1))):
        sql = sql.replace(f"${number}", value)
    return "\n".join(row[0] for row in await transaction.fetch(f"EXPLAIN {how} {sql}"))


def most_seen(plan):
    """How many rows a step of *plan* has seen at most, for each time that it ran."""
    looked = re.findall(r"actual rows=([\d.]+)", plan)
    filtered = re.findall(r"Rows Removed by \w+ ?\w*: (\d+)", plan)
    assert looked
    return max(float(rows) for rows in (*looked, *filtered))


AS_THE_SERVER = [
    (HELD, ["'m77'"], "meeting_coordination_sessions_meeting_id_key"),
    (SESSION, ["'m77'"], "meeting_coordination_sessions_meeting_id_key"),
    (PEOPLE, ["77"], "meeting_participants_pkey"),
    (OPTIONS, ["77"], "meeting_options_meeting_no_kind_position_key"),
    (VOTES, ["77"], "meeting_votes_pkey"),
    (CLASHES, ["77", str(HOUR)], "busy_times_overlap"),
]


@pytest.mark.parametrize("is_known", [False, True])
async def test_what_a_change_looks_at_is_found_by_an_index(many, is_known):
    """Even where statistics know of an empty table."""
    owner, database = many
    if is_known:
        await owner.execute("ANALYZE")
    async with database.transaction(begin=WORK) as transaction:
        for sql, values, index in AS_THE_SERVER:
            plan = await plan_of(transaction, sql, *values)
            assert index in plan and not re.search(WHOLE, plan), plan
            assert most_seen(plan) <= 30, plan


async def test_what_is_due_is_found_by_its_index(many):
    owner, database = many
    await owner.execute("ANALYZE")
    async with database.service() as transaction:
        for sql, values in ((DUE, [DUE_NOW, "100"]), (NEXT_DUE, [])):
            plan = await plan_of(transaction, sql, *values)
            assert "meeting_coordination_sessions_due" in plan, plan
            assert most_seen(plan) <= 10, plan


@pytest.mark.parametrize("status", ["NULL", "'proposing'"])
async def test_ones_own_are_found_by_an_index(many, status):
    """Under the policies, which look at nothing else."""
    owner, database = many
    await owner.execute("ANALYZE")
    async with database.acting(1005) as transaction:
        plan = await plan_of(transaction, OF_USER, "1005", str(MANY), status, "10")
        assert "meeting_participants_of_user" in plan and not re.search(WHOLE, plan), plan
        assert most_seen(plan) <= 60, plan
        for sql, index in (
            (SESSION.replace("$1", "'m4'"), "meeting_coordination_sessions_meeting_id_key"),
            (PEOPLE, "meeting_participants_pkey"),
            (OPTIONS, "meeting_options_meeting_no"),
            (VOTES, "meeting_votes_pkey"),
            (HISTORY, "meeting_history_of"),
        ):
            plan = await plan_of(transaction, sql, "4", str(MANY * 10), "10")
            assert index in plan and not re.search(WHOLE, plan), plan
            assert most_seen(plan) <= 60, plan
