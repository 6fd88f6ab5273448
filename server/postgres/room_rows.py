"""The parts of a room that many queries read alike, and what their rows become."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET

from actors.records import EventKind, NewEvent, StoredEvent
from actors.rules.event_frames import frame_of
from actors.rules.folding import Fold, folded
from protocol.errors import ErrorCode, ProtocolError
from protocol.events import Message
from protocol.frames import RoomSummary
from protocol.ids import RoomId
from server.postgres.pool import Database

INSIDE = """
SELECT r.room_no, m.is_active FROM chat_rooms r JOIN chat_members m ON m.room_no = r.room_no
WHERE r.room_id = $1 AND r.is_active AND m.user_no = $2"""

SHOWN_AS = "coalesce(m.anonymous_name, u.user_id)"
"""How a room names the user ``u``, its member ``m``, in what it shows to its members."""

NAME = "coalesce(nullif(u.name, ''), u.username)"
"""How people see the user ``u``."""


def named(room: str, user_no: str) -> str:
    """How a room names a user, present or not: by pseudonym, where he has one there."""
    return f"""coalesce(
    (SELECT w.anonymous_name FROM chat_members w
        WHERE w.room_no = {room} AND w.user_no = {user_no}),
    (SELECT w.user_id FROM users w WHERE w.user_no = {user_no}), '')"""  # noqa: S608 - names of columns


def shows_reading(member: str, user: str) -> str:
    """Whether a member shows what he has read. Were it his choice in a blind room, too, the choice
    that others see in an open one would tell who he is.
    """
    return f"({user}.read_receipts OR {member}.anonymous_name IS NOT NULL)"


def parted(room: str) -> str:
    """Whether *room* is a direct one between two who have a block."""
    one, other = (f"split_part({room}.direct_key, ':', {part})::integer" for part in (1, 2))
    return f"""({room}.direct_key IS NOT NULL AND EXISTS (
    SELECT FROM user_blocks b
    WHERE (b.blocker_no, b.blocked_no) IN (({one}, {other}), ({other}, {one}))))"""


SENDER = named("e.room_no", "e.sender_no")
"""The sender of the event ``e``, as its room names him."""

SHOWN = """e.room_no, e.seq, e.at, e.kind, e.sender_no, e.countable, e.client_id, e.digest,
    e.reply_to, e.thread, e.of_seq,
    CASE WHEN gone.seq IS NULL OR e.body IS NULL THEN e.body ELSE '' END AS body,
    CASE WHEN gone.seq IS NULL OR e.kind NOT IN (1, 5) THEN e.extra
        ELSE (e.extra::jsonb - 'files')::text END AS extra"""
"""An event ``e`` as it was shown, but without what is deleted now: with GONE joined to it."""

GONE = """
LEFT JOIN message_states gone ON gone.room_no = e.room_no AND gone.deleted_at IS NOT NULL
    AND gone.seq = coalesce(e.of_seq, e.seq)"""


def deleted_of(room: str, *, upto: str = "2147483647") -> str:
    """The countable messages of a room that are deleted, ascending: read once for a room."""
    return f"""ARRAY(
    SELECT latest.of_seq FROM (
        SELECT DISTINCT ON (c.of_seq) c.of_seq, c.kind FROM room_events c
        WHERE c.room_no = {room} AND c.kind IN (4, 5) AND c.thread IS NULL AND c.seq <= {upto}
        ORDER BY c.of_seq, c.seq DESC
    ) latest WHERE latest.kind = 4 ORDER BY latest.of_seq
)"""  # noqa: S608 - names of columns


def counted_from(member: str) -> str:
    """What is unread for a member is above this: his cursor, unless he has a mark."""
    return f"coalesce({member}.marked_seq - 1, {member}.read_seq)"


def read_of(member: str, above: str, deleted: str, *, upto: str = "2147483647") -> str:
    """Countable messages that are not unread: up to *above*, where ``seen`` is, or not counted."""
    return f"""(coalesce(seen.countable, 0) + {own_above(member, above, upto=upto)}
        + cardinality({deleted}) - width_bucket({above}, {deleted}))::integer"""


def unread_of(member: str, above: str, countable: str, deleted: str) -> str:
    """Countable messages above *above*, where ``seen`` is, by the deleted ones of the room."""
    return f"""({countable} - {read_of(member, above, deleted)})"""


def own_above(member: str, above: str, *, upto: str = "2147483647") -> str:
    """Countable messages of a member's own above *above*. Only below the cursor there are any."""
    return f"""(CASE WHEN {above} < {member}.read_seq THEN (
    SELECT count(*) FROM room_events o
    WHERE o.room_no = {member}.room_no AND o.seq > {above} AND o.seq <= {member}.read_seq
        AND o.seq <= {upto} AND o.sender_no = {member}.user_no
        AND o.kind = 1 AND o.thread IS NULL AND {_stands("o", upto)}
    ) ELSE 0 END)"""  # noqa: S608 - names of columns


def _stands(message: str, upto: str) -> str:
    """Whether a message is not deleted as of *upto*."""
    return f"""coalesce((
            SELECT c.kind FROM room_events c
            WHERE c.room_no = {message}.room_no AND c.of_seq = {message}.seq AND c.kind IN (4, 5)
                AND c.seq <= {upto}
            ORDER BY c.seq DESC LIMIT 1
        ), 5) = 5"""  # noqa: S608 - names of columns


def mentions(room: str, user_no: str, above: str, *, upto: str = "2147483647") -> str:
    """Messages of others above *above* that mention a user and are not deleted."""
    return f"""(
    SELECT count(DISTINCT x.seq) FROM room_mentions x
    JOIN room_events w ON w.room_no = x.room_no AND w.seq = x.seq AND w.sender_no <> {user_no}
    WHERE x.room_no = {room} AND x.user_no IN (0, {user_no})
        AND x.seq > {above} AND x.seq <= {upto} AND {_stands("x", upto)})"""  # noqa: S608 - names of columns


PLACE = f"""
SELECT r.room_no, r.room_id, r.room_type, r.room_name, r.description, r.display_mode, r.visibility,
    r.is_archived, r.post_role, r.room_metadata::text AS metadata, r.direct_key, r.broadcast_id,
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
        e.thread, e.extra, coalesce(s.body, e.body) AS body, s.edited_at, s.deleted_at, s.pinned_at,
        {SENDER} AS sender
    FROM room_events e
    LEFT JOIN message_states s ON s.room_no = e.room_no AND s.seq = e.seq
    WHERE e.room_no = r.room_no AND e.kind = 1 ORDER BY e.seq DESC LIMIT 1
) said ON true
WHERE r.room_no = asked.room_no AND r.is_active"""  # noqa: S608 - constants
"""The room ``asked.room_no``, its last event and, in the columns of an event, its last message."""


async def room_of_member(database: Database, room: RoomId, user_no: int) -> int:
    """The number of a room; refuses strangers and former members, as ``page`` does."""
    row = await database.fetchrow(INSIDE, room, user_no)
    if row is None or not row["is_active"]:
        raise ProtocolError(ErrorCode.NOT_FOUND if row is None else ErrorCode.NOT_MEMBER)
    return int(row["room_no"])


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
        row.get("of_seq"),
    )
    return StoredEvent(event, row["sender"])


_metadata = msgspec.json.Decoder(dict[str, str]).decode


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
        post=row["post_role"],
        metadata=_metadata(row["metadata"]),
        broadcast=UNSET if row["broadcast_id"] is None else row["broadcast_id"],
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
    frame = frame_of(row["room_id"], stored_of(row))
    return folded(frame, fold_of_row(row)) if isinstance(frame, Message) else UNSET


def fold_of_row(row: Any) -> Fold:
    """What became of a message, without its reactions; its ``body`` is that already."""
    return Fold(
        edited_at=row["edited_at"],
        deleted=row["deleted_at"] is not None,
        pinned=row["pinned_at"] is not None,
    )
