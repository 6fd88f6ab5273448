"""Making broadcasts, and taking back those that have not started."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import msgspec

from actors.selection_records import Audience
from protocol.errors import ErrorCode, ProtocolError
from protocol.ids import Millis
from protocol.limits import BROADCASTS_AN_HOUR
from server.postgres.pool import Database

HOUR_MS: Final = 3_600_000
WAITING_MOST: Final = 20
"""Broadcasts of one user that have not started."""

# Who makes two at once is asked about one after the other.
LOCK = "SELECT user_no FROM users WHERE user_no = $1 FOR NO KEY UPDATE"

OLDEST_OF_LATEST = """
SELECT b.created_at FROM broadcasts b WHERE b.user_no = $1 AND b.created_at > $2
ORDER BY b.created_at DESC OFFSET $3 LIMIT 1"""

MAKE = """
WITH posted AS (
    UPDATE files SET posted = true WHERE file_id = $3 AND owner_no = $2 AND NOT posted
    RETURNING file_no
)
INSERT INTO broadcasts (broadcast_id, user_no, file_no, waveform, recipient_count, audience,
    created_at, start_at, seed)
SELECT $1, $2, posted.file_no, $4, $5, $6::jsonb, $7, $8, $9 FROM posted
RETURNING broadcast_no"""

CANCEL = """
UPDATE broadcasts b SET status = 'cancelled', file_no = NULL
WHERE b.broadcast_id = $1 AND b.user_no = $2 AND b.status = 'waiting' AND b.start_at > $3
RETURNING b.broadcast_no"""

WAITING = "SELECT count(*) FROM broadcasts b WHERE b.user_no = $1 AND b.status = 'waiting'"

STATUS = "SELECT b.status FROM broadcasts b WHERE b.broadcast_id = $1 AND b.user_no = $2"


class NewBroadcast(NamedTuple):
    """A broadcast to make, of a file of its sender's that is in no message."""

    id: str
    sender_no: int
    file: str
    waveform: bytes
    asked: int
    audience: Audience | None
    at: Millis
    start_at: Millis
    seed: int


class BroadcastMaking:
    """Broadcasts before they start. Every method may raise StoreUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def wait_ms(self, user_no: int, *, now: Millis) -> int:
        """Milliseconds until a user may send one more; 0 for at once."""
        return await self._wait(self._database, user_no, now)

    async def make(self, new: NewBroadcast) -> None:
        """Make a broadcast. Raises ProtocolError where that is one too many in an hour, or the file
        is gone.

        The same once more changes nothing.
        """
        audience = None if new.audience is None else msgspec.json.encode(new.audience).decode()
        async with self._database.transaction() as transaction:
            await transaction.fetchrow(LOCK, new.sender_no)
            if await transaction.fetchval(STATUS, new.id, new.sender_no) is not None:
                return  # this same request made it before
            waits = await transaction.fetchval(WAITING, new.sender_no)
            if new.start_at > new.at and waits >= WAITING_MOST:
                text = f"{WAITING_MOST} broadcasts wait: take one of them back"
                raise ProtocolError(ErrorCode.CONFLICT, text)
            if wait := await self._wait(transaction, new.sender_no, new.at):
                raise too_many(wait)
            made = await transaction.fetchval(
                MAKE,
                new.id,
                new.sender_no,
                new.file,
                new.waveform,
                new.asked,
                audience,
                new.at,
                new.start_at,
                new.seed,
            )
        if made is None:
            raise ProtocolError(ErrorCode.GONE, "the recording is gone")

    async def _wait(self, asked: Any, user_no: int, now: Millis) -> int:
        at = await asked.fetchval(OLDEST_OF_LATEST, user_no, now - HOUR_MS, BROADCASTS_AN_HOUR - 1)
        return 0 if at is None else int(at) + HOUR_MS - now

    async def cancel(self, broadcast: str, user_no: int, *, at: Millis) -> None:
        """Take back one that has not started. Raises ProtocolError."""
        if await self._database.fetchval(CANCEL, broadcast, user_no, at) is None:
            status = await self._database.fetchval(STATUS, broadcast, user_no)
            if status is None:
                raise ProtocolError(ErrorCode.NOT_FOUND)
            if status != "cancelled":
                raise ProtocolError(ErrorCode.CONFLICT, "the broadcast has started")


def too_many(wait_ms: int) -> ProtocolError:
    """``rate_limited``, for one broadcast too many in an hour."""
    why = f"at most {BROADCASTS_AN_HOUR} broadcasts an hour"
    return ProtocolError(ErrorCode.RATE_LIMITED, why, retry_after_ms=max(1, wait_ms))
