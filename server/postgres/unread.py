"""Unread counts told against the log: what every summary says, and a recount message by message."""

from __future__ import annotations

from typing import NamedTuple

from protocol.ids import RoomId, UserId
from server.postgres.pool import Database
from server.postgres.room_rows import counted_from, deleted_of, unread_of

# The recount looks at the messages themselves and at what is deleted now; the derived count at
# neither. They agree where each event's running count and each deletion agree with the log.
COMPARE = f"""
SELECT r.room_no, r.room_id, u.user_id, m.derived, m.recounted
FROM (
    SELECT r.room_no, r.room_id, {deleted_of("r.room_no")} AS deleted
    FROM chat_rooms r WHERE r.room_no > $1 ORDER BY r.room_no LIMIT $2
) r
LEFT JOIN LATERAL (
    SELECT m.user_no,
        {unread_of("m", counted_from("m"), "coalesce(last.countable, 0)", "r.deleted")} AS derived,
        (SELECT count(*) FROM room_events e
         LEFT JOIN message_states s ON s.room_no = e.room_no AND s.seq = e.seq
         WHERE e.room_no = m.room_no AND e.seq > {counted_from("m")} AND e.kind = 1
             AND e.thread IS NULL AND e.sender_no <> m.user_no AND s.deleted_at IS NULL
        ) AS recounted
    FROM chat_members m
    LEFT JOIN room_events seen ON seen.room_no = m.room_no AND seen.seq = {counted_from("m")}
    LEFT JOIN LATERAL (
        SELECT e.countable FROM room_events e
        WHERE e.room_no = m.room_no ORDER BY e.seq DESC LIMIT 1
    ) last ON true
    WHERE m.room_no = r.room_no AND m.is_active
) m ON true
LEFT JOIN users u ON u.user_no = m.user_no
ORDER BY r.room_no"""  # noqa: S608 - constants


class Drift(NamedTuple):
    """A count that is not what the log says."""

    room: RoomId
    user: UserId
    derived: int
    recounted: int


class Verified(NamedTuple):
    """How many memberships were looked at, and those that drifted."""

    checked: int
    drifts: list[Drift]


async def verify_unread(database: Database, *, at_once: int = 100) -> Verified:
    """Compare every member's count, so many rooms at a time, each stretch as of one moment.

    A server may be running. Raises StoreUnavailable.
    """
    after, checked, drifts = 0, 0, list[Drift]()
    while rows := await database.fetch(COMPARE, after, at_once, within=300.0):
        after = rows[-1]["room_no"]
        members = [row for row in rows if row["user_id"] is not None]
        checked += len(members)
        drifts += [
            Drift(RoomId(r["room_id"]), UserId(r["user_id"]), r["derived"], r["recounted"])
            for r in members
            if r["derived"] != r["recounted"]
        ]
    return Verified(checked, drifts)
