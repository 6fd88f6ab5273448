"""Reads the tables in blocks, straight from libpq: a million rows in seconds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Final, Self

import numpy as np
import psycopg
from psycopg import pq
from psycopg.conninfo import make_conninfo
from psycopg.pq import ConnStatus, ExecStatus
from psycopg.pq.abc import PGconn, PGresult

from server.selection.columns_sql import Rows, Source, row_type

CONNECT_WITHIN = 5
LOAD_WITHIN_S, WITHIN_S = 60, 4
SILENT_MS = 10_000
AT_ONCE: Final = 16_384
"""Rows of a block."""

HEAD: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TAIL: Final = b"\xff\xff"
BEGIN: Final = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY"
XMIN: Final = "SELECT pg_snapshot_xmin(pg_current_snapshot())"


class DatabaseLost(Exception):
    """The database is away, ended the connection, or did not answer in time."""


class Reader:
    """One connection, for one thread. Any call may raise DatabaseLost; then it is to be closed."""

    def __init__(self, connection: PGconn) -> None:
        self._connection = connection

    @classmethod
    def open(cls, url: str) -> Self:
        """Connect."""
        try:
            told = make_conninfo(
                url,
                application_name="madang selection",
                connect_timeout=CONNECT_WITHIN,
                tcp_user_timeout=SILENT_MS,
                keepalives_idle=SILENT_MS // 1000,
                keepalives_interval=SILENT_MS // 2000,
                keepalives_count=2,
            )
        except psycopg.ProgrammingError as error:
            raise DatabaseLost(str(error)) from error
        connection = pq.PGconn.connect(told.encode())
        if connection.status != ConnStatus.OK:
            raise DatabaseLost(connection.get_error_message())
        reader = cls(connection)
        reader.ask("SET jit = off")
        reader.allow(LOAD_WITHIN_S)
        return reader

    def allow(self, seconds: int) -> None:
        """Have each statement from now on take no longer."""
        self.ask(f"SET statement_timeout = {seconds * 1000}")
        self.ask(f"SET lock_timeout = {seconds * 1000}")

    def only_by_index(self) -> None:
        """Scan no table, however small it was when it was looked at last."""
        self.ask("SET enable_seqscan = off")

    @contextmanager
    def snapshot(self) -> Iterator[int]:
        """All that is read in the block is of one moment; gives the xmin of that."""
        self.ask(BEGIN)
        try:
            yield int(self.ask(XMIN)[0])
        finally:
            self.ask("COMMIT")

    def ask(self, sql: str, *arguments: str) -> list[str]:
        """The first row of *sql*; nothing where it has none."""
        texts = [argument.encode() for argument in arguments]
        answer = self._connection.exec_params(sql.encode(), texts)
        self._check(answer, ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK)
        if not answer.ntuples:
            return []
        return [(answer.get_value(0, at) or b"").decode() for at in range(answer.nfields)]

    def literal(self, text: str) -> str:
        """*text* as SQL."""
        return pq.Escaping(self._connection).escape_literal(text.encode()).decode()

    def rows(self, source: Source, sql: str) -> Iterator[Rows]:
        """The rows of *sql*, which asks for *source*, in blocks."""
        kind = row_type(source.fields)
        copy = f"COPY ({sql}) TO STDOUT (FORMAT binary)"
        self._check(self._connection.exec_(copy.encode()), ExecStatus.COPY_OUT)
        head = HEAD
        messages = self._messages()
        while block := b"".join(islice(messages, AT_ONCE)):
            if not block.startswith(head):
                raise DatabaseLost(f"{source.table} did not come as it was asked for")
            yield _parsed(block[len(head) :], kind, len(source.fields))
            head = b""

    def close(self) -> None:
        """End the connection."""
        self._connection.finish()

    def _messages(self) -> Iterator[memoryview]:
        while True:
            try:
                size, message = self._connection.get_copy_data(0)
            except psycopg.Error as error:
                raise DatabaseLost(str(error)) from error
            if size < 0:
                break
            yield message
        while answer := self._connection.get_result():
            self._check(answer, ExecStatus.COMMAND_OK)

    def _check(self, answer: PGresult, *good: ExecStatus) -> None:
        if answer.status not in good:
            raise DatabaseLost(answer.get_error_message() or self._connection.get_error_message())


def _parsed(block: bytes, kind: np.dtype[np.void], fields: int) -> Rows:
    """The whole rows of *block*, and nothing else in it but the end of all."""
    count, rest = divmod(len(block), kind.itemsize)
    rows = np.frombuffer(block, kind, count)
    if block[len(block) - rest :] not in (b"", TAIL) or (rows["count"] != fields).any():
        raise DatabaseLost("a field is not as wide as it was asked for")
    return rows
