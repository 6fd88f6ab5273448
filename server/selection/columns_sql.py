"""What is read of everybody, and how PostgreSQL writes it: whole numbers of fixed width."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from actors.rules.recipients.columns import GENDERS, NOT_BORN

Rows = NDArray[np.void]
"""Records with a field for each column that was asked for."""

PREFERENCES: Final = (*GENDERS, "any")
"""What a code of a preferred gender stands for."""

ONLINE_DAYS: Final = 30


class Field(NamedTuple):
    """A column: *sql* is never null. 2, 4 or 8 *size* bytes, signed."""

    name: str
    size: int
    sql: str


def row_type(fields: Sequence[Field]) -> np.dtype[Any]:
    """A row of COPY in its binary format: the count of fields, and before each its length.

    >>> row_type([Field("user_no", 4, "user_no")]).itemsize
    10
    """
    cells = [("count", ">i2")]
    for field in fields:
        cells += [(f"length of {field.name}", ">i4"), (field.name, f">i{field.size}")]
    return np.dtype(cells)


class Source(NamedTuple):
    """A table with something of each person, and when it changed."""

    table: str
    fields: Sequence[Field]

    def all(self) -> str:
        """Every row, in the order of the people's numbers."""
        return self._select(" ORDER BY user_no")

    def since(self, xmin: int) -> str:
        """The rows that a snapshot of that *xmin* may not have seen as they are now."""
        return self._select(
            f" WHERE changed >= '{xmin}'::xid8"
            " AND changed < pg_snapshot_xmax(pg_current_snapshot())"
        )

    def _select(self, where: str) -> str:
        columns = ", ".join(f"({field.sql})::int{field.size}" for field in self.fields)
        return f"SELECT {columns} FROM {self.table}{where}"  # noqa: S608 - our own


def users(test_prefix: str) -> Source:
    """The people. *test_prefix*: an SQL literal, '' for none.

    A region is the hash of its name: names are many and long, and only their being the same counts.
    """
    tests = f"is_test OR ({test_prefix} <> '' AND starts_with({PLAIN_PHONE}, {test_prefix}))"
    flags = f"(status = 'active')::int + 2 * (phone IS NOT NULL)::int + 4 * ({tests})::int"
    fields = (
        NUMBER,
        Field("flags", 2, flags),
        Field("gender", 2, _code("gender", GENDERS)),
        Field("prefers", 2, _code("preferred_gender", PREFERENCES)),
        Field("born", 4, f"CASE WHEN isfinite(birth_date) THEN {DAYS} ELSE {NOT_BORN} END"),
        Field("region", 8, "coalesce(hashtextextended(region, 0), 0)"),
        Field("signed_in", 4, f"least(greatest({MINUTES}, 0), {2**31 - 1})"),
    )
    return Source("users", fields)


PLAIN_PHONE: Final = "coalesce(translate(phone, ' ()-', ''), '')"
DAYS: Final = "birth_date - DATE '1970-01-01'"
MINUTES: Final = "floor(coalesce(date_part('epoch', last_sign_in_at), 0) / 60)"
NUMBER: Final = Field("user_no", 4, "user_no")
REGION: Final = "SELECT hashtextextended($1, 0)"

EXPOSURES: Final = Source(
    "exposures",
    (
        NUMBER,
        Field("received", 4, "received"),
        Field("replied", 4, "replied"),
        Field("received_at", 4, "received_at / 60000"),
    ),
)
ONLINE: Final = Source("online_totals", (NUMBER, Field("online_s", 4, f"seconds / {ONLINE_DAYS}")))


def group(group_no: int) -> Source:
    """The people of a list."""
    table = f"recipient_group_members WHERE group_no = {int(group_no)}"
    return Source(table, (NUMBER,))


def _code(column: str, names: Sequence[str]) -> str:
    """The place of a name among *names*; 0 where there is none.

    >>> _code("gender", ("", "female"))
    "CASE gender WHEN 'female' THEN 1 ELSE 0 END"
    """
    cases = " ".join(f"WHEN '{name}' THEN {code}" for code, name in enumerate(names) if name)
    return f"CASE {column} {cases} ELSE 0 END"
