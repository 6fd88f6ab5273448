"""The database of a server that is measured, to prepare it and to let it rest."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
import trio_asyncio

from server.postgres.pool import Database, open_database, quiet_loop


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Database]:
    """A pool of its own, beside the server's."""
    log = structlog.get_logger("madang.bench")
    async with trio_asyncio.open_loop() as loop:
        quiet_loop(loop, log)
        async with open_database(url, log=log) as database:
            yield database
