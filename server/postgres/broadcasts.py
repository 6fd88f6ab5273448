"""Broadcasts as they are run: leased, delivered once, announced."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Final

import msgspec

from actors.broadcast_records import Announcement, DueBroadcast, SenderFacts
from actors.selection_records import Audience, PairFacts, Selected, Told
from protocol.ids import Millis, UserId
from protocol.notices import BroadcastChange
from server.cache import Cache, Kept
from server.postgres.blocks import block_between
from server.postgres.pool import Database
from server.postgres.room_rows import NAME

Changed = Callable[[Sequence[int]], Awaitable[None]]

LEASE = """
UPDATE broadcasts b SET leased_until = $2
FROM (
    SELECT o.broadcast_no FROM broadcasts o
    WHERE o.status IN ('waiting', 'delivered') AND o.start_at <= $1 AND o.leased_until <= $1
    ORDER BY o.start_at LIMIT $3 FOR UPDATE SKIP LOCKED
) due
WHERE b.broadcast_no = due.broadcast_no
RETURNING b.broadcast_no, b.broadcast_id, b.user_no, b.recipient_count, b.seed,
    b.audience::text AS audience, b.status = 'delivered' AS delivered, b.start_at"""

FOLLOWING = """
SELECT least(
    (SELECT min(b.start_at) FROM broadcasts b
        WHERE b.status IN ('waiting', 'delivered') AND b.start_at > $1),
    (SELECT min(b.leased_until) FROM broadcasts b
        WHERE b.status IN ('waiting', 'delivered') AND b.start_at <= $1 AND b.leased_until > $1)
)"""

BLOCKED = "SELECT blocks_of($1)"

DAY_MS: Final = 86_400_000
TALK_MS: Final = 30 * DAY_MS
ROOMS_MOST, EVENTS_MOST = 2_000, 200

# What the two rooms of a pair hold counts together. Of each room the last events alone are read:
# that is more messages than count.
PAIRS = """
WITH talks AS (
    SELECT o.user_no, count(*) AS messages, max(e.at) - min(e.at) AS lasted,
        bool_or(e.sender_no = $1) AND bool_or(e.sender_no = o.user_no) AS both_wrote
    FROM (
        SELECT r.room_no,
            split_part(r.direct_key, ':', 1)::integer + split_part(r.direct_key, ':', 2)::integer
            - $1 AS user_no
        FROM chat_members m JOIN chat_rooms r ON r.room_no = m.room_no
        WHERE m.user_no = $1 AND m.is_active AND r.is_active AND r.direct_key IS NOT NULL
        ORDER BY r.room_no DESC LIMIT $3
    ) o
    JOIN LATERAL (
        SELECT x.sender_no, x.at, x.kind FROM room_events x
        WHERE x.room_no = o.room_no ORDER BY x.seq DESC LIMIT $4
    ) e ON e.kind = 1 AND e.at > $2
    GROUP BY o.user_no
), replies AS (
    SELECT r.recipient_no AS user_no, count(*) AS replies
    FROM broadcasts b JOIN broadcast_recipients r ON r.broadcast_no = b.broadcast_no
    WHERE b.user_no = $1 AND r.status = 'replied' GROUP BY r.recipient_no
)
SELECT coalesce(t.user_no, r.user_no) AS user_no, coalesce(t.messages, 0) AS messages,
    coalesce(t.lasted, 0) / 86400000.0 AS days, coalesce(t.both_wrote, false) AS both_wrote,
    coalesce(r.replies, 0) AS replies
FROM talks t FULL JOIN replies r ON r.user_no = t.user_no ORDER BY 1"""

# Another as soon as there is a new event in one of these rooms, or a reply.
PAIRS_STAMP = """
SELECT count(*) || ' ' || coalesce(sum(last.seq), 0) || ' ' || (
    SELECT count(*) FROM broadcasts b
    JOIN broadcast_recipients r ON r.broadcast_no = b.broadcast_no
    WHERE b.user_no = $1 AND r.status = 'replied'
)
FROM (
    SELECT r.room_no FROM chat_members m JOIN chat_rooms r ON r.room_no = m.room_no
    WHERE m.user_no = $1 AND m.is_active AND r.is_active AND r.direct_key IS NOT NULL
    ORDER BY r.room_no DESC LIMIT $2
) o
LEFT JOIN LATERAL (
    SELECT e.seq FROM room_events e WHERE e.room_no = o.room_no ORDER BY e.seq DESC LIMIT 1
) last ON true"""

# One statement: recipients, their conversations and what they are to be shown. Who may not hear it
# any more since he was selected is left out; what another node delivered is not delivered again.
DELIVER = f"""
WITH begun AS (
    UPDATE broadcasts b SET status = 'delivered', delivered_at = $2, selection = $3::jsonb,
        took_ms = $4, leased_until = 0
    FROM users s
    WHERE b.broadcast_no = $1 AND b.status = 'waiting'
        AND s.user_no = b.user_no AND s.status = 'active'
    RETURNING b.broadcast_no, b.broadcast_id, b.user_no, {NAME.replace("u.", "s.")} AS name
), chosen AS (
    SELECT c.*, begun.*
    FROM unnest($5::integer[], $6::text[], $7::jsonb[], $8::text[], $9::text[])
        AS c (recipient_no, why, explained, room_id, notification_id)
    CROSS JOIN begun
    JOIN users u ON u.user_no = c.recipient_no AND u.status = 'active' AND u.phone IS NOT NULL
    WHERE NOT {block_between("c.recipient_no", "begun.user_no")}
), rooms AS (
    INSERT INTO chat_rooms (room_id, room_type, direct_key, broadcast_id, created_by)
    SELECT c.room_id, 'direct', least(c.recipient_no, c.user_no) || ':'
        || greatest(c.recipient_no, c.user_no) || ':' || c.broadcast_no, c.broadcast_id, c.user_no
    FROM chosen c RETURNING room_no, room_id
), recipients AS (
    INSERT INTO broadcast_recipients (broadcast_no, recipient_no, created_at, room_no, why,
        explained)
    SELECT c.broadcast_no, c.recipient_no, $2, r.room_no, c.why, c.explained
    FROM chosen c JOIN rooms r ON r.room_id = c.room_id RETURNING recipient_no
), shown AS (
    INSERT INTO notifications (notification_id, recipient_no, sender_no, notification_type, title,
        data, subject, created_at)
    SELECT c.notification_id, c.recipient_no, c.user_no, 'broadcast.received', c.name,
        jsonb_build_object('broadcast', c.broadcast_id), 'broadcast:' || c.broadcast_id, $2
    FROM chosen c ON CONFLICT DO NOTHING
)
SELECT (SELECT count(*) FROM recipients) FROM begun"""  # noqa: S608 - constants

ANNOUNCEMENT = f"""
SELECT b.broadcast_id, b.delivered_at, u.user_id, {NAME} AS name, f.file_id, f.duration_ms,
    b.waveform, b.user_no, ARRAY(
        SELECT r.recipient_no FROM broadcast_recipients r WHERE r.broadcast_no = b.broadcast_no
    ) AS numbers, ARRAY(
        SELECT w.user_id FROM broadcast_recipients r JOIN users w ON w.user_no = r.recipient_no
        WHERE r.broadcast_no = b.broadcast_no AND r.status = 'delivered' AND w.status = 'active'
            AND NOT {block_between("r.recipient_no", "b.user_no")}
    ) AS recipients
FROM broadcasts b JOIN users u ON u.user_no = b.user_no JOIN files f ON f.file_no = b.file_no
WHERE b.broadcast_no = $1"""  # noqa: S608 - constants

ANNOUNCED = """
UPDATE broadcasts SET status = 'announced' WHERE broadcast_no = $1 AND status = 'delivered'"""

FAULT = """
UPDATE broadcasts SET faults = least(faults + 1, 1000) WHERE broadcast_no = $1 RETURNING faults"""

FAIL = """
UPDATE broadcasts SET status = 'failed',
    selection = coalesce(selection, '{}') || jsonb_build_object('reason', $2::text)
WHERE broadcast_no = $1 AND (
    status = 'waiting' OR status = 'delivered' AND NOT EXISTS (
        SELECT FROM broadcast_recipients r WHERE r.broadcast_no = $1
    )
)"""


class BroadcastStore:
    """The port Broadcasts in PostgreSQL."""

    def __init__(
        self, database: Database, cache: Cache, *, new_id: Callable[[], str], changed: Changed
    ) -> None:
        """*changed* is told whose lists of broadcasts have changed."""
        self._database, self._new_id, self._changed = database, new_id, changed
        self._blocked: Kept[list[int]] = Kept(cache, "blocks", list[int], kept_s=600)
        self._talks: Kept[_Talks] = Kept(cache, "pairs", _Talks, kept_s=3_600)

    async def lease(
        self, *, now: Millis, until: Millis, most: int
    ) -> tuple[Sequence[DueBroadcast], Millis | None]:
        """Those that are due, for this node alone *until* then; and when the next one is."""
        rows = await self._database.fetch(LEASE, now, until, most)
        following = await self._database.fetchval(FOLLOWING, now)
        due = [_due(row) for row in sorted(rows, key=lambda row: row["start_at"])]
        return due, None if following is None else Millis(following)

    async def facts(self, sender_no: int, *, now: Millis) -> SenderFacts:
        """What the selection has to know of the sender and others.

        Kept for ten minutes and an hour (specification 001): blocks until one changes, the pairs
        until there is a new event in one of their rooms, or a reply.
        """
        blocked = await self._blocked.of(sender_no, partial(self._read_blocked, sender_no))
        stamp = await self._database.fetchval(PAIRS_STAMP, sender_no, ROOMS_MOST)
        stamp = f"{stamp} {now // DAY_MS}"  # who asks of the past sees another month
        talks = await self._talks.of(sender_no, partial(self._read_talks, sender_no, stamp, now))
        if talks.stamp != stamp:
            await self._talks.forget([sender_no])
            talks = await self._talks.of(
                sender_no, partial(self._read_talks, sender_no, stamp, now)
            )
        return SenderFacts(blocked=blocked, pairs=talks.pairs)

    async def blocks_changed(self, user_nos: Sequence[int]) -> None:
        """There is a block between two of these, or it ended."""
        await self._blocked.forget(user_nos)
        await self._changed(user_nos)

    async def _read_blocked(self, user_no: int) -> list[int]:
        return [row[0] for row in await self._database.fetch(BLOCKED, user_no)]

    async def _read_talks(self, user_no: int, stamp: str, now: Millis) -> _Talks:
        since = now - TALK_MS
        rows = await self._database.fetch(PAIRS, user_no, since, ROOMS_MOST, EVENTS_MOST)
        return _Talks(stamp, [_pair(row) for row in rows])

    async def deliver(self, due: DueBroadcast, selected: Selected, *, at: Millis) -> int | None:
        """Store recipients, their conversations and what they are to be shown, once."""
        chosen = selected.chosen
        columns = (
            [told.user_no for told in chosen],
            [told.why for told in chosen],
            [_explained(told) for told in chosen],
            [self._new_id() for _ in chosen],
            [self._new_id() for _ in chosen],
        )
        how = msgspec.json.encode(
            {
                "strategy": selected.strategy,
                "counts": selected.counts,
                "near": [msgspec.to_builtins(told) for told in selected.near],
            }
        ).decode()
        count: int | None = await self._database.fetchval(
            DELIVER, due.broadcast_no, at, how, selected.took_ms, *columns, once=True
        )
        return count

    async def announcement(self, due: DueBroadcast) -> Announcement:
        """What is to be told of a broadcast that was delivered."""
        row = await self._database.fetchrow(ANNOUNCEMENT, due.broadcast_no)
        await self._changed([row["user_no"], *row["numbers"]])
        frame = BroadcastChange(
            id=row["broadcast_id"],
            change="received",
            at=row["delivered_at"],
            sender=row["user_id"],
            name=row["name"],
            file=row["file_id"],
            duration_ms=row["duration_ms"],
            waveform=list(row["waveform"]),
        )
        return Announcement(frame=frame, recipients=[UserId(each) for each in row["recipients"]])

    async def announced(self, due: DueBroadcast) -> None:
        """It was told: it is not due again."""
        await self._database.execute(ANNOUNCED, due.broadcast_no)

    async def fault(self, due: DueBroadcast) -> int:
        """The server failed with it; how often it has by now."""
        return int(await self._database.fetchval(FAULT, due.broadcast_no))

    async def fail(self, due: DueBroadcast, reason: str) -> bool:
        """Give up one that nobody received; whether that changed it."""
        tag = await self._database.execute(FAIL, due.broadcast_no, reason)
        await self._changed([due.sender_no])
        return not tag.endswith(" 0")


class _Talks(msgspec.Struct):
    stamp: str
    """What it was read as of."""
    pairs: list[PairFacts]


def _pair(row: Any) -> PairFacts:
    return PairFacts(
        row["user_no"], row["messages"], float(row["days"]), row["both_wrote"], row["replies"]
    )


def _due(row: Any) -> DueBroadcast:
    audience = row["audience"]
    return DueBroadcast(
        broadcast_no=row["broadcast_no"],
        broadcast_id=row["broadcast_id"],
        sender_no=row["user_no"],
        asked=row["recipient_count"],
        seed=row["seed"],
        audience=None if audience is None else msgspec.json.decode(audience, type=Audience),
        delivered=row["delivered"],
    )


def _explained(told: Told) -> str:
    return msgspec.json.encode(
        {"total": told.total, "scores": told.scores, "parts": told.parts, "lot": told.lot}
    ).decode()
