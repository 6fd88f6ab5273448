"""The members of a room, for who wants to know which of them are online."""

from __future__ import annotations

from protocol.errors import ErrorCode, ProtocolError
from protocol.ids import RoomId, UserId
from server.postgres.pool import Database
from server.postgres.room_rows import room_of_member

COUNT = """
SELECT r.display_mode, (SELECT count(*) FROM chat_members m WHERE m.room_no = $1 AND m.is_active)
FROM chat_rooms r WHERE r.room_no = $1"""

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
        room_no = await room_of_member(self._database, room, user_no)
        mode, count = await self._database.fetchrow(COUNT, room_no)
        if mode == "blind":  # who comes and goes when would tell who he is
            why = "watch the pseudonyms of a blind room"
            raise ProtocolError(ErrorCode.FORBIDDEN, why)
        if count > most:
            return count, None
        rows = await self._database.fetch(MEMBERS, room_no, user_no, most)
        return count, [UserId(found["user_id"]) for found in rows]
