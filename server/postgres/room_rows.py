"""The parts of a room that many queries read alike, and what their rows become."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET

from actors.ports import EventKind, NewEvent, StoredEvent
from actors.rules.event_frames import folded, frame_of
from protocol.frames import RoomSummary
from protocol.ids import UserId

NAME = "coalesce(nullif(u.name, ''), u.username)"
"""How people see the user ``u``."""

PLACE = """
SELECT r.room_no, r.room_id, r.room_type, r.room_name, r.description, r.display_mode, r.visibility,
    r.is_archived, r.direct_key,
    coalesce(last.seq, 0) AS last_seq, coalesce(last.countable, 0) AS last_countable,
    coalesce(last.at, 0) AS last_at,
    coalesce(last.at, (extract(epoch FROM r.created_at) * 1000)::bigint) AS active_at,
    said.*
FROM chat_rooms r
LEFT JOIN LATERAL (
    SELECT e.seq, e.at, e.countable FROM room_events e
    WHERE e.room_no = r.room_no ORDER BY e.seq DESC LIMIT 1
) last ON true
LEFT JOIN LATERAL (
    SELECT e.seq, e.at, e.kind, e.sender_no, e.countable, e.client_id, e.digest, e.reply_to,
        e.thread, e.body, e.extra, coalesce(
            (SELECT s.user_id FROM users s WHERE s.user_no = e.sender_no), ''
        ) AS sender
    FROM room_events e WHERE e.room_no = r.room_no AND e.kind = 1 ORDER BY e.seq DESC LIMIT 1
) said ON true
WHERE r.room_no = asked.room_no AND r.is_active"""
"""The room ``asked.room_no``, its last event and, in the columns of an event, its last message."""


def stored_of(row: Any) -> StoredEvent:
    """An event of ``room_events`` with its ``sender``."""
    event = NewEvent(
        row["seq"],
        row["at"],
        EventKind(row["kind"]),
        row["sender_no"],
        row["countable"],
        row["client_id"],
        row["digest"],
        row["body"],
        row["reply_to"],
        row["thread"],
        row["extra"],
    )
    return StoredEvent(event, UserId(row["sender"]))


def room_of(row: Any) -> RoomSummary:
    """A row of PLACE as far as it is the same for every member: ``me`` is empty."""
    return RoomSummary(
        id=row["room_id"],
        type=row["room_type"],
        name=row["room_name"],
        description=UNSET if row["description"] is None else row["description"],
        mode=row["display_mode"],
        visibility=row["visibility"],
        archived=row["is_archived"],
        me="",
        last_seq=row["last_seq"],
        read_seq=0,
        unread=0,
        mentions=0,
        last_message=_last_message(row),
    )


def _last_message(row: Any) -> Any:
    if row["seq"] is None:
        return UNSET
    return folded(frame_of(row["room_id"], stored_of(row)))
