"""What every test may ask for: a real PostgreSQL and a real Redis, and a fresh database of its own.

``backends`` runs once for each worker of the test run; ``database_url`` is a new, migrated, empty
database for each test; ``redis_url`` is emptied before each test.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
import redis
import trio
import trio_asyncio
from hypothesis import HealthCheck, settings

from server import lifecycle
from server.lifecycle import Backends
from server.postgres.migrate import migrate

# What a busy machine takes longer for is not wrong.
settings.register_profile("madang", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("madang")

collect_ignore_glob = ["*conftest.py"]  # they hold no doctests, and share one name

TEMPLATE = "pattern"
NODE_FOLDER = Path(__file__).parent / "e2e"


@pytest.fixture(scope="session")
def open_folder() -> Iterator[Path]:
    """A folder that every user may enter (pytest's own are private to root, when root runs it)."""
    folder = Path(tempfile.mkdtemp(prefix="madang-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def backends(open_folder: Path) -> Iterator[Backends]:
    """PostgreSQL and Redis of this worker, with a migrated database to copy from."""
    with lifecycle.backends(open_folder / "data", None, None, role="command") as running:
        execute(running.database_url, f"CREATE DATABASE {TEMPLATE}")
        trio.run(_migrate, in_database(running.database_url, TEMPLATE))
        yield running


@pytest.fixture(scope="session")
def database_names() -> Iterator[str]:
    """Names no database has had yet."""
    return (f"test_{number}" for number in itertools.count())


@pytest.fixture
def database_url(backends: Backends, database_names: Iterator[str]) -> Iterator[str]:
    """The address of a fresh, migrated database."""
    name = next(database_names)
    execute(backends.database_url, f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
    yield in_database(backends.database_url, name)
    execute(backends.database_url, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def redis_url(backends: Backends) -> str:
    """The address of an empty Redis."""
    with redis.Redis.from_url(backends.redis_url) as client:
        client.flushall()
    return backends.redis_url


@pytest.fixture(scope="session")
def node() -> str:
    """Where Node is, with the packages of tests/e2e; the tests that ask are skipped without."""
    path = shutil.which("node")
    if path is None or not (NODE_FOLDER / "node_modules" / "ws").is_dir():
        missing = "no Node or no packages for it: the tests with clients in Node did not run"
        (pytest.fail if os.environ.get("REQUIRE_ALL") == "1" else pytest.skip)(missing)
    return path


def in_database(url: str, name: str) -> str:
    """*url*, but for the database *name*."""
    return url.replace("/postgres?", f"/{name}?")


def execute(url: str, sql: str) -> None:
    """Run one statement on a connection of its own."""

    async def run() -> None:
        connection = await asyncpg.connect(url)
        try:
            await connection.execute(sql)
        finally:
            await connection.close()

    asyncio.run(run())


async def _migrate(url: str) -> None:
    async with trio_asyncio.open_loop():
        await migrate(url)
