"""What no file needs any more, as rows: uploads, files and contents."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import asyncpg

from protocol.ids import Millis
from server.postgres.pool import Database

EXPIRED = "DELETE FROM uploads WHERE expires_at < $1 RETURNING upload_id"

UNFINISHED = "SELECT upload_id FROM uploads WHERE resumable OR $1"

UNPOSTED = """
DELETE FROM files f WHERE NOT f.posted AND f.file_no IN (
    SELECT o.file_no FROM files o WHERE NOT o.posted AND o.created_at < $1
    LIMIT $2 FOR UPDATE SKIP LOCKED
) RETURNING f.file_no"""

# A file whose every message was erased, and which no broadcast has. It is locked first, and looked
# at again by a later snapshot: it may be posted anew at this moment.
IN_NOTHING = """NOT EXISTS (SELECT FROM room_files p WHERE p.file_no = f.file_no)
    AND NOT EXISTS (SELECT FROM broadcasts b WHERE b.file_no = f.file_no)"""

ERASED = f"""
SELECT f.file_no FROM files f WHERE f.posted AND {IN_NOTHING}
LIMIT $1 FOR UPDATE SKIP LOCKED"""  # noqa: S608 - constants

FORGET = f"""
WITH gone AS (
    DELETE FROM files f WHERE f.file_no = ANY ($1::integer[]) AND {IN_NOTHING}
    RETURNING 1
)
SELECT count(*) FROM gone"""  # noqa: S608 - constants

UNUSED = """b.claimed_at < $1
    AND NOT EXISTS (SELECT FROM files f WHERE f.content = b.digest)
    AND NOT EXISTS (SELECT FROM files f WHERE f.thumbnail = b.digest)
    AND NOT EXISTS (SELECT FROM files f WHERE f.preview = b.digest)"""

BLOBS = f"SELECT encode(b.digest, 'hex') FROM file_blobs b WHERE {UNUSED} LIMIT $2"  # noqa: S608 - constants

DROP = f"""
DELETE FROM file_blobs b WHERE b.digest = decode($2, 'hex') AND {UNUSED}
RETURNING b.size"""  # noqa: S608 - constants

WITHIN = 60.0


class FileUpkeepStore:
    """Each method may raise StoreUnavailable."""

    AT_ONCE = 500

    def __init__(self, database: Database) -> None:
        self._database = database

    async def expire(self, now: Millis) -> list[str]:
        """Forget the uploads whose time is over; which they were."""
        return [row["upload_id"] for row in await self._database.fetch(EXPIRED, now)]

    async def unfinished(self, *, all_of_them: bool) -> set[str]:
        """The uploads on their way: all, or those that can go on after their request has ended."""
        rows = await self._database.fetch(UNFINISHED, all_of_them)
        return {row["upload_id"] for row in rows}

    async def forget_unposted(self, before: Millis) -> int:
        """Forget files that are from *before* and were never posted; how many that were."""
        return len(await self._database.fetch(UNPOSTED, before, self.AT_ONCE, within=WITHIN))

    async def forget_erased(self) -> int:
        """Forget files that no message and no broadcast has any more; how many that were."""
        async with self._database.transaction(within=WITHIN) as transaction:
            rows = await transaction.fetch(ERASED, self.AT_ONCE, within=WITHIN)
            numbers = [row["file_no"] for row in rows]
            count: int = await transaction.fetchval(FORGET, numbers, within=WITHIN)
        return count

    async def unused(self, before: Millis) -> Sequence[str]:
        """Some contents that no file has and nobody has claimed since *before*."""
        rows = await self._database.fetch(BLOBS, before, self.AT_ONCE, within=WITHIN)
        return [row[0] for row in rows]

    @asynccontextmanager
    async def dropping(self, digest: str, before: Millis) -> AsyncIterator[bool]:
        """Whether the content may be removed in the block: whoever claims it waits for its end."""
        async with self._database.transaction() as transaction:
            try:
                row = await transaction.fetchrow(DROP, before, digest)
            except asyncpg.ForeignKeyViolationError:
                row = None  # a file has it since a moment
            yield row is not None
