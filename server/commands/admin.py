"""``madang admin``: who may administer."""

from __future__ import annotations

import sys
import unicodedata
from argparse import ArgumentParser, Namespace
from functools import partial

from server.commands.arguments import place_of
from server.commands.opened import Opened, work_on
from server.failure import NoSuchUser
from server.postgres.users import UserStore


def add_arguments(parser: ArgumentParser) -> None:
    """What to do, and to whom."""
    parser.add_argument("action", choices=["grant"])
    parser.add_argument("username", metavar="USERNAME")


def run(arguments: Namespace) -> int:
    """Make somebody an administrator."""
    username = unicodedata.normalize("NFC", arguments.username)
    work_on(place_of(arguments), partial(_grant, username))
    sys.stdout.write(f"{username} is an administrator\n")
    return 0


async def _grant(username: str, opened: Opened) -> None:
    if not await UserStore(opened.database).grant(username, "admin"):
        raise NoSuchUser(f"there is no user called {username}")
