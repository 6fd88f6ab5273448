"""Bring a database to the schema of this code: numbered SQL files, forward only."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg
import trio_asyncio

from actors.ports import AdapterError
from server.postgres.pool import LOST, connect, settled

MIGRATIONS = Path(__file__).parent / "migrations"
FILE_NAME = re.compile(r"(\d{4})_([a-z0-9_]+)\.sql")
WITHIN = 600.0  # a migration of a large table, or waiting for another node's

LOCK = "SELECT pg_advisory_lock(hashtext('madang.schema_migrations'))"
TABLE = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    number integer PRIMARY KEY,
    name text NOT NULL,
    checksum text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)"""
NOTE = "INSERT INTO schema_migrations (number, name, checksum) VALUES ($1, $2, $3)"


class MigrationRefused(AdapterError):
    """The database cannot be brought to this code's schema; what the text names was not applied."""


class Migration(NamedTuple):
    """One numbered file."""

    number: int
    name: str
    checksum: str
    sql: str


async def migrate(database_url: str, *, folder: Path = MIGRATIONS) -> list[str]:
    """Apply what is missing, each file in a transaction of its own; return the names applied.

    Runs inside ``trio_asyncio.open_loop()``. Any number of nodes may call it at once: one works,
    the others wait and find it done.
    """
    known = read_migrations(folder)
    loop = trio_asyncio.current_loop.get()
    assert loop is not None, "migrate wants trio_asyncio.open_loop() around it"  # noqa: S101
    connection = await connect(database_url, loop)
    try:
        return await settled(loop, _apply_missing, connection, known, within=WITHIN)
    finally:
        connection.terminate()  # gives the lock back, whatever happened


def read_migrations(folder: Path) -> list[Migration]:
    """The files of *folder* in order; ValueError for a misnamed file or a number used twice."""
    found = []
    for path in sorted(folder.glob("*.sql")):
        parts = FILE_NAME.fullmatch(path.name)
        if parts is None:
            raise ValueError(f"{path.name}: a migration is called NNNN_subject.sql")
        sql = path.read_text(encoding="utf-8")
        checksum = hashlib.sha256(sql.encode()).hexdigest()
        found.append(Migration(int(parts[1]), path.stem, checksum, sql))
    numbers = [migration.number for migration in found]
    if len(set(numbers)) < len(numbers):
        raise ValueError(f"{folder}: a number is used twice: {numbers}")
    return found


def missing(known: Sequence[Migration], applied: Sequence[Any]) -> list[Migration]:
    """What of *known* is not in *applied*, the rows of schema_migrations, yet.

    Raises MigrationRefused when *applied* is no beginning of *known*.
    """
    by_number = {migration.number: migration for migration in known}
    for row in applied:
        ours = by_number.pop(row["number"], None)
        if ours is None:
            raise MigrationRefused(
                f"the database has migration {row['name']}, which this version does not know: "
                "run the newer version that made it"
            )
        if ours.checksum != row["checksum"]:
            raise MigrationRefused(
                f"migration {row['name']} was applied with other content than {ours.name} has now: "
                "an applied migration is never edited, a new one is added"
            )
    newest = max((row["number"] for row in applied), default=0)
    late = [migration.name for migration in by_number.values() if migration.number < newest]
    if late:
        raise MigrationRefused(f"{late[0]} comes before migration {newest}, which is applied")
    return list(by_number.values())


async def _apply_missing(connection: Any, known: Sequence[Migration]) -> list[str]:
    await connection.execute(LOCK)
    await connection.execute(TABLE)
    applied = await connection.fetch("SELECT * FROM schema_migrations ORDER BY number")
    waiting = missing(known, applied)
    for migration in waiting:
        try:
            async with connection.transaction():
                await connection.execute(migration.sql)
                await connection.execute(NOTE, *migration[:3])
        except LOST:
            raise
        except asyncpg.PostgresError as error:
            raise MigrationRefused(f"{migration.name}: {error}") from error
    return [migration.name for migration in waiting]
