"""A whole room as of one of its events, read page by page for somebody who may have it all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from actors.rules.event_frames import PAGE_BYTES
from actors.rules.permissions import Action, may
from protocol.errors import ErrorCode, ProtocolError
from protocol.events import Listed
from protocol.ids import RoomId
from server.postgres.message_rows import listed_of
from server.postgres.pool import Database
from server.postgres.room_rows import SENDER

ASKER = """m.is_active AND me.status = 'active' AS inside, m.role, r.room_type
FROM chat_rooms r JOIN chat_members m ON m.room_no = r.room_no AND m.user_no = $2
JOIN users me ON me.user_no = m.user_no"""
OPEN = "WHERE r.room_id = $1 AND r.is_active"

START = f"""
SELECT r.room_no, r.room_name, coalesce((
    SELECT e.seq FROM room_events e WHERE e.room_no = r.room_no ORDER BY e.seq DESC LIMIT 1
), 0) AS upto, {ASKER} {OPEN}"""  # noqa: S608 - constants


def _latest(what: str, kinds: str) -> str:
    """*what* of the latest change ``c`` of the event ``t`` up to $4."""
    return f"""(
            SELECT {what} FROM room_events c
            WHERE c.room_no = t.room_no AND c.of_seq = t.seq AND c.kind IN ({kinds}) AND c.seq <= $4
            ORDER BY c.seq DESC LIMIT 1
        )"""  # noqa: S608 - constants


# Messages as their changes up to $4 left them. What was deleted since is not told either.
PAGE = f"""
SELECT e.*, {SENDER} AS sender, (
    SELECT json_object_agg(x.emoji, json_build_object('count', x.count, 'me', x.me))::text
    FROM (
        SELECT c.emoji, count(*), bool_or(c.sender_no = $2) AS me FROM (
            SELECT DISTINCT ON (c.sender_no, c.extra::json ->> 'emoji') c.sender_no, c.seq,
                c.extra::json ->> 'emoji' AS emoji, (c.extra::json ->> 'on')::boolean AS is_on
            FROM room_events c
            WHERE c.room_no = e.room_no AND c.of_seq = e.seq AND c.kind = 6 AND c.seq <= $4
            ORDER BY c.sender_no, c.extra::json ->> 'emoji', c.seq DESC
        ) c WHERE c.is_on GROUP BY c.emoji ORDER BY min(c.seq)
    ) x
) AS reactions, {ASKER}
LEFT JOIN LATERAL (
    SELECT e.*, count(*) OVER () AS candidates, sum(coalesce(octet_length(e.body), 0)) OVER (
        ORDER BY e.seq ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ) AS earlier
    FROM (
        SELECT t.room_no, t.seq, t.at, t.kind, t.sender_no, t.countable, t.client_id, t.digest,
            t.reply_to, t.thread, t.extra, edit.at AS edited_at, gone.at AS deleted_at,
            CASE WHEN {_latest("(c.extra::json ->> 'on')::boolean", "7")} THEN 1 END AS pinned_at,
            CASE WHEN gone.at IS NULL THEN coalesce(edit.body, t.body) END AS body
        FROM room_events t
        LEFT JOIN message_states s ON s.room_no = t.room_no AND s.seq = t.seq
        LEFT JOIN LATERAL (
            SELECT c.body, c.at FROM room_events c
            WHERE c.room_no = t.room_no AND c.of_seq = t.seq AND c.kind = 3 AND c.seq <= $4
            ORDER BY c.seq DESC LIMIT 1
        ) edit ON s.seq IS NOT NULL
        LEFT JOIN LATERAL (
            SELECT coalesce(s.deleted_at, {_latest("CASE c.kind WHEN 4 THEN c.at END", "4, 5")})
        ) gone (at) ON s.seq IS NOT NULL
        WHERE t.room_no = r.room_no AND t.seq > $3 AND t.seq <= $4 AND t.kind IN (1, 2, 8)
        ORDER BY t.seq LIMIT $5
    ) e
) e ON m.is_active AND coalesce(e.earlier, 0) <= $6
{OPEN} ORDER BY e.seq"""  # noqa: S608 - constants


class Start(NamedTuple):
    """What is exported: the room by its name, up to and with the event *upto*."""

    name: str
    upto: int
    room_no: int


class ExportStore:
    """Reads for those who may export: each page asks anew. Raises ProtocolError for others."""

    ROWS = 200  # of a page, which ends early at PAGE_BYTES

    def __init__(self, database: Database) -> None:
        self._database = database

    async def start(self, room: RoomId, user_no: int) -> Start:
        """The room as of now."""
        row = _allowed(await self._database.fetch(START, room, user_no))[0]
        return Start(row["room_name"] or "", row["upto"], row["room_no"])

    async def page(
        self, room: RoomId, user_no: int, after: int, upto: int
    ) -> tuple[Sequence[Listed], bool]:
        """What follows *after*, as of *upto*, and whether there is more."""
        sought = (room, user_no, after, upto, self.ROWS, PAGE_BYTES)
        rows = _allowed(await self._database.fetch(PAGE, *sought))
        found = [listed_of(room, row) for row in rows if row["seq"] is not None]
        full = bool(found) and rows[0]["candidates"] >= self.ROWS
        return found, full or len(found) < (rows[0]["candidates"] or 0)


def _allowed(rows: list[Any]) -> list[Any]:
    if not rows or not rows[0]["inside"]:
        raise ProtocolError(ErrorCode.NOT_MEMBER if rows else ErrorCode.NOT_FOUND)
    if not may(Action.EXPORT, room_type=rows[0]["room_type"], role=rows[0]["role"]):
        raise ProtocolError(ErrorCode.FORBIDDEN, "only owners may export a room")
    return rows
