"""The notifications by which people ask to be friends, and what follows from an answer to them.

Whoever calls this holds the pair (``LOCK_PAIR`` of blocks), and changes the row of the two in the
same transaction, which is one of the server's own work.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, NamedTuple

from protocol.errors import ErrorCode, ProtocolError
from protocol.ids import Millis
from protocol.limits import FRIENDS_MOST
from server.postgres.notification_reading import read
from server.postgres.notification_rows import data_of
from server.postgres.notification_settling import ended, held
from server.postgres.pool import Transaction

REQUEST: Final = "friend.request"

_OPEN: Final = """SELECT q.notification_no, q.recipient_no, q.notification_id, q.data::text AS data
FROM notification_queue q
WHERE q.recipient_no = {recipient}::integer AND q.sender_no = {sender}::integer
    AND q.notification_type = 'friend.request' AND q.answer IS NULL
    AND q.stopped IS DISTINCT FROM 'cancelled'"""
OPEN: Final = "\nUNION ALL\n".join(
    (_OPEN.format(recipient="$1", sender="$2"), _OPEN.format(recipient="$2", sender="$1"))
)

ANSWER: Final = """
WITH answered AS (
    UPDATE notification_queue SET answer = $2 WHERE notification_no = ANY ($1::bigint[])
    RETURNING notification_id, recipient_no
)
UPDATE notifications n SET answer = $2 FROM answered a
WHERE n.notification_id = a.notification_id AND n.recipient_no = a.recipient_no"""

# As if it had been read and deleted: it goes from wherever it is shown, and cannot be answered.
TAKE_BACK: Final = """
WITH taken AS (
    UPDATE notification_queue SET stopped = 'cancelled', seen_at = coalesce(seen_at, $2::bigint)
    WHERE notification_no = ANY ($1::bigint[])
    RETURNING notification_id, recipient_no
)
UPDATE notifications n SET seen_at = coalesce(n.seen_at, $2), deleted_at = coalesce(n.deleted_at, $2)
FROM taken t WHERE n.notification_id = t.notification_id AND n.recipient_no = t.recipient_no"""  # noqa: E501

COUNT: Final = """
SELECT (SELECT count(*) FROM friendships f WHERE f.one_no = $1 AND f.status = 'accepted')
    + (SELECT count(*) FROM friendships f WHERE f.other_no = $1 AND f.status = 'accepted')
    + (SELECT count(*) FROM friendships f WHERE f.asked_by = $1 AND f.status = 'asked')"""

# Who asked by a notification alone has no row yet.
AGREE: Final = """
INSERT INTO friendships AS f (one_no, other_no, asked_by, status, created_at, updated_at)
SELECT least($1::integer, $2::integer), greatest($1, $2), $2, 'accepted', $3::bigint, $3
FROM users u WHERE u.user_no = $2 AND u.role <> 'service' AND u.user_no <> $1
ON CONFLICT (one_no, other_no) DO UPDATE SET status = 'accepted', updated_at = $3
    WHERE f.status = 'asked'"""

REFUSE: Final = """
DELETE FROM friendships
WHERE one_no = least($1::integer, $2::integer) AND other_no = greatest($1, $2)
    AND asked_by = $2 AND status = 'asked'"""


class Request(NamedTuple):
    """A notification that asks its recipient, and was neither answered nor taken back."""

    number: int
    recipient_no: int
    id: str
    data: Mapping[str, Any]


async def open_requests(transaction: Transaction, one_no: int, other_no: int) -> Sequence[Request]:
    """Those of either of two to the other."""
    rows = await transaction.fetch(OPEN, one_no, other_no)
    return [
        Request(row["notification_no"], row["recipient_no"], row["notification_id"], data_of(row))
        for row in rows
    ]


async def close_requests(
    transaction: Transaction,
    requests: Collection[Request],
    *,
    at: Millis,
    answer: str = "",
    by_no: int = 0,
) -> None:
    """Those to *by_no* are answered, and the others taken back. It holds all of them."""
    if not requests:
        return
    held_nos = await held(transaction, [each.number for each in requests])
    mine = [each for each in requests if each.recipient_no == by_no]
    others = [each.number for each in requests if each.recipient_no != by_no]
    if mine:
        await transaction.execute(ANSWER, [each.number for each in mine], answer)
        await read(transaction, [(by_no, each.id) for each in mine], at=at)
    if others:
        await transaction.execute(TAKE_BACK, others, at)
        await ended(transaction, others, held_nos, "cancelled", at)


async def answer_friend(
    transaction: Transaction, user_no: int, asker_no: int, answer: str, *, at: Millis
) -> None:
    """What an answer to a request makes of the two. Raises ProtocolError: ``conflict``."""
    if answer == "accept":
        await check_friends(transaction, user_no)
        await transaction.execute(AGREE, user_no, asker_no, at)
    else:
        await transaction.execute(REFUSE, user_no, asker_no)


async def check_friends(transaction: Transaction, user_no: int) -> None:
    """Raises ProtocolError where somebody has, or asks for, as many friends as one may have."""
    if await transaction.fetchval(COUNT, user_no) >= FRIENDS_MOST:
        raise ProtocolError(ErrorCode.CONFLICT, f"at most {FRIENDS_MOST} friends")
