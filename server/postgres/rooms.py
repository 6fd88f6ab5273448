"""Rooms at rest: making them, and what people see of them before any of them is awake."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from msgspec import UNSET

from actors.rules.muting import muted_until
from protocol.errors import ErrorCode, ProtocolError
from protocol.fields import Role, Visibility
from protocol.frames import RoomSummary
from protocol.ids import Millis, RoomId, UserId
from protocol.limits import CURSORS_MOST
from server.postgres.blocks import LOCK_PAIR
from server.postgres.pool import Database, Transaction
from server.postgres.room_rows import (
    NAME,
    PLACE,
    counted_from,
    deleted_of,
    mentions,
    parted,
    room_of,
    shows_reading,
    unread_of,
)

# A room is read once however many of the askers are in it: what may be long (cursors, the last
# body) comes with its first row alone.
SUMMARIES = f"""
WITH mine AS (
    SELECT me.user_id AS asker, coalesce(m.anonymous_name, me.user_id) AS me,
        {shows_reading("m", "me")} AS read_receipts,
        m.room_no, m.user_no, m.role, m.read_seq, m.muted_until, m.marked_seq,
        {counted_from("m")} AS counted_from
    FROM users me JOIN chat_members m ON m.user_no = me.user_no AND m.is_active
    WHERE (me.user_id = ANY ($1::text[]) OR me.user_no = $2::integer)
        AND ($3::text IS NULL OR m.room_no = (SELECT room_no FROM chat_rooms WHERE room_id = $3))
), places AS MATERIALIZED (
    SELECT place.*, readers.*, {deleted_of("asked.room_no")} AS deleted_seqs
    FROM (SELECT DISTINCT room_no FROM mine) asked, LATERAL ({PLACE}) place,
    LATERAL (
        SELECT count(*) AS people,
            array_agg(o.name ORDER BY o.place) FILTER (WHERE o.read_receipts) AS readers,
            array_agg(o.read_seq ORDER BY o.place) FILTER (WHERE o.read_receipts) AS cursors
        FROM (
            SELECT coalesce(m.anonymous_name, w.user_id) AS name, m.read_seq,
                {shows_reading("m", "w")} AS read_receipts,
                coalesce(m.anonymous_name, '') AS place
            FROM chat_members m JOIN users w ON w.user_no = m.user_no
            WHERE m.room_no = asked.room_no AND m.is_active LIMIT {CURSORS_MOST} + 1
        ) o
    ) readers
), rows AS (
    SELECT p.*, mine.asker, mine.me, mine.read_receipts, mine.user_no, mine.role, mine.read_seq,
        mine.marked_seq, mine.counted_from,
        mine.muted_until, (extract(epoch FROM now()) * 1000)::bigint AS now_ms,
        row_number() OVER (PARTITION BY p.room_no) = 1 AS is_first
    FROM mine JOIN places p ON p.room_no = mine.room_no
)
SELECT rows.room_no, rows.room_id, room_type, room_name, description, display_mode, visibility,
    is_archived, post_role, metadata, broadcast_id, last_seq,
    rows.asker, rows.me, rows.role, rows.read_seq, rows.muted_until, now_ms, is_first,
    rows.seq, rows.at, rows.kind, rows.sender_no, rows.countable, rows.client_id, rows.digest,
    rows.reply_to, rows.thread, rows.extra, rows.sender, rows.edited_at, rows.deleted_at,
    rows.pinned_at,
    CASE WHEN is_first THEN rows.body END AS body,
    CASE WHEN is_first THEN rows.readers END AS readers,
    CASE WHEN is_first THEN rows.cursors END AS cursors,
    rows.marked_seq, rows.read_receipts AND NOT {parted("rows")} AS shows_reading, people,
    {unread_of("rows", "rows.counted_from", "last_countable", "deleted_seqs")} AS unread,
    {mentions("rows.room_no", "rows.user_no", "rows.counted_from")} AS mentions,
    u.user_id AS peer, {NAME} AS peer_name
FROM rows
LEFT JOIN room_events seen ON seen.room_no = rows.room_no AND seen.seq = rows.counted_from
LEFT JOIN users u ON rows.direct_key IS NOT NULL AND u.user_no =
    split_part(rows.direct_key, ':', 1)::integer + split_part(rows.direct_key, ':', 2)::integer
    - rows.user_no
ORDER BY rows.active_at DESC, rows.room_no DESC"""  # noqa: S608 - constants

MEMBERS = f"""
SELECT coalesce(m.anonymous_name, u.user_id) AS user_id, coalesce(m.anonymous_name, u.username)
    AS username, coalesce(m.anonymous_name, {NAME}) AS name, m.role, m.read_seq, m.group_label
FROM chat_rooms r
JOIN chat_members asker ON asker.room_no = r.room_no AND asker.user_no = $2 AND asker.is_active
JOIN chat_members m ON m.room_no = r.room_no AND m.is_active
JOIN users u ON u.user_no = m.user_no
WHERE r.room_id = $1 AND r.is_active
ORDER BY m.anonymous_name, m.joined_at, m.user_no LIMIT $3"""  # noqa: S608 - constants

LEFT = f"""
SELECT coalesce(m.anonymous_name, u.user_id) AS user_id, coalesce(m.anonymous_name, {NAME}) AS name
FROM chat_rooms r
JOIN chat_members asker ON asker.room_no = r.room_no AND asker.user_no = $2 AND asker.is_active
JOIN chat_members m ON m.room_no = r.room_no AND NOT m.is_active
JOIN users u ON u.user_no = m.user_no
WHERE r.room_id = $1 AND r.is_active
ORDER BY m.anonymous_name, m.left_at DESC, m.user_no LIMIT $3"""  # noqa: S608 - constants

NEW_ROOMS = """
INSERT INTO chat_rooms (room_id, room_type, room_name, description, visibility, created_by)
SELECT n.room_id, 'team', n.name, n.description, n.visibility, n.owner
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::integer[])
    AS n (room_id, name, description, visibility, owner)"""

NEW_MEMBERS = """
INSERT INTO chat_members (room_no, user_no, role)
SELECT r.room_no, n.user_no, n.role
FROM unnest($1::text[], $2::integer[], $3::text[]) AS n (room_id, user_no, role)
JOIN chat_rooms r ON r.room_id = n.room_id"""

NEW_DIRECT = """
INSERT INTO chat_rooms (room_id, room_type, direct_key, created_by)
SELECT $1, 'direct', $2, $3
WHERE NOT EXISTS (SELECT FROM user_blocks b
    WHERE (b.blocker_no, b.blocked_no) IN (($4::integer, $5::integer), ($5, $4)))
ON CONFLICT (direct_key) DO NOTHING"""

# A statement of its own, so that it sees the room of one who was quicker.
DIRECT = "SELECT room_no, room_id FROM chat_rooms WHERE direct_key = $1"

BOTH_ARE_IN = """
INSERT INTO chat_members AS m (room_no, user_no)
SELECT $1, n FROM unnest($2::integer[]) AS n ORDER BY n
ON CONFLICT (room_no, user_no) DO UPDATE SET is_active = true, left_at = NULL
WHERE NOT m.is_active"""


NEWEST = 2**31 - 1

PUBLIC_NO = """
SELECT room_no FROM chat_rooms WHERE room_id = $1 AND visibility = 'public' AND is_active"""

PUBLIC = """
SELECT r.room_id, r.room_name, r.description,
    (SELECT count(*) FROM chat_members m WHERE m.room_no = r.room_no AND m.is_active) AS members,
    EXISTS (SELECT FROM chat_members m
        WHERE m.room_no = r.room_no AND m.user_no = $1 AND m.is_active) AS joined
FROM chat_rooms r
WHERE r.visibility = 'public' AND r.is_active AND NOT r.is_archived
    AND ($2::text IS NULL OR position(lower($2) IN lower(r.room_name)) > 0)
    AND r.room_no < $3
ORDER BY r.room_no DESC LIMIT $4"""


MUTE = """
UPDATE chat_members m SET muted_until = $3 FROM chat_rooms r
WHERE r.room_id = $1 AND r.is_active AND m.room_no = r.room_no AND m.user_no = $2 AND m.is_active
RETURNING m.user_no"""


FORMER = """
SELECT EXISTS (
    SELECT FROM chat_rooms r JOIN chat_members m ON m.room_no = r.room_no AND m.user_no = $2
    WHERE r.room_id = $1 AND r.is_active
)"""


class PublicRoom(NamedTuple):
    """A room that everybody may join, as *joined* sees it who asks."""

    room: RoomId
    name: str
    description: str | None
    members: int
    joined: bool


class RoomMember(NamedTuple):
    """One present member, as other members see him: in a blind room by pseudonym alone."""

    user: str
    name: str
    username: str
    role: Role
    read_seq: int
    group: str | None


class Former(NamedTuple):
    """One who has left, as the room names him."""

    user: str
    name: str


class NewRoom(NamedTuple):
    """A team room to make; the first of *members* owns it."""

    room: RoomId
    name: str
    description: str | None
    members: Sequence[int]
    visibility: Visibility = "private"


class RoomStore:
    """Makes rooms and summarises them. *new_id* makes ids nobody has used."""

    def __init__(self, database: Database, *, new_id: Callable[[], str]) -> None:
        self._database = database
        self._new_id = new_id

    async def create_team(
        self, *, name: str, description: str | None, owner_no: int, member_nos: Sequence[int]
    ) -> RoomId:
        """A new team room; the owner is in it whether *member_nos* says so or not."""
        members = list(dict.fromkeys([owner_no, *member_nos]))
        room = NewRoom(RoomId(self._new_id()), name, description, members)
        await self.create(room)
        return room.room

    async def create(self, room: NewRoom) -> None:
        """Make one team room."""
        await self._create([room])

    async def mute(self, room: RoomId, user_no: int, until: Millis) -> bool:
        """Mute *room* for a member until then (0: no more); False when he is not in it."""
        return await self._database.fetchval(MUTE, room, user_no, until) is not None

    async def public(
        self, user_no: int, *, name: str | None, after: str | None, limit: int
    ) -> list[PublicRoom]:
        """Rooms that everybody may join, newest first, those below the room *after*.

        Raises ProtocolError where *after* is no public room: a private one is as good as none.
        """
        below = NEWEST if after is None else await self._database.fetchval(PUBLIC_NO, after)
        if below is None:
            raise ProtocolError(ErrorCode.INVALID, fields={"after": "is no public room"})
        rows = await self._database.fetch(PUBLIC, user_no, name, below, limit)
        return [PublicRoom(*row) for row in rows]

    async def create_many(self, rooms: Sequence[tuple[RoomId, str, Sequence[int]]]) -> None:
        """Many team rooms at once, all or none: (id, name, members, the owner first)."""
        await self._create([NewRoom(room, name, None, members) for room, name, members in rooms])

    async def open_direct(self, one_no: int, other_no: int) -> tuple[RoomId, bool]:
        """The one direct room of two different people, and whether it was made now.

        Raises ProtocolError where there is none and one of them has blocked the other.
        """
        if one_no == other_no:
            raise ValueError("a direct room has two different members")
        pair = sorted((one_no, other_no))
        key = f"{pair[0]}:{pair[1]}"
        async with self._database.transaction() as transaction:
            await transaction.execute(LOCK_PAIR, *pair)
            made = await transaction.execute(NEW_DIRECT, self._new_id(), key, one_no, *pair)
            row = await transaction.fetchrow(DIRECT, key)
            if row is None:
                raise ProtocolError(ErrorCode.BLOCKED)
            await transaction.execute(BOTH_ARE_IN, row["room_no"], pair)
        return RoomId(row["room_id"]), made.endswith(" 1")

    async def summaries(self, user_ids: Sequence[UserId]) -> Mapping[UserId, list[RoomSummary]]:
        """Every room of each user as of one moment, newest activity first."""
        rows = await self._database.fetch(SUMMARIES, list(user_ids), None, None)
        found: dict[UserId, list[RoomSummary]] = {user: [] for user in user_ids}
        for user, summary in _summaries(rows):
            found[user].append(summary)
        return found

    async def summary(self, room: RoomId, user_no: int) -> RoomSummary | None:
        """One room as its member *user_no* sees it; None when he is not in it."""
        rows = await self._database.fetch(SUMMARIES, [], user_no, room)
        return next((summary for _, summary in _summaries(rows)), None)

    async def absence(self, room: RoomId, user_no: int) -> ErrorCode:
        """What one who is not in *room* is told: ``not_member`` if he was, or else nothing."""
        former = await self._database.fetchval(FORMER, room, user_no)
        return ErrorCode.NOT_MEMBER if former else ErrorCode.NOT_FOUND

    async def members(
        self, room: RoomId, user_no: int, *, limit: int = 1000
    ) -> list[RoomMember] | None:
        """Who is in *room*, oldest members first, in a blind room by name; None for others."""
        rows = await self._database.fetch(MEMBERS, room, user_no, limit)
        found = [
            RoomMember(
                row["user_id"],
                row["name"],
                row["username"],
                row["role"],
                row["read_seq"],
                row["group_label"],
            )
            for row in rows
        ]
        return found or None

    async def former(self, room: RoomId, user_no: int, *, limit: int = 1000) -> list[Former]:
        """Who was in *room* and has left, the last first: what they said there has a name."""
        rows = await self._database.fetch(LEFT, room, user_no, limit)
        return [Former(row["user_id"], row["name"]) for row in rows]

    async def _create(self, rooms: Sequence[NewRoom]) -> None:
        async with self._database.transaction() as transaction:
            await insert_rooms(transaction, rooms)


async def insert_rooms(transaction: Transaction, rooms: Sequence[NewRoom]) -> None:
    """Make team rooms together with what else *transaction* does."""
    await transaction.execute(
        NEW_ROOMS,
        [room.room for room in rooms],
        [room.name for room in rooms],
        [room.description for room in rooms],
        [room.visibility for room in rooms],
        [room.members[0] for room in rooms],
        within=60.0,
    )
    members = [
        (room.room, user_no, "member" if place else "owner")
        for room in rooms
        for place, user_no in enumerate(room.members)
    ]
    if members:
        await transaction.execute(NEW_MEMBERS, *zip(*members, strict=True), within=60.0)


def _summaries(rows: Sequence[Any]) -> Iterable[tuple[UserId, RoomSummary]]:
    common = {row["room_no"]: _common(row) for row in rows if row["is_first"]}
    for row in rows:
        yield UserId(row["asker"]), _for_member(common[row["room_no"]], row)


def _common(row: Any) -> RoomSummary:
    room = room_of(row)
    room.crowded = row["people"] > CURSORS_MOST
    if not room.crowded:
        room.cursors = dict(zip(row["readers"] or (), row["cursors"] or (), strict=True))
    return room


def _for_member(room: RoomSummary, row: Any) -> RoomSummary:
    return msgspec.structs.replace(
        room,
        me=row["me"],
        name=row["peer_name"] or room.name,
        peer=UNSET if row["peer"] is None else row["peer"],
        role=row["role"],
        muted=row["muted_until"] > row["now_ms"],
        muted_until=muted_until(row["muted_until"], now=row["now_ms"]),
        read_seq=row["read_seq"],
        unread=row["unread"],
        mentions=row["mentions"],
        marked=UNSET if row["marked_seq"] is None else row["marked_seq"],
        cursors=room.cursors if row["shows_reading"] else UNSET,
    )
