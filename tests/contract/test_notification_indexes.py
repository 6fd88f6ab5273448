"""What is looked for is found by an index, however many there are, and whatever is known of it."""

from __future__ import annotations

import re

import pytest
from notification_world import open_app_world

from server.postgres.notification_answering import ANSWER, ASKED
from server.postgres.notification_answering import QUEUED as INVITED
from server.postgres.notification_enqueuing import COLLAPSED, REPEATED
from server.postgres.notification_inbox import COUNT, EXPIRED, PAGE, SINCE, UNREAD
from server.postgres.notification_legs import ABANDONED, OF_RESULTS, OVER
from server.postgres.notification_legs import BEGIN as BEGIN_TO_SEND
from server.postgres.notification_legs import END as END_LEGS
from server.postgres.notification_legs import NEXT_DUE as NEXT_TO_SEND
from server.postgres.notification_legs import PICK as PICK_TO_SEND
from server.postgres.notification_log import FORGET, FORGET_ENDED, OF, OF_USER
from server.postgres.notification_placing import (
    FACTS,
    LOG,
    MORE,
    NEXT_DUE,
    PICK,
    REPLACE,
    SHOW,
    SIBLINGS,
    WRITE,
)
from server.postgres.notification_reading import LISTED as LISTED_SEEN
from server.postgres.notification_reading import QUEUED, SEEN
from server.postgres.notification_results import RECORD
from server.postgres.notification_settings import HELD_BACK
from server.postgres.notification_settling import (
    ADVANCE,
    BESIDE,
    END,
    HELD,
    PART,
    ROLL_UP,
    STOP,
    WORK,
)
from server.postgres.relations import AMONG, HAS_SENT, SCHEDULED

MANY = 40_000
PEOPLE = """
INSERT INTO users (user_no, user_id, username) SELECT n, 'many' || n, 'many' || n
FROM generate_series(1001, 3000) n"""
QUEUE = f"""
INSERT INTO notification_queue (notification_no, notification_id, recipient_no, sender_no,
    notification_type, title, message, platforms, priority, scheduled_at, status, dedupe_key,
    collapse_key, open_key, created_at)
OVERRIDING SYSTEM VALUE
SELECT n, 'n' || n, 1001 + n % 2000, 9, 'meeting.invitation', 'title', '', '{{web}}', 1, n,
    CASE WHEN n % 10 = 0 THEN 'pending' ELSE 'sent' END, CASE WHEN n % 3 = 0 THEN 'd' || n END,
    'c' || n % 7, CASE WHEN n % 10 = 0 THEN 'c' || n % 7 END, n
FROM generate_series(1, {MANY}) n"""  # noqa: S608 - constants
ENDPOINTS = """
INSERT INTO notification_endpoints (endpoint_no, endpoint_id, user_no, platform, kind, sealed,
    key_id, lookup, label, created_at)
OVERRIDING SYSTEM VALUE
SELECT n, 'e' || n, n, 'push', 'test', '', 'k', n::text::bytea, '', 1
FROM generate_series(1001, 3000) n"""
BLOCKS = """
INSERT INTO user_blocks (blocker_no, blocked_no, at)
SELECT 1001 + n % 2000, 1001 + (n * 7 + 1) % 2000, n FROM generate_series(1, 5000) n
ON CONFLICT DO NOTHING"""
LEGS = f"""
INSERT INTO notification_deliveries (leg_no, notification_no, recipient_no, platform, state, due_at,
    rank_at, hold_key, leased_until, merged_into, endpoint_no)
OVERRIDING SYSTEM VALUE
SELECT n, n, 1001 + n % 2000, CASE WHEN n % 4 = 0 THEN 'push' ELSE 'web' END, CASE n % 20
    WHEN 0 THEN 'ready' WHEN 4 THEN 'leased' WHEN 8 THEN 'withdraw' WHEN 10 THEN 'waiting'
    WHEN 15 THEN 'waiting' WHEN 16 THEN 'merged' ELSE 'sent' END, n, n - 30000 * (n % 4),
    CASE n % 20 WHEN 15 THEN 'quiet' END, n, CASE n % 20 WHEN 16 THEN n - 8 END,
    1001 + n % 2000
FROM generate_series(1, {MANY}) n"""  # noqa: S608 - constants
LISTED = f"""
INSERT INTO notifications (notification_id, recipient_no, sender_no, notification_type, subject,
    created_at, seen_at)
SELECT 'n' || n, CASE WHEN n % 8 < 2 THEN 1001 ELSE 1001 + n % 2000 END, 9, 't',
    'n:' || n, n, CASE WHEN n % 10 > 0 THEN n END
FROM generate_series(1, {MANY}) n"""  # noqa: S608 - constants
LOGGED = f"""
INSERT INTO notification_log (notification_no, user_no, platform, notification_type, status, at)
SELECT n, 1001 + n % 2000, 'web', 't', 'sent', n FROM generate_series(1, {MANY}) n"""  # noqa: S608
ROOMS = """
WITH made AS (
    INSERT INTO chat_rooms (room_id, room_type) SELECT 'r' || n, 'team'
    FROM generate_series(1, 300) n RETURNING room_no
)
INSERT INTO chat_members (room_no, user_no)
SELECT room_no, 1001 + (room_no * 37 + n * 11) % 2000 FROM made, generate_series(1, 30) n"""
NUMBERS = "SELECT setval(pg_get_serial_sequence('notification_deliveries', 'leg_no'), 1000000)"
FILL = [NUMBERS, PEOPLE, BLOCKS, ENDPOINTS, QUEUE, LEGS, LISTED, LOGGED, ROOMS]

LAST = str(MANY)
HALF = str(MANY // 2)
SOME = "ARRAY[20, 40, 16, 8]::bigint[]"
PAIR = ["ARRAY[1016]", "ARRAY['n15']"]

AS_THE_SERVER = [
    (PICK, [LAST, "500", "ARRAY[1016]"], "notification_deliveries_waiting"),
    (SIBLINGS, ["ARRAY[1016]", "ARRAY['web']", "ARRAY['quiet']", SOME, LAST],
     "notification_deliveries_held"),
    (FACTS, [SOME, LAST], "notification_queue_pkey"),
    (NEXT_DUE, [], "notification_deliveries_due"),
    (PICK_TO_SEND, ["'push'", HALF, "50"], "notification_deliveries_ready"),
    (OVER, ["'push'", "100", "50"], "notification_deliveries_leased"),
    (NEXT_TO_SEND, ["'push'"], "notification_deliveries_ready_due"),
    (HELD, [SOME], "notification_queue_pkey"),
    (BESIDE, [SOME], "notification_deliveries_merged"),
    (END, [SOME, "'read'", LAST], "notification_deliveries_merged"),
    (ABANDONED, ["'push'", LAST, "50"], "notification_deliveries_ready"),
    (PART, [SOME, LAST], "notification_deliveries_of"),
    (ADVANCE, [SOME, LAST], "notification_deliveries_of"),
    (ROLL_UP, [SOME], "notification_deliveries_of"),
    (QUEUED, PAIR, "notification_queue_notification_id_key"),
    (REPEATED, ["ARRAY['x']", "ARRAY[1004]", "ARRAY[9]", "ARRAY['d3']"],
     "notification_queue_dedupe"),
    (COLLAPSED, ["ARRAY['x']", "ARRAY[1011]", "ARRAY[9]", "ARRAY['c3']"],
     "notification_queue_collapse"),
    (HAS_SENT, ["9", "1004", "'d3'"], "notification_queue_dedupe"),
    (SCHEDULED, ["9", "1004", HALF, "100"], "notification_queue_scheduled"),
]  # fmt: skip
AS_IT_COMES = [
    (PAGE, ["1001", LAST, LAST, "'n'", "false", "50"], "notifications_listed"),
    (COUNT, ["1001", LAST], "notifications_unseen"),
    (SINCE, ["1001", LAST, "100", "50", "''"], "notifications_unseen"),
    (UNREAD, ["1001", "500", LAST], "notifications_unseen"),
    (EXPIRED, ["100", LAST, "ARRAY['n']", "50"], "notifications_expiring"),
    (OF, ["17"], "notification_log_of"),
    (OF_USER, ["1001", LAST, "50"], "notification_log_user"),
    (FORGET, ["500", "1000"], "notification_log_at"),
    (FORGET_ENDED, ["500", "1000"], "notification_queue_created"),
    (HELD_BACK, ["1016", "'web'"], "notification_deliveries_held"),
    (AMONG, ["1001", "ARRAY[1002, 1003]"], "chat_members_pkey"),
]
WHOLE = "Seq Scan on (users|user_blocks|chat_members|notif)"


@pytest.fixture
async def run(database_url):
    async with open_app_world(database_url) as world:
        yield world


def put(sql, values):
    """*sql* with *values* for its parameters."""
    for number, value in reversed(list(enumerate(values, 1))):
        sql = sql.replace(f"${number}", value)
    return sql


async def plan_of(database, sql, values, *, begin, how=""):
    async with database.transaction(begin=begin) as transaction:
        await transaction.execute("SAVEPOINT before")
        rows = await transaction.fetch(f"EXPLAIN {how} {put(sql, values)}")
        await transaction.execute("ROLLBACK TO before")
        return "\n".join(row[0] for row in rows)


@pytest.mark.parametrize("is_known", [False, True])
async def test_indexes_are_used(run, is_known):
    """In transactions of the server's own work even where statistics know of an empty table."""
    await run.owner.execute("ANALYZE")
    for statement in FILL:
        await run.owner.execute(statement, within=60.0)
    if is_known:
        await run.owner.execute("ANALYZE")
        for sql, values, index in AS_IT_COMES:
            plan = await plan_of(run.owner, sql, values, begin="BEGIN")
            assert index in plan and not re.search(WHOLE, plan), plan
    for sql, values, index in AS_THE_SERVER:
        plan = await plan_of(run.database, sql, values, begin=WORK)
        assert f"{index} " in plan and not re.search(WHOLE, plan), plan


TWO = "ARRAY[30, 50]::bigint[]"  # waiting on the web
BEGUN = "ARRAY[4, 24]::bigint[]"  # being sent
NONE = "ARRAY[NULL, NULL]"
ONES = "ARRAY[1, 1]"
RESULTS = [BEGUN, "ARRAY[0, 0]::bigint[]", "ARRAY[0, 0]::smallint[]", "ARRAY[false, false]"]
WORDS = "ARRAY['a', 'b']"
LOOKS = [
    (PICK, [LAST, "50", "ARRAY[]::integer[]"]),
    (PICK, [LAST, "50", "ARRAY[1016]"]),
    (PICK, ["100", "50", "ARRAY[]::integer[]"]),
    (SIBLINGS, ["ARRAY[1016]", "ARRAY['web']", "ARRAY['quiet']", SOME, LAST]),
    (FACTS, [TWO, LAST]),
    (REPLACE, [TWO, LAST]),
    (SHOW, [TWO, LAST, WORDS]),
    (WRITE, [TWO, "ARRAY['ready', 'waiting']", WORDS, WORDS, ONES, ONES, NONE, NONE, LAST]),
    (MORE, [TWO, "ARRAY[7, 8]"]),
    (LOG, [TWO, WORDS, WORDS, LAST]),
    (PICK_TO_SEND, ["'push'", LAST, "50"]),
    (OVER, ["'push'", LAST, "50"]),
    (BEGIN_TO_SEND, [SOME, "1", LAST]),
    (OF_RESULTS, RESULTS),
    (RECORD, [*RESULTS, "ARRAY['sent', 'failed']", WORDS, WORDS, NONE, ONES, "ARRAY[false, true]",
              "ARRAY[true, false]", LAST]),
    (END_LEGS, [SOME, "ARRAY['failed', 'failed', 'failed', 'failed']",
                "ARRAY['a', 'b', 'c', 'd']", LAST]),
    (HELD, [SOME]),
    (BESIDE, [SOME]),
    (ABANDONED, ["'push'", LAST, "25"]),
    (STOP, [SOME, "'cancelled'"]),
    (END, [SOME, "'read'", LAST]),
    (PART, [SOME, LAST]),
    (ADVANCE, [SOME, LAST]),
    (ROLL_UP, [SOME]),
    (QUEUED, PAIR),
    (INVITED, ["1016", "'n15'"]),
    (ASKED, ["1016", "'n15'", LAST]),
    (ANSWER, ["15", "'accept'"]),
    (SEEN, [SOME, LAST]),
    (LISTED_SEEN, [*PAIR, LAST]),
    (COLLAPSED, ["ARRAY['x']", "ARRAY[1011]", "ARRAY[9]", "ARRAY['c3']"]),
]  # fmt: skip


OLD = str(MANY // 2 + 1_000)
FORGOTTEN = f"""
DELETE FROM notification_deliveries WHERE notification_no <= {HALF};
DELETE FROM notification_queue WHERE notification_no <= {HALF};
DELETE FROM notification_log WHERE at <= {HALF}"""  # noqa: S608 - constants
MORE_COME = f"""
INSERT INTO notification_queue (notification_id, recipient_no, notification_type, title, message,
    platforms, priority, scheduled_at, status, created_at)
SELECT 'more' || n, 1001, 't', 'title', '', '{{web}}', 1, n, 'sent', {MANY} + n
FROM generate_series(1, {HALF}) n;
INSERT INTO notification_log (notification_no, user_no, platform, notification_type, status, at)
SELECT n, 1001, 'web', 't', 'sent', {MANY} + n FROM generate_series(1, {HALF}) n"""  # noqa: S608


@pytest.mark.parametrize("sql", [FORGET, FORGET_ENDED])
async def test_what_is_old_is_found_where_new_rows_took_the_place_of_older_ones(run, sql):
    for statement in [*FILL, FORGOTTEN]:
        await run.owner.execute(statement, within=60.0)
    for table in ("notification_log", "notification_queue"):
        await run.owner.execute(f"VACUUM {table}", within=60.0)
    for statement in (MORE_COME, "ANALYZE"):
        await run.owner.execute(statement, within=60.0)
    plan = await plan_of(run.owner, sql, [OLD, "50"], begin="BEGIN", how="(ANALYZE, TIMING OFF)")
    most = max(looked_at(plan))
    assert most <= 200, plan


def looked_at(plan):
    """How many rows each step of *plan* has seen."""
    looked = re.findall(r"actual rows=([\d.]+)", plan)
    filtered = re.findall(r"Rows Removed by \w+ ?\w*: (\d+)", plan)
    assert looked
    return [float(rows) for rows in (*looked, *filtered)]


@pytest.mark.parametrize(
    "known",
    [
        *("SELECT", "ANALYZE notification_queue", "ANALYZE notification_deliveries"),
        *("ANALYZE users", "ANALYZE user_blocks"),
        "DELETE FROM notification_deliveries WHERE state = 'merged'",
        "DELETE FROM notification_deliveries WHERE state = 'merged'; ANALYZE",
    ],
)
async def test_a_call_looks_at_what_it_takes_alone(run, known):
    """Whatever else is there, due, or urgent and will be; whichever table was looked at by
    whoever gathers statistics, while he has not come to the others; and where none tells of others.
    """
    for statement in [*FILL, known]:
        await run.owner.execute(statement, within=60.0)
    for sql, values in LOOKS:
        plan = await plan_of(run.database, sql, values, begin=WORK, how="(ANALYZE, TIMING OFF)")
        assert max(looked_at(plan)) <= 60, plan
