"""Matching rooms at rest: two groups, and in blind mode a pseudonym for each of them."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from typing import NamedTuple

from protocol.fields import RoomMode
from protocol.ids import RoomId, UserId
from server.postgres.audit import By, note
from server.postgres.pool import Database

NEW_ROOM = """
INSERT INTO chat_rooms (room_id, room_type, room_name, description, display_mode, created_by)
VALUES ($1, 'matching', $2, $3, $4, $5) RETURNING room_no"""

NEW_SEATS = """
INSERT INTO chat_members (room_no, user_no, group_label, anonymous_name)
SELECT $1, s.user_no, s.group_label, s.name
FROM unnest($2::integer[], $3::text[], $4::text[]) AS s (user_no, group_label, name)"""

Pseudonym = Callable[[RoomId, UserId, Container[str | None]], str]
"""A name for a user in a room, other than those that are taken there."""


class Seat(NamedTuple):
    """One member of a new room, and his group (A or B)."""

    user_no: int
    user_id: UserId
    group: str


class NewMatching(NamedTuple):
    """A matching room to make, *by* an admin where its creator is not in it."""

    room: RoomId
    name: str
    description: str | None
    mode: RoomMode
    creator_no: int
    seats: Sequence[Seat]
    by: By | None = None


class MatchingStore:
    """Makes matching rooms."""

    def __init__(self, database: Database, *, pseudonym: Pseudonym) -> None:
        self._database, self._pseudonym = database, pseudonym

    async def create(self, new: NewMatching) -> None:
        """Make one room, whole or not at all."""
        names = self._names(new) if new.mode == "blind" else [None] * len(new.seats)
        async with self._database.transaction() as transaction:
            number = await transaction.fetchval(
                NEW_ROOM, new.room, new.name, new.description, new.mode, new.creator_no
            )
            numbers, groups = [s.user_no for s in new.seats], [s.group for s in new.seats]
            await transaction.execute(NEW_SEATS, number, numbers, groups, names)
            if new.by is not None:
                seats = len(numbers)
                await note(transaction, "room.match", new.by, room_no=number, count=seats)

    def _names(self, new: NewMatching) -> list[str | None]:
        names: list[str | None] = []
        for seat in new.seats:
            names.append(self._pseudonym(new.room, seat.user_id, names))
        return names
