"""What two people are to each other, for who may notify whom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from actors.rules.notification_types import Relation
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
    (SELECT s.role FROM users s WHERE s.user_no = $1) AS role
FROM unnest($2::integer[]) AS a (user_no)"""


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
        rows = await self._database.fetch(AMONG, sender_no, list(recipient_nos))
        return {row["user_no"]: _relations(row) for row in rows}


def _relations(row: Mapping[str, object]) -> frozenset[Relation]:
    role = row["role"]
    found: dict[Relation, bool] = {
        "self": bool(row["is_self"]),
        "friend": bool(row["is_friend"]),
        "shares_room": bool(row["shares_room"]),
        "service": role == "service",
        "admin": role == "admin",
    }
    return frozenset(each for each, holds in found.items() if holds) or frozenset({"stranger"})
