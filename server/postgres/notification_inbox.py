"""What people were told, as they and those who told them see it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, NamedTuple

from protocol.ids import Millis, UserId
from server.postgres.blocks import block_between
from server.postgres.notification_answering import Telling, answered
from server.postgres.notification_reading import read
from server.postgres.notification_rows import data_of
from server.postgres.notification_settling import STANDINGS, WORK, stopped
from server.postgres.pool import Database
from server.postgres.room_rows import NAME

READ_AT_ONCE: Final = 500
END_OF_TIME: Final = (2**63 - 1, "")

IS_LISTED: Final = f"""n.recipient_no = $1 AND n.deleted_at IS NULL
    AND (n.expires_at IS NULL OR n.expires_at > $2) AND NOT {block_between("$1", "n.sender_no")}"""
"""What a user has on his list at a time, of those with whom he has no block."""

LISTED: Final = f"""
SELECT n.notification_id, n.notification_type, n.title, n.message, n.data::text AS data, n.priority,
    n.created_at, n.seen_at IS NOT NULL AS is_read, u.user_id AS sender, {NAME} AS sender_name,
    n.answer
FROM notifications n LEFT JOIN users u ON u.user_no = n.sender_no
WHERE {IS_LISTED}"""  # noqa: S608 - constants

PAGE: Final = f"""{LISTED}
    AND (n.created_at, n.notification_id) < ($3, $4) AND (NOT $5 OR n.seen_at IS NULL)
ORDER BY n.created_at DESC, n.notification_id DESC LIMIT $6"""

SINCE: Final = f"""{LISTED} AND (n.created_at, n.notification_id) > ($3, $5) AND n.seen_at IS NULL
ORDER BY n.created_at, n.notification_id LIMIT $4"""

COUNTED_MOST: Final = 1_000
COUNT: Final = f"""
SELECT count(*) FROM (
    SELECT FROM notifications n WHERE {IS_LISTED} AND n.seen_at IS NULL LIMIT {COUNTED_MOST}
) c"""  # noqa: S608 - constants

UNREAD: Final = """
SELECT n.notification_id, (n.expires_at <= $3) IS NOT TRUE AS is_there FROM notifications n
WHERE n.recipient_no = $1 AND n.seen_at IS NULL
ORDER BY n.created_at, n.notification_id LIMIT $2"""

EXPIRED: Final = """
SELECT n.recipient_no, n.notification_id, n.expires_at FROM notifications n
WHERE n.expires_at > $1 AND n.expires_at <= $2 AND n.seen_at IS NULL AND n.deleted_at IS NULL
    AND n.notification_id <> ALL ($3::text[])
ORDER BY n.expires_at, n.notification_id LIMIT $4"""

BETWEEN: Final = """
SELECT n.recipient_no, n.notification_id
FROM (VALUES ($1::integer, $2::integer), ($2, $1)) AS pair (user_no, other_no),
LATERAL (
    SELECT * FROM notifications o
    WHERE o.recipient_no = pair.user_no AND o.seen_at IS NULL AND o.deleted_at IS NULL
    ORDER BY o.created_at DESC, o.notification_id DESC LIMIT $3
) n
WHERE n.sender_no = pair.other_no"""

HAS: Final = """
SELECT EXISTS (
    SELECT FROM notification_queue q WHERE q.notification_id = $2 AND q.recipient_no = $1
) OR EXISTS (SELECT FROM notifications n WHERE n.notification_id = $2 AND n.recipient_no = $1)"""

IS_THERE: Final = """
SELECT true FROM notifications
WHERE notification_id = $2 AND recipient_no = $1 AND deleted_at IS NULL"""

DELETE: Final = """
UPDATE notifications SET deleted_at = $3
WHERE notification_id = $2 AND recipient_no = $1 AND deleted_at IS NULL RETURNING true"""

SENT_BY: Final = """
SELECT q.notification_no, q.scheduled_at, q.platforms, q.routing,
    q.expires_at IS NOT NULL AS has_ttl, u.user_id AS recipient, q.title
FROM notification_queue q JOIN users u ON u.user_no = q.recipient_no
WHERE q.notification_id = $2 AND q.sender_no = $1"""

OUTCOMES: Final[Sequence[tuple[str, Collection[str]]]] = (
    ("pending", ("waiting", "backup", "ready", "leased")),
    ("sent", ("sent", "withdraw", "withdrawn", "merged")),
    *((each, (each,)) for each in ("unknown", "failed", "expired", "skipped", "cancelled")),
)
"""What is told of a platform, by what its legs are: the first that is one of them."""


class ListedNotification(NamedTuple):
    """One of somebody's list; ``at``: since when it is there."""

    id: str
    type: str
    title: str
    message: str
    data: Mapping[str, Any]
    priority: int
    at: Millis
    is_read: bool
    sender: UserId | None
    sender_name: str | None
    answer: str | None


class ExpiredNotification(NamedTuple):
    """One that nobody has read in its time."""

    recipient_no: int
    id: str
    expires_at: Millis


class PlatformOutcome(NamedTuple):
    """What became of one platform: see OUTCOMES. ``reason``: why it waits, or was not sent."""

    platform: str
    status: str
    reason: str


class SentNotification(NamedTuple):
    """One that somebody has sent, by platform in the order that was asked for."""

    id: str
    scheduled_at: Millis
    platforms: Sequence[PlatformOutcome]
    is_fallback: bool
    has_ttl: bool
    recipient: UserId
    title: str


class NotificationInbox:
    """Every method may raise StoreUnavailable; those that change something OutcomeUnknown, too."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(
        self,
        user_no: int,
        *,
        now: Millis,
        limit: int,
        before: tuple[int, str] | None = None,
        unread: bool = False,
    ) -> Sequence[ListedNotification]:
        """The newest first, those before (``at``, ``id``) of the last one of another page."""
        args = (user_no, now, *(before or END_OF_TIME), unread, limit)
        return [_listed(row) for row in await self._database.fetch(PAGE, *args)]

    async def unread_count(self, user_no: int, *, now: Millis) -> int:
        """How many there are that were not read; of more than COUNTED_MOST it is that many."""
        return int(await self._database.fetchval(COUNT, user_no, now))

    async def since(
        self, user_no: int, at: Millis, *, now: Millis, limit: int, after: str = ""
    ) -> Sequence[ListedNotification]:
        """What is unread and came at that time or later, the oldest first; of that time, those
        whose ids come *after*.
        """
        args = (user_no, now, at, limit, after)
        return [_listed(row) for row in await self._database.fetch(SINCE, *args)]

    async def has(self, user_no: int, id: str) -> bool:  # noqa: A002 - the field's name
        """Whether there is such a one for somebody, shown, waiting or deleted."""
        async with self._database.service() as transaction:
            return bool(await transaction.fetchval(HAS, user_no, id))

    async def read(self, user_no: int, ids: Sequence[str] | None, *, at: Millis) -> Sequence[str]:
        """Note that somebody has read these (None: all there are); which were unread until now.

        What waits to be sent elsewhere is cancelled, and what was sent is taken back.
        """
        if ids is not None:
            return await self._read(user_no, ids, at)
        found = list[str]()
        while True:
            rows = await self._database.fetch(UNREAD, user_no, READ_AT_ONCE, at)
            there = {row["notification_id"] for row in rows if row["is_there"]}
            read_now = await self._read(user_no, [row["notification_id"] for row in rows], at)
            found += [each for each in read_now if each in there]
            if len(rows) < READ_AT_ONCE:
                return found

    async def _read(self, user_no: int, ids: Sequence[str], at: Millis) -> Sequence[str]:
        if not ids:
            return []
        async with self._database.transaction(begin=WORK) as transaction:
            unread = await read(transaction, [(user_no, each) for each in ids], at=at)
        return [each for each in dict.fromkeys(ids) if each in unread.get(user_no, ())]

    async def expired(
        self, after: Millis, *, until: Millis, but: Sequence[str], most: int
    ) -> Sequence[ExpiredNotification]:
        """Whose time ran out after then, and *until* then, *but* for these: they are on no list
        any more.
        """
        rows = await self._database.fetch(EXPIRED, after, until, but, most)
        return [ExpiredNotification(*row) for row in rows]

    async def between(self, one_no: int, other_no: int) -> frozenset[tuple[int, str]]:
        """What each of two has not read of the other, among his newest 500: whose, and which."""
        rows = await self._database.fetch(BETWEEN, one_no, other_no, READ_AT_ONCE)
        return frozenset((row["recipient_no"], row["notification_id"]) for row in rows)

    async def delete(
        self,
        user_no: int,
        id: str,  # noqa: A002 - the field's name
        *,
        at: Millis,
    ) -> bool:
        """Have it listed no more, and read; whether it was there."""
        async with self._database.transaction(begin=WORK) as transaction:
            if await transaction.fetchval(IS_THERE, user_no, id) is None:
                return False
            await read(transaction, [(user_no, id)], at=at)
            return await transaction.fetchval(DELETE, user_no, id, at) is not None

    async def answer(
        self,
        user_no: int,
        id: str,  # noqa: A002
        answer: str,
        *,
        at: Millis,
        telling: Telling,
    ) -> str:
        """Keep the first answer to an invitation, which is read by that, together with what its
        sender is told; the answer that holds, which may be an earlier one.

        Raises ProtocolError: ``not_found`` where *user_no* has no such one, or a block with its
        sender; ``conflict`` where it is no invitation; ``gone`` where it cannot be answered now.
        """
        async with self._database.transaction(begin=WORK) as transaction:
            return await answered(transaction, user_no, id, answer, at=at, telling=telling)

    async def sent(
        self,
        sender_no: int,
        id: str,  # noqa: A002
    ) -> SentNotification | None:
        """One that *sender_no* has sent; None where there is none."""
        async with self._database.service() as transaction:
            row = await transaction.fetchrow(SENT_BY, sender_no, id)
            if row is None:
                return None
            legs = await transaction.fetch(STANDINGS, [row["notification_no"]])
        found = [_outcome(each, legs) for each in row["platforms"]]
        is_fallback = row["routing"] == "fallback"
        more = (row["has_ttl"], row["recipient"], row["title"])
        return SentNotification(id, row["scheduled_at"], found, is_fallback, *more)

    async def cancel(
        self,
        sender_no: int,
        id: str,  # noqa: A002
        *,
        at: Millis,
    ) -> bool | None:
        """Send it nowhere any more; whether it was pending somewhere. None where *sender_no* has
        sent no such one. An attempt that is under way may still come to its end.
        """
        async with self._database.transaction(begin=WORK) as transaction:
            row = await transaction.fetchrow(SENT_BY, sender_no, id)
            if row is None:
                return None
            return await stopped(transaction, [row["notification_no"]], "cancelled", at=at)


def _listed(row: Any) -> ListedNotification:
    return ListedNotification(
        row["notification_id"],
        row["notification_type"],
        row["title"],
        row["message"],
        data_of(row),
        row["priority"],
        Millis(row["created_at"]),
        row["is_read"],
        row["sender"],
        row["sender_name"],
        row["answer"],
    )


def _outcome(platform: str, legs: Sequence[Any]) -> PlatformOutcome:
    mine = [leg for leg in legs if leg["platform"] == platform]
    for status, states in OUTCOMES:
        for leg in mine:
            if leg["state"] in states:
                return PlatformOutcome(platform, status, leg["reason"])
    raise AssertionError(platform)
