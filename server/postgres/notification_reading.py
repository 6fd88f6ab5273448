"""What follows when somebody has read notifications, wherever he did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from protocol.ids import Millis
from server.postgres.notification_settling import ended, held
from server.postgres.pool import Transaction

QUEUED: Final = """
SELECT q.notification_no FROM unnest($1::integer[], $2::text[]) AS s (user_no, id)
JOIN notification_queue q ON q.notification_id = s.id AND q.recipient_no = s.user_no
WHERE q.seen_at IS NULL"""

SEEN: Final = """
UPDATE notification_queue SET seen_at = $2
WHERE notification_no = ANY ($1::bigint[]) AND seen_at IS NULL
RETURNING notification_no, recipient_no, notification_id"""

LISTED: Final = """
UPDATE notifications n SET seen_at = $3
FROM unnest($1::integer[], $2::text[]) AS s (user_no, id)
WHERE n.notification_id = s.id AND n.recipient_no = s.user_no AND n.seen_at IS NULL
RETURNING n.recipient_no, n.notification_id"""


async def read(
    transaction: Transaction, pairs: Sequence[tuple[int, str]], *, at: Millis
) -> Mapping[int, frozenset[str]]:
    """Whoever has the number has read what has the id: it is sent nowhere else, and taken back
    where it was; by whose it is, which were unread until now.
    """
    in_order = sorted(set(pairs))  # in which all take these rows
    asked = [user_no for user_no, _ in in_order], [each for _, each in in_order]
    found = [row["notification_no"] for row in await transaction.fetch(QUEUED, *asked)]
    held_nos = await held(transaction, found) if found else []
    queued = await transaction.fetch(SEEN, found, at) if found else []
    listed = await transaction.fetch(LISTED, *asked, at)
    numbers = [row["notification_no"] for row in queued]
    if numbers:
        await ended(transaction, numbers, held_nos, "read", at)
    unread: dict[int, frozenset[str]] = {}
    for row in (*queued, *listed):
        mine = unread.get(row["recipient_no"], frozenset())
        unread[row["recipient_no"]] = mine | {row["notification_id"]}
    return unread
