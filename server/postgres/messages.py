"""What members may know of one message beside what its page says, and what is pinned."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from protocol.errors import ErrorCode, ProtocolError
from protocol.events import Listed
from protocol.ids import Millis, RoomId, UserId
from server.postgres.message_rows import FOLDED, listed_of
from server.postgres.pool import Database
from server.postgres.room_rows import NAME, SENDER

HIGHEST_SEQ = 2**31 - 1

INSIDE = """
SELECT r.room_no, m.is_active FROM chat_rooms r JOIN chat_members m ON m.room_no = r.room_no
WHERE r.room_id = $1 AND r.is_active AND m.user_no = $2"""

MESSAGE = """
SELECT s.deleted_at IS NOT NULL AS deleted
FROM room_events e LEFT JOIN message_states s ON s.room_no = e.room_no AND s.seq = e.seq
WHERE e.room_no = $1 AND e.seq = $2 AND e.kind = 1"""

REACTIONS = f"""
SELECT r.emoji, coalesce(w.anonymous_name, u.user_id) AS user_id,
    coalesce(w.anonymous_name, {NAME}) AS name, by.at
FROM message_reactions r JOIN users u ON u.user_no = r.user_no
LEFT JOIN chat_members w ON w.room_no = r.room_no AND w.user_no = r.user_no
JOIN room_events by ON by.room_no = r.room_no AND by.seq = r.by_seq
WHERE r.room_no = $1 AND r.seq = $2 ORDER BY r.by_seq LIMIT $3"""  # noqa: S608 - constants

VERSIONS = f"""
SELECT e.body, e.at, {SENDER} AS user_id
FROM room_events e
WHERE e.room_no = $1 AND (e.seq = $2 OR e.of_seq = $2 AND e.kind = 3)
ORDER BY e.seq LIMIT $3"""  # noqa: S608 - constants

PINS = f"""
SELECT e.*, {SENDER} AS sender, {FOLDED}
FROM message_states s
JOIN room_events e ON e.room_no = s.room_no AND e.seq = s.seq
WHERE s.room_no = $1 AND s.pinned_at IS NOT NULL AND s.deleted_at IS NULL AND $2::integer > 0
ORDER BY s.pinned_at DESC, s.seq DESC LIMIT $3"""  # noqa: S608 - constants


class Reacted(NamedTuple):
    """One reaction of one user."""

    emoji: str
    user: UserId
    name: str
    at: Millis


class Version(NamedTuple):
    """What a message said from *at* on, and who wrote that."""

    body: str
    at: Millis
    user: UserId


class MessageStore:
    """Reads for present members. Every method raises ProtocolError for others, as ``page`` does."""

    MOST = 1000  # rows of an answer

    def __init__(self, database: Database) -> None:
        self._database = database

    async def reactions(self, room: RoomId, user_no: int, seq: int) -> list[Reacted]:
        """Who put which emoji on the message *seq*, first come first."""
        room_no = await self._room_of(room, user_no)
        await self._check(room_no, seq)
        rows = await self._database.fetch(REACTIONS, room_no, seq, self.MOST)
        return [Reacted(r["emoji"], UserId(r["user_id"]), r["name"], r["at"]) for r in rows]

    async def versions(self, room: RoomId, user_no: int, seq: int) -> list[Version]:
        """What the message *seq* said, oldest first; ``gone`` when it is deleted."""
        room_no = await self._room_of(room, user_no)
        if await self._check(room_no, seq):
            raise ProtocolError(ErrorCode.GONE, "the message was deleted")
        rows = await self._database.fetch(VERSIONS, room_no, seq, self.MOST)
        return [Version(r["body"] or "", r["at"], UserId(r["user_id"])) for r in rows]

    async def pins(self, room: RoomId, user_no: int) -> Sequence[Listed]:
        """What is pinned, the latest pin first."""
        room_no = await self._room_of(room, user_no)
        rows = await self._database.fetch(PINS, room_no, user_no, self.MOST)
        return [listed_of(room, row) for row in rows]

    async def _room_of(self, room: RoomId, user_no: int) -> int:
        row = await self._database.fetchrow(INSIDE, room, user_no)
        if row is None or not row["is_active"]:
            raise ProtocolError(ErrorCode.NOT_FOUND if row is None else ErrorCode.NOT_MEMBER)
        return int(row["room_no"])

    async def _check(self, room_no: int, seq: int) -> bool:
        """Whether the message is deleted; ``not_found`` where there is none."""
        found = await self._database.fetchrow(MESSAGE, room_no, min(seq, HIGHEST_SEQ))
        if found is None:
            raise ProtocolError(ErrorCode.NOT_FOUND, "no message of this room")
        return bool(found["deleted"])
