"""The journal in PostgreSQL: one function call for each commit, on a connection of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
import trio

from actors.ports import Journal, OutcomeUnknown, StoreUnavailable
from actors.records import Batch, Claimed, Verdict
from protocol.ids import RoomId
from server.postgres.claims import claim_rooms
from server.postgres.link import CallRefused, Link, LinkLost
from server.postgres.pool import CONNECT_WITHIN, Database

APPEND = "SELECT * FROM append_events($1::bigint, $2::jsonb)"
PLANNED = """
SELECT set_config(name, 'off', false)
FROM unnest('{enable_hashjoin,enable_mergejoin,enable_seqscan,jit}'::text[]) AS name"""
"""A plan that was made while the tables were small must not scan them when they are large."""

PROBE = (
    "SELECT pg_logical_emit_message(true, 'madang', 'probe')"  # waits for the disk as a commit does
)
WRONG_DATA = "22", "23", "54"  # classes of SQLSTATE: what a statement's own data is refused with
ROLLED_BACK = "40"  # by another transaction's doing: it may be tried again
NOT_STORED = "53", "57014"  # these undo it for certain, and the connection goes on
ENDING = "08", "57"  # the database is going away, and it may have been done


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
        self._link: Link | None = None

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
        """Close the connection, once no commit is under way; the next append opens another."""
        with trio.CancelScope(shield=True):
            async with self._one_at_a_time:
                self._discard()

    async def _connect(self) -> Link:
        if self._link is not None and self._link.stands():
            return self._link
        self._discard()
        try:
            with trio.fail_after(self._within):
                self._link = await self._linked()
        except (LinkLost, CallRefused, trio.TooSlowError) as error:
            raise StoreUnavailable(f"PostgreSQL has no journal: {error}") from error
        return self._link

    async def _linked(self) -> Link:
        link = await Link.open(self._database.url, within=CONNECT_WITHIN)
        try:
            commits = await link.ask("SHOW synchronous_commit")
            await link.ask(PLANNED)
            await link.prepare("append", APPEND)
        except BaseException:
            link.close()
            raise
        if commits == ["off"]:
            link.close()
            raise StoreUnavailable(
                "PostgreSQL has synchronous_commit = off: it would lose acknowledged messages"
            )
        return link

    async def _store_all(self, batches: Sequence[Batch]) -> list[Verdict]:
        try:
            return await self._store(batches)
        except _Refused:
            return await self._store_one_by_one(batches)

    async def _store(self, batches: Sequence[Batch]) -> list[Verdict]:
        link = await self._connect()
        try:
            document = msgspec.json.encode(batches)
        except UnicodeEncodeError as error:
            raise _Refused(WRONG_DATA[0]) from error
        try:
            with trio.fail_after(self._within):
                stale, duplicate = await link.call("append", b"%d" % self._owner, document)
        except (LinkLost, trio.TooSlowError) as error:
            self._discard()
            raise OutcomeUnknown(f"PostgreSQL: {type(error).__name__} {error}") from error
        except CallRefused as error:
            raise self._judged(error) from error
        return _verdicts(batches, _numbers(stale), _numbers(duplicate))

    def _judged(self, error: CallRefused) -> Exception:
        """What to make of an answer that is an error."""
        if error.sqlstate.startswith((*WRONG_DATA, ROLLED_BACK)):
            return _Refused(error.sqlstate)
        if error.sqlstate.startswith(NOT_STORED):
            return StoreUnavailable(f"PostgreSQL: {error}")
        self._discard()  # its prepared statement may be what no longer fits the database
        lost = error.sqlstate.startswith(ENDING)
        return (OutcomeUnknown if lost else StoreUnavailable)(f"PostgreSQL: {error}")

    async def _store_one_by_one(self, batches: Sequence[Batch]) -> list[Verdict]:
        """Something in one of *batches* is refused: find out in which by storing each alone."""
        verdicts = []
        for batch in batches:
            try:
                verdicts += await self._store([batch])
            except _Refused as error:
                if error.sqlstate.startswith(ROLLED_BACK):
                    raise _some(error) from error
                verdicts.append(Verdict.REFUSED)
            except StoreUnavailable as error:
                raise _some(error) from error
        return verdicts

    def _discard(self) -> None:
        if self._link is not None:
            self._link.close()
        self._link = None


class _Refused(Exception):
    """Nothing was stored, and each batch alone may be."""

    def __init__(self, sqlstate: str) -> None:
        super().__init__(sqlstate)
        self.sqlstate = sqlstate


def _some(error: Exception) -> OutcomeUnknown:
    return OutcomeUnknown(f"some of the rooms were stored: {error}")


def _numbers(array: str) -> list[int]:
    """The numbers of an array as PostgreSQL writes it.

    >>> _numbers("{}"), _numbers("{3,14}")
    ([], [3, 14])
    """
    return [int(number) for number in array.strip("{}").split(",") if number]


def _verdicts(
    batches: Sequence[Batch], stale: Sequence[int], duplicate: Sequence[int]
) -> list[Verdict]:
    if not stale and not duplicate:
        return [Verdict.STORED] * len(batches)
    by_room = dict.fromkeys(duplicate, Verdict.DUPLICATE) | dict.fromkeys(stale, Verdict.STALE)
    return [by_room.get(batch.room_no, Verdict.STORED) for batch in batches]
