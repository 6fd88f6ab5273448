"""The ``madang`` command: its subcommands, and their failures in one line each."""

from __future__ import annotations

import socket
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from errno import EACCES, EADDRINUSE, EADDRNOTAVAIL, EDQUOT, ENOSPC, EPERM, EROFS

import asyncpg

from actors.ports import AdapterError
from protocol.errors import ProtocolError
from server.commands import (
    admin,
    audit,
    bench,
    doctor,
    fixture,
    migrate,
    serve,
    token,
    unread,
    users,
)
from server.commands.arguments import add_place
from server.failure import CannotRun, first_cause
from server.log import one_line

COMMANDS = {
    "serve": (serve, "run the chat server"),
    "migrate": (migrate, "bring the database to the schema of this version"),
    "doctor": (doctor, "say what is wrong here, and how to mend it"),
    "token": (token, "print `username user_id token` for each username"),
    "admin": (admin, "make somebody an administrator"),
    "audit": (audit, "walk along the audit log, and tell where it was changed"),
    "fixture": (fixture, "make many users and rooms, for load tests"),
    "unread": (unread, "recount what is unread, and compare"),
    "users": (users, "import birth dates and genders from registration numbers"),
    "bench": (bench, "measure a server"),
}
INTERRUPTED = 130
FAILURES = (CannotRun, AdapterError, ProtocolError, asyncpg.PostgresError, OSError)
TELLING = {EACCES, EPERM, EROFS, ENOSPC, EDQUOT, EADDRINUSE, EADDRNOTAVAIL}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand; return its exit code."""
    arguments = command_line().parse_args(argv)
    try:
        return int(arguments.run(arguments))
    except KeyboardInterrupt:
        return INTERRUPTED
    except (*FAILURES, BaseExceptionGroup) as error:
        cause = first_cause(error)
        if not isinstance(cause, FAILURES) or _unexpected(cause):
            raise
        sys.stderr.write(f"madang: {one_line(str(cause))}\n")
        return 1


def command_line() -> ArgumentParser:
    """The parser of all subcommands."""
    parser = ArgumentParser(prog="madang", description="A realtime chat server.")
    subcommands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, (module, text) in COMMANDS.items():
        subcommand = subcommands.add_parser(name, help=text, description=text.capitalize())
        module.add_arguments(subcommand)
        if module is not bench:  # which makes data folders of its own
            add_place(subcommand)
        subcommand.set_defaults(run=module.run)
    return parser


def _unexpected(cause: BaseException) -> bool:
    """Whether it takes a traceback to understand *cause*: an OSError may be anything."""
    known = isinstance(cause, socket.gaierror) or getattr(cause, "errno", None) in TELLING
    return isinstance(cause, OSError) and not known


if __name__ == "__main__":
    sys.exit(main())
