"""Reports of messages: each with what the message said when it was reported."""

from __future__ import annotations

from typing import NamedTuple

from actors.records import HIGHEST_SEQ
from protocol.errors import ErrorCode, ProtocolError
from protocol.ids import Millis, RoomId, UserId
from server.postgres.audit import By, note
from server.postgres.pool import Database
from server.postgres.room_rows import named, room_of_member

MESSAGE = "SELECT e.seq FROM room_events e WHERE e.room_no = $1 AND e.seq = $2 AND e.kind = 1"

AGAIN = """
UPDATE message_reports r SET reason = $4, note = $5, changed_at = $6
WHERE r.room_no = $1 AND r.seq = $2 AND r.reporter_no = $3
RETURNING r.report_id, r.at"""

REPORT = """
INSERT INTO message_reports AS r (report_id, room_no, seq, reporter_no, reason, note,
    at, changed_at, sender_no, said_at, edited_at, body, extra)
SELECT $7::text, e.room_no, e.seq, $3::integer, $4::text, $5::text, $6::bigint, $6,
    e.sender_no, e.at, s.edited_at, coalesce(s.body, e.body), e.extra
FROM room_events e
LEFT JOIN message_states s ON s.room_no = e.room_no AND s.seq = e.seq
WHERE e.room_no = $1 AND e.seq = $2 AND e.kind = 1 AND s.deleted_at IS NULL
ON CONFLICT (room_no, seq, reporter_no) DO UPDATE SET
    reason = excluded.reason, note = excluded.note, changed_at = excluded.changed_at
RETURNING r.report_id, r.at"""

# In a blind room by pseudonym: it takes two admins to learn who somebody is.
FOUND = f"""
SELECT r.report_id, room.room_id, r.seq, r.reason, r.note, r.at, r.changed_at, r.status,
    r.resolution, r.closed_at, closer.user_id AS closed_by,
    {named("r.room_no", "r.reporter_no")} AS reporter,
    {named("r.room_no", "r.sender_no")} AS sender, r.said_at, r.edited_at, r.body, r.extra
FROM message_reports r
JOIN chat_rooms room ON room.room_no = r.room_no
LEFT JOIN users closer ON closer.user_no = r.closed_by"""  # noqa: S608 - constants

LISTED = f"""{FOUND}
WHERE ($1::text IS NULL OR r.status = $1) AND r.report_no < coalesce(
    (SELECT a.report_no FROM message_reports a WHERE a.report_id = $2), 9223372036854775807)
ORDER BY r.report_no DESC LIMIT $3"""  # noqa: S608 - constants

ONE = f"{FOUND} WHERE r.report_id = $1"

SETTLE = """
UPDATE message_reports r SET status = $2, resolution = coalesce($3, r.resolution),
    closed_at = CASE WHEN $2 = 'closed' THEN coalesce(r.closed_at, $5) END,
    closed_by = CASE WHEN $2 = 'closed' THEN coalesce(r.closed_by, $4) END
WHERE r.report_id = $1 RETURNING r.room_no"""


class Report(NamedTuple):
    """One report, with the copy: who said what and when."""

    report: str
    room: RoomId
    seq: int
    reason: str
    note: str | None
    at: Millis
    changed_at: Millis
    status: str
    resolution: str | None
    closed_at: Millis | None
    closed_by: UserId | None
    reporter: str  # as the room names him, and so the sender
    sender: str
    said_at: Millis
    edited_at: Millis | None
    body: str | None  # None: erased, after the report was closed
    extra: str | None


class NewReport(NamedTuple):
    """What somebody reports."""

    report: str  # its id, unless he has reported this message before
    room: RoomId
    seq: int
    reason: str
    note: str | None


class ReportStore:
    """Reports in PostgreSQL. A report of one message by one user is one."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, new: NewReport, user_no: int, *, at: Millis) -> tuple[str, Millis, bool]:
        """Keep a report of a present member; its id, when it was made, whether that was now.

        Raises ProtocolError as reading the message does, ``gone`` for a deleted one.
        """
        room_no = await room_of_member(self._database, new.room, user_no)
        told = (room_no, min(new.seq, HIGHEST_SEQ), user_no, new.reason, new.note, at)
        row = await self._database.fetchrow(AGAIN, *told)
        row = row or await self._database.fetchrow(REPORT, *told, new.report)
        if row is None:
            said = await self._database.fetchrow(MESSAGE, *told[:2])
            raise ProtocolError(ErrorCode.NOT_FOUND if said is None else ErrorCode.GONE)
        return row["report_id"], row["at"], row["report_id"] == new.report

    async def listed(self, *, status: str | None, after: str | None, limit: int) -> list[Report]:
        """Reports, newest first, those below the report *after*."""
        rows = await self._database.fetch(LISTED, status, after, limit)
        return [Report(*row) for row in rows]

    async def settle(
        self, report: str, *, status: str, resolution: str | None, by: By
    ) -> Report | None:
        """Close a report or open it again; None where there is none of that id."""
        async with self._database.transaction() as transaction:
            told = (report, status, resolution, by.actor_no, by.at)
            room_no = await transaction.fetchval(SETTLE, *told)
            if room_no is None:
                return None
            await note(
                transaction, "report.change", by, room_no=room_no, report=report, status=status
            )
        row = await self._database.fetchrow(ONE, report)
        return row and Report(*row)
