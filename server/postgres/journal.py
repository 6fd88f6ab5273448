"""The journal in PostgreSQL: one function call for each commit, on a connection of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import asyncpg
import trio

from actors.ports import Batch, Claimed, Journal, OutcomeUnknown, StoreUnavailable, Verdict
from protocol.ids import RoomId
from server.postgres.claims import claim_rooms
from server.postgres.columns import APPEND, columns
from server.postgres.pool import NOT_STORED, WRONG_DATA, Database, connect, settled

BY_INDEX = dict.fromkeys(
    ("enable_hashjoin", "enable_mergejoin", "enable_seqscan", "jit"), "off"
)  # a plan that was made while the tables were small must not scan them when they are large
PROBE = (
    "SELECT pg_logical_emit_message(true, 'madang', 'probe')"  # waits for the disk as a commit does
)


class PostgresJournal(Journal):
    """Appends for one owner incarnation, one commit at a time.

    A connection that was lost, or did not answer *within* seconds of a commit, is thrown away: the
    backend behind it may still commit, which the next claim of those rooms waits for.
    """

    def __init__(self, database: Database, *, owner: int, within: float = 10.0) -> None:
        self._database = database
        self._owner = owner
        self._within = within
        self._one_at_a_time = trio.Lock()
        self._connection: Any = None
        self._statement: Any = None

    async def append(self, batches: Sequence[Batch]) -> Sequence[Verdict]:
        """Store *batches* in one commit. A cancelled caller waits until the outcome is known."""
        async with self._one_at_a_time:
            with trio.CancelScope(shield=True):
                verdicts = await self._store_all(batches)
        return verdicts

    async def claim(self, rooms: Sequence[RoomId], *, tail: int) -> Mapping[RoomId, Claimed]:
        """Become the owner of *rooms*, once no previous owner can still commit."""
        return await claim_rooms(self._database, rooms, owner=self._owner, tail=tail)

    async def probe(self) -> None:
        """Write something nobody reads, and have it flushed; appends have their connection then."""
        await self._database.execute(PROBE)
        async with self._one_at_a_time:
            await self._connect()

    async def aclose(self) -> None:
        """Close the connection; the next append would open another."""
        self._discard()
        await trio.lowlevel.checkpoint()

    async def _connect(self) -> None:
        if self._connection is not None and not self._connection.is_closed():
            return
        self._discard()
        loop = self._database.loop
        connection = await connect(self._database.url, loop, settings=BY_INDEX)
        try:
            await self._check_durability(connection)
            self._statement = await settled(loop, connection.prepare, APPEND, within=self._within)
        except asyncpg.PostgresError as error:
            connection.terminate()
            raise StoreUnavailable(f"PostgreSQL has no journal: {error}") from error
        except BaseException:
            connection.terminate()
            raise
        self._connection = connection

    async def _check_durability(self, connection: Any) -> None:
        show, loop = connection.fetchval, self._database.loop
        if await settled(loop, show, "SHOW synchronous_commit", within=self._within) == "off":
            raise StoreUnavailable(
                "PostgreSQL has synchronous_commit = off: it would lose acknowledged messages"
            )

    async def _store_all(self, batches: Sequence[Batch]) -> list[Verdict]:
        await self._connect()
        try:
            return await self._store(batches)
        except (*WRONG_DATA, asyncpg.TransactionRollbackError):
            return await self._store_one_by_one(batches)

    async def _store(self, batches: Sequence[Batch]) -> list[Verdict]:
        call, arguments = self._statement.fetchrow, columns(batches)
        try:
            row = await settled(
                self._database.loop, call, self._owner, *arguments, within=self._within
            )
        except StoreUnavailable as error:
            if isinstance(error.__cause__, NOT_STORED):
                raise
            self._discard()
            raise OutcomeUnknown(str(error)) from error
        except (*WRONG_DATA, asyncpg.TransactionRollbackError):
            raise
        except asyncpg.PostgresError as error:
            self._discard()  # its prepared statement may be what no longer fits the database
            raise StoreUnavailable(f"PostgreSQL: {type(error).__name__}: {error}") from error
        return _verdicts(batches, row["stale"], row["duplicate"])

    async def _store_one_by_one(self, batches: Sequence[Batch]) -> list[Verdict]:
        """Something in one of *batches* is refused: find out in which by storing each alone."""
        verdicts = []
        for batch in batches:
            try:
                verdicts += await self._store([batch])
            except WRONG_DATA:
                verdicts.append(Verdict.REFUSED)
            except (StoreUnavailable, asyncpg.TransactionRollbackError) as error:
                raise OutcomeUnknown(f"some of the rooms were stored: {error}") from error
        return verdicts

    def _discard(self) -> None:
        if self._connection is not None:
            self._connection.terminate()
        self._connection = self._statement = None


def _verdicts(
    batches: Sequence[Batch], stale: Sequence[int], duplicate: Sequence[int]
) -> list[Verdict]:
    if not stale and not duplicate:
        return [Verdict.STORED] * len(batches)
    by_room = dict.fromkeys(duplicate, Verdict.DUPLICATE) | dict.fromkeys(stale, Verdict.STALE)
    return [by_room.get(batch.room_no, Verdict.STORED) for batch in batches]
