"""The members of a room, for who wants to know which of them are online."""

from __future__ import annotations

from protocol.errors import ErrorCode, ProtocolError
from protocol.ids import RoomId, UserId
from server.postgres.pool import Database

INSIDE = """
SELECT r.room_no, r.display_mode, m.is_active
FROM chat_rooms r JOIN chat_members m ON m.room_no = r.room_no
WHERE r.room_id = $1 AND r.is_active AND m.user_no = $2"""

COUNT = "SELECT count(*) FROM chat_members WHERE room_no = $1 AND is_active"

# Whoever has a block with the asker is not shown to him.
MEMBERS = """
SELECT u.user_id FROM chat_members m JOIN users u ON u.user_no = m.user_no
WHERE m.room_no = $1 AND m.is_active AND NOT EXISTS (
    SELECT FROM user_blocks b
    WHERE (b.blocker_no, b.blocked_no) IN ((m.user_no, $2::integer), ($2, m.user_no))
)
ORDER BY m.joined_at, m.user_no LIMIT $3"""


class AttendanceStore:
    """Reads for present members; raises ProtocolError for others."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def members(
        self, room: RoomId, user_no: int, *, most: int
    ) -> tuple[int, list[UserId] | None]:
        """How many there are, and in a room of up to *most* those whom *user_no* may see."""
        row = await self._database.fetchrow(INSIDE, room, user_no)
        if row is None or not row["is_active"]:
            raise ProtocolError(ErrorCode.NOT_FOUND if row is None else ErrorCode.NOT_MEMBER)
        if row["display_mode"] == "blind":  # who comes and goes when would tell who he is
            why = "watch the pseudonyms of a blind room"
            raise ProtocolError(ErrorCode.FORBIDDEN, why)
        count = await self._database.fetchval(COUNT, row["room_no"])
        if count > most:
            return count, None
        rows = await self._database.fetch(MEMBERS, row["room_no"], user_no, most)
        return count, [UserId(found["user_id"]) for found in rows]
