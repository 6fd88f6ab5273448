"""Messages in their present state, as rows."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from actors.rules.event_frames import frame_of
from actors.rules.folding import folded
from protocol.events import Listed, Member, Message, RoomChanged, Tally
from server.postgres.room_rows import fold_of_row, stored_of

LISTED: Final = """e.room_no, e.seq, e.at, e.kind, e.sender_no, e.countable, e.client_id, e.digest,
    e.reply_to, e.thread, e.extra, s.edited_at, s.deleted_at, s.pinned_at,
    CASE WHEN s.deleted_at IS NULL THEN coalesce(s.body, e.body) END AS body"""
"""The event ``e`` as pages list it, whose row of message_states is ``s``."""

SIZE: Final = """CASE WHEN s.deleted_at IS NULL
    THEN coalesce(octet_length(coalesce(s.body, e.body)), 0) ELSE 0 END"""
"""The bytes of its body."""

REACTIONS: Final = """(
        SELECT json_object_agg(r.emoji, json_build_object('count', r.count, 'me', r.me))::text
        FROM (
            SELECT m.emoji, count(*), bool_or(m.user_no = $2) AS me FROM message_reactions m
            WHERE m.room_no = e.room_no AND m.seq = e.seq GROUP BY m.emoji ORDER BY min(m.by_seq)
        ) r
    ) AS reactions"""
"""The reactions to the event ``e``, as the user $2 sees them."""

_tallies = msgspec.json.Decoder(dict[str, Tally]).decode


def listed_of(room: str, row: Any) -> Listed:
    """LISTED with its ``sender`` and REACTIONS: an event in its present state."""
    frame = frame_of(room, stored_of(row))
    if not isinstance(frame, Message):
        assert isinstance(frame, Member | RoomChanged)  # noqa: S101 - nothing else is listed
        return frame
    fold = fold_of_row(row)
    if row["reactions"] is not None:
        fold.reactions = _tallies(row["reactions"])
    return folded(frame, fold)
