"""Erases what deleted messages said, once nobody can restore them any more; who read when; and how
long people were online.
"""

from __future__ import annotations

from typing import Protocol

from actors.ports import WallClock
from protocol.limits import READ_LOG_S, RESTORE_WITHIN_S
from server.postgres.pool import Database

ONLINE_DAYS_S = 30 * 86_400
"""How far back a person's time online counts."""

# The rows stay: their seqs, and the digests by which a resend is known.
ERASE = """
WITH due AS (
    UPDATE message_states s SET erased = true, body = NULL
    WHERE (s.room_no, s.seq) IN (
        SELECT d.room_no, d.seq FROM message_states d
        WHERE d.deleted_at IS NOT NULL AND NOT d.erased AND d.deleted_at < $1
        ORDER BY d.deleted_at LIMIT $2 FOR UPDATE SKIP LOCKED
    ) AND s.deleted_at IS NOT NULL
    RETURNING s.room_no, s.seq
), posted AS (
    DELETE FROM room_files p USING due WHERE p.room_no = due.room_no AND p.seq = due.seq
        AND NOT EXISTS (
            SELECT FROM message_reports r
            WHERE r.room_no = p.room_no AND r.seq = p.seq AND r.status = 'open'
        )
), said AS (
    UPDATE room_events e SET body = NULL,
        extra = CASE WHEN e.extra::jsonb ? 'kind'
            THEN jsonb_build_object('kind', e.extra::jsonb -> 'kind')::text END
    FROM due WHERE e.room_no = due.room_no AND e.seq = due.seq
), told AS (
    UPDATE room_events e SET body = NULL, extra = NULL
    FROM due WHERE e.room_no = due.room_no AND e.of_seq = due.seq AND e.kind IN (3, 5)
), stale AS MATERIALIZED (
    SELECT c.room_no, c.chunk FROM (
        SELECT room_no, seq / 128 AS chunk, array_agg(seq) AS seqs FROM due GROUP BY 1, 2
    ) d
    JOIN search_chunks c ON c.room_no = d.room_no AND c.chunk = d.chunk AND c.seqs && d.seqs
    ORDER BY c.room_no, c.chunk
), found AS (
    SELECT search_forget(c.room_no, c.chunk) FROM stale c -- in one order, which all nodes lock in
)
SELECT count(*), (SELECT count(*) FROM found) FROM due"""


# A report that is open keeps what it is about. One that is closed at this moment is of the next
# round, its words and its files alike.
FORGET_REPORTED = """
WITH due AS (
    SELECT r.report_no, r.room_no, r.seq FROM message_reports r
    JOIN message_states s ON s.room_no = r.room_no AND s.seq = r.seq AND s.erased
    WHERE r.status = 'closed' AND r.body IS NOT NULL
    FOR UPDATE OF r
), files AS (
    DELETE FROM room_files p USING due WHERE p.room_no = due.room_no AND p.seq = due.seq
        AND NOT EXISTS (
            SELECT FROM message_reports o
            WHERE o.room_no = p.room_no AND o.seq = p.seq AND o.status = 'open'
        )
)
UPDATE message_reports r SET body = NULL, extra = NULL FROM due
WHERE r.report_no = due.report_no"""

FORGET_READS = """
WITH old AS (
    DELETE FROM read_log WHERE ctid = ANY (ARRAY(
        SELECT l.ctid FROM read_log l WHERE l.at < $1 LIMIT $2
    )) RETURNING 1
)
SELECT count(*) FROM old"""

# A trigger takes it from a person's total: those are locked in one order, as who adds to them does.
FORGET_ONLINE = """
WITH old AS MATERIALIZED (
    SELECT o.user_no, o.day FROM online_days o
    WHERE o.day <= (to_timestamp($1::bigint / 1000.0) AT TIME ZONE 'UTC')::date
    ORDER BY o.day, o.user_no LIMIT $2 FOR UPDATE SKIP LOCKED
), totals AS MATERIALIZED (
    SELECT t.user_no FROM online_totals t WHERE t.user_no IN (SELECT user_no FROM old)
    ORDER BY t.user_no FOR UPDATE
), gone AS (
    DELETE FROM online_days o USING old
    WHERE o.user_no = old.user_no AND o.day = old.day AND (SELECT count(*) FROM totals) >= 0
    RETURNING 1
)
SELECT count(*) FROM gone"""


class Log(Protocol):
    """The one thing wanted of a logger."""

    def info(self, event: str, **fields: object) -> object:
        """Note *event*."""


class Erasure:
    """Finds what is due, round by round; any number of nodes may."""

    EVERY_S = 3600.0
    AT_ONCE = 500  # messages in one transaction

    def __init__(self, database: Database, *, clock: WallClock, log: Log) -> None:
        self._database, self._clock, self._log = database, clock, log

    async def round(self) -> float:
        """Erase what is due; seconds until more may be. Raises StoreUnavailable."""
        erased = await self.erase_due()
        await self.forget_due()
        if erased:
            self._log.info("messages_erased", count=erased)
        return self.EVERY_S

    async def forget_due(self) -> int:
        """Erase who read when, and how long people were online, where it is long ago; how much of
        both. Raises StoreUnavailable.
        """
        total = 0
        for sql, kept_s in ((FORGET_READS, READ_LOG_S), (FORGET_ONLINE, ONLINE_DAYS_S)):
            before = self._clock.now_ms() - kept_s * 1000
            while erased := await self._database.fetchval(sql, before, self.AT_ONCE):
                total += erased
        return total

    async def erase_due(self) -> int:
        """Erase all that is due; how many messages that were. Raises StoreUnavailable."""
        before = self._clock.now_ms() - RESTORE_WITHIN_S * 1000
        total = 0
        while erased := await self._database.fetchval(ERASE, before, self.AT_ONCE):
            total += erased
        await self._database.execute(FORGET_REPORTED)
        return total
