"""Who has read a message, and when."""

from __future__ import annotations

from typing import NamedTuple

from actors.records import HIGHEST_SEQ
from protocol.errors import ErrorCode, ProtocolError
from protocol.ids import Millis, RoomId, UserId
from protocol.limits import CURSORS_MOST
from server.postgres.pool import Database
from server.postgres.room_rows import (
    NAME,
    SHOWN_AS,
    parted,
    room_of_member,
    shows_reading,
)
from server.postgres.thread_rows import participants, thread_cursor

OWN_WITHIN = 10_000
"""Events after a message, in which what somebody wrote tells that he had read it by then."""

# A reply is read with the cursor of its thread, and by those who take part in it alone. Who joined
# after a message is not asked to have read it.
MEANT = f"""
FROM room_events said
JOIN chat_members m ON m.room_no = said.room_no AND m.is_active AND m.user_no <> said.sender_no
    AND m.joined_seq < said.seq
JOIN users u ON u.user_no = m.user_no
CROSS JOIN LATERAL (SELECT CASE WHEN said.thread IS NULL THEN m.read_seq
    ELSE {thread_cursor("said.room_no", "m.user_no", "said.thread")} END AS seq) cursor
WHERE said.room_no = $1 AND said.seq = $2 AND said.kind = 1
    AND (said.thread IS NULL OR m.user_no IN (
    SELECT p.user_no FROM ({participants("said.room_no", "said.thread")}) p
))"""  # noqa: S608 - constants

PLACE = f"""
SELECT (SELECT count(*) FILTER (WHERE cursor.seq < said.seq) {MEANT}) AS unread,
    (SELECT count(*) FROM chat_members m WHERE m.room_no = $1 AND m.is_active) AS people,
    (SELECT {shows_reading("m", "a")} AND NOT {parted("r")}
        FROM chat_rooms r JOIN chat_members m ON m.room_no = r.room_no
        JOIN users a ON a.user_no = m.user_no
        WHERE r.room_no = $1 AND m.user_no = $3) AS shows
FROM room_events found WHERE found.room_no = $1 AND found.seq = $2 AND found.kind = 1"""  # noqa: S608 - constants

READERS = f"""
WITH own AS MATERIALIZED (
    SELECT o.sender_no, min(o.at) AS at FROM room_events o, room_events said
    WHERE said.room_no = $1 AND said.seq = $2 AND o.room_no = $1 AND o.kind = 1
        AND o.seq > $2 AND o.seq <= $2 + {OWN_WITHIN}
        AND (said.thread IS NULL OR o.thread = said.thread)
    GROUP BY o.sender_no
)
SELECT {SHOWN_AS} AS user_id, coalesce(m.anonymous_name, {NAME}) AS name, least(
    (SELECT own.at FROM own WHERE own.sender_no = m.user_no),
    CASE WHEN said.thread IS NULL THEN (
        SELECT l.at FROM read_log l
        WHERE l.room_no = $1 AND l.user_no = m.user_no AND l.seq >= $2 ORDER BY l.seq LIMIT 1
    ) END
) AS at {MEANT} AND cursor.seq >= said.seq AND {shows_reading("m", "u")}
ORDER BY at NULLS LAST, 1"""  # noqa: S608 - constants


class Reader(NamedTuple):
    """Somebody who has read a message; ``at`` is None where that is not known any more."""

    user: UserId
    name: str
    at: Millis | None


class ReaderStore:
    """Reads for present members. Raises ProtocolError for others, as ``page`` does."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def readers(
        self, room: RoomId, user_no: int, seq: int
    ) -> tuple[int, list[Reader] | None]:
        """How many have not read the message *seq*, and who has; None where that is not shown."""
        room_no = await room_of_member(self._database, room, user_no)
        at = min(seq, HIGHEST_SEQ - OWN_WITHIN)
        place = await self._database.fetchrow(PLACE, room_no, at, user_no)
        if place is None:
            raise ProtocolError(ErrorCode.NOT_FOUND, "no message of this room")
        if place["people"] > CURSORS_MOST or not place["shows"]:
            return place["unread"], None
        rows = await self._database.fetch(READERS, room_no, at)
        return place["unread"], [Reader(*row) for row in rows]
