"""Work on the database, whether a server runs on it or not."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from typing import NamedTuple, TypeVar

import structlog
import trio
import trio_asyncio

from server.clock import SystemClock
from server.data_folder import holds_data
from server.failure import DataUnusable
from server.ids import random_id
from server.lifecycle import Backends, backends
from server.log import configure_logging
from server.postgres.migrate import migrate
from server.postgres.pool import Database, open_database, quiet_loop
from server.settings import Place
from server.token_key import load_token_key
from server.tokens import Tokens

T = TypeVar("T")


class Opened(NamedTuple):
    """A database at the schema of this code."""

    backends: Backends
    database: Database
    migrated: list[str]


def work_on(place: Place, work: Callable[[Opened], Awaitable[T]], *, may_make: bool = False) -> T:
    """Run *work* on the database of *place*, migrated, and return what it returns.

    One that is not there is made only where *may_make* says so: else a slip of the pen
    would leave a whole database behind.
    """
    if not may_make and place.database_url is None and not holds_data(place.data):
        raise DataUnusable(
            f"there is no data in {place.data.absolute()}:"
            " choose its folder with --data, or make it with `madang serve`"
        )
    configure_logging("WARNING", stream=sys.stderr)
    with backends(*place, role="command") as running:
        return trio.run(work_with, running, work)


async def work_with(running: Backends, work: Callable[[Opened], Awaitable[T]]) -> T:
    """The same with backends that run already."""
    log = structlog.get_logger("madang.command")
    async with trio_asyncio.open_loop() as loop:
        quiet_loop(loop, log)
        migrated = await migrate(running.database_url)
        async with open_database(running.database_url, log=log) as database:
            return await work(Opened(running, database, migrated))


def token_maker(opened: Opened, place: Place, given: str | None) -> Tokens:
    """What issues tokens that the servers on this database take."""
    key = load_token_key(given, place.data, embedded=opened.backends.embedded)
    return Tokens(key, clock=SystemClock(), new_id=random_id)
