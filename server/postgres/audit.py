"""The audit log: who did what that must be accounted for, written with what was done."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from protocol.ids import Millis, RoomId
from server.postgres.pool import Database, Transaction
from server.postgres.room_rows import named

# Numbers and hashes come of a trigger, which takes a lock until the transaction ends.
NOTE: Final = """
INSERT INTO audit_log (at, actor_no, action, subject_no, room_no, details, address, count)
VALUES (to_timestamp($1::bigint / 1000.0), $2, $3, $4, $5, $6::jsonb, $7::text::inet, $8)"""

# Behind an admin stands who made him one, and whoever stands behind that one. Once he is granted
# it by who runs the server (an entry without an actor), none of those before counts any more.
ONE_BEHIND_BOTH: Final = """
WITH RECURSIVE behind (admin_no, user_no) AS (
    SELECT n, n FROM unnest(ARRAY[$1::integer, $2::integer]) AS n
    UNION
    SELECT b.admin_no, a.actor_no FROM behind b
    JOIN audit_log a ON a.subject_no = b.user_no AND a.action = 'account.role'
        AND a.details ->> 'role' = 'admin' AND a.actor_no IS NOT NULL
    WHERE NOT EXISTS (
        SELECT FROM audit_log g WHERE g.subject_no = a.subject_no AND g.action = 'account.role'
            AND g.actor_no IS NULL AND g.audit_no > a.audit_no
    )
)
SELECT EXISTS (
    SELECT FROM behind one JOIN behind other USING (user_no)
    WHERE one.admin_no = $1 AND other.admin_no = $2
)"""


def _masked(user_no: str) -> str:
    """Whether the entry's room knows a user by pseudonym alone."""
    return f"""EXISTS (SELECT FROM chat_members w WHERE w.room_no = a.room_no
        AND w.user_no = {user_no} AND w.anonymous_name IS NOT NULL)"""


# It takes two admins to learn who somebody of a blind room is: he is not found by his id either.
LISTED: Final = f"""
SELECT a.audit_no AS number, (extract(epoch FROM a.at) * 1000)::bigint AS at, a.action,
    {named("a.room_no", "a.actor_no")} AS actor, {named("a.room_no", "a.subject_no")} AS subject,
    r.room_id AS room, CASE WHEN NOT {_masked("a.actor_no")} THEN host(a.address) END AS address,
    a.count, a.details::text AS details, encode(a.hash, 'hex') AS hash
FROM audit_log a LEFT JOIN chat_rooms r ON r.room_no = a.room_no
WHERE a.audit_no < $1 AND ($2::text IS NULL OR a.action = $2)
    AND ($3::integer IS NULL OR a.actor_no = $3 AND NOT {_masked("a.actor_no")})
    AND ($4::integer IS NULL OR a.subject_no = $4 AND NOT {_masked("a.subject_no")})
    AND ($5::bigint IS NULL OR a.at >= to_timestamp($5 / 1000.0))
ORDER BY a.audit_no DESC LIMIT $6"""  # noqa: S608 - constants

NEWEST: Final = 2**63 - 1


class By(NamedTuple):
    """Who acts, and when; an admin also from which address."""

    actor_no: int
    at: Millis
    address: str | None = None


class Sought(NamedTuple):
    """Which entries; None for any."""

    action: str | None = None
    actor_no: int | None = None
    subject_no: int | None = None
    since: Millis | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry; "" for nobody, and people as ``room`` names them. ``hash`` is in hex digits."""

    number: int
    at: Millis
    action: str
    actor: str
    subject: str
    room: RoomId | None
    address: str | None
    count: int | None
    details: Mapping[str, Any]
    hash: str


class AuditStore:
    """What stands by itself in the log, and the reading of it. Raises StoreUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def note(self, action: str, by: By, **about: Any) -> None:
        """Write one entry, of what changed nothing; *about* is what `note` takes."""
        async with self._database.transaction() as transaction:
            await note(transaction, action, by, **about)

    async def listed(self, sought: Sought, *, after: int | None, limit: int) -> list[Entry]:
        """Entries, newest first, those below the number *after*."""
        rows = await self._database.fetch(LISTED, after or NEWEST, *sought, limit)
        return [Entry(**{**row, "details": json.loads(row["details"])}) for row in rows]


async def one_behind_both(transaction: Transaction, one_no: int, other_no: int) -> bool:
    """Whether somebody made both of two admins, or one of them the other, through others or not."""
    return bool(await transaction.fetchval(ONE_BEHIND_BOTH, one_no, other_no))


async def note(
    transaction: Transaction,
    action: str,
    by: By,
    *,
    subject_no: int | None = None,
    room_no: int | None = None,
    count: int | None = None,
    **details: str | int,
) -> None:
    """Write one entry, which lasts if *transaction* does: the last thing that this does.

    It is kept for good: ids and numbers, and nothing that names or quotes people. *count* is of
    the people or entries that it is about.
    """
    text = json.dumps(details, ensure_ascii=False)
    about = (action, subject_no, room_no, text, by.address, count)
    await transaction.execute(NOTE, by.at, by.actor_no, *about)
