"""What recipients do with broadcasts: read them, and reply."""

from __future__ import annotations

from typing import NamedTuple

from actors.requests import Caller
from protocol.errors import ErrorCode, ProtocolError
from protocol.ids import Millis, RoomId, UserId
from server.postgres.blocks import BETWEEN, LOCK_PAIR, block_between
from server.postgres.broadcast_views import COUNTS, Counts
from server.postgres.pool import Database
from server.postgres.room_rows import NAME
from server.postgres.rooms import BOTH_ARE_IN

READ = """
WITH read AS (
    UPDATE broadcast_recipients r SET status = 'read', read_at = $3
    FROM broadcasts b
    WHERE b.broadcast_id = $1 AND r.broadcast_no = b.broadcast_no AND r.recipient_no = $2
        AND r.status = 'delivered'
    RETURNING r.broadcast_no
), seen AS (
    UPDATE notifications n SET seen_at = $3
    WHERE n.recipient_no = $2 AND n.subject = 'broadcast:' || $1 AND n.seen_at IS NULL
)
SELECT count(*) FROM read"""

STANDING = f"""
SELECT b.broadcast_no, u.user_no, u.user_id, {NAME} AS name, u.role, f.file_id, r.room_no,
    (SELECT c.room_id FROM chat_rooms c WHERE c.room_no = r.room_no) AS room,
    {block_between("r.recipient_no", "b.user_no")} AS blocked
FROM broadcasts b
JOIN broadcast_recipients r ON r.broadcast_no = b.broadcast_no AND r.recipient_no = $2
JOIN users u ON u.user_no = b.user_no
JOIN files f ON f.file_no = b.file_no
WHERE b.broadcast_id = $1"""  # noqa: S608 - constants

COUNTED = COUNTS.replace("b.broadcast_no", "$1")

REPLIED = """
WITH replied AS (
    UPDATE broadcast_recipients r SET status = 'replied', replied_at = $3,
        read_at = coalesce(r.read_at, $3)
    WHERE r.broadcast_no = $1 AND r.recipient_no = $2 AND r.status <> 'replied'
    RETURNING r.broadcast_no
), seen AS (
    UPDATE notifications n SET seen_at = $3
    WHERE n.recipient_no = $2 AND n.subject = 'broadcast:' || $4 AND n.seen_at IS NULL
)
SELECT broadcast_no FROM replied"""


class Standing(NamedTuple):
    """A broadcast and one of its recipients."""

    broadcast: str
    broadcast_no: int
    sender: Caller
    file: str
    room_no: int
    room: RoomId
    blocked: bool


class BroadcastReplies:
    """Recipients and their conversations. Every method may raise StoreUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read(self, broadcast: str, user_no: int, *, at: Millis) -> bool:
        """A recipient has heard it; whether that is new."""
        return bool(await self._database.fetchval(READ, broadcast, user_no, at))

    async def standing(self, broadcast: str, user_no: int) -> Standing | None:
        """How a recipient stands with it; None for one who is none."""
        row = await self._database.fetchrow(STANDING, broadcast, user_no)
        if row is None:
            return None
        return Standing(
            broadcast,
            row["broadcast_no"],
            Caller(row["user_no"], UserId(row["user_id"]), row["name"], row["role"]),
            row["file_id"],
            row["room_no"],
            RoomId(row["room"]),
            row["blocked"],
        )

    async def counts(self, broadcast_no: int) -> Counts:
        """How many have received, read and answered it."""
        return Counts(*await self._database.fetchrow(COUNTED, broadcast_no))

    async def open_conversation(self, standing: Standing, recipient_no: int) -> bool:
        """Let both into their conversation; whether that is new for one of them. Raises
        ProtocolError where they have a block.
        """
        both = sorted((standing.sender.user_no, recipient_no))
        async with self._database.transaction() as transaction:
            await transaction.execute(LOCK_PAIR, *both)
            if await transaction.fetchval(BETWEEN, *both) is not None:
                raise ProtocolError(ErrorCode.BLOCKED)
            tag = await transaction.execute(BOTH_ARE_IN, standing.room_no, both)
        return not tag.endswith(" 0")

    async def replied(self, standing: Standing, recipient_no: int, *, at: Millis) -> bool:
        """A recipient has replied; whether that is the first time."""
        number, name = standing.broadcast_no, standing.broadcast
        return await self._database.fetchval(REPLIED, number, recipient_no, at, name) is not None
