"""Attempts, as what they make of legs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from actors.notification_records import LegResult, LegState
from server.postgres.notification_settling import IS_ALL_READ, TAKEN_BACK, URGENCY_MS

IS_MINE: Final = """d.leg_no = r.leg_no AND d.lease = r.lease AND d.attempt = r.attempt
    AND d.state = CASE WHEN r.is_back THEN 'withdraw' ELSE 'leased' END"""
"""The leg ``d`` is still that of the attempt ``r``."""

# Who has read it meanwhile is not told again, and what was just sent is taken back, as `END` does.
RECORD: Final = f"""
WITH told AS (
    SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::smallint[], $4::boolean[], $5::text[],
        $6::text[], $7::text[], $8::bigint[], $9::integer[], $10::boolean[], $11::boolean[])
        AS r (leg_no, lease, attempt, is_back, state, reason, ref, again_at, latency_ms, is_gone,
            is_noted)
), mine AS (
    SELECT r.*, q.priority, q.notification_type, CASE
        WHEN r.state = 'ready' AND (q.seen_at IS NOT NULL OR q.stopped IS NOT NULL)
            THEN 'cancelled'
        WHEN r.state = 'sent' AND NOT r.is_back AND {IS_ALL_READ}
            AND coalesce(r.ref, d.provider_ref) IS NOT NULL
            AND d.platform IN ({TAKEN_BACK}) THEN 'withdraw'
        ELSE r.state END AS becomes,
        CASE WHEN r.state <> 'ready' THEN r.reason WHEN q.seen_at IS NOT NULL THEN 'read'
            ELSE coalesce(q.stopped, r.reason) END AS why
    FROM told r
    JOIN notification_deliveries d ON {IS_MINE}
    JOIN notification_queue q ON q.notification_no = d.notification_no
), written AS (
    UPDATE notification_deliveries d SET state = m.becomes, reason = m.why, leased_until = 0,
        due_at = coalesce(m.again_at, $12), rank_at = coalesce(m.again_at, $12)
            - CASE m.becomes WHEN 'ready' THEN (m.priority - 1) * {URGENCY_MS} ELSE 0 END,
        sent_at = CASE WHEN m.state = 'sent' AND NOT m.is_back THEN $12 ELSE d.sent_at END,
        provider_ref = coalesce(m.ref, d.provider_ref),
        attempt = CASE WHEN m.becomes = 'withdraw' AND NOT m.is_back THEN 0 ELSE d.attempt END
    FROM mine m WHERE d.leg_no = m.leg_no
    RETURNING d.notification_no, d.recipient_no, d.platform, d.endpoint_no, m.*
), touched AS (
    SELECT endpoint_no, bool_or(state = 'sent') AS is_used,
        min(reason) FILTER (WHERE is_gone) AS why
    FROM written WHERE is_gone OR state = 'sent' AND NOT is_back GROUP BY endpoint_no
), taken AS MATERIALIZED (
    SELECT e.endpoint_no FROM notification_endpoints e
    WHERE e.endpoint_no = ANY (ARRAY(SELECT endpoint_no FROM touched))
    ORDER BY e.endpoint_no FOR NO KEY UPDATE -- in one order, which all nodes lock in
), used AS (
    UPDATE notification_endpoints e
    SET used_at = CASE WHEN t.is_used THEN greatest(e.used_at, $12) ELSE e.used_at END,
        ended_at = CASE WHEN t.why IS NULL THEN e.ended_at ELSE coalesce(e.ended_at, $12) END,
        ended_why = CASE WHEN t.why IS NULL THEN e.ended_why ELSE coalesce(e.ended_why, t.why) END
    FROM touched t WHERE e.endpoint_no = t.endpoint_no
        AND e.endpoint_no = ANY (ARRAY(SELECT endpoint_no FROM taken))
)
INSERT INTO notification_log (notification_no, user_no, platform, notification_type, status, reason,
    latency_ms, error, attempt, at)
SELECT w.notification_no, w.recipient_no, w.platform, w.notification_type, CASE
        WHEN w.state IN ('ready', 'withdraw') THEN 'pending'
        WHEN w.is_back AND w.state = 'sent' THEN 'failed'
        ELSE w.state END,
    w.reason, w.latency_ms, nullif(w.reason, ''), w.attempt, $12
FROM written w WHERE w.is_noted
UNION ALL
SELECT w.notification_no, w.recipient_no, w.platform, w.notification_type, 'cancelled', w.why,
    NULL, NULL, 0, $12
FROM written w WHERE w.becomes = 'cancelled'"""  # noqa: S608 - constants


def becomes(result: LegResult) -> LegState:
    """What a leg is after one attempt, unless it was read meanwhile."""
    kind, is_back = result.attempt.kind, result.leg.take_back is not None
    if kind == "again" and result.again_at is not None:
        return "withdraw" if is_back else "ready"
    if is_back:
        return "withdrawn" if kind == "withdrawn" else "sent"
    if kind in ("sent", "unknown"):
        return kind
    return "failed"


def reason_of(result: LegResult) -> str:
    """Why it is not sent, as a code; ``""`` where it is."""
    attempt = result.attempt
    otherwise = {
        "sent": "",
        "withdrawn": "",
        "refused": "provider_refused",
        "gone": "endpoint_gone",
        "again": "attempts" if result.again_at is None else "provider_error",
        "unknown": "no_answer",
    }
    return attempt.reason or otherwise[attempt.kind]


def columns_of(results: Sequence[LegResult]) -> tuple[list[Any], ...]:
    """The arrays that RECORD takes. Of what is tried again the log has what somebody was asked."""
    after = [becomes(result) for result in results]
    again = [
        result.again_at if state in ("ready", "withdraw") else None
        for result, state in zip(results, after, strict=True)
    ]
    return (
        [result.leg.leg_no for result in results],
        [result.leg.lease for result in results],
        [result.leg.attempt for result in results],
        [result.leg.take_back is not None for result in results],
        after,
        [reason_of(result) for result in results],
        [result.attempt.provider_ref for result in results],
        again,
        [result.attempt.latency_ms for result in results],
        [result.attempt.kind == "gone" for result in results],
        [
            result.attempt.was_asked or state not in ("ready", "withdraw")
            for result, state in zip(results, after, strict=True)
        ],
    )
