"""Storing what resident registration numbers tell of people; the numbers do not come this far."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from actors.rules.rrn import Registered
from server.postgres.pool import WRONG_DATA, Database, Transaction

WITHIN = 60.0

# In the order of their numbers: two imports at once do not wait for each other in a circle.
FIND = """
SELECT asked.n, u.user_no FROM unnest($1::text[]) WITH ORDINALITY AS asked (who, n)
JOIN users u ON {same} WHERE u.status <> 'deleted'
ORDER BY u.user_no FOR NO KEY UPDATE OF u"""
SAME = {"username": "lower(u.username) = lower(asked.who)", "user_id": "u.user_id = asked.who"}

STORE = """
UPDATE users u SET birth_date = row.born, gender = row.sex, registration_masked = row.masked,
    phone = coalesce(row.phone, u.phone), name = coalesce(row.name, u.name),
    region = coalesce(row.region, u.region), updated_at = now()
FROM unnest($1::integer[], $2::date[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[])
    AS row (user_no, born, sex, masked, phone, name, region)
WHERE u.user_no = row.user_no"""

# By nobody: whoever runs the server answers for it.
NOTE = "INSERT INTO audit_log (at, action, count) VALUES (now(), 'users.import', $1)"


class Reason(StrEnum):
    """Why a line is refused. The codes are stable."""

    TOO_LONG = "too_long"
    NOT_UTF8 = "not_utf8"
    BAD_CSV = "bad_csv"
    WRONG_COLUMNS = "wrong_columns"
    NO_PERSON = "no_person"
    BAD_NUMBER = "bad_number"
    NUMBER_ELSEWHERE = "number_elsewhere"  # in a column that would be kept
    BORN_BEFORE_1900 = "born_before_1900"
    BORN_IN_FUTURE = "born_in_future"
    BAD_PHONE = "bad_phone"
    BAD_NAME = "bad_name"
    BAD_REGION = "bad_region"
    UNKNOWN_PERSON = "unknown_person"
    SAME_PERSON = "same_person"  # as a line before
    NOT_STORED = "not_stored"  # the database would not have it


class Refused(NamedTuple):
    """A line that is not taken."""

    line: int
    reason: Reason


class Row(NamedTuple):
    """A line that may be stored. None: nothing is said, and what is stored stays."""

    line: int
    who: str
    registered: Registered
    phone: str | None
    name: str | None
    region: str | None


class RegistrationStore:
    """Stores rows of one file, in which everybody is named by *who*: username or user_id.

    The audit log says how many people each part changed. With *dry* everything is looked up and
    nothing stored.
    """

    def __init__(self, database: Database, *, who: str, dry: bool) -> None:
        self._database = database
        self._find = FIND.format(same=SAME[who])
        self._dry = dry
        self._done: set[int] = set()

    async def store(self, rows: Sequence[Row]) -> list[Refused]:
        """Store *rows* in one transaction, but for those that are returned.

        Raises StoreUnavailable, and OutcomeUnknown: storing the same again does no harm.
        """
        try:
            return await self._at_once(rows)
        except WRONG_DATA:  # its text would tell what is in the row
            if len(rows) == 1:
                return [Refused(rows[0].line, Reason.NOT_STORED)]
        half = len(rows) // 2  # not one by one: each part has an entry in the audit log
        return [*await self.store(rows[:half]), *await self.store(rows[half:])]

    async def _at_once(self, rows: Sequence[Row]) -> list[Refused]:
        async with self._database.transaction() as transaction:
            names = [row.who for row in rows]
            found = await transaction.fetch(self._find, names, within=WITHIN)
            known = {rows[each["n"] - 1].line: each["user_no"] for each in found}
            taken, refused = self._sifted(rows, known)
            if taken and not self._dry:
                await _write(transaction, taken)
                await transaction.execute(NOTE, len(taken), within=WITHIN)
        self._done.update(taken)
        return refused

    def _sifted(
        self, rows: Sequence[Row], known: dict[int, int]
    ) -> tuple[dict[int, Row], list[Refused]]:
        taken: dict[int, Row] = {}
        refused = []
        for row in rows:
            user_no = known.get(row.line)
            if user_no is None:
                refused.append(Refused(row.line, Reason.UNKNOWN_PERSON))
            elif user_no in taken or user_no in self._done:
                refused.append(Refused(row.line, Reason.SAME_PERSON))
            else:
                taken[user_no] = row
        return taken, refused


async def _write(transaction: Transaction, taken: dict[int, Row]) -> None:
    rows = taken.values()
    columns: list[list[Any]] = [
        list(taken),
        [row.registered.born for row in rows],
        [row.registered.sex for row in rows],
        [row.registered.masked for row in rows],
        [row.phone for row in rows],
        [row.name for row in rows],
        [row.region for row in rows],
    ]
    await transaction.execute(STORE, *columns, within=WITHIN)
