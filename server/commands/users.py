"""``madang users``: what is known of people, from a file."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, nullcontext
from functools import partial
from itertools import islice
from pathlib import Path
from typing import BinaryIO, TextIO

from actors.rules.age_groups import today_in
from server.clock import SystemClock
from server.commands.arguments import place_of
from server.commands.opened import Opened, work_on
from server.commands.progress import Progress
from server.failure import CannotRun
from server.people_file import PeopleFile
from server.postgres.registrations import Refused, RegistrationStore, Row

AT_ONCE = 1_000
ZONE = "Asia/Seoul"
"""Where the numbers are given out."""


class Telling:
    """Counts lines, and tells those that are refused to *report*, by number and code alone."""

    def __init__(self, report: TextIO, progress: Progress) -> None:
        self._report = report
        self._progress = progress
        self.stored = self.refused = 0

    def tell(self, refused: Sequence[Refused], *, stored: int, read: int) -> None:
        """Some more lines are done; *read* bytes of the file are."""
        self.stored += stored
        self.refused += len(refused)
        self._progress.clear()
        for line, reason in sorted(refused):
            self._report.write(f"line {line}: {reason.value}\n")
        self._report.flush()
        self._progress.show(read, f"{self.stored:,} people, {self.refused:,} lines refused")


def add_arguments(parser: ArgumentParser) -> None:
    """What to do, and with which file."""
    parser.add_argument("action", choices=["import"])
    parser.add_argument(
        "file",
        metavar="FILE",
        help="CSV in UTF-8 with the columns username or user_id, registration_number,"
        " and where there are phone, name and region",
    )
    parser.add_argument("--dry-run", action="store_true", help="check everything, store nothing")
    parser.add_argument(
        "--report", metavar="FILE", help="where refused lines are told of (default: stderr)"
    )


def run(arguments: Namespace) -> int:
    """Import a file; 1 where a line was refused."""
    with ExitStack() as stack:
        file = stack.enter_context(_source(arguments.file))
        today = today_in(ZONE, SystemClock().now_ms())
        people = PeopleFile(file, today=today)
        report = stack.enter_context(_report(arguments.report, file))
        progress = Progress(sys.stderr, os.fstat(file.fileno()).st_size)
        telling = Telling(report, progress)
        stack.callback(progress.clear)
        work = partial(_import, people, telling, arguments.dry_run)
        work_on(place_of(arguments), work)
    done = "would be imported" if arguments.dry_run else "imported"
    sys.stdout.write(f"{telling.stored} people {done}, {telling.refused} lines refused\n")
    return 1 if telling.refused else 0


async def _import(people: PeopleFile, telling: Telling, dry: bool, opened: Opened) -> None:  # noqa: FBT001
    store = RegistrationStore(opened.database, who=people.who, dry=dry)
    for lines in _parts(iter(people)):
        rows = [line for line in lines if isinstance(line, Row)]
        refused = [line for line in lines if isinstance(line, Refused)]
        not_stored = await store.store(rows) if rows else []
        telling.tell([*refused, *not_stored], stored=len(rows) - len(not_stored), read=people.read)


def _parts(lines: Iterator[Row | Refused]) -> Iterator[list[Row | Refused]]:
    while part := list(islice(lines, AT_ONCE)):
        yield part


# What may be wrong with a path is told without it: it could be anything that was pasted there.


def _source(name: str) -> BinaryIO:
    try:
        return Path(name).open("rb")
    except OSError as error:
        raise CannotRun(f"FILE cannot be read: {error.strerror}") from None


def _report(name: str | None, source: BinaryIO) -> nullcontext[TextIO] | TextIO:
    if name is None:
        return nullcontext(sys.stderr)
    path = Path(name)
    try:
        if path.exists() and os.path.samestat(path.stat(), os.fstat(source.fileno())):
            raise CannotRun("--report is FILE itself")
        return path.open("w", encoding="utf-8")
    except OSError as error:
        raise CannotRun(f"--report cannot be written: {error.strerror}") from None
