"""The way of notifications over platforms that are others': begun with, and what became of it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import suppress
from typing import Any, Final

from actors.notification_records import (
    Attempt,
    Begun,
    LegResult,
    OutgoingNotification,
    Outside,
    Platform,
)
from actors.ports import StoreUnavailable
from actors.rules.digest import TITLES_MOST
from protocol.ids import Millis
from server.postgres.notification_results import IS_MINE, RECORD, columns_of
from server.postgres.notification_rows import outgoing_of
from server.postgres.notification_settling import IS_BLOCKED, WORK, held, settled
from server.postgres.pool import Database
from server.postgres.room_rows import NAME

# To be sent, or to be taken back, unless there is a reason not to.
DUE: Final = f"""
FROM notification_deliveries d
JOIN notification_queue q ON q.notification_no = d.notification_no
JOIN users u ON u.user_no = d.recipient_no
LEFT JOIN notification_endpoints e ON e.endpoint_no = d.endpoint_no
CROSS JOIN LATERAL (SELECT CASE
    WHEN e.endpoint_no IS NULL OR e.ended_at IS NOT NULL THEN 'endpoint_gone'
    WHEN d.state = 'withdraw' THEN ''
    WHEN q.stopped IS NOT NULL THEN q.stopped
    WHEN q.seen_at IS NOT NULL THEN 'read'
    WHEN q.expires_at <= $2 THEN 'expired'
    WHEN u.status <> 'active' THEN 'inactive'
    WHEN {IS_BLOCKED} THEN 'blocked'
    ELSE '' END) AS w (why)
WHERE d.platform = $1 AND d.state IN ('ready', 'withdraw') AND d.rank_at <= $2 AND d.due_at <= $2"""

# Those for which nobody is there any more.
ABANDONED: Final = """
(
    SELECT d.leg_no, d.notification_no, 'no_answer' AS why FROM notification_deliveries d
    WHERE d.platform = $1 AND d.state = 'leased' AND d.leased_until <= $2
    ORDER BY d.leased_until, d.leg_no LIMIT $3
) UNION ALL (
    SELECT d.leg_no, d.notification_no, 'no_provider' FROM notification_deliveries d
    WHERE d.platform = $1 AND d.state IN ('ready', 'withdraw') AND d.rank_at <= $2
        AND d.due_at <= $2
    ORDER BY d.rank_at, d.leg_no LIMIT $3
)"""

# Those whose node was lost, and those that are not to be sent any more.
OVER: Final = f"""
(
    SELECT d.leg_no, d.notification_no, 'no_answer' AS why FROM notification_deliveries d
    WHERE d.platform = $1 AND d.state = 'leased' AND d.leased_until <= $2
    ORDER BY d.leased_until, d.leg_no LIMIT $3
) UNION ALL (
    SELECT o.* FROM (
        SELECT d.leg_no, d.notification_no, w.why {DUE} ORDER BY d.rank_at, d.leg_no LIMIT $3
    ) o WHERE o.why <> ''
)"""  # noqa: S608 - constants

PICK: Final = f"""
SELECT o.leg_no FROM (
    SELECT d.leg_no, w.why {DUE}
    ORDER BY d.rank_at, d.leg_no LIMIT $3 FOR NO KEY UPDATE OF d, q SKIP LOCKED
) o WHERE o.why = ''"""  # noqa: S608 - constants

BEGIN: Final = f"""
WITH begun AS (
    UPDATE notification_deliveries d SET attempt = d.attempt + 1, lease = $2, leased_until = $3,
        state = CASE d.state WHEN 'ready' THEN 'leased' ELSE d.state END,
        due_at = CASE d.state WHEN 'ready' THEN d.due_at ELSE $3 END,
        rank_at = CASE d.state WHEN 'ready' THEN d.rank_at ELSE $3 END
    WHERE d.leg_no = ANY ($1::bigint[]) RETURNING d.*
)
SELECT d.leg_no, d.platform, d.endpoint_no, d.recipient_no, d.attempt, d.state, d.provider_ref,
    q.notification_id, q.notification_type, q.title, q.message, q.data::text AS data, q.priority,
    q.created_at, q.expires_at, q.collapse_key, r.language, q.sender_no,
    (SELECT {NAME} FROM users u WHERE u.user_no = q.sender_no) AS sender_name,
    t.merged, t.merged_count
FROM begun d
JOIN notification_queue q ON q.notification_no = d.notification_no
JOIN users r ON r.user_no = d.recipient_no
CROSS JOIN LATERAL (
    SELECT coalesce(array_agg(n.title ORDER BY n.place DESC), '{{}}') AS merged,
        coalesce(max(n.count), 0) AS merged_count
    FROM (
        SELECT o.title, count(*) OVER () AS count,
            row_number() OVER ( -- by no index: they are few
                ORDER BY o.created_at + 0 DESC, o.notification_no DESC
            ) AS place
        FROM notification_deliveries f
        JOIN notification_deliveries m ON m.merged_into = f.leg_no
        JOIN notification_queue o ON o.notification_no = m.notification_no
        WHERE f.notification_no = d.notification_no AND f.platform = d.platform
            AND o.seen_at IS NULL AND o.stopped IS NULL
    ) n WHERE n.place <= {TITLES_MOST}
) t
ORDER BY d.rank_at, d.leg_no"""  # noqa: S608 - constants

NEXT_DUE: Final = """
SELECT least(
    (SELECT min(d.due_at) FROM notification_deliveries d
    WHERE d.platform = $1 AND d.state IN ('ready', 'withdraw')),
    (SELECT min(d.leased_until) FROM notification_deliveries d
    WHERE d.platform = $1 AND d.state = 'leased')
)"""

# What was to be taken back and cannot be stays sent.
END: Final = """
WITH ended AS (
    UPDATE notification_deliveries d SET reason = w.why,
        state = CASE d.state WHEN 'withdraw' THEN 'sent' ELSE w.state END
    FROM unnest($1::bigint[], $2::text[], $3::text[]) AS w (leg_no, state, why)
    WHERE d.leg_no = w.leg_no AND CASE w.state
        WHEN 'unknown' THEN d.state = 'leased' AND d.leased_until <= $4
        ELSE d.state IN ('ready', 'withdraw') END
    RETURNING d.notification_no, d.recipient_no, d.platform, d.reason, d.attempt, w.state
)
INSERT INTO notification_log (notification_no, user_no, platform, notification_type, status, reason,
    error, attempt, at)
SELECT e.notification_no, e.recipient_no, e.platform, q.notification_type, e.state, e.reason,
    CASE WHEN e.state IN ('failed', 'unknown') THEN e.reason END, e.attempt, $4
FROM ended e JOIN notification_queue q USING (notification_no)"""

STATES: Final = {
    "no_answer": "unknown",
    "endpoint_gone": "failed",
    "expired": "expired",
    "no_provider": "skipped",
    "inactive": "skipped",
    "blocked": "skipped",
}
"""What legs become that are not to be sent any more; for other reasons they are cancelled."""

UNREADABLE: Final = Attempt(kind="refused", reason="error")
"""What becomes of one that cannot be read."""

OF_RESULTS: Final = f"""
SELECT DISTINCT d.notification_no
FROM unnest($1::bigint[], $2::bigint[], $3::smallint[], $4::boolean[])
    AS r (leg_no, lease, attempt, is_back)
JOIN notification_deliveries d ON {IS_MINE}"""  # noqa: S608 - constants


class NotificationLegs:
    """Legs of others' platforms. Every method may raise StoreUnavailable or OutcomeUnknown."""

    def __init__(self, database: Database, *, within: float) -> None:
        """*within* seconds each statement has its answer."""
        self._database, self._within = database, within

    async def begin(
        self, platform: Outside, *, now: Millis, until: Millis, most: int, lease: int
    ) -> Begun:
        """Legs to be sent now, for this node alone *until* then; those over are ended first."""
        await self._end_those_over(platform, now, most)
        within = self._within
        async with self._database.transaction(within=within, begin=WORK) as transaction:
            picked = await transaction.fetch(PICK, platform, now, most, within=within)
            leg_nos = [row["leg_no"] for row in picked]
            rows = list[Any]()
            if leg_nos:
                rows = await transaction.fetch(BEGIN, leg_nos, lease, until, within=within)
            due = await transaction.fetchval(NEXT_DUE, platform, within=within)
        sound, failed = list[OutgoingNotification](), list[LegResult]()
        for leg, is_sound in (outgoing_of(row, lease) for row in rows):
            if is_sound or leg.take_back is not None:
                sound.append(leg)
            else:
                failed.append(LegResult(leg, UNREADABLE, None))
        if failed:
            with suppress(StoreUnavailable):  # their lease will be over; the others go
                await self.record(failed, at=now)
        return Begun(tuple(sound), None if due is None else Millis(due))

    async def abandon(self, platform: Outside, *, before: Millis, now: Millis, most: int) -> int:
        """End those of a platform to which nothing is sent any more, which were due before that
        time; how many there were.
        """
        return await self._end(ABANDONED, platform, before, now, most)

    async def _end_those_over(self, platform: Outside, now: Millis, most: int) -> None:
        await self._end(OVER, platform, now, now, most)

    async def _end(
        self, sql: str, platform: Outside, before: Millis, now: Millis, most: int
    ) -> int:
        within = self._within
        async with self._database.transaction(within=within, begin=WORK) as transaction:
            over = await transaction.fetch(sql, platform, before, most, within=within)
            if not over:
                return 0
            held_nos = await held(transaction, {row["notification_no"] for row in over})
            whys = [row["why"] for row in over]
            states = [STATES.get(why, "cancelled") for why in whys]
            leg_nos = [row["leg_no"] for row in over]
            await transaction.execute(END, leg_nos, states, whys, now, within=within)
            await settled(transaction, held_nos, at=now)
            return len(over)

    async def record(self, results: Sequence[LegResult], *, at: Millis) -> Collection[Platform]:
        """What became of attempts, of those legs that are still its lease's; whose turn it is."""
        columns = columns_of(results)
        within = self._within
        async with self._database.transaction(within=within, begin=WORK) as transaction:
            found = await transaction.fetch(OF_RESULTS, *columns[:4], within=within)
            if not found:
                return frozenset()
            held_nos = await held(transaction, [row["notification_no"] for row in found])
            await transaction.execute(RECORD, *columns, at, within=within)
            return await settled(transaction, held_nos, at=at)
