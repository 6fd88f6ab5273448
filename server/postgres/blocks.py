"""Who blocks whom, and the log of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from protocol.errors import ErrorCode, ProtocolError
from protocol.ids import Millis, RoomId, UserId
from protocol.limits import BLOCKS_MOST
from server.postgres.friend_requests import close_requests, open_requests
from server.postgres.notification_settling import AS_THE_SERVER
from server.postgres.pool import Database, Transaction
from server.postgres.room_rows import NAME

# Two people at a time: changes of theirs, and the making of their direct room, come one by one.
LOCK_PAIR = "SELECT pg_advisory_xact_lock($1::integer, $2::integer)"

BLOCK = """
WITH made AS (
    INSERT INTO user_blocks (blocker_no, blocked_no, at)
    SELECT $1::integer, $2::integer, $3::bigint
    WHERE (SELECT count(*) FROM user_blocks WHERE blocker_no = $1) < $4
    ON CONFLICT DO NOTHING RETURNING blocker_no
)
INSERT INTO block_log (blocker_no, blocked_no, is_on, at)
SELECT $1, $2, true, $3 FROM made"""

UNBLOCK = """
WITH gone AS (
    DELETE FROM user_blocks WHERE blocker_no = $1::integer AND blocked_no = $2::integer
    RETURNING blocker_no
)
INSERT INTO block_log (blocker_no, blocked_no, is_on, at)
SELECT $1, $2, false, $3::bigint FROM gone"""

UNFRIEND = """
DELETE FROM friendships
WHERE one_no = least($1::integer, $2::integer) AND other_no = greatest($1, $2)"""

BETWEEN = """
SELECT b.blocker_no FROM user_blocks b
WHERE (b.blocker_no, b.blocked_no) IN (($1::integer, $2::integer), ($2, $1))"""

SHARED = """
SELECT r.room_id FROM chat_members m
JOIN chat_members o ON o.room_no = m.room_no AND o.user_no = $2 AND o.is_active
JOIN chat_rooms r ON r.room_no = m.room_no
WHERE m.user_no = $1 AND m.is_active"""


def block_between(one: str, other: str) -> str:
    """Whether either of two users, by their numbers in the query, blocks the other."""
    return f"""EXISTS (
    SELECT FROM user_blocks k
    WHERE (k.blocker_no, k.blocked_no) IN (({one}, {other}), ({other}, {one})))"""


APART = """
SELECT EXISTS (SELECT FROM user_blocks b
    WHERE b.blocker_no = $1 AND b.blocked_no = ANY ($2::integer[])
        OR b.blocked_no = $1 AND b.blocker_no = ANY ($2::integer[]))"""

AMONG = """
SELECT b.blocked_no AS other_no FROM user_blocks b
WHERE b.blocker_no = $1 AND b.blocked_no = ANY ($2::integer[])
UNION
SELECT b.blocker_no FROM user_blocks b
WHERE b.blocked_no = $1 AND b.blocker_no = ANY ($2::integer[])"""

# Where a list goes on; one who was unblocked since he was listed, where he stood by the time.
PLACE_OF = """
SELECT coalesce(b.block_no, (
    SELECT coalesce(max(o.block_no) + 1, 0) FROM user_blocks o
    WHERE o.blocker_no = $1 AND o.at <= l.at
))
FROM users u
LEFT JOIN user_blocks b ON b.blocker_no = $1 AND b.blocked_no = u.user_no
LEFT JOIN LATERAL (
    SELECT * FROM block_log WHERE blocker_no = $1 AND blocked_no = u.user_no AND is_on
    ORDER BY entry_no DESC LIMIT 1
) l ON true
WHERE u.user_id = $2 AND (b.block_no IS NOT NULL OR l.at IS NOT NULL)"""

MINE = f"""
SELECT u.user_id, u.username, {NAME} AS name, b.at
FROM user_blocks b JOIN users u ON u.user_no = b.blocked_no
WHERE b.blocker_no = $1 AND b.block_no < $2 ORDER BY b.block_no DESC LIMIT $3"""  # noqa: S608 - constants

ONE = f"""
SELECT u.user_id, u.username, {NAME} AS name, b.at
FROM user_blocks b JOIN users u ON u.user_no = b.blocked_no
WHERE b.blocker_no = $1 AND b.blocked_no = $2"""  # noqa: S608 - constants

LOGGED = """
SELECT l.entry_no, u.user_id, o.user_id AS other_id, l.is_on, l.at
FROM (
    SELECT * FROM block_log WHERE blocker_no = $1 AND entry_no < $2
    UNION
    SELECT * FROM block_log WHERE blocked_no = $1 AND entry_no < $2
) l
JOIN users u ON u.user_no = l.blocker_no
JOIN users o ON o.user_no = l.blocked_no
ORDER BY l.entry_no DESC LIMIT $3"""

NEWEST = 2**63 - 1


class BlockedPerson(NamedTuple):
    """Somebody who is blocked."""

    user: UserId
    username: str
    name: str
    at: Millis


class BlockEntry(NamedTuple):
    """``user`` blocked ``other``, or (``on`` False) no longer did. Later numbers are higher."""

    number: int
    user: UserId
    other: UserId
    on: bool
    at: Millis


class BlockStore:
    """The port Blocks in PostgreSQL, and what can be read of it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def change(self, blocker_no: int, blocked_no: int, *, on: bool, at: Millis) -> bool:
        """Store a block or its end; whether the two have one now, either way.

        Two with a block are no friends, and neither has asked the other to be one.
        """
        pair = (blocker_no, blocked_no)
        async with self._database.acting(blocker_no) as transaction:
            await transaction.execute(LOCK_PAIR, *sorted(pair))
            if on:
                await transaction.execute(BLOCK, *pair, at, BLOCKS_MOST)
            else:
                await transaction.execute(UNBLOCK, *pair, at)
            rows = await transaction.fetch(BETWEEN, *pair)
            if on and blocker_no not in {row["blocker_no"] for row in rows}:
                raise ProtocolError(ErrorCode.CONFLICT, f"at most {BLOCKS_MOST} blocks")
            if on:
                await _part(transaction, *pair, at)
        return bool(rows)

    async def shared(self, one_no: int, other_no: int) -> Sequence[RoomId]:
        """The rooms that both are in."""
        rows = await self._database.fetch(SHARED, one_no, other_no)
        return [RoomId(row["room_id"]) for row in rows]

    async def apart(self, user_no: int, others: Sequence[int]) -> bool:
        """Whether there is a block between *user_no* and any of *others*."""
        return bool(await self._database.fetchval(APART, user_no, list(others)))

    async def among(self, user_no: int, others: Sequence[int]) -> frozenset[int]:
        """Those of *others* with whom *user_no* has a block, whoever made it."""
        rows = await self._database.fetch(AMONG, user_no, list(others))
        return frozenset(row["other_no"] for row in rows)

    async def of(self, user_no: int, blocked_no: int) -> BlockedPerson | None:
        """The block of *blocked_no* by *user_no*, if there is one."""
        row = await self._database.fetchrow(ONE, user_no, blocked_no)
        return row and BlockedPerson(*row)

    async def mine(self, user_no: int, *, after: str | None, limit: int) -> list[BlockedPerson]:
        """Whom *user_no* blocks, newest first, those below the user *after*.

        Raises ProtocolError for one whom he never blocked.
        """
        place = NEWEST
        if after is not None:
            place = await self._database.fetchval(PLACE_OF, user_no, after)
        if place is None:
            raise ProtocolError(ErrorCode.INVALID, fields={"after": "is nobody you block"})
        rows = await self._database.fetch(MINE, user_no, place, limit)
        return [BlockedPerson(*row) for row in rows]

    async def logged(self, user_no: int, *, after: int | None, limit: int) -> list[BlockEntry]:
        """What happened between *user_no* and others, newest first."""
        rows: list[Any] = await self._database.fetch(LOGGED, user_no, after or NEWEST, limit)
        return [BlockEntry(*row) for row in rows]


async def _part(transaction: Transaction, one_no: int, other_no: int, at: Millis) -> None:
    await transaction.execute(UNFRIEND, one_no, other_no)
    await transaction.execute(AS_THE_SERVER)
    await close_requests(transaction, await open_requests(transaction, one_no, other_no), at=at)
