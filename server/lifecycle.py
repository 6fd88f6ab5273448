"""PostgreSQL and Redis for as long as they are needed: our own, a running server's, or external."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from server.child import Child
from server.data_folder import give, lay_out, make_data_folder
from server.data_lock import DataLock, Role, claim
from server.postgres.embedded import await_postgres, launch_postgres
from server.programs import find_programs
from server.redis.embedded import await_redis, launch_redis

STOP_GENTLY = 2.5


class Backends(NamedTuple):
    """Where PostgreSQL and Redis are; ``embedded`` when that PostgreSQL is our own."""

    database_url: str
    redis_url: str
    embedded: bool


@contextmanager
def backends(
    data: Path, database_url: str | None, redis_url: str | None, *, role: Role
) -> Iterator[Backends]:
    """Backends that run until the block ends; those without an address are started on *data*.

    Only from the main thread, before any event loop. Raises CannotRun.
    """
    if database_url and redis_url:
        yield Backends(database_url, redis_url, embedded=False)
        return
    path = make_data_folder(data)
    claimed = claim(path, role, say=_say)
    if isinstance(claimed, DataLock):
        with _own(path, claimed, database_url, redis_url) as own:
            yield own
    else:
        yield Backends(
            database_url or claimed.database_url,
            redis_url or claimed.redis_url,
            embedded=claimed.embedded and not database_url,
        )


@contextmanager
def _own(
    path: Path, lock: DataLock, database_url: str | None, redis_url: str | None
) -> Iterator[Backends]:
    children: dict[str, Child] = {}
    try:
        folder = lay_out(path)
        give(folder.sockets, folder.run_as)
        programs = find_programs(folder.run_as)
        if not redis_url:
            children["redis"] = launch_redis(folder, programs)
        if not database_url:
            children["postgres"] = launch_postgres(folder, programs)
        own = Backends(
            database_url or await_postgres(children["postgres"], folder),
            redis_url or await_redis(children["redis"], folder),
            embedded=not database_url,
        )
        lock.publish(own.database_url, own.redis_url, embedded=own.embedded)
        yield own
    finally:
        lock.publish("", "", embedded=True)
        _stop(children)
        lock.release()


def _stop(children: dict[str, Child]) -> None:
    """End both at once: PostgreSQL by its fast shutdown, harder where that takes too long."""
    for name, child in children.items():
        child.ask_to_stop(signal.SIGINT if name == "postgres" else signal.SIGKILL)
    for child in children.values():
        child.wait_stopped(within=STOP_GENTLY, then=[signal.SIGQUIT, signal.SIGKILL])


def _say(line: str) -> None:
    sys.stderr.write(f"madang: {line}\n")
