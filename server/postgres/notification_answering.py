"""What follows when somebody answers an invitation, wherever he does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from actors.notification_records import NewNotification
from actors.rules.notification_types import TYPES
from protocol.errors import ErrorCode, ProtocolError
from protocol.ids import Millis, UserId
from server.postgres.blocks import LOCK_PAIR
from server.postgres.friend_requests import (
    REQUEST,
    Request,
    answer_friend,
    close_requests,
    open_requests,
)
from server.postgres.notification_enqueuing import enqueued
from server.postgres.notification_reading import read
from server.postgres.notification_rows import data_of
from server.postgres.notification_settling import IS_BLOCKED, held
from server.postgres.pool import Transaction
from server.postgres.room_rows import NAME

TOLD_WITHIN: Final = 10.0
INVITATIONS: Final = [name for name, rule in TYPES.items() if rule.is_invitation]

QUEUED: Final = """
SELECT notification_no, notification_type, sender_no FROM notification_queue
WHERE notification_id = $2 AND recipient_no = $1"""

# The list still has what the queue has forgotten.
ASKED: Final = f"""
SELECT coalesce(q.notification_type, n.notification_type) AS notification_type,
    coalesce(q.answer, n.answer) AS answer, q.sender_no, q.data::text AS data, {NAME} AS name,
    u.user_id, s.user_id AS sender, s.language, {IS_BLOCKED} AS is_blocked,
    (q.notification_no IS NULL OR q.stopped = 'cancelled' OR q.expires_at <= $3
        OR s.status = 'deleted') IS TRUE AS is_over
FROM (SELECT $1::integer AS recipient_no) d JOIN users u ON u.user_no = d.recipient_no
LEFT JOIN notification_queue q
    ON q.notification_id = $2 AND q.recipient_no = d.recipient_no
LEFT JOIN notifications n ON n.notification_id = $2 AND n.recipient_no = d.recipient_no
LEFT JOIN users s ON s.user_no = q.sender_no
WHERE coalesce(q.notification_id, n.notification_id) IS NOT NULL"""  # noqa: S608

ANSWER: Final = """
WITH answered AS (
    UPDATE notification_queue SET answer = $2 WHERE notification_no = $1 AND answer IS NULL
    RETURNING notification_id, recipient_no
)
UPDATE notifications n SET answer = $2 FROM answered a
WHERE n.notification_id = a.notification_id AND n.recipient_no = a.recipient_no"""


class Answered(NamedTuple):
    """What somebody, by his name, has answered to; ``language``: its sender's."""

    sender_no: int | None
    type: str
    data: Mapping[str, Any]
    name: str
    language: str | None
    user: UserId
    sender: UserId | None


Telling = Callable[[Answered], NewNotification | None]
"""Makes what the sender of an invitation is told of its answer; None: nothing."""


async def answered(
    transaction: Transaction,
    user_no: int,
    id: str,  # noqa: A002 - the field's name
    answer: str,
    *,
    at: Millis,
    telling: Telling,
) -> str:
    """The answer that holds: this one, which is kept together with what its sender is told, or an
    earlier one. Raises ProtocolError where none can be given. An answer to who asks to be a friend
    makes the two friends, or is all that comes of it, in the same transaction.
    """
    queued = await transaction.fetchrow(QUEUED, user_no, id)
    number = queued and queued["notification_no"]
    others = await _beside(transaction, queued, user_no)
    await held(transaction, [] if number is None else [number, *(each.number for each in others)])
    row = await transaction.fetchrow(ASKED, user_no, id, at)
    if earlier := _answer_of(row):
        return earlier
    await transaction.execute(ANSWER, number, answer)
    await read(transaction, [(user_no, id)], at=at)
    if row["notification_type"] == REQUEST and row["sender_no"] is not None:
        await answer_friend(transaction, user_no, row["sender_no"], answer, at=at)
        await close_requests(transaction, others, at=at, answer=answer, by_no=user_no)
    told = telling(_answered(row))
    if told is not None:
        await enqueued(transaction, [told], within=TOLD_WITHIN)
    return answer


async def _beside(transaction: Transaction, queued: Any, user_no: int) -> Sequence[Request]:
    """What else the sender of a friend request has asked *user_no* by. Nobody else changes
    anything between the two from now on.
    """
    sender_no = queued and queued["sender_no"]
    if not sender_no or queued["notification_type"] != REQUEST:
        return []
    await transaction.execute(LOCK_PAIR, *sorted((user_no, sender_no)))
    found = await open_requests(transaction, user_no, sender_no)
    number = queued["notification_no"]
    return [each for each in found if each.recipient_no == user_no and each.number != number]


def _answered(row: Any) -> Answered:
    return Answered(
        row["sender_no"],
        row["notification_type"],
        data_of(row),
        row["name"],
        row["language"],
        row["user_id"],
        row["sender"],
    )


def _answer_of(row: Any) -> str | None:
    """The earlier answer to a row of ASKED. Raises ProtocolError where none can be given."""
    if row is None:
        raise ProtocolError(ErrorCode.NOT_FOUND)
    if row["notification_type"] not in INVITATIONS:
        raise ProtocolError(ErrorCode.CONFLICT, "it is no invitation")
    earlier: str | None = row["answer"]
    if earlier is None and row["is_blocked"]:
        raise ProtocolError(ErrorCode.NOT_FOUND)
    if earlier is None and row["is_over"]:
        raise ProtocolError(ErrorCode.GONE, "it cannot be answered any more")
    return earlier
