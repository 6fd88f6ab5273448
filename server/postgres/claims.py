"""What a claim reads: rooms as their new owner finds them, any number in four queries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import trio

from actors.records import Claimed, MemberState, StoredEvent
from protocol.ids import RoomId, UserId
from server.postgres.pool import Database
from server.postgres.room_rows import (
    GONE,
    NAME,
    PLACE,
    SHOWN,
    deleted_of,
    mentions,
    room_of,
    stored_of,
    unread_of,
)

# CLAIM waits for the previous owners; the others begin after it and see all that was committed.
CLAIM = "SELECT * FROM claim_rooms($1, $2)"

FACTS = f"SELECT place.* FROM unnest($1::integer[]) AS asked (room_no), LATERAL ({PLACE}) place"  # noqa: S608 - constants

MEMBERS = f"""
WITH deleted AS MATERIALIZED (
    SELECT asked.room_no, {deleted_of("asked.room_no")} AS seqs
    FROM unnest($1::integer[]) AS asked (room_no)
)
SELECT m.room_no, m.user_no, u.user_id, {NAME} AS name, m.role, m.read_seq, m.muted_until,
    {unread_of("m.read_seq", "coalesce(last.countable, 0)", "asked.seqs")} AS unread,
    {mentions("m.room_no", "m.user_no", "m.read_seq")} AS mentions
FROM deleted asked
LEFT JOIN LATERAL (
    SELECT e.countable FROM room_events e
    WHERE e.room_no = asked.room_no ORDER BY e.seq DESC LIMIT 1
) last ON true
JOIN chat_members m ON m.room_no = asked.room_no AND m.is_active
JOIN users u ON u.user_no = m.user_no
LEFT JOIN room_events seen ON seen.room_no = m.room_no AND seen.seq = m.read_seq
ORDER BY m.room_no, m.user_no"""  # noqa: S608 - constants

TAILS = f"""
SELECT {SHOWN},
    coalesce((SELECT u.user_id FROM users u WHERE u.user_no = e.sender_no), '') AS sender
FROM unnest($1::integer[]) AS asked (room_no)
CROSS JOIN LATERAL (
    SELECT * FROM room_events t WHERE t.room_no = asked.room_no ORDER BY t.seq DESC LIMIT $2
) e {GONE}"""  # noqa: S608 - constants
CHUNK = 256  # rows between two checkpoints: about a millisecond


async def claim_rooms(
    database: Database, rooms: Sequence[RoomId], *, owner: int, tail: int
) -> dict[RoomId, Claimed]:
    """Make *owner* the owner of *rooms* and read them; unknown rooms are left out."""
    claimed = await database.fetch(CLAIM, list(rooms), owner)
    epochs: Mapping[int, int] = {row["claimed_no"]: row["claimed_epoch"] for row in claimed}
    facts = await database.fetch(FACTS, list(epochs))
    members: defaultdict[int, list[MemberState]] = defaultdict(list)
    for row in await database.fetch(MEMBERS, list(epochs)):
        members[row["room_no"]].append(_member_of(row))
    tails = await _tails(await database.fetch(TAILS, list(epochs), tail))
    return {
        RoomId(row["room_id"]): Claimed(
            room_no=row["room_no"],
            epoch=epochs[row["room_no"]],
            summary=room_of(row),
            last_seq=row["last_seq"],
            last_at=row["last_at"],
            countable=row["last_countable"],
            members=members[row["room_no"]],
            tail=tails[row["room_no"]],
        )
        for row in facts
    }


async def _tails(rows: Sequence[Any]) -> Mapping[int, list[StoredEvent]]:
    tails: defaultdict[int, list[StoredEvent]] = defaultdict(list)
    for start in range(0, len(rows), CHUNK):
        for row in rows[start : start + CHUNK]:
            tails[row["room_no"]].append(stored_of(row))
        await trio.lowlevel.checkpoint()
    for tail in tails.values():
        tail.sort(key=lambda stored: stored.event.seq)
    return tails


def _member_of(row: Any) -> MemberState:
    return MemberState(
        user_no=row["user_no"],
        user_id=UserId(row["user_id"]),
        name=row["name"],
        role=row["role"],
        read_seq=row["read_seq"],
        unread=row["unread"],
        mentions=row["mentions"],
        muted_until=row["muted_until"],
    )
