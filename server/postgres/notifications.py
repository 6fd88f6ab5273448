"""What is to be shown to people, and what they have seen of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import UNSET

from protocol.ids import Millis
from protocol.limits import SEEN_MOST
from protocol.notices import Notification
from server.postgres.blocks import block_between
from server.postgres.notification_reading import read
from server.postgres.notification_rows import data_of
from server.postgres.notification_settling import WORK
from server.postgres.pool import Database

UNSEEN = f"""
SELECT asked.user_no, n.notification_id, n.notification_type, n.title, n.message,
    n.data::text AS data, n.priority, n.created_at, u.user_id AS sender
FROM unnest($1::integer[]) AS asked (user_no),
LATERAL (
    SELECT * FROM notifications o
    WHERE o.recipient_no = asked.user_no AND o.seen_at IS NULL AND o.deleted_at IS NULL
        AND (o.expires_at IS NULL OR o.expires_at > extract(epoch FROM now()) * 1000)
        AND NOT {block_between("asked.user_no", "o.sender_no")}
    ORDER BY o.created_at DESC, o.notification_id LIMIT $2
) n
LEFT JOIN users u ON u.user_no = n.sender_no
ORDER BY n.created_at, n.notification_id"""  # noqa: S608 - constants

SeenKey = tuple[int, tuple[str, ...]]


class NotificationStore:
    """The port Notifications in PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def unseen(self, user_nos: Sequence[int]) -> Mapping[int, Sequence[Notification]]:
        """The newest each has not seen, the oldest first; none of those he has a block with."""
        found: dict[int, list[Notification]] = {}
        for row in await self._database.fetch(UNSEEN, list(user_nos), SEEN_MOST):
            found.setdefault(row["user_no"], []).append(_notification(row))
        return found

    async def seen(
        self, keys: Sequence[SeenKey], *, at: Millis
    ) -> Mapping[SeenKey, tuple[str, ...]]:
        """Note that users have seen these; for each, which were unread until now."""
        pairs = [(user_no, each) for user_no, ids in keys for each in ids]
        async with self._database.transaction(begin=WORK) as transaction:
            unread = await read(transaction, pairs, at=at)
        return {
            (user_no, ids): tuple(each for each in ids if each in unread.get(user_no, ()))
            for user_no, ids in keys
        }


def _notification(row: Any) -> Notification:
    return Notification(
        id=row["notification_id"],
        type=row["notification_type"],
        title=row["title"],
        body=row["message"],
        data=dict(data_of(row)),
        priority=row["priority"],
        at=row["created_at"],
        sender=UNSET if row["sender"] is None else row["sender"],
    )
