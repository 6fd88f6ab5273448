"""Each decision and each attempt, why it was made, and what they come to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from actors.notification_records import PLATFORMS
from protocol.ids import Millis
from server.postgres.pool import Database

NEWEST: Final = 2**63 - 1
WITHIN: Final = 30.0

ENTRY: Final = """
SELECT l.log_no, q.notification_id, l.notification_type, l.platform, l.status, l.reason, l.attempt,
    l.latency_ms, l.error, l.at
FROM notification_log l LEFT JOIN notification_queue q USING (notification_no)"""

ONE: Final = (
    "SELECT notification_no, recipient_no FROM notification_queue WHERE notification_id = $1"
)

OF: Final = f"{ENTRY} WHERE l.notification_no = $1 ORDER BY l.log_no LIMIT 1000"

OF_USER: Final = f"{ENTRY} WHERE l.user_no = $1 AND l.log_no < $2 ORDER BY l.log_no DESC LIMIT $3"

FIGURES: Final = """
SELECT f.platform, jsonb_object_agg(f.status, f.count)::text AS counts
FROM (
    SELECT platform, status, count(*) FROM notification_log WHERE at >= $1 GROUP BY 1, 2
) f GROUP BY f.platform"""

REASONS: Final = """
SELECT f.platform, jsonb_object_agg(f.reason, f.count)::text AS reasons
FROM (
    SELECT platform, reason, count(*) FROM notification_log
    WHERE at >= $1 AND reason <> '' GROUP BY 1, 2
) f GROUP BY f.platform"""

LATENCIES: Final = """
SELECT platform, percentile_disc(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY latency_ms) AS latencies
FROM notification_log WHERE at >= $1 AND status = 'sent' AND latency_ms IS NOT NULL
GROUP BY platform"""

WAITING: Final = """
SELECT platform, count(*) AS waiting, $1 - min(due_at) AS oldest FROM notification_deliveries
WHERE state IN ('waiting', 'ready') AND due_at <= $1 GROUP BY platform"""

FORGET: Final = """
DELETE FROM notification_log WHERE log_no = ANY (ARRAY(
    SELECT log_no FROM notification_log WHERE at < $1 ORDER BY at LIMIT $2
))"""

FORGET_ENDED: Final = """
WITH old AS MATERIALIZED (
    SELECT q.notification_no FROM notification_queue q
    WHERE q.created_at < $1 AND q.status <> 'pending' AND NOT EXISTS (
        SELECT FROM notification_deliveries d
        WHERE d.notification_no = q.notification_no AND d.state = 'withdraw'
    ) ORDER BY q.created_at LIMIT $2 FOR UPDATE SKIP LOCKED
), legs AS (
    DELETE FROM notification_deliveries
    WHERE notification_no = ANY (ARRAY(SELECT notification_no FROM old))
)
DELETE FROM notification_queue
WHERE notification_no = ANY (ARRAY(SELECT notification_no FROM old))"""

FORGET_DELETED: Final = """
DELETE FROM notifications WHERE notification_id = ANY (ARRAY(
    SELECT notification_id FROM notifications WHERE deleted_at < $1 LIMIT $2
))"""

FORGET_WINDOWS: Final = """
DELETE FROM notification_windows w USING (
    SELECT o.recipient_no, o.platform, o.group_key FROM notification_windows o
    WHERE o.until_at < $1 LIMIT $2 FOR UPDATE SKIP LOCKED
) over
WHERE (w.recipient_no, w.platform, w.group_key)
    = (over.recipient_no, over.platform, over.group_key)"""

_counts = msgspec.json.Decoder(dict[str, int]).decode


class LogEntry(NamedTuple):
    """One decision (``attempt`` 0) or attempt. ``latency_ms``: of an attempt, how long the provider
    took; on the web, how late it was. ``error``: a code.
    """

    log_no: int
    notification_id: str | None  # None: forgotten since
    type: str
    platform: str
    status: str
    reason: str
    attempt: int
    latency_ms: int | None
    error: str | None
    at: Millis


class PlatformFigures(NamedTuple):
    """Of one platform: entries by their status, and by their reason; latencies of what was sent."""

    counts: Mapping[str, int]
    reasons: Mapping[str, int]
    latency_p50_ms: int | None
    latency_p95_ms: int | None
    waiting: int  # due, or to be sent now
    oldest_ms: int  # the longest of those waits


class NotificationLog:
    """Every method may raise StoreUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(
        self,
        id: str,  # noqa: A002 - the field's name
        user_no: int | None = None,
    ) -> Sequence[LogEntry] | None:
        """All of one notification, the oldest first; None where there is none, or it is not
        *user_no*'s own (None: whoever's it is).
        """
        database = self._database
        whose = database.service() if user_no is None else database.acting(user_no)
        async with whose as transaction:
            row = await transaction.fetchrow(ONE, id)
            if row is None or user_no not in (None, row["recipient_no"]):
                return None
            rows = await transaction.fetch(OF, row["notification_no"])
        return [LogEntry(*each) for each in rows]

    async def of_user(
        self, user_no: int, *, before: int | None = None, limit: int
    ) -> Sequence[LogEntry]:
        """Of all that was meant for somebody, the newest first, those below the ``log_no`` of
        another page's last.
        """
        async with self._database.service() as transaction:
            rows = await transaction.fetch(OF_USER, user_no, before or NEWEST, limit)
        return [LogEntry(*each) for each in rows]

    async def statistics(self, since: Millis, *, now: Millis) -> Mapping[str, PlatformFigures]:
        """By platform, of what happened since then."""
        async with self._database.service(within=WITHIN) as transaction:
            figures, reasons, latencies = [
                {row[0]: row[1] for row in await transaction.fetch(sql, since, within=WITHIN)}
                for sql in (FIGURES, REASONS, LATENCIES)
            ]
            rows = await transaction.fetch(WAITING, now, within=WITHIN)
        waiting = {row["platform"]: (row["waiting"], row["oldest"]) for row in rows}
        return {
            each: PlatformFigures(
                _counts(figures.get(each, "{}")),
                _counts(reasons.get(each, "{}")),
                p50,
                p95,
                count,
                oldest,
            )
            for each in PLATFORMS
            for p50, p95 in [latencies.get(each, (None, None))]
            for count, oldest in [waiting.get(each, (0, 0))]
        }

    async def forget(self, before: Millis, *, most: int) -> int:
        """Delete entries of before that time, *most* at once; how many there were."""
        return await self._delete(FORGET, before, most)

    async def forget_ended(self, before: Millis, *, most: int) -> int:
        """Delete notifications of before that time that are not pending, with their legs; how many.

        What people have on their lists stays there.
        """
        return await self._delete(FORGET_ENDED, before, most)

    async def forget_deleted(self, before: Millis, *, most: int) -> int:
        """Delete what people have deleted from their lists before that time; how many."""
        return await self._delete(FORGET_DELETED, before, most)

    async def forget_windows(self, before: Millis, *, most: int) -> int:
        """Delete windows that were over before that time; how many."""
        return await self._delete(FORGET_WINDOWS, before, most)

    async def _delete(self, sql: str, before: Millis, most: int) -> int:
        async with self._database.service(within=WITHIN) as transaction:
            tag = await transaction.execute(sql, before, most, within=WITHIN)
        return int(tag.rpartition(" ")[2])
