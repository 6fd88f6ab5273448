"""What two people are to each other, for who may notify whom, and how much."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from actors.rules.notification_types import Relation
from protocol.ids import Millis
from server.postgres.pool import Database

# A blind room tells nobody who the others are, so that nobody is known from there.
AMONG: Final = """
SELECT a.user_no, a.user_no = $1 AS is_self,
    EXISTS (
        SELECT FROM friendships f
        WHERE f.one_no = least($1, a.user_no) AND f.other_no = greatest($1, a.user_no)
            AND f.status = 'accepted'
    ) AS is_friend,
    a.user_no <> $1 AND EXISTS (
        SELECT FROM chat_members m
        JOIN chat_members o ON o.room_no = m.room_no AND o.user_no = a.user_no AND o.is_active
        JOIN chat_rooms r ON r.room_no = m.room_no
        WHERE m.user_no = $1 AND m.is_active AND r.is_active AND r.display_mode = 'open'
    ) AS shares_room,
    a.user_no <> $1 AND EXISTS (
        SELECT FROM meeting_participants m
        JOIN meeting_participants o ON o.meeting_no = m.meeting_no AND o.user_no = a.user_no
        JOIN meeting_coordination_sessions s ON s.meeting_no = m.meeting_no
        WHERE m.user_no = $1 AND s.current_status <> 'cancelled'
            AND m.standing IN ('invited', 'accepted') AND o.standing IN ('invited', 'accepted')
    ) AS shares_meeting,
    (SELECT s.role FROM users s WHERE s.user_no = $1) AS role
FROM unnest($2::integer[]) AS a (user_no)"""

HAS_SENT: Final = """
SELECT EXISTS (
    SELECT FROM notification_queue q
    WHERE q.recipient_no = $2 AND coalesce(q.sender_no, 0) = $1 AND q.dedupe_key = $3
)"""

SCHEDULED: Final = """
SELECT count(*) FROM (
    SELECT FROM notification_queue q
    WHERE q.sender_no = $1 AND q.recipient_no = $2 AND q.scheduled_at > $3
        AND q.scheduled_at > q.created_at AND q.status = 'pending'
    LIMIT $4
) ahead"""


class Relations:
    """Every method may raise StoreUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def between(self, sender_no: int, recipient_no: int) -> frozenset[Relation]:
        """What the first is to the second; ``stranger`` where there is nothing else."""
        return (await self.among(sender_no, [recipient_no]))[recipient_no]

    async def among(
        self, sender_no: int, recipient_nos: Sequence[int]
    ) -> Mapping[int, frozenset[Relation]]:
        """The same for each of many."""
        async with self._database.acting(sender_no) as own:
            rows = await own.fetch(AMONG, sender_no, list(recipient_nos))
        return {row["user_no"]: _relations(row) for row in rows}

    async def has_sent(self, sender_no: int, recipient_no: int, dedupe_key: str) -> bool:
        """Whether the first has sent the second something with that key."""
        async with self._database.service() as service:
            args = (sender_no, recipient_no, dedupe_key)
            return bool(await service.fetchval(HAS_SENT, *args))

    async def scheduled(self, sender_no: int, recipient_no: int, *, now: Millis, most: int) -> int:
        """How many of the first are to go to the second later, counted up to *most*."""
        async with self._database.service() as service:
            return int(await service.fetchval(SCHEDULED, sender_no, recipient_no, now, most))


def _relations(row: Mapping[str, object]) -> frozenset[Relation]:
    role = row["role"]
    found: dict[Relation, bool] = {
        "self": bool(row["is_self"]),
        "friend": bool(row["is_friend"]),
        "shares_room": bool(row["shares_room"]),
        "shares_meeting": bool(row["shares_meeting"]),
        "service": role == "service",
        "admin": role == "admin",
    }
    return frozenset(each for each, holds in found.items() if holds) or frozenset({"stranger"})
