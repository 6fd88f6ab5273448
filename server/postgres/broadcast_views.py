"""Broadcasts as their senders and recipients see them, and admins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from protocol.errors import ErrorCode, ProtocolError
from protocol.ids import UserId
from server.postgres.blocks import block_between
from server.postgres.pool import Database
from server.postgres.room_rows import NAME

NEWEST: Final = 2**31 - 1

PLACE = """
SELECT b.broadcast_no, r.created_at FROM broadcasts b
LEFT JOIN broadcast_recipients r ON r.broadcast_no = b.broadcast_no AND r.recipient_no = $2
WHERE b.broadcast_id = $1 AND (b.user_no = $2 OR r.recipient_no IS NOT NULL)"""

COUNTS = """
SELECT count(*) AS delivered, count(*) FILTER (WHERE r.status <> 'delivered') AS read,
    count(*) FILTER (WHERE r.status = 'replied') AS replied
FROM broadcast_recipients r WHERE r.broadcast_no = b.broadcast_no"""

SENT = f"""
SELECT b.broadcast_id, b.status, b.created_at, b.start_at, b.delivered_at,
    b.recipient_count, b.audience::text AS audience, b.selection ->> 'reason' AS reason, b.waveform,
    f.file_id, f.duration_ms, c.delivered, c.read, c.replied,
    (SELECT g.group_id FROM recipient_groups g
        WHERE g.group_no = (b.audience ->> 'group_no')::integer) AS group_id
FROM broadcasts b LEFT JOIN files f ON f.file_no = b.file_no, LATERAL ({COUNTS}) c
WHERE b.user_no = $1 AND b.broadcast_no <= $2 ORDER BY b.broadcast_no DESC LIMIT $3"""  # noqa: S608 - constants

RECEIVED = f"""
SELECT b.broadcast_id, u.user_id AS sender, {NAME} AS name, f.file_id,
    f.duration_ms, b.waveform, r.status, r.created_at, r.read_at, r.replied_at,
    CASE WHEN r.status = 'replied' THEN c.room_id END AS room
FROM broadcast_recipients r
JOIN broadcasts b ON b.broadcast_no = r.broadcast_no
JOIN users u ON u.user_no = b.user_no
JOIN files f ON f.file_no = b.file_no
JOIN chat_rooms c ON c.room_no = r.room_no
WHERE r.recipient_no = $1 AND (r.created_at, r.broadcast_no) <= ($2, $3)
    AND NOT {block_between("r.recipient_no", "b.user_no")}
ORDER BY r.created_at DESC, r.broadcast_no DESC LIMIT $4"""  # noqa: S608 - constants

RECIPIENTS_OF = """
SELECT DISTINCT r.recipient_no FROM users u
JOIN broadcasts b ON b.user_no = u.user_no
JOIN broadcast_recipients r ON r.broadcast_no = b.broadcast_no
WHERE u.user_id = $1"""

EXPLAINED = """
SELECT b.broadcast_no, b.user_no, b.status, b.seed, b.recipient_count, b.delivered_at, b.took_ms,
    b.audience::text AS audience, b.selection::text AS selection
FROM broadcasts b WHERE b.broadcast_id = $1"""

CHOSEN = """
SELECT u.user_id, r.why, r.explained::text AS explained, r.status
FROM broadcast_recipients r JOIN users u ON u.user_no = r.recipient_no
WHERE r.broadcast_no = $1"""

NUMBERS = "SELECT u.user_no, u.user_id FROM users u WHERE u.user_no = ANY ($1::integer[])"


class Counts(NamedTuple):
    """How many have received it, of these read it, and of these replied."""

    delivered: int
    read: int
    replied: int


class BroadcastViews:
    """What people see of broadcasts. Every method may raise StoreUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def sent(
        self, user_no: int, *, after: str | None = None, only: str | None = None, limit: int = 1
    ) -> Sequence[Mapping[str, Any]]:
        """A user's own, newest first: those below *after*, or *only* that one. Raises ProtocolError
        where *after* is none that he knows.
        """
        named = after or only
        if named is None:
            return await self._database.fetch(SENT, user_no, NEWEST, limit)
        place = await self._database.fetchrow(PLACE, named, user_no)
        if place is None:
            return _nothing(after)
        below = place["broadcast_no"] - (after is not None)
        rows = await self._database.fetch(SENT, user_no, below, limit)
        return rows if only is None else [row for row in rows if row["broadcast_id"] == only]

    async def received(
        self, user_no: int, *, after: str | None = None, only: str | None = None, limit: int = 1
    ) -> Sequence[Mapping[str, Any]]:
        """What a user received, in the same way; nothing of those he has a block with."""
        named = after or only
        if named is None:
            return await self._database.fetch(RECEIVED, user_no, 2**62, NEWEST, limit)
        place = await self._database.fetchrow(PLACE, named, user_no)
        if place is None or place["created_at"] is None:
            return _nothing(after)
        at, number = place["created_at"], place["broadcast_no"] - (after is not None)
        rows = await self._database.fetch(RECEIVED, user_no, at, number, limit)
        return rows if only is None else [row for row in rows if row["broadcast_id"] == only]

    async def recipients_of(self, user: UserId) -> Sequence[int]:
        """The numbers of all who received something of this user."""
        return [row[0] for row in await self._database.fetch(RECIPIENTS_OF, user)]

    # ---- for admins

    async def explained(self, broadcast: str) -> Mapping[str, Any] | None:
        """How the recipients of any broadcast were chosen."""
        row: Mapping[str, Any] | None = await self._database.fetchrow(EXPLAINED, broadcast)
        return row

    async def chosen(self, broadcast_no: int) -> Sequence[Mapping[str, Any]]:
        """Each recipient, and why."""
        return await self._database.fetch(CHOSEN, broadcast_no)

    async def ids_of(self, user_nos: Sequence[int]) -> Mapping[int, UserId]:
        """The public ids of users."""
        rows = await self._database.fetch(NUMBERS, list(user_nos))
        return {row["user_no"]: UserId(row["user_id"]) for row in rows}


def _nothing(after: str | None) -> Sequence[Mapping[str, Any]]:
    if after is None:
        return []
    raise ProtocolError(ErrorCode.INVALID, fields={"after": "must be the `next` of a page"})
