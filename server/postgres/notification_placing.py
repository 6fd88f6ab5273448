"""What is asked of legs that are due, and how decisions are written down."""

from __future__ import annotations

from typing import Final

from server.postgres.notification_settling import IS_BLOCKED

SUBJECT: Final = """CASE WHEN q.collapse_key IS NULL THEN 'n:' || q.notification_id
        ELSE 'collapse:' || coalesce(q.sender_no, 0) || ':' || q.collapse_key END"""
"""What a notification ``q`` is about: there is one of each on somebody's list."""

SHARES: Final = 4
"""Where more is due than a round takes, those of others come before what is beyond a fourth of it
and of one recipient.
"""

# Those of a recipient are decided by one node at a time: what went to him lately is counted. No
# pair of users has the locks of that first number.
PICK: Final = """
SELECT p.*, pg_try_advisory_xact_lock(-31, p.recipient_no) AS is_mine
FROM (
    SELECT d.leg_no, d.recipient_no, d.platform, d.hold_key
    FROM notification_deliveries d JOIN notification_queue q USING (notification_no)
    WHERE d.state = 'waiting' AND d.rank_at <= $1 AND d.due_at <= $1
        AND d.recipient_no <> ALL ($3::integer[])
    ORDER BY d.rank_at, d.leg_no LIMIT $2 FOR NO KEY UPDATE OF d, q SKIP LOCKED
) p"""

# Not all at once: who wants to be left alone for a week may have thousands.
SIBLINGS_MOST: Final = 1_000
SIBLINGS: Final = f"""
SELECT s.leg_no
FROM unnest($1::integer[], $2::text[], $3::text[]) AS k (recipient_no, platform, hold_key)
CROSS JOIN LATERAL (
    SELECT d.leg_no FROM notification_deliveries d JOIN notification_queue q USING (notification_no)
    WHERE d.recipient_no = k.recipient_no AND d.platform = k.platform AND d.hold_key = k.hold_key
        AND d.state = 'waiting' AND d.rank_at <= $5 AND d.due_at <= $5
        AND d.leg_no <> ALL ($4::bigint[])
    ORDER BY d.rank_at, d.leg_no LIMIT {SIBLINGS_MOST} FOR NO KEY UPDATE OF d, q SKIP LOCKED
) s LIMIT {SIBLINGS_MOST}"""  # noqa: S608 - constants

FACTS: Final = f"""
SELECT d.leg_no, d.notification_no, q.notification_id, d.recipient_no, u.user_id,
    u.status = 'active' AS is_active, u.time_zone,
    {IS_BLOCKED} AS is_blocked,
    q.seen_at IS NOT NULL AS is_seen, q.sender_no, q.notification_type, q.title, q.message,
    q.data::text AS data, q.priority, q.collapse_key, q.created_at, d.due_at, q.expires_at,
    d.platform, d.reason, d.hold_key, d.held_at, q.routing = 'fallback' AS is_fallback,
    cardinality(q.platforms) = 1 AS is_only,
    w.notification_types::text AS types, w.preferences::text AS preferences,
    CASE WHEN d.platform = 'web' THEN '{{}}' ELSE ARRAY(
        SELECT e.endpoint_no FROM notification_endpoints e
        WHERE e.user_no = d.recipient_no AND e.platform = d.platform AND e.ended_at IS NULL
            AND e.kind <> 'kakao_bot' -- which answers, and cannot speak first
    ) END AS endpoints,
    (SELECT jsonb_object_agg(l.group_key, jsonb_build_array(l.until_at, l.sent))::text
        FROM notification_windows l
        WHERE l.recipient_no = d.recipient_no AND l.platform = d.platform AND l.until_at + 0 > $2
    ) AS windows,
    (SELECT s.user_id FROM users s WHERE s.user_no = q.sender_no) AS sender
FROM notification_deliveries d
JOIN notification_queue q ON q.notification_no = d.notification_no
JOIN users u ON u.user_no = d.recipient_no
LEFT JOIN notification_settings w ON w.user_no = d.recipient_no AND w.platform = d.platform
WHERE d.leg_no = ANY ($1::bigint[])
ORDER BY d.rank_at, d.leg_no"""  # noqa: S608 - constants

# Those that are replaced stay, under a subject of their own; what was not read of them is gone.
REPLACE: Final = f"""
WITH taken AS MATERIALIZED (
    SELECT d.leg_no, n.notification_id
    FROM notification_deliveries d JOIN notification_queue q USING (notification_no)
    JOIN notifications n ON n.recipient_no = q.recipient_no AND n.subject = {SUBJECT}
    WHERE d.leg_no = ANY ($1::bigint[])
    -- As readers take them, too; by no index, which would be read from its beginning.
    ORDER BY n.recipient_no + 0, n.notification_id COLLATE "C" FOR NO KEY UPDATE OF n
)
UPDATE notifications n SET subject = 'n:' || n.notification_id,
    deleted_at = CASE WHEN n.seen_at IS NULL THEN coalesce(n.deleted_at, $2) ELSE n.deleted_at END
FROM taken t WHERE n.notification_id = t.notification_id
RETURNING t.leg_no, n.notification_id, n.seen_at IS NULL AND n.deleted_at = $2 AS is_gone"""  # noqa: S608

# All that becomes of legs that go to the web, and of what goes nowhere else, for these are many.
SHOW: Final = f"""
WITH sent AS (
    UPDATE notification_deliveries d
    SET state = 'sent', reason = w.reason, hold_key = NULL, sent_at = $2::bigint
    FROM unnest($1::bigint[], $3::text[]) AS w (leg_no, reason)
    WHERE d.leg_no = w.leg_no RETURNING d.leg_no, d.notification_no, d.due_at, d.reason
), ended AS (
    UPDATE notification_queue q SET status = 'sent', sent_at = $2, open_key = NULL
    FROM sent d WHERE q.notification_no = d.notification_no AND cardinality(q.platforms) = 1
), logged AS (
    INSERT INTO notification_log (notification_no, user_no, platform, notification_type, status,
        reason, latency_ms, at)
    SELECT q.notification_no, q.recipient_no, 'web', q.notification_type, 'sent', d.reason,
        least(greatest($2 - d.due_at, 0), 2147483647), $2
    FROM sent d JOIN notification_queue q USING (notification_no)
)
INSERT INTO notifications (notification_id, recipient_no, sender_no, notification_type, title,
    message, data, priority, subject, created_at, expires_at)
SELECT q.notification_id, q.recipient_no, q.sender_no, q.notification_type, q.title, q.message,
    q.data, q.priority, {SUBJECT}, $2, q.expires_at
FROM sent d JOIN notification_queue q USING (notification_no)
ON CONFLICT DO NOTHING"""  # noqa: S608 - constants

WRITE: Final = """
UPDATE notification_deliveries d SET state = w.state, reason = w.reason, hold_key = w.hold_key,
    due_at = w.due_at, rank_at = w.rank_at, merged_into = w.merged_into,
    endpoint_no = w.endpoint_no,
    held_at = CASE WHEN w.state = 'waiting' THEN coalesce(d.held_at, $9) ELSE d.held_at END
FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[],
    $7::bigint[], $8::bigint[])
    AS w (leg_no, state, reason, hold_key, due_at, rank_at, merged_into, endpoint_no)
WHERE d.leg_no = w.leg_no"""

# The others of whoever is reached at more than one address.
MORE: Final = """
INSERT INTO notification_deliveries (notification_no, recipient_no, platform, place, state, due_at,
    rank_at, endpoint_no)
SELECT d.notification_no, d.recipient_no, d.platform, d.place, 'ready', d.due_at, d.rank_at,
    m.endpoint_no
FROM unnest($1::bigint[], $2::bigint[]) AS m (leg_no, endpoint_no)
JOIN notification_deliveries d ON d.leg_no = m.leg_no"""

WINDOWS: Final = """
INSERT INTO notification_windows (recipient_no, platform, group_key, until_at, sent)
SELECT * FROM unnest($1::integer[], $2::text[], $3::text[], $4::bigint[], $5::integer[])
ON CONFLICT (recipient_no, platform, group_key)
DO UPDATE SET until_at = excluded.until_at, sent = excluded.sent"""

LOG_HELD_MS: Final = 3_600_000
"""Of a leg that is held back now for this and now for that there is one entry in so long."""
LOG: Final = f"""
INSERT INTO notification_log (notification_no, user_no, platform, notification_type, status, reason,
    at)
SELECT q.notification_no, q.recipient_no, d.platform, q.notification_type, l.status, l.reason, $4
FROM unnest($1::bigint[], $2::text[], $3::text[]) AS l (leg_no, status, reason)
JOIN notification_deliveries d ON d.leg_no = l.leg_no
JOIN notification_queue q ON q.notification_no = d.notification_no
WHERE CASE WHEN l.status <> 'held' THEN true ELSE coalesce((
    SELECT false FROM notification_log o
    WHERE o.notification_no = d.notification_no AND o.platform = d.platform
        AND o.status = 'held' AND o.at + 0 > $4::bigint - {LOG_HELD_MS} LIMIT 1
), true) END"""  # noqa: S608 - constants

NEXT_DUE: Final = """
SELECT min(due_at) FROM notification_deliveries WHERE state = 'waiting'"""
