"""A CSV file of people with their resident registration numbers, read so that no number leaves it.

A number lives from its line to what is derived of it. No error, and no reason for which a line is
refused, says anything of what the file has in it but line numbers, columns and codes.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from datetime import date
from itertools import count
from typing import BinaryIO, Final

import msgspec

from actors.rules.rrn import BadNumber, Registered, derived, holds_number
from protocol.errors import ProtocolError
from server.failure import CannotRun
from server.http.names import OLDEST_BIRTH, UNSEEMLY, name_of, normal
from server.http.schemas import Phone, Region
from server.postgres.registrations import Reason, Refused, Row

LONGEST_LINE: Final = 4096
"""Bytes."""
BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
NUMBER: Final = "registration_number"
WHO: Final = ("username", "user_id")
COLUMNS: Final = (*WHO, NUMBER, "phone", "name", "region")
_SIX = re.compile(r"\d{6}")  # what a comma in a number cuts off it


class _Unfit(Exception):
    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason


class PeopleFile:
    """The rows of *file*, whose first line names the columns; each further line is one row.

    Raises CannotRun where the header will not do.
    """

    def __init__(self, file: BinaryIO, *, today: date) -> None:
        self._file = file
        self._today = today
        self.read = 0  # bytes
        self._columns = _header((self._line() or b"").removeprefix(BYTE_ORDER_MARK))
        self.who = next(name for name in WHO if name in self._columns)

    def __iter__(self) -> Iterator[Row | Refused]:
        for number in count(2):
            line = self._line()
            if line == b"":
                return
            if line is not None and not line.strip():
                continue
            try:
                yield self._row(number, line)
            except _Unfit as unfit:
                yield Refused(number, unfit.reason)

    def _line(self) -> bytes | None:
        """The next line; empty at the end of the file. None: it was too long."""
        line = self._some()
        if len(line) <= LONGEST_LINE:
            return line
        while line and not line.endswith(b"\n"):
            line = self._some()
        return None

    def _some(self) -> bytes:
        line = self._file.readline(LONGEST_LINE + 1)
        self.read += len(line)
        return line

    def _row(self, number: int, line: bytes | None) -> Row:
        if line is None:
            raise _Unfit(Reason.TOO_LONG)
        cells = self._cells(line)
        registered = self._registered(cells.pop(NUMBER), cells)
        if not cells[self.who]:
            raise _Unfit(Reason.NO_PERSON)
        return Row(
            number,
            cells[self.who],
            registered,
            _phone(cells.get("phone")),
            _name(cells.get("name")),
            _region(cells.get("region")),
        )

    def _cells(self, line: bytes) -> dict[str, str]:
        parsed = _parsed(line)
        if isinstance(parsed, Reason):
            raise _Unfit(parsed)
        cells = [normal(cell).strip() for cell in parsed]
        if len(cells) != len(self._columns):
            raise _Unfit(Reason.WRONG_COLUMNS)
        return dict(zip(self._columns, cells, strict=True))

    def _registered(self, number: str, others: Mapping[str, str]) -> Registered:
        try:
            registered = derived(number)
        except BadNumber:
            raise _Unfit(Reason.BAD_NUMBER) from None
        cut_off = any(name not in WHO and _SIX.fullmatch(cell) for name, cell in others.items())
        if cut_off or any(_tells(cell, number) for cell in others.values()):
            raise _Unfit(Reason.NUMBER_ELSEWHERE)
        if registered.born < OLDEST_BIRTH:
            raise _Unfit(Reason.BORN_BEFORE_1900)
        if registered.born > self._today:
            raise _Unfit(Reason.BORN_IN_FUTURE)
        return registered


def _header(line: bytes) -> list[str]:
    parsed = _parsed(line)
    if isinstance(parsed, Reason):
        raise CannotRun(f"the first line of the file is no header: {parsed.value}")
    columns = [cell.strip() for cell in parsed]
    for place, name in enumerate(columns, 1):
        if name not in COLUMNS:
            raise CannotRun(f"the header's column {place} is none of {', '.join(COLUMNS)}")
        if columns.index(name) < place - 1:
            raise CannotRun(f"the header has {name} twice")
    if NUMBER not in columns or sum(name in columns for name in WHO) != 1:
        raise CannotRun(f"the header must have {NUMBER}, and either {' or '.join(WHO)}")
    return columns


def _parsed(line: bytes) -> list[str] | Reason:
    """The cells, or why there are none: the errors of decoding and of csv have the line in them."""
    try:
        text = line.decode()
        return next(csv.reader([text.rstrip("\r\n")], strict=True), [])
    except UnicodeDecodeError:
        return Reason.NOT_UTF8
    except csv.Error:
        return Reason.BAD_CSV


def _tells(cell: str, number: str) -> bool:
    """Whether *cell* has a number in it, or the last seven digits of this one."""
    last = re.sub(r"\D", "", number)[6:]
    return holds_number(cell) or (len(last) > 1 and last in re.sub(r"[\W_]", "", cell))


def _phone(text: str | None) -> str | None:
    return _of_type(text, Phone, Reason.BAD_PHONE) if text else None


def _region(text: str | None) -> str | None:
    if text and UNSEEMLY.search(text):
        raise _Unfit(Reason.BAD_REGION)
    return _of_type(text, Region, Reason.BAD_REGION) if text else None


def _name(text: str | None) -> str | None:
    try:
        return name_of(text) if text else None
    except ProtocolError:
        raise _Unfit(Reason.BAD_NAME) from None


def _of_type(text: str, what: object, reason: Reason) -> str:
    try:
        return str(msgspec.convert(text, what))
    except msgspec.ValidationError:
        raise _Unfit(reason) from None
