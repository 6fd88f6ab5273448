"""The first answers to requests that carried an Idempotency-Key, kept for a day."""

from __future__ import annotations

from typing import NamedTuple

from protocol.ids import Millis
from server.postgres.pool import Database

KEPT_MS = 86_400_000
ABANDONED_MS = 60_000
"""A request without an answer for this long has died with its server: another may try."""

# Takes the key when it is new, expired, or the same request left unanswered.
CLAIM = """
INSERT INTO idempotency_keys AS k (user_no, key, route, request_digest, created_at)
VALUES ($1, $2, $3, $4, to_timestamp($5::bigint / 1000.0))
ON CONFLICT (user_no, key) DO UPDATE SET route = excluded.route, status = NULL, body = NULL,
    request_digest = excluded.request_digest, created_at = excluded.created_at
WHERE k.created_at < to_timestamp($6::bigint / 1000.0)
    OR (k.status IS NULL AND k.created_at < to_timestamp($7::bigint / 1000.0)
        AND k.request_digest = excluded.request_digest AND k.route = excluded.route)
RETURNING true"""

PURGE = """
DELETE FROM idempotency_keys WHERE (user_no, key) IN (
    SELECT user_no, key FROM idempotency_keys
    WHERE created_at < to_timestamp($1::bigint / 1000.0) LIMIT 100 FOR UPDATE SKIP LOCKED
)"""

LOOK = """
SELECT route, request_digest, status, body FROM idempotency_keys
WHERE user_no = $1 AND key = $2"""

KEEP = "UPDATE idempotency_keys SET status = $3, body = $4 WHERE user_no = $1 AND key = $2"

RELEASE = "DELETE FROM idempotency_keys WHERE user_no = $1 AND key = $2 AND status IS NULL"


class Asked(NamedTuple):
    """One request that may come again."""

    user_no: int
    key: str
    route: str
    digest: bytes


class Kept(NamedTuple):
    """What is known under a key; without a ``status`` the request is under way."""

    route: str
    digest: bytes
    status: int | None
    body: str | None


class KeptAnswers:
    """Every method may raise StoreUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def claim(self, asked: Asked, *, at: Millis) -> Kept | None:
        """Take the key for *asked*; when it is taken, what is known under it."""
        expired, abandoned = at - KEPT_MS, at - ABANDONED_MS
        await self._database.execute(PURGE, expired)
        if await self._database.fetchval(CLAIM, *asked, at, expired, abandoned):
            return None
        row = await self._database.fetchrow(LOOK, asked.user_no, asked.key)
        if row is None:  # released in between
            return Kept(asked.route, asked.digest, None, None)
        return Kept(row["route"], row["request_digest"], row["status"], row["body"])

    async def keep(self, asked: Asked, *, status: int, body: str) -> None:
        """The answer to give from now on."""
        await self._database.execute(KEEP, asked.user_no, asked.key, status, body)

    async def release(self, asked: Asked) -> None:
        """It was refused: let the key be used again."""
        await self._database.execute(RELEASE, asked.user_no, asked.key)
