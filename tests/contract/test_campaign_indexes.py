"""The indexes that specification 002 names, and those of the ledger, are used."""

from __future__ import annotations

import re

import pytest

from server.postgres.campaign_ledger import FEW, LAPSE, LEASE, NEXT_DUE, WAITING
from server.postgres.campaign_making import COUNT
from server.postgres.campaign_views import RESULTS

PEOPLE = """
INSERT INTO users (user_no, user_id, username, birth_date)
SELECT n, 'many' || n, 'many' || n, DATE '1950-01-01' + n * 7919 % 25000
FROM generate_series(1001, 31000) n"""
JOBS = """
INSERT INTO bulk_message_jobs (job_id, created_by, sender_no, age_group, message, channel,
    is_advertising, zone, status, created_at, start_at)
SELECT 'j' || n, 1, 1, 'TWENTIES', 'hello', 'in_app', false, 'Asia/Seoul',
    CASE WHEN n % 1000 = 0 THEN 'SENDING_MESSAGES' ELSE 'COMPLETED' END, n, n
FROM generate_series(1, 3000) n"""
LEDGER = """
INSERT INTO bulk_message_recipients (job_no, user_no, status, due_at, leased_until)
SELECT 1 + n / 3000, 1001 + n % 3000, (CASE n % 1000 WHEN 1 THEN 'leased' WHEN 2 THEN 'queued'
    WHEN 3 THEN 'queued' ELSE 'delivered' END)::bulk_recipient_status, n % 1000 / 3, n
FROM generate_series(0, 29999) n"""
ROOMS = """
WITH made AS (
    INSERT INTO chat_rooms (room_id, room_type, direct_key)
    SELECT 'r' || n, 'direct', '1:' || n FROM generate_series(1001, 1400) n
    RETURNING room_no, split_part(direct_key, ':', 2)::integer AS user_no
), inside AS (
    INSERT INTO chat_members (room_no, user_no) SELECT room_no, user_no FROM made
)
INSERT INTO room_events (room_no, seq, kind, sender_no, countable, at, client_id)
SELECT room_no, n, 1, 1, n, n, 'campaign-j' || n FROM made, generate_series(1, 100) n"""
NIGHT = """
WITH j AS (
    INSERT INTO bulk_message_jobs (job_no, job_id, created_by, sender_no, age_group, message,
        channel, is_advertising, zone, status, created_at, start_at, lease)
    OVERRIDING SYSTEM VALUE VALUES (7, 'j7', 1, 1, 'TWENTIES', 'hello', 'in_app', true,
        'Asia/Seoul', 'SENDING_MESSAGES', 1, 1, 1)
)
INSERT INTO bulk_message_recipients (job_no, user_no, status, due_at)
SELECT 7, n, 'queued', CASE n % 1000 WHEN 0 THEN 890 ELSE 900 END
FROM generate_series(1001, 31000) n"""
FILL = [PEOPLE, JOBS, LEDGER, ROOMS, "ANALYZE"]

# The page of read_audience, as it is planned with the values of a job.
PAGE = """
SELECT a.user_no FROM campaign_audience($1, $2, '{}', 1) a
WHERE a.status = 'active' AND a.user_no > $3 AND a.user_no <= 31000
ORDER BY a.user_no LIMIT 1000"""
TWENTIES = ["DATE '1994-06-02'", "DATE '2004-06-01'"]
A_YEAR = ["DATE '1994-06-02'", "DATE '1995-06-01'"]
HELD = ["7", "1"]


@pytest.fixture
async def database(postgres):
    for statement in FILL:
        await postgres.database.execute(statement)
    return postgres.database


async def plan_of(database, sql, values):
    for number, value in reversed(list(enumerate(values, 1))):
        sql = sql.replace(f"${number}", value)
    return "\n".join(row[0] for row in await database.fetch(f"EXPLAIN {sql}"))


@pytest.mark.parametrize(
    ("sql", "values", "index"),
    [
        (COUNT, [*A_YEAR, "'{}'", "1"], "idx_user_birth_date"),
        (PAGE, [*TWENTIES, "5000"], "idx_user_status"),
        (LEASE, ["6000000", "6000001", "8"], "bulk_message_jobs_due"),
        (LAPSE, ["2000"], "bulk_message_recipients_leased"),
        (WAITING, [*HELD, "1500", "900", "100"], "bulk_message_recipients_fresh"),
        (WAITING, [*HELD, "1500", "900", "100"], "bulk_message_recipients_later "),
        (WAITING, [*HELD, "1500", "900", "100"], "bulk_message_recipients_later_by_number"),
        (NEXT_DUE, HELD, "bulk_message_recipients_later"),
        (RESULTS, ["1", "1100", "NULL", "50", "50"], "room_events_sent"),
    ],
)
async def test_indexes_are_used(database, sql, values, index):
    plan = await plan_of(database, sql, values)
    assert index in plan, plan
    assert not re.search("Seq Scan on (users|chat_|room_events|bulk_message_recip)", plan), plan


@pytest.mark.parametrize("is_known", [False, True])
async def test_no_page_is_a_look_at_all_who_wait(postgres, is_known):
    """By night, when few of them are due, and in the morning, whether statistics know or not."""
    await postgres.database.execute(NIGHT)
    if is_known:
        await postgres.database.execute("ANALYZE")
    for after, now in ((1_000, 899), (15_000, 899), (1_000, 900), (15_000, 900)):
        values = [*HELD, str(after), str(now), "100"]
        plan = await plan_of(postgres.database, f"(ANALYZE, TIMING OFF) {WAITING}", values)
        looked = [float(most) for most in re.findall(r"actual rows=([\d.]+)", plan)]
        assert len(looked) > 5 and max(looked) <= FEW, plan
        filtered = re.findall(r"Rows Removed by Filter: (\d+)", plan)
        assert max(map(int, filtered), default=0) <= FEW, plan


async def test_the_audience_is_put_into_the_query_that_asks_for_it(database):
    """A function that is called as it stands would look at everybody, whatever is asked for."""
    plan = await plan_of(database, PAGE, [*TWENTIES, "5000"])
    assert "campaign_audience" not in plan and "Function Scan" not in plan, plan
