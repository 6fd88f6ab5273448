"""Putting something into the queue, in a transaction of its own or together with more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from actors.notification_records import Enqueued, NewNotification
from actors.ports import StoreUnavailable
from server.postgres.notification_settling import URGENCY_MS, stopped
from server.postgres.pool import Transaction

# Two calls with the same collapse key come one after the other. No pair of users has the locks of
# that first number.
LOCK_COLLAPSE: Final = """
SELECT pg_advisory_xact_lock(-32, lot) FROM (
    SELECT DISTINCT n % 64 AS lot FROM unnest($1::integer[]) n ORDER BY 1
) lots"""

# Keys are waited for in one order.
ENQUEUE: Final = f"""
WITH asked AS (
    SELECT * FROM unnest($1::text[], $2::integer[], $3::integer[], $4::text[], $5::text[],
        $6::text[], $7::text[], $8::text[], $9::text[], $10::bigint[], $11::smallint[],
        $12::bigint[], $13::bigint[], $14::text[], $15::text[], $16::bigint[]) WITH ORDINALITY
        AS a (id, recipient_no, sender_no, type, title, message, data, platforms, routing,
            unread_after_ms, priority, scheduled_at, expires_at, dedupe_key, collapse_key,
            created_at, place)
), made AS (
    INSERT INTO notification_queue (notification_id, recipient_no, sender_no, notification_type,
        title, message, data, platforms, routing, unread_after_ms, priority, scheduled_at,
        expires_at, dedupe_key, collapse_key, open_key, created_at)
    SELECT a.id, a.recipient_no, a.sender_no, a.type, a.title, a.message, a.data::jsonb,
        string_to_array(a.platforms, ','), a.routing, a.unread_after_ms, a.priority,
        a.scheduled_at, a.expires_at, a.dedupe_key, a.collapse_key, a.collapse_key, a.created_at
    FROM asked a
    ORDER BY a.dedupe_key, CASE WHEN a.dedupe_key IS NOT NULL THEN a.recipient_no END,
        CASE WHEN a.dedupe_key IS NOT NULL THEN coalesce(a.sender_no, 0) END, a.place
    ON CONFLICT DO NOTHING
    RETURNING notification_no, notification_id, recipient_no, platforms, routing, priority,
        scheduled_at
), legs AS (
    INSERT INTO notification_deliveries (notification_no, recipient_no, platform, place, state,
        due_at, rank_at)
    SELECT m.notification_no, m.recipient_no, p.platform,
        CASE WHEN m.routing = 'fallback' THEN p.turn - 1 ELSE 0 END,
        CASE WHEN m.routing = 'fallback' AND p.turn > 1 THEN 'backup' ELSE 'waiting' END,
        m.scheduled_at, m.scheduled_at - (m.priority - 1) * {URGENCY_MS}
    FROM made m, unnest(m.platforms) WITH ORDINALITY AS p (platform, turn)
    ORDER BY m.notification_no, p.turn
)
SELECT notification_id FROM made"""  # noqa: S608 - constants

REPEATED: Final = """
SELECT a.id AS asked, coalesce((
    SELECT q.notification_id FROM notification_queue q
    WHERE q.recipient_no = a.recipient_no AND coalesce(q.sender_no, 0) = coalesce(a.sender_no, 0)
        AND q.dedupe_key = a.dedupe_key
), (
    SELECT q.notification_id FROM notification_queue q WHERE q.notification_id = a.id
)) AS id
FROM unnest($1::text[], $2::integer[], $3::integer[], $4::text[])
    AS a (id, recipient_no, sender_no, dedupe_key)"""

COLLAPSED: Final = """
SELECT q.notification_no FROM notification_queue q
JOIN unnest($1::text[], $2::integer[], $3::integer[], $4::text[])
    AS a (id, recipient_no, sender_no, collapse_key)
    ON q.recipient_no = a.recipient_no AND q.open_key = a.collapse_key
    AND q.sender_no IS NOT DISTINCT FROM a.sender_no AND q.notification_id <> a.id"""


async def enqueued(
    transaction: Transaction, new: Sequence[NewNotification], *, within: float
) -> Sequence[Enqueued]:
    """Keep them, with a leg for each platform, unless they are there.

    Those with a collapse key are not for a transaction that holds notifications already.
    """
    last = last_of_each(new)
    if last:
        await transaction.execute(LOCK_COLLAPSE, [each.recipient_no for each in last])
    made = await transaction.fetch(ENQUEUE, *columns_of(new), within=within)
    ids = {row["notification_id"] for row in made}
    repeated = await _repeated(transaction, [each for each in new if each.id not in ids])
    await _collapse(transaction, [each for each in new if each.id in ids])
    return [Enqueued(repeated.get(each.id, each.id), each.id in repeated) for each in new]


async def _repeated(transaction: Transaction, again: Sequence[NewNotification]) -> dict[str, str]:
    """By the id that was asked for, the one that is there."""
    if not again:
        return {}
    args = keys_of(again, [each.dedupe_key for each in again])
    rows = await transaction.fetch(REPEATED, *args)
    if any(row["id"] is None for row in rows):
        raise StoreUnavailable("one of the same key has gone in this moment")
    return {row["asked"]: row["id"] for row in rows}


async def _collapse(transaction: Transaction, made: Sequence[NewNotification]) -> None:
    last = last_of_each(made)
    if not last:
        return
    args = keys_of(last, [each.collapse_key for each in last])
    found = await transaction.fetch(COLLAPSED, *args)
    if found:
        at = min(each.created_at for each in last)
        numbers = [row["notification_no"] for row in found]
        await stopped(transaction, numbers, "collapsed", at=at)


def columns_of(new: Sequence[NewNotification]) -> tuple[list[Any], ...]:
    """The arrays that ENQUEUE takes."""
    encode = msgspec.json.encode
    return (
        [each.id for each in new],
        [each.recipient_no for each in new],
        [each.sender_no for each in new],
        [each.type for each in new],
        [each.title for each in new],
        [each.message for each in new],
        [encode(each.data).decode() for each in new],
        [",".join(dict.fromkeys(each.platforms)) for each in new],
        [each.routing for each in new],
        [each.unread_after_ms for each in new],
        [each.priority for each in new],
        [each.scheduled_at for each in new],
        [each.expires_at for each in new],
        [each.dedupe_key for each in new],
        [each.collapse_key for each in new],
        [each.created_at for each in new],
    )


def last_of_each(new: Sequence[NewNotification]) -> Sequence[NewNotification]:
    """Of those with the same collapse key the last one, whose turn it is."""
    last = {
        (each.recipient_no, each.sender_no, each.collapse_key): each
        for each in new
        if each.collapse_key is not None
    }
    return list(last.values())


def keys_of(new: Sequence[NewNotification], keys: Sequence[str | None]) -> tuple[list[Any], ...]:
    """The arrays that REPEATED and COLLAPSED take."""
    return (
        [each.id for each in new],
        [each.recipient_no for each in new],
        [each.sender_no for each in new],
        list(keys),
    )
