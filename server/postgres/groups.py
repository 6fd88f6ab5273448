"""Lists of people that admins keep, for broadcasts to them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from protocol.errors import ErrorCode, ProtocolError
from server.postgres.audit import By, note
from server.postgres.pool import Database

MAKE = """
INSERT INTO recipient_groups (group_id, name, created_at) VALUES ($1, $2, $3)
ON CONFLICT (name) DO NOTHING RETURNING group_no"""

ALL = """
SELECT g.group_id, g.name,
    (SELECT count(*) FROM recipient_group_members m WHERE m.group_no = g.group_no) AS people
FROM recipient_groups g ORDER BY g.name LIMIT $1"""

NAMES = "SELECT g.group_id, g.name FROM recipient_groups g ORDER BY g.name LIMIT $1"

NUMBER = "SELECT g.group_no FROM recipient_groups g WHERE g.group_id = $1"

ONE = """
SELECT g.group_id, g.name,
    (SELECT count(*) FROM recipient_group_members m WHERE m.group_no = g.group_no) AS people
FROM recipient_groups g WHERE g.group_id = $1"""

RENAME = """
UPDATE recipient_groups SET name = $2 WHERE group_id = $1
    AND NOT EXISTS (SELECT FROM recipient_groups o WHERE o.name = $2 AND o.group_id <> $1)
RETURNING group_no"""

REMOVE = "DELETE FROM recipient_groups WHERE group_id = $1 RETURNING group_no"

SENDERS = """
SELECT DISTINCT user_no FROM broadcasts WHERE (audience ->> 'group_no')::integer = $1"""

ADD = """
INSERT INTO recipient_group_members (group_no, user_no)
SELECT $1, n FROM unnest($2::integer[]) AS n ON CONFLICT DO NOTHING"""

TAKE_OUT = """
DELETE FROM recipient_group_members WHERE group_no = $1 AND user_no = ANY ($2::integer[])"""

MEMBERS = """
SELECT u.user_id FROM recipient_group_members m JOIN users u ON u.user_no = m.user_no
WHERE m.group_no = $1 AND ($2::text IS NULL OR u.user_id > $2) ORDER BY u.user_id LIMIT $3"""

GROUPS_MOST = 500


class Group(NamedTuple):
    """A list, and how many people are on it."""

    id: str
    name: str
    people: int


class GroupStore:
    """The lists. Every method may raise StoreUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> Sequence[Group]:
        """Every list, by name."""
        return [Group(*row) for row in await self._database.fetch(ALL, GROUPS_MOST)]

    async def names(self) -> Sequence[tuple[str, str]]:
        """(id, name) of every list, by name."""
        rows = await self._database.fetch(NAMES, GROUPS_MOST)
        return [(row["group_id"], row["name"]) for row in rows]

    async def number(self, group: str) -> int | None:
        """The number of a list; None where there is none."""
        number: int | None = await self._database.fetchval(NUMBER, group)
        return number

    async def one(self, group: str) -> Group:
        """One list. Raises ProtocolError."""
        row = await self._database.fetchrow(ONE, group)
        if row is None:
            raise ProtocolError(ErrorCode.NOT_FOUND)
        return Group(*row)

    async def make(self, group: str, name: str, *, by: By, members: Sequence[int] = ()) -> None:
        """A new list of *members*. Raises ProtocolError where the name is taken."""
        async with self._database.transaction() as transaction:
            number = await transaction.fetchval(MAKE, group, name, by.at)
            if number is None:
                raise _taken()
            await transaction.execute(ADD, number, list(members))
            count = len(members)
            await note(transaction, "group.create", by, count=count, group=group)

    async def remove(self, group: str, *, by: By) -> Sequence[int]:
        """Forget a list; nobody hears what was scheduled for it. Whose broadcasts went to it.
        Raises ProtocolError.
        """
        async with self._database.transaction() as transaction:
            number = await transaction.fetchval(REMOVE, group)
            if number is None:
                raise ProtocolError(ErrorCode.NOT_FOUND)
            await note(transaction, "group.delete", by, group=group)
            return [row[0] for row in await transaction.fetch(SENDERS, number)]

    async def change(
        self,
        group: str,
        *,
        by: By,
        name: str | None = None,
        add: Sequence[int] = (),
        take_out: Sequence[int] = (),
    ) -> None:
        """Call a list otherwise, put people on it, take others off it. Raises ProtocolError."""
        number = await self.number(group)
        if number is None:
            raise ProtocolError(ErrorCode.NOT_FOUND)
        async with self._database.transaction() as transaction:
            if name is not None and await transaction.fetchval(RENAME, group, name) is None:
                raise _taken()
            await transaction.execute(ADD, number, list(add))
            await transaction.execute(TAKE_OUT, number, list(take_out))
            did = {"added": len(add), "removed": len(take_out), "renamed": int(name is not None)}
            count = len(add) + len(take_out)
            await note(transaction, "group.change", by, count=count, group=group, **did)

    async def members(self, group: str, *, after: str | None, limit: int) -> Sequence[str]:
        """Who is on it, by id, those above *after*. Raises ProtocolError."""
        number = await self.number(group)
        if number is None:
            raise ProtocolError(ErrorCode.NOT_FOUND)
        return [row[0] for row in await self._database.fetch(MEMBERS, number, after, limit)]


def _taken() -> ProtocolError:
    return ProtocolError(ErrorCode.CONFLICT, "a group has that name")
