"""The indexes that specifications 000 and 001 name, and those of our own queries, are used."""

from __future__ import annotations

import pytest

from server.postgres.broadcast_figures import REACHED
from server.postgres.broadcast_views import NEWEST, RECEIVED, SENT
from server.postgres.broadcasts import LEASE

FILL = [
    """
INSERT INTO users (user_no, user_id, username, phone, last_sign_in_at)
SELECT n, 'many' || n, 'many' || n, '010', now() - n * interval '1 hour'
FROM generate_series(1001, 4000) n""",
    "INSERT INTO file_blobs (digest, size, claimed_at) VALUES (sha256(''), 1, 0)",
    """
INSERT INTO files (file_id, owner_no, created_at, name, media_type, kind, size, received, content)
VALUES ('file', 1, 0, 'x', 'audio/mpeg', 'audio', 1, 1, sha256(''))""",
    """
INSERT INTO broadcasts (broadcast_id, user_no, file_no, waveform, recipient_count, created_at,
    start_at, seed, status)
SELECT 'b' || n, 1001 + n % 500, (SELECT file_no FROM files), '', 5,
    n * 1000, n * 1000, n, CASE WHEN n % 1000 = 0 THEN 'waiting' ELSE 'announced' END
FROM generate_series(1, 5000) n""",
    """
INSERT INTO chat_rooms (room_id, room_type)
SELECT 'r' || n, 'direct' FROM generate_series(1, 9999) n""",
    """
INSERT INTO broadcast_recipients (broadcast_no, recipient_no, created_at, room_no, why, explained)
SELECT (SELECT min(broadcast_no) FROM broadcasts) + n / 2,
    1601 + (n / 2) % 2000 + n % 2, n * 500,
    (SELECT min(room_no) FROM chat_rooms) + n, 'drawn', '{}'
FROM generate_series(0, 9998) n""",
    "ANALYZE",
]

OF_THE_SPECIFICATION = """
SELECT u.user_no FROM users u
WHERE u.status = 'active' AND u.last_sign_in_at > now() - $1::interval"""


@pytest.mark.parametrize(
    ("sql", "values", "index"),
    [
        (RECEIVED, ["600", str(2**62), str(NEWEST), "20"], "broadcast_recipients_recent"),
        (SENT, ["7", str(NEWEST), "20"], "broadcasts_sender"),
        (REACHED, ["4950000"], "broadcasts_recent"),
        (LEASE, ["6000000", "6000001", "8"], "broadcasts_due"),
        (OF_THE_SPECIFICATION, ["'1 day'"], "users_activity"),
    ],
)
async def test_indexes_are_used(postgres, sql, values, index):
    database = postgres.database
    for statement in FILL:
        await database.execute(statement)
    for number, value in reversed(list(enumerate(values, 1))):
        sql = sql.replace(f"${number}", value)
    plan = "\n".join(row[0] for row in await database.fetch(f"EXPLAIN {sql}"))
    assert index in plan, plan
