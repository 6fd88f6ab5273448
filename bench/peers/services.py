"""The PostgreSQL and the Redis that a peer works with: the same programs as Madang's own."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from bench.peers.catalogue import Service
from bench.peers.processes import children
from server.lifecycle import backends

NOT_STARTED = "nowhere"
"""Stands for the address of a service that is not needed, so that none is started."""


class Services(NamedTuple):
    """Where they are; ``roots`` are the processes started here, each perhaps with some below it."""

    urls: dict[Service, str]
    roots: frozenset[int]


@contextmanager
def services(
    needs: frozenset[Service], redis_url: str | None, database_url: str | None
) -> Iterator[Services]:
    """What *needs* says; where no address is given, on a folder that is removed at the end."""
    redis_url = redis_url if "redis" in needs else NOT_STARTED
    database_url = database_url if "postgres" in needs else NOT_STARTED
    before = children()
    with tempfile.TemporaryDirectory(prefix="madang-peer-") as folder:
        Path(folder).chmod(0o755)  # root's PostgreSQL runs as somebody else
        with backends(Path(folder, "data"), database_url, redis_url, role="command") as found:
            urls: dict[Service, str] = {"redis": found.redis_url, "postgres": found.database_url}
            needed = {service: url for service, url in urls.items() if service in needs}
            yield Services(needed, children() - before)
