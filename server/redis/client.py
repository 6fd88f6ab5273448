"""Redis for trio: a bounded pool of redis-py's asyncio connections behind one seam."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import trio
import trio_asyncio
from redis.asyncio import BlockingConnectionPool, Redis
from redis.exceptions import RedisError

from actors.ports import AdapterError

T = TypeVar("T")

CONNECT_WITHIN = 1.0
CLOSE_WITHIN = 1.0


class RedisUnavailable(AdapterError):
    """Redis cannot be reached or did not answer in time; the command may or may not have run."""


class RedisClient:
    """Runs commands; each has a deadline, the wait for one of the connections included."""

    def __init__(self, redis: Redis, loop: trio_asyncio.BaseTrioEventLoop) -> None:
        self._redis = redis
        self._loop = loop

    async def call(self, work: Callable[[Redis], Awaitable[T]], *, within: float = 0.5) -> T:
        """What *work* returns. Raises RedisUnavailable."""

        async def run() -> Any:
            return await work(self._redis)

        try:
            with trio.fail_after(within):
                return await self._loop.run_aio_coroutine(run())  # type: ignore[no-any-return]
        except trio.TooSlowError as error:
            raise RedisUnavailable(f"Redis: no answer within {within:g} s") from error
        except (RedisError, OSError) as error:
            raise RedisUnavailable(f"Redis: {type(error).__name__}: {error}") from error


@asynccontextmanager
async def open_redis(url: str, *, size: int = 8) -> AsyncIterator[RedisClient]:
    """A client for *url*, inside ``trio_asyncio.open_loop()``. It connects when first used."""
    loop = trio_asyncio.current_loop.get()
    assert loop is not None, "open_redis wants trio_asyncio.open_loop() around it"  # noqa: S101
    pool: Any = BlockingConnectionPool.from_url(
        url,
        max_connections=size,
        timeout=CONNECT_WITHIN,
        socket_connect_timeout=CONNECT_WITHIN,
        retry_on_timeout=False,
    )
    redis = Redis(connection_pool=pool)
    try:
        yield RedisClient(redis, loop)
    finally:
        with trio.move_on_after(CLOSE_WITHIN, shield=True):
            await loop.run_aio_coroutine(redis.aclose())
            await loop.run_aio_coroutine(pool.disconnect())
