"""Friends: who asked whom, and who both agreed.

Two people are one row, and what is done to it comes one by one (``LOCK_PAIR``). It is changed as
one of the two, whom policies guard; what they are told is the server's own work, in the same
transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, Literal, NamedTuple

from actors.notification_records import NewNotification
from protocol.errors import ErrorCode, ProtocolError
from protocol.ids import Millis, UserId
from server.postgres.blocks import BETWEEN, LOCK_PAIR, UNFRIEND
from server.postgres.friend_requests import (
    Request,
    check_friends,
    close_requests,
    open_requests,
)
from server.postgres.notification_enqueuing import enqueued
from server.postgres.notification_settling import AS_THE_SERVER
from server.postgres.pool import Database, Transaction
from server.postgres.room_rows import NAME

TOLD_WITHIN: Final = 10.0
END_OF_TIME: Final = (2**63 - 1, "")

Standing = Literal["friend", "sent", "received"]
"""What another is to somebody: a friend, one whom he asked, or one who asked him."""

STANDING: Final = """
SELECT f.status, f.asked_by FROM friendships f
WHERE f.one_no = least($1::integer, $2::integer) AND f.other_no = greatest($1, $2)"""

ASK: Final = """
INSERT INTO friendships (one_no, other_no, asked_by, status, created_at, updated_at)
VALUES (least($1::integer, $2::integer), greatest($1, $2), $1, 'asked', $3::bigint, $3)"""

AGREE: Final = """
UPDATE friendships SET status = 'accepted', updated_at = $3::bigint
WHERE one_no = least($1::integer, $2::integer) AND other_no = greatest($1, $2)"""

_SHOWN: Final = f"""SELECT u.user_no, u.user_id, u.username, {NAME} AS name, f.updated_at AS at
FROM friendships f JOIN users u ON u.user_no = {{other}}
WHERE {{which}} AND u.status <> 'deleted'
    AND (f.updated_at, {{other}}) < ($2::bigint, coalesce(
        (SELECT l.user_no FROM users l WHERE l.user_id = $3), 0))"""  # noqa: S608 - constants
_ORDER: Final = "ORDER BY at DESC, user_no DESC LIMIT $4"


def _both(which: str) -> str:
    """Of rows that have the user on either side, each side by its index."""
    sides = (("f.one_no", "f.other_no"), ("f.other_no", "f.one_no"))
    shown = (_SHOWN.format(other=other, which=f"{mine} = $1 AND {which}") for mine, other in sides)
    parts = "\nUNION ALL\n".join(f"({each}\n{_ORDER})" for each in shown)
    return f"SELECT * FROM ({parts}) sides {_ORDER}"  # noqa: S608 - constants


PAGES: Final = {
    "friend": _both("f.status = 'accepted'"),
    "received": _both("f.status = 'asked' AND f.asked_by <> $1"),
    "sent": _SHOWN.format(
        other="(f.one_no + f.other_no - $1)", which="f.asked_by = $1 AND f.status = 'asked'"
    )
    + _ORDER,
}

ONE: Final = f"""
SELECT u.user_no, u.user_id, u.username, {NAME} AS name, f.updated_at AS at
FROM friendships f JOIN users u ON u.user_no = $2
WHERE f.one_no = least($1::integer, $2::integer) AND f.other_no = greatest($1, $2)"""  # noqa: S608


class Friend(NamedTuple):
    """Another, and since when he is what he is."""

    user: UserId
    username: str
    name: str
    at: Millis


class Gone(NamedTuple):
    """A notification that is not to be shown to its recipient any more."""

    recipient_no: int
    id: str


Telling = Callable[[Request | None], NewNotification]
"""Makes what the asker is told, of what he asked by, where that is known."""


class FriendStore:
    """Every method may raise StoreUnavailable, and those that change something OutcomeUnknown.

    Who is not there (there is no such row, or a block) is ``not_found``. Changes return the
    notifications that are over by them.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def standing(self, user_no: int, other_no: int) -> Standing | None:
        """What *other_no* is to *user_no*."""
        async with self._database.acting(user_no) as own:
            return await _standing(own, user_no, other_no)

    async def request(
        self,
        user_no: int,
        other_no: int,
        *,
        at: Millis,
        asking: NewNotification,
        telling: Telling,
    ) -> Sequence[Gone]:
        """*user_no* asks *other_no*, or agrees where he was asked; again changes nothing.

        Raises ProtocolError: ``conflict`` for one friend too many.
        """
        async with self._database.acting(user_no) as own:
            await own.execute(LOCK_PAIR, *sorted((user_no, other_no)))
            if await own.fetch(BETWEEN, user_no, other_no):
                raise ProtocolError(ErrorCode.NOT_FOUND)
            standing = await _standing(own, user_no, other_no)
            if standing == "received":
                return await _agree(own, user_no, other_no, at, telling)
            if standing is None:
                await check_friends(own, user_no)
                await own.execute(ASK, user_no, other_no, at)
                await own.execute(AS_THE_SERVER)
                await enqueued(own, [asking], within=TOLD_WITHIN)
        return []

    async def accept(
        self, user_no: int, asker_no: int, *, at: Millis, telling: Telling
    ) -> Sequence[Gone]:
        """*user_no* agrees; again changes nothing. Raises ProtocolError: ``conflict`` as above."""
        async with self._database.acting(user_no) as own:
            standing = await self._held(own, user_no, asker_no, ("received", "friend"))
            if standing == "friend":
                return []
            return await _agree(own, user_no, asker_no, at, telling)

    async def decline(self, user_no: int, asker_no: int, *, at: Millis) -> Sequence[Gone]:
        """*user_no* does not agree, which is told to nobody."""
        async with self._database.acting(user_no) as own:
            await self._held(own, user_no, asker_no, ("received",))
            await own.execute(UNFRIEND, user_no, asker_no)
            return await _close(own, user_no, asker_no, at, answer="decline")

    async def take_back(self, user_no: int, other_no: int, *, at: Millis) -> Sequence[Gone]:
        """*user_no* does not ask any more."""
        return await self._end(user_no, other_no, "sent", at)

    async def remove(self, user_no: int, other_no: int, *, at: Millis) -> Sequence[Gone]:
        """The two are friends no longer."""
        return await self._end(user_no, other_no, "friend", at)

    async def of(self, user_no: int, other_no: int) -> Friend | None:
        """What is kept of the two, as *user_no* sees it."""
        async with self._database.acting(user_no) as own:
            row = await own.fetchrow(ONE, user_no, other_no)
        return row and _friend(row)

    async def page(
        self, user_no: int, which: Standing, *, limit: int, before: tuple[int, str] | None = None
    ) -> Sequence[Friend]:
        """The newest first, those before (``at``, ``user``) of the last one of another page."""
        async with self._database.acting(user_no) as own:
            rows = await own.fetch(PAGES[which], user_no, *(before or END_OF_TIME), limit)
        return [_friend(row) for row in rows]

    async def _end(self, user_no: int, other_no: int, was: Standing, at: Millis) -> Sequence[Gone]:
        async with self._database.acting(user_no) as own:
            await self._held(own, user_no, other_no, (was,))
            await own.execute(UNFRIEND, user_no, other_no)
            return await _close(own, user_no, other_no, at)

    @staticmethod
    async def _held(
        own: Transaction, user_no: int, other_no: int, wanted: Sequence[Standing]
    ) -> Standing:
        await own.execute(LOCK_PAIR, *sorted((user_no, other_no)))
        standing = await _standing(own, user_no, other_no)
        if standing is None or standing not in wanted:
            raise ProtocolError(ErrorCode.NOT_FOUND)
        return standing


async def _standing(own: Transaction, user_no: int, other_no: int) -> Standing | None:
    row = await own.fetchrow(STANDING, user_no, other_no)
    if row is None:
        return None
    if row["status"] == "accepted":
        return "friend"
    return "sent" if row["asked_by"] == user_no else "received"


async def _agree(
    own: Transaction, user_no: int, asker_no: int, at: Millis, telling: Telling
) -> Sequence[Gone]:
    await check_friends(own, user_no)
    await own.execute(AGREE, user_no, asker_no, at)
    await own.execute(AS_THE_SERVER)
    requests = await open_requests(own, user_no, asker_no)
    await close_requests(own, requests, at=at, answer="accept", by_no=user_no)
    asked = next((each for each in requests if each.recipient_no == user_no), None)
    await enqueued(own, [telling(asked)], within=TOLD_WITHIN)
    return _gone(requests)


async def _close(
    own: Transaction, user_no: int, other_no: int, at: Millis, *, answer: str = ""
) -> Sequence[Gone]:
    """Those that *user_no* was sent are answered, where there is an answer."""
    await own.execute(AS_THE_SERVER)
    found = await open_requests(own, user_no, other_no)
    requests = [each for each in found if not answer or each.recipient_no == user_no]
    by_no = user_no if answer else 0
    await close_requests(own, requests, at=at, answer=answer, by_no=by_no)
    return _gone(requests)


def _gone(requests: Sequence[Request]) -> Sequence[Gone]:
    return [Gone(each.recipient_no, each.id) for each in requests]


def _friend(row: Any) -> Friend:
    return Friend(UserId(row["user_id"]), row["username"], row["name"], Millis(row["at"]))
