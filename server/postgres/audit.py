"""The audit log: who did what that must be accounted for, written with what was done."""

from __future__ import annotations

import json
from typing import Final

from protocol.ids import Millis
from server.postgres.pool import Transaction

NOTE: Final = """
INSERT INTO audit_log (at, actor_no, action, subject_no, room_no, details)
VALUES (to_timestamp($1::bigint / 1000.0), $2, $3, $4, $5, $6::jsonb)"""

# Behind an admin stands who made him one, and whoever stands behind that one. Once he is granted
# it by who runs the server (an entry without an actor), none of those before counts any more.
ONE_BEHIND_BOTH: Final = """
WITH RECURSIVE behind (admin_no, user_no) AS (
    SELECT n, n FROM unnest(ARRAY[$1::integer, $2::integer]) AS n
    UNION
    SELECT b.admin_no, a.actor_no FROM behind b
    JOIN audit_log a ON a.subject_no = b.user_no AND a.action = 'account.role'
        AND a.details ->> 'role' = 'admin' AND a.actor_no IS NOT NULL
    WHERE NOT EXISTS (
        SELECT FROM audit_log g WHERE g.subject_no = a.subject_no AND g.action = 'account.role'
            AND g.actor_no IS NULL AND g.audit_no > a.audit_no
    )
)
SELECT EXISTS (
    SELECT FROM behind one JOIN behind other USING (user_no)
    WHERE one.admin_no = $1 AND other.admin_no = $2
)"""


async def one_behind_both(transaction: Transaction, one_no: int, other_no: int) -> bool:
    """Whether somebody made both of two admins, or one of them the other, through others or not."""
    return bool(await transaction.fetchval(ONE_BEHIND_BOTH, one_no, other_no))


async def note(
    transaction: Transaction,
    action: str,
    *,
    at: Millis,
    actor_no: int,
    subject_no: int | None = None,
    room_no: int | None = None,
    **details: str,
) -> None:
    """Write one entry, which lasts if *transaction* does."""
    text = json.dumps(details, ensure_ascii=False)
    await transaction.execute(NOTE, at, actor_no, action, subject_no, room_no, text)
