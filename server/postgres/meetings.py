"""Meetings: kept, changed by one at a time, and seen by those alone who take part."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Final

import msgspec
from asyncpg import UniqueViolationError

from actors.meeting_keeping import differs
from actors.meeting_ports import Changed, Decide, MeetingStore
from actors.meeting_records import Meeting
from actors.rules.meeting_states import MeetingStatus
from protocol.errors import ErrorCode, ProtocolError
from protocol.ids import Millis
from server.postgres.meeting_rows import (
    DUE,
    HELD,
    HISTORY,
    NEXT_DUE,
    NUMBER,
    OF_USER,
    SESSION,
    ListedEntry,
    ListedMeeting,
    clashes_of,
    entry_of,
    listed_of,
    loaded,
)
from server.postgres.meeting_writing import make, remember, write
from server.postgres.notification_enqueuing import enqueued
from server.postgres.notification_settling import WORK
from server.postgres.pool import Database, Transaction

# What several statements read is of one commit.
ONE_MOMENT: Final = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
NEWEST: Final = 2**31 - 1
LAST: Final = 2**63 - 1


class PostgresMeetings(MeetingStore):
    """The port MeetingStore in PostgreSQL, for any number of nodes, and what people see of it.

    Every method may raise StoreUnavailable, those that write OutcomeUnknown, too.
    """

    def __init__(self, database: Database, *, within: float = 10.0) -> None:
        """*within* seconds there is a connection, nobody else at the meeting, and what is told."""
        self._database, self._within = database, within

    # ---- what the server does

    async def create(self, new: Changed) -> Meeting:
        """Keep a new meeting and its room, its history, and what people are told, in one commit;
        where it was done before, all is as it was. ``meeting_no`` is not looked at, and in the room
        are those who take part.

        Raises UniqueViolationError where its id is another's meeting, or its room another room.
        """
        try:
            async with self._work() as transaction:
                number = await make(transaction, new.meeting)
                await self._tell(transaction, number, new)
                row = await transaction.fetchrow(SESSION, new.meeting.id)
                return await _whole(transaction, row)
        except UniqueViolationError:
            async with self._work() as transaction:
                row = await transaction.fetchrow(SESSION, new.meeting.id)
                if row is None or row["initiator_no"] != new.meeting.initiator:
                    raise
                return await _whole(transaction, row)

    async def change(self, id: str, decide: Decide) -> Meeting | None:  # noqa: A002
        """Have *decide* look at a meeting and keep what it says, in one commit; what is kept then.

        People and options are never taken away, and of an option only that it was withdrawn is new.
        """
        async with self._work() as transaction:
            row = await transaction.fetchrow(HELD, id, within=self._within)
            if row is None:
                return None
            before = await _whole(transaction, row)
            kept, changed = before, decide(before)
            if differs(before, changed.meeting):
                kept = msgspec.structs.replace(changed.meeting, rev=before.rev + 1)
                await write(transaction, before, kept)
                if _asked_of(kept) != _asked_of(before):
                    kept.clashes = await clashes_of(transaction, kept)
            await self._tell(transaction, before.meeting_no, changed)
            return kept

    async def due(self, *, now: Millis, most: int) -> Sequence[str]:
        """Ids of meetings whose ``wake_at`` has come, the oldest first."""
        async with self._database.service(within=self._within) as service:
            return [row["meeting_id"] for row in await service.fetch(DUE, now, most)]

    async def next_due(self) -> Millis | None:
        """The least ``wake_at`` of all."""
        async with self._database.service(within=self._within) as service:
            found: Millis | None = await service.fetchval(NEXT_DUE)
        return found

    def _work(self) -> AbstractAsyncContextManager[Transaction]:
        return self._database.transaction(within=self._within, begin=WORK)

    async def _tell(self, transaction: Transaction, number: int, changed: Changed) -> None:
        await remember(transaction, number, changed.history)
        if changed.notifications:
            await enqueued(transaction, changed.notifications, within=self._within)

    # ---- what people see

    async def get(self, user_no: int, id: str) -> Meeting | None:  # noqa: A002
        """A meeting that *user_no* takes part in; None for all others. What the others have at a
        time that is proposed has no title.
        """
        async with self._database.acting(user_no, within=self._within) as mine:
            await mine.execute(ONE_MOMENT)
            row = await mine.fetchrow(SESSION, id)
            if row is None:
                return None
            meeting = await loaded(mine, row)
        async with self._work() as transaction:
            found = await clashes_of(transaction, meeting)
        meeting.clashes = [
            each if each.user_no == user_no else msgspec.structs.replace(each, title="")
            for each in found
        ]
        return meeting

    async def of_user(
        self,
        user_no: int,
        *,
        limit: int,
        before: str | None = None,
        status: MeetingStatus | None = None,
    ) -> Sequence[ListedMeeting]:
        """Those that somebody takes part in, the newest first, those older than *before*; of one
        *status*, where it is given. Raises ProtocolError where *before* is none of his.
        """
        async with self._database.acting(user_no, within=self._within) as mine:
            below = NEWEST if before is None else await mine.fetchval(NUMBER, before)
            if below is None:
                raise ProtocolError(ErrorCode.INVALID, fields={"before": "is no meeting of yours"})
            rows = await mine.fetch(OF_USER, user_no, below, status and status.value, limit)
        return [listed_of(row) for row in rows]

    async def history(
        self,
        user_no: int,
        id: str,  # noqa: A002 - the field's name
        *,
        limit: int,
        before: int = LAST,
    ) -> Sequence[ListedEntry] | None:
        """What happened, the last first, before that number; None for who takes no part in it."""
        async with self._database.acting(user_no, within=self._within) as mine:
            number = await mine.fetchval(NUMBER, id)
            if number is None:
                return None
            return [entry_of(row) for row in await mine.fetch(HISTORY, number, before, limit)]


async def _whole(transaction: Transaction, row: Any) -> Meeting:
    meeting = await loaded(transaction, row)
    meeting.clashes = await clashes_of(transaction, meeting)
    return meeting


def _asked_of(meeting: Meeting) -> tuple[object, ...]:
    """What there is to clash with the time that people have not."""
    return meeting.people, meeting.options, meeting.duration_ms
