"""What follows for a notification when legs of it come to an end.

Whoever changes a leg holds the row of its notification, and whoever waits for several takes them in
the order of their numbers: ``held`` does. The router takes what it gets, and waits for none.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from actors.notification_records import Platform
from protocol.ids import Millis
from server.postgres.pool import Transaction

OFF: Final = ("seqscan", "bitmapscan", "hashjoin", "mergejoin", "sort", "material")
AS_THE_SERVER: Final = "SET LOCAL ROLE madang_service; SET LOCAL jit = off" + "".join(
    f"; SET LOCAL enable_{each} = off" for each in OFF
)
"""The rest of a transaction is the server's own work."""
WORK: Final = f"BEGIN; {AS_THE_SERVER}"
"""A transaction of the server itself, row by row and by index: these tables grow faster than what
is known of them when a plan is made.
"""

IS_BLOCKED: Final = """coalesce(
        (SELECT true FROM user_blocks k
            WHERE k.blocker_no = d.recipient_no AND k.blocked_no = q.sender_no),
        (SELECT true FROM user_blocks k
            WHERE k.blocker_no = q.sender_no AND k.blocked_no = d.recipient_no), false)"""
"""Whether the recipient of the leg ``d`` and the sender of its notification ``q`` have a block: two
looks by index, where EXISTS might read the whole table.
"""

URGENCY_MS: Final = 30_000
"""What each step of priority is worth: so much longer have others waited who go first."""

SENT: Final = "'sent', 'withdraw', 'withdrawn', 'merged'"
PENDING: Final = "'waiting', 'backup', 'ready', 'leased'"

# Those that are told of by a leg of theirs, and those that tell of one of theirs.
BESIDE: Final = """
SELECT m.notification_no FROM notification_deliveries d
JOIN notification_deliveries m ON m.merged_into = d.leg_no
WHERE d.notification_no = ANY ($1::bigint[])
UNION ALL
SELECT t.notification_no FROM notification_deliveries d
JOIN notification_deliveries t ON t.leg_no = d.merged_into
WHERE d.notification_no = ANY ($1::bigint[])"""

HELD: Final = """
SELECT q.notification_no FROM notification_queue q WHERE q.notification_no = ANY ($1::bigint[])
ORDER BY q.notification_no FOR NO KEY UPDATE"""

# A leg that is told of by another is as that one's legs are.
STANDINGS: Final = """
SELECT d.notification_no, d.leg_no, d.platform, d.place, d.reason,
    coalesce(t.state, d.state) AS state, coalesce(t.sent_at, d.sent_at) AS sent_at
FROM notification_deliveries d
LEFT JOIN notification_deliveries m ON m.leg_no = d.merged_into AND d.state = 'merged'
LEFT JOIN notification_deliveries t ON t.notification_no = m.notification_no
    AND t.platform = m.platform
WHERE d.notification_no = ANY ($1::bigint[])"""

# What was to be told by another leg, which was not sent and never will be, goes its own way. What
# failed was taken by nobody: of whatever may have been, the leg is unknown.
PART: Final = f"""
UPDATE notification_deliveries d SET state = 'waiting', reason = '', merged_into = NULL,
    hold_key = NULL, due_at = $2::bigint, rank_at = $2::bigint - (q.priority - 1) * {URGENCY_MS}
FROM notification_queue q
WHERE d.notification_no = ANY ($1::bigint[]) AND d.state = 'merged'
    AND q.notification_no = d.notification_no AND q.seen_at IS NULL AND q.stopped IS NULL
    AND EXISTS (SELECT FROM notification_deliveries m WHERE m.leg_no = d.merged_into)
    AND NOT EXISTS (
        SELECT FROM notification_deliveries m
        JOIN notification_deliveries t ON t.notification_no = m.notification_no
            AND t.platform = m.platform
        WHERE m.leg_no = d.merged_into
            AND t.state NOT IN ('cancelled', 'expired', 'skipped', 'failed')
    )"""  # noqa: S608 - constants

# The next of a fallback: now where the one before did not get through, else when it is not read.
ADVANCE: Final = f"""
WITH places AS (
    SELECT s.notification_no, s.place, bool_or(s.state IN ({PENDING})) AS is_pending,
        min(s.sent_at) FILTER (WHERE s.state IN ({SENT})) AS sent_at
    FROM ({STANDINGS}) s GROUP BY s.notification_no, s.place
), turns AS (
    SELECT n.leg_no, q.priority, coalesce(p.sent_at + q.unread_after_ms, $2::bigint) AS due_at
    FROM notification_deliveries n
    JOIN notification_queue q ON q.notification_no = n.notification_no AND q.routing = 'fallback'
    JOIN places p ON p.notification_no = n.notification_no AND p.place = n.place - 1
    WHERE n.notification_no = ANY ($1::bigint[]) AND n.state = 'backup' AND NOT p.is_pending
)
UPDATE notification_deliveries d SET state = 'waiting', due_at = t.due_at,
    rank_at = t.due_at - (t.priority - 1) * {URGENCY_MS}
FROM turns t WHERE d.leg_no = t.leg_no RETURNING d.platform, d.due_at"""  # noqa: S608 - constants

ROLL_UP: Final = f"""
WITH rolled AS (
    SELECT s.notification_no, min(s.sent_at) FILTER (WHERE s.state IN ({SENT})) AS sent_at, CASE
        WHEN bool_or(s.state IN ({PENDING})) THEN 'pending'
        WHEN bool_or(s.state IN ({SENT})) THEN 'sent'
        WHEN bool_or(s.state = 'unknown') THEN 'unknown'
        WHEN bool_or(s.state = 'failed') THEN 'failed'
        WHEN bool_or(s.state = 'expired') THEN 'expired'
        ELSE 'cancelled' END AS status
    FROM ({STANDINGS}) s GROUP BY s.notification_no
)
UPDATE notification_queue q SET status = r.status, sent_at = coalesce(q.sent_at, r.sent_at),
    open_key = CASE WHEN r.status = 'pending' THEN q.open_key END
FROM rolled r WHERE q.notification_no = r.notification_no
    AND (q.status <> r.status OR q.sent_at IS NULL AND r.sent_at IS NOT NULL)"""  # noqa: S608

STOP: Final = """
UPDATE notification_queue SET stopped = $2
WHERE notification_no = ANY ($1::bigint[]) AND status = 'pending' RETURNING notification_no"""

TAKEN_BACK: Final = "'push', 'discord'"

IS_ALL_READ: Final = """CASE WHEN q.seen_at IS NULL THEN false ELSE coalesce((
        SELECT false FROM notification_deliveries f
        JOIN notification_deliveries m ON m.merged_into = f.leg_no AND m.state = 'merged'
        JOIN notification_queue o ON o.notification_no = m.notification_no
        WHERE f.notification_no = d.notification_no AND f.platform = d.platform
            AND o.seen_at IS NULL AND o.stopped IS NULL LIMIT 1
    ), true) END"""
"""Whether all was read that the leg ``d`` of the notification ``q`` tells of; in a form of which
nobody thinks that it is seldom so, and looks for all that was read.
"""

# What waits to be sent is not. What was sent is taken back once all was read that it tells of.
END: Final = f"""
WITH ended AS (
    UPDATE notification_deliveries d SET state = 'cancelled', reason = $2
    WHERE d.notification_no = ANY ($1::bigint[]) AND d.state IN ('waiting', 'backup', 'ready')
    RETURNING d.notification_no, d.recipient_no, d.platform
), telling AS (
    SELECT leg_no FROM notification_deliveries WHERE notification_no = ANY ($1::bigint[])
    UNION
    SELECT t.leg_no FROM notification_deliveries m
    JOIN notification_deliveries f ON f.leg_no = m.merged_into
    JOIN notification_deliveries t ON t.notification_no = f.notification_no
        AND t.platform = f.platform
    WHERE m.notification_no = ANY ($1::bigint[]) AND m.state = 'merged'
), back AS (
    UPDATE notification_deliveries d SET state = 'withdraw', attempt = 0, leased_until = 0,
        due_at = $3::bigint, rank_at = $3
    FROM telling t, notification_queue q
    WHERE d.leg_no = t.leg_no AND q.notification_no = d.notification_no AND d.state = 'sent'
        AND d.platform IN ({TAKEN_BACK}) AND d.provider_ref IS NOT NULL AND {IS_ALL_READ}
)
INSERT INTO notification_log (notification_no, user_no, platform, notification_type, status, reason,
    at)
SELECT e.notification_no, e.recipient_no, e.platform, q.notification_type, 'cancelled', $2, $3
FROM ended e JOIN notification_queue q USING (notification_no)"""  # noqa: S608 - constants


async def held(transaction: Transaction, notification_nos: Collection[int]) -> Sequence[int]:
    """Take the rows of notifications, with all that tell of them or are told of by them; their
    numbers. To be called once in a transaction.
    """
    given, beside = list(notification_nos), set[int]()
    await transaction.execute("SAVEPOINT held")
    while True:
        await transaction.execute(HELD, [*given, *beside])
        rows = await transaction.fetch(BESIDE, given)
        found = {row["notification_no"] for row in rows}
        if found <= beside.union(given):
            return sorted(beside.union(given))
        # Two who took these now, after later ones, might wait for each other.
        await transaction.execute("ROLLBACK TO SAVEPOINT held")
        beside = found


async def settled(
    transaction: Transaction, held_nos: Sequence[int], *, at: Millis
) -> Collection[Platform]:
    """Legs of these have ended: whose turn is it, and what has become of the whole. Where a turn
    has come now.
    """
    await transaction.execute(PART, held_nos, at)
    turns = await transaction.fetch(ADVANCE, held_nos, at)
    await transaction.execute(ROLL_UP, held_nos)
    return {row["platform"] for row in turns if row["due_at"] <= at}


async def ended(
    transaction: Transaction,
    notification_nos: Sequence[int],
    held_nos: Sequence[int],
    reason: str,
    at: Millis,
) -> None:
    """Nothing more of these is sent."""
    await transaction.execute(END, notification_nos, reason, at)
    await settled(transaction, held_nos, at=at)


async def stopped(
    transaction: Transaction, notification_nos: Collection[int], reason: str, *, at: Millis
) -> bool:
    """Send nothing more of those of these that are pending; whether there is one."""
    held_nos = await held(transaction, notification_nos)
    rows = await transaction.fetch(STOP, list(notification_nos), reason)
    numbers = [row["notification_no"] for row in rows]
    if numbers:
        await ended(transaction, numbers, held_nos, reason, at)
    return bool(numbers)
