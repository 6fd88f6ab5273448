"""What a claim reads: rooms as their new owner finds them, any number in five queries."""

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
    SENDER,
    SHOWN,
    counted_from,
    deleted_of,
    mentions,
    room_of,
    shows_reading,
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
    coalesce(m.marked_seq, 0) AS marked, {shows_reading("m", "u")} AS read_receipts,
    {unread_of("m", counted_from("m"), "coalesce(last.countable, 0)", "asked.seqs")} AS unread,
    {mentions("m.room_no", "m.user_no", counted_from("m"))} AS mentions
FROM deleted asked
LEFT JOIN LATERAL (
    SELECT e.countable FROM room_events e
    WHERE e.room_no = asked.room_no ORDER BY e.seq DESC LIMIT 1
) last ON true
JOIN chat_members m ON m.room_no = asked.room_no AND m.is_active
JOIN users u ON u.user_no = m.user_no
LEFT JOIN room_events seen ON seen.room_no = m.room_no AND seen.seq = {counted_from("m")}
ORDER BY m.room_no, m.user_no"""  # noqa: S608 - constants

BLOCKS = "SELECT blocker, blocked FROM blocks_among($1)"

TAILS = f"""
SELECT {SHOWN}, {SENDER} AS sender
FROM unnest($1::integer[]) AS asked (room_no)
CROSS JOIN LATERAL (
    SELECT * FROM room_events t WHERE t.room_no = asked.room_no ORDER BY t.seq DESC LIMIT $2
) e {GONE}"""  # noqa: S608 - constants

PSEUDONYMS = """
SELECT m.room_no, m.user_no, m.anonymous_name FROM chat_members m
WHERE m.room_no = ANY ($1::integer[]) AND m.anonymous_name IS NOT NULL"""

REVEALED = """
SELECT e.room_no, e.extra::jsonb ->> 'user' AS one, e.extra::jsonb ->> 'by' AS other
FROM room_events e
WHERE e.room_no = ANY ($1::integer[]) AND e.kind = 2 AND e.extra LIKE '%"change":"revealed"%'"""

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
    blocks = await _blocks(database, members)
    tails = await _tails(await database.fetch(TAILS, list(epochs), tail))
    blind = [row["room_no"] for row in facts if row["display_mode"] == "blind"]
    pseudonyms, revealed = await _names(database, blind) if blind else ({}, {})
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
            pseudonyms=pseudonyms.get(row["room_no"], {}),
            revealed=revealed.get(row["room_no"], ()),
            blocks=blocks.get(row["room_no"], ()),
        )
        for row in facts
    }


async def _names(
    database: Database, rooms: Sequence[int]
) -> tuple[Mapping[int, dict[int, str]], Mapping[int, list[tuple[str, str]]]]:
    """How blind rooms name everybody who was ever in them, and who is known to whom."""
    pseudonyms: defaultdict[int, dict[int, str]] = defaultdict(dict)
    for row in await database.fetch(PSEUDONYMS, rooms):
        pseudonyms[row["room_no"]][row["user_no"]] = row["anonymous_name"]
    revealed: defaultdict[int, list[tuple[str, str]]] = defaultdict(list)
    for row in await database.fetch(REVEALED, rooms):
        revealed[row["room_no"]].append((row["one"], row["other"]))
    return pseudonyms, revealed


async def _blocks(
    database: Database, members: Mapping[int, Sequence[MemberState]]
) -> Mapping[int, Sequence[tuple[int, int]]]:
    """By room the blocks among its members; usually there are none at all."""
    numbers = {room: {member.user_no for member in inside} for room, inside in members.items()}
    everybody = list(set().union(*numbers.values()))
    pairs = [(row[0], row[1]) for row in await database.fetch(BLOCKS, everybody)]
    if not pairs:
        return {}
    return {
        room: [pair for pair in pairs if inside.issuperset(pair)]
        for room, inside in numbers.items()
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
        marked=row["marked"],
        receipts=row["read_receipts"],
    )
