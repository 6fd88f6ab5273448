"""``madang token``: a fresh token for each username."""

from __future__ import annotations

import os
import sys
import unicodedata
from argparse import ArgumentParser, Namespace
from functools import partial

from server.clock import SystemClock
from server.commands.arguments import place_of
from server.commands.opened import Opened, token_maker, work_on
from server.failure import NoSuchUser
from server.postgres.users import UserStore
from server.settings import Place, read_token_key


def add_arguments(parser: ArgumentParser) -> None:
    """Whose tokens."""
    parser.add_argument("username", nargs="+", metavar="USERNAME")


def run(arguments: Namespace) -> int:
    """Print ``username user_id token`` for each, or nothing when one of them is unknown."""
    place = place_of(arguments)
    given = read_token_key(os.environ)
    for line in work_on(place, partial(_lines, place, given, arguments.username)):
        sys.stdout.write(f"{line}\n")
    return 0


async def _lines(
    place: Place, given: str | None, usernames: list[str], opened: Opened
) -> list[str]:
    tokens = token_maker(opened, place, given)
    users = UserStore(opened.database)
    now_s = SystemClock().now_ms() // 1000
    lines = []
    for username in usernames:
        person = await users.by_username(unicodedata.normalize("NFC", username))
        if person is None:
            raise NoSuchUser(f"there is no user called {username}")
        token, _ = tokens.issue(person.user_id, now_s)
        lines.append(f"{person.username} {person.user_id} {token}")
    return lines
