"""Messages in their present state, as rows."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from actors.rules.event_frames import frame_of
from actors.rules.folding import folded
from protocol.events import Listed, Member, Message, RoomChanged, Tally
from server.postgres.room_rows import fold_of_row, stored_of

FOLDED: Final = """
    s.body AS new_body, s.edited_at, s.deleted_at, s.pinned_at, (
        SELECT json_object_agg(r.emoji, json_build_object('count', r.count, 'me', r.me))::text
        FROM (
            SELECT m.emoji, count(*), bool_or(m.user_no = $2) AS me FROM message_reactions m
            WHERE m.room_no = e.room_no AND m.seq = e.seq GROUP BY m.emoji ORDER BY min(m.by_seq)
        ) r
    ) AS reactions"""
"""What became of the event ``e``, whose row of message_states is ``s``, as the user $2 sees it."""

_tallies = msgspec.json.Decoder(dict[str, Tally]).decode


def listed_of(room: str, row: Any) -> Listed:
    """An event with its ``sender`` and FOLDED, in its present state."""
    frame = frame_of(room, stored_of(row))
    if not isinstance(frame, Message):
        assert isinstance(frame, Member | RoomChanged)  # noqa: S101 - nothing else is listed
        return frame
    fold = fold_of_row(row)
    fold.body = row["new_body"]
    if row["reactions"] is not None:
        fold.reactions = _tallies(row["reactions"])
    return folded(frame, fold)
