"""Who learns who somebody of a blind room is: two who both agree, or admins, by two of them."""

from __future__ import annotations

from typing import Any, NamedTuple

from actors.ports import WallClock
from protocol.errors import ErrorCode, ProtocolError
from protocol.ids import Millis, RoomId, UserId
from server.ids import IdSource
from server.postgres.audit import By, note, one_behind_both
from server.postgres.pool import Database, Transaction
from server.postgres.room_rows import NAME

SEAT = """
SELECT r.room_no, m.is_active, o.user_no AS other_no, o.is_active AS other_active
FROM chat_rooms r JOIN chat_members m ON m.room_no = r.room_no
LEFT JOIN chat_members o ON o.room_no = r.room_no AND o.anonymous_name = $3
WHERE r.room_id = $1 AND r.is_active AND m.user_no = $2"""

# Two who consent at the same time come one after the other; no row that an append wants is held.
LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('reveals of a room', $1))"

CONSENT = """
INSERT INTO reveal_consents (room_no, user_no, to_no, at)
VALUES ($1, $2, $3, to_timestamp($4::bigint / 1000.0)) ON CONFLICT DO NOTHING"""

IS_MUTUAL = """
SELECT EXISTS (
    SELECT FROM reveal_consents c WHERE c.room_no = $1 AND c.user_no = $3 AND c.to_no = $2
) AND EXISTS (
    SELECT FROM reveal_consents c WHERE c.room_no = $1 AND c.user_no = $2 AND c.to_no = $3
)"""

WITHDRAW = "DELETE FROM reveal_consents WHERE room_no = $1 AND user_no = $2 AND to_no = $3"

MINE = f"""
SELECT m.anonymous_name AS shown, back.user_no IS NOT NULL AS mutual,
    u.user_id, u.username, {NAME} AS name
FROM reveal_consents c
JOIN chat_members m ON m.room_no = c.room_no AND m.user_no = c.to_no
JOIN users u ON u.user_no = c.to_no
LEFT JOIN reveal_consents back ON back.room_no = c.room_no AND back.user_no = c.to_no
    AND back.to_no = c.user_no
WHERE c.room_no = $1 AND c.user_no = $2 ORDER BY c.at, m.anonymous_name"""  # noqa: S608 - constants

SUSPECT = """
SELECT r.room_no, m.user_no FROM chat_rooms r
JOIN chat_members m ON m.room_no = r.room_no AND m.anonymous_name = $2 WHERE r.room_id = $1"""

NEW_ORDER = """
INSERT INTO reveal_orders (order_id, room_no, user_no, reason, asked_by, asked_at)
VALUES ($1, $2, $3, $4, $5, to_timestamp($6::bigint / 1000.0))"""

OPEN_ORDER = """
SELECT o.room_no, o.user_no, o.asked_by, o.approved_by,
    o.asked_at > to_timestamp(($2::bigint - 604800000) / 1000.0) AS in_time
FROM reveal_orders o WHERE o.order_id = $1 FOR UPDATE"""

APPROVE = """
UPDATE reveal_orders SET approved_by = $2, approved_at = to_timestamp($3::bigint / 1000.0)
WHERE order_id = $1"""

ORDERS = f"""
SELECT o.order_id, r.room_id, m.anonymous_name AS shown, o.reason,
    (extract(epoch FROM o.asked_at) * 1000)::bigint AS asked_at, asker.username AS asked_by,
    (extract(epoch FROM o.approved_at) * 1000)::bigint AS approved_at,
    approver.username AS approved_by, u.user_id, u.username, {NAME} AS name
FROM reveal_orders o
JOIN chat_rooms r ON r.room_no = o.room_no
JOIN chat_members m ON m.room_no = o.room_no AND m.user_no = o.user_no
JOIN users asker ON asker.user_no = o.asked_by
LEFT JOIN users approver ON approver.user_no = o.approved_by
JOIN users u ON u.user_no = o.user_no
WHERE ($1::text IS NULL OR o.order_id = $1)
ORDER BY o.asked_at DESC, o.order_id LIMIT $2"""  # noqa: S608 - constants


class Known(NamedTuple):
    """Who somebody is."""

    user: UserId
    username: str
    name: str


class Consent(NamedTuple):
    """The consent of one to be known to *shown*. Once it is mutual *person* says who that is."""

    shown: str
    mutual: bool
    person: Known | None


class Order(NamedTuple):
    """What an admin asked for, and another approved or not. *person* only where approved."""

    order: str
    room: RoomId
    shown: str
    reason: str
    asked_by: str
    asked_at: Millis
    approved_by: str | None
    approved_at: Millis | None
    person: Known | None


class RevealStore:
    """Consents and orders; all of it is in the audit log. Methods raise ProtocolError."""

    MOST_ORDERS = 200  # in one answer

    def __init__(self, database: Database, *, clock: WallClock, new_id: IdSource) -> None:
        self._database, self._clock, self._new_id = database, clock, new_id

    async def consent(self, room: RoomId, user_no: int, shown: str) -> bool:
        """*user_no* would tell *shown* who he is: whether both would. Idempotent."""
        async with self._database.transaction() as transaction:
            room_no, other_no = await _pair(transaction, room, user_no, shown, both_inside=True)
            await transaction.execute(LOCK, room_no)
            now = self._clock.now_ms()
            new = await transaction.execute(CONSENT, room_no, user_no, other_no, now)
            mutual = bool(await transaction.fetchval(IS_MUTUAL, room_no, user_no, other_no))
            if new.endswith(" 1"):
                action = "reveal.mutual" if mutual else "reveal.consent"
                await note(
                    transaction,
                    action,
                    By(user_no, now),
                    subject_no=other_no,
                    room_no=room_no,
                )
        return mutual

    async def withdraw(self, room: RoomId, user_no: int, shown: str) -> None:
        """Take a consent back, also after leaving; ``conflict`` where both know already."""
        async with self._database.transaction() as transaction:
            room_no, other_no = await _pair(transaction, room, user_no, shown)
            await transaction.execute(LOCK, room_no)
            if await transaction.fetchval(IS_MUTUAL, room_no, user_no, other_no):
                raise ProtocolError(ErrorCode.CONFLICT, "both know already who the other is")
            gone = await transaction.execute(WITHDRAW, room_no, user_no, other_no)
            if gone.endswith(" 1"):
                await note(
                    transaction,
                    "reveal.withdraw",
                    By(user_no, self._clock.now_ms()),
                    subject_no=other_no,
                    room_no=room_no,
                )

    async def mine(self, room: RoomId, user_no: int) -> list[Consent]:
        """To whom *user_no* has consented, and who they are where they have too."""
        seat = await self._database.fetchrow(SEAT, room, user_no, None)
        rows = await self._database.fetch(MINE, _room_of(seat), user_no)
        return [
            Consent(row["shown"], row["mutual"], _known(row) if row["mutual"] else None)
            for row in rows
        ]

    async def ask(self, room: RoomId, shown: str, *, reason: str, by: By) -> Order:
        """An admin wants to know who *shown* is: another one must approve."""
        order, admin_no = self._new_id(), by.actor_no
        async with self._database.transaction() as transaction:
            suspect = await transaction.fetchrow(SUSPECT, room, shown)
            if suspect is None:
                raise ProtocolError(ErrorCode.NOT_FOUND, "nobody is called so in that room")
            room_no, user_no = suspect["room_no"], suspect["user_no"]
            await transaction.execute(NEW_ORDER, order, room_no, user_no, reason, admin_no, by.at)
            about = {"subject_no": user_no, "room_no": room_no, "order": order}
            await note(transaction, "reveal.ask", by, **about)
        return await self._order(order)

    async def approve(self, order: str, *, by: By) -> Order:
        """A second admin agrees, within a week; from then on admins see who it is."""
        admin_no = by.actor_no
        async with self._database.transaction() as transaction:
            found = await transaction.fetchrow(OPEN_ORDER, order, by.at)
            if found is None:
                raise ProtocolError(ErrorCode.NOT_FOUND, "no such order")
            if found["asked_by"] == admin_no:
                raise ProtocolError(ErrorCode.FORBIDDEN, "another admin must approve")
            if await one_behind_both(transaction, found["asked_by"], admin_no):
                why = "another admin must approve, made one by others than the asker"
                raise ProtocolError(ErrorCode.FORBIDDEN, why)
            action = "reveal.read"
            if found["approved_by"] is None:
                if not found["in_time"]:
                    raise ProtocolError(ErrorCode.GONE, "the order is older than a week")
                await transaction.execute(APPROVE, order, admin_no, by.at)
                action = "reveal.approve"
            about = {"subject_no": found["user_no"], "room_no": found["room_no"], "order": order}
            await note(transaction, action, by, **about)
        return await self._order(order)

    async def orders(self) -> list[Order]:
        """All orders, newest first."""
        rows = await self._database.fetch(ORDERS, None, self.MOST_ORDERS)
        return [_order_of(row) for row in rows]

    async def _order(self, order: str) -> Order:
        return _order_of(await self._database.fetchrow(ORDERS, order, 1))


async def _pair(
    transaction: Transaction, room: RoomId, user_no: int, shown: str, *, both_inside: bool = False
) -> tuple[int, int]:
    seat = await transaction.fetchrow(SEAT, room, user_no, shown)
    if seat is not None and not both_inside:
        room_no, other = int(seat["room_no"]), seat["other_no"]
    else:
        room_no, other = _room_of(seat), seat["other_no"] if seat["other_active"] else None
    if other is None or other == user_no:
        raise ProtocolError(ErrorCode.NOT_FOUND, "nobody else is called so in this room")
    return room_no, int(other)


def _room_of(seat: Any) -> int:
    if seat is None or not seat["is_active"]:
        raise ProtocolError(ErrorCode.NOT_FOUND if seat is None else ErrorCode.NOT_MEMBER)
    return int(seat["room_no"])


def _known(row: Any) -> Known:
    return Known(UserId(row["user_id"]), row["username"], row["name"])


def _order_of(row: Any) -> Order:
    approved = row["approved_at"] is not None
    return Order(
        row["order_id"],
        RoomId(row["room_id"]),
        row["shown"],
        row["reason"],
        row["asked_by"],
        row["asked_at"],
        row["approved_by"],
        row["approved_at"],
        _known(row) if approved else None,
    )
