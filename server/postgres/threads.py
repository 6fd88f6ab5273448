"""The threads of a room, and how far somebody has read in them."""

from __future__ import annotations

from typing import Any, NamedTuple

from actors.records import HIGHEST_SEQ
from protocol.events import Message
from protocol.ids import Millis, RoomId
from server.postgres.message_rows import LISTED, REACTIONS, listed_of
from server.postgres.pool import Database
from server.postgres.room_rows import SENDER, SHOWN_AS, room_of_member
from server.postgres.thread_rows import (
    countable_replies,
    participants,
    takes_part,
    thread_cursor,
)

MOST_NAMED = 20
"""Participants whom a thread names; the others are counted."""

# ``roots`` steps from thread to thread by the index, however long each is.
ROOTS = """
    (SELECT t.thread AS root FROM room_events t
     WHERE t.room_no = $1 AND t.thread IS NOT NULL ORDER BY t.thread LIMIT 1)
    UNION ALL
    SELECT (SELECT t.thread FROM room_events t
            WHERE t.room_no = $1 AND t.thread > roots.root ORDER BY t.thread LIMIT 1)
    FROM roots WHERE roots.root IS NOT NULL"""

THREADS = f"""
WITH RECURSIVE roots AS ({ROOTS}), listed AS MATERIALIZED (
    SELECT roots.root, last.seq AS last_seq, last.at AS last_at
    FROM roots CROSS JOIN LATERAL (
        SELECT t.seq, t.at FROM room_events t
        WHERE t.room_no = $1 AND t.thread = roots.root AND t.kind = 1 ORDER BY t.seq DESC LIMIT 1
    ) last
    WHERE last.seq < $3 AND (NOT $4::boolean OR {takes_part("$1", "$2", "roots.root")})
    ORDER BY last.seq DESC LIMIT $5
)
SELECT place.upto, {LISTED}, {SENDER} AS sender, {REACTIONS},
    listed.last_seq, listed.last_at, people.*, cursor.read_seq,
    (SELECT count(*) FROM room_events t LEFT JOIN message_states d
        ON d.room_no = t.room_no AND d.seq = t.seq
     WHERE t.room_no = $1 AND t.thread = listed.root AND t.kind = 1 AND d.deleted_at IS NULL
    ) AS replies,
    (SELECT count(*) FROM {
    countable_replies("$1", "$2", "listed.root", above="cursor.read_seq", upto=str(HIGHEST_SEQ))
}) AS unread
FROM (
    SELECT coalesce((
        SELECT t.seq FROM room_events t WHERE t.room_no = $1 ORDER BY t.seq DESC LIMIT 1
    ), 0) AS upto
) place
LEFT JOIN listed ON true
LEFT JOIN room_events e ON e.room_no = $1 AND e.seq = listed.root
LEFT JOIN message_states s ON s.room_no = e.room_no AND s.seq = e.seq
CROSS JOIN LATERAL (
    SELECT count(*) AS people, (array_agg(by.name ORDER BY by.first_seq))[:{MOST_NAMED}] AS names
    FROM (
        SELECT {SHOWN_AS} AS name, min(p.seq) AS first_seq
        FROM ({participants("$1", "listed.root")}) p
        JOIN chat_members m ON m.room_no = $1 AND m.user_no = p.user_no AND m.is_active
        JOIN users u ON u.user_no = m.user_no
        GROUP BY u.user_no, m.room_no, m.user_no
    ) by
) people
CROSS JOIN LATERAL (SELECT {thread_cursor("$1", "$2", "listed.root")} AS read_seq) cursor
ORDER BY listed.last_seq DESC"""  # noqa: S608 - constants


UNREAD = f"""
WITH RECURSIVE mine AS (
    SELECT m.room_no FROM chat_members m JOIN chat_rooms r ON r.room_no = m.room_no
    WHERE m.user_no = $1 AND m.is_active AND r.is_active
        AND m.muted_until <= extract(epoch FROM now()) * 1000
), roots AS (
    SELECT mine.room_no, (
        SELECT t.thread FROM room_events t
        WHERE t.room_no = mine.room_no AND t.thread IS NOT NULL ORDER BY t.thread LIMIT 1
    ) AS root FROM mine
    UNION ALL
    SELECT roots.room_no, (
        SELECT t.thread FROM room_events t
        WHERE t.room_no = roots.room_no AND t.thread > roots.root ORDER BY t.thread LIMIT 1
    ) FROM roots WHERE roots.root IS NOT NULL
)
SELECT count(*)
FROM roots CROSS JOIN LATERAL (
    SELECT {thread_cursor("roots.room_no", "$1", "roots.root")} AS read_seq
) cursor
WHERE roots.root IS NOT NULL AND EXISTS (SELECT FROM {
    countable_replies(
        "roots.room_no", "$1", "roots.root", above="cursor.read_seq", upto=str(HIGHEST_SEQ)
    )
}) AND {takes_part("roots.room_no", "$1", "roots.root")}"""  # noqa: S608 - constants


class Thread(NamedTuple):
    """One thread as a member sees it. ``names`` are at most MOST_NAMED of its ``people``."""

    root: Message
    replies: int
    last_seq: int
    last_at: Millis
    names: list[str]
    people: int
    unread: int
    read_seq: int


class ThreadStore:
    """Reads for present members. Raises ProtocolError for others, as ``page`` does."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def threads(
        self, room: RoomId, user_no: int, *, mine: bool, before: int | None, limit: int
    ) -> tuple[list[Thread], int]:
        """Those with a last reply below *before*, the newest first; the last seq of the room."""
        room_no = await room_of_member(self._database, room, user_no)
        below = HIGHEST_SEQ if before is None else min(before, HIGHEST_SEQ)
        rows = await self._database.fetch(THREADS, room_no, user_no, below, mine, limit)
        found = [_thread_of(room, row) for row in rows if row["seq"] is not None]
        return found, rows[0]["upto"]

    async def unread(self, user_no: int) -> int:
        """How many threads that a user takes part in have something unread, but in muted rooms."""
        return int(await self._database.fetchval(UNREAD, user_no))


def _thread_of(room: RoomId, row: Any) -> Thread:
    root = listed_of(room, row)
    assert isinstance(root, Message)  # noqa: S101 - nothing else has a thread
    return Thread(
        root,
        row["replies"],
        row["last_seq"],
        row["last_at"],
        row["names"] or [],
        row["people"],
        row["unread"],
        row["read_seq"],
    )
