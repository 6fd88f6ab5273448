"""The port Cache: what one process and all nodes together promise."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
import trio_asyncio

from server.cache import Cache, Kept
from server.memory.cache import LocalCache
from server.redis.cache import RedisCache
from server.redis.client import RedisClient, RedisUnavailable, open_redis


class NotedLog:
    def __init__(self) -> None:
        self.events: list[str] = []

    def warning(self, event: str, **fields: object) -> None:
        self.events.append(event)


@pytest.fixture(params=["local", "redis"])
def open_cache(request: pytest.FixtureRequest) -> Callable[[], Any]:
    if request.param == "local":
        return _local
    url = request.getfixturevalue("redis_url")
    return lambda: _redis(url)


@asynccontextmanager
async def _local() -> AsyncIterator[Cache]:
    yield LocalCache()


@asynccontextmanager
async def _redis(url: str) -> AsyncIterator[Cache]:
    async with trio_asyncio.open_loop(), open_redis(url, size=2) as redis:
        yield RedisCache(redis, log=NotedLog())


async def test_what_is_put_is_found_until_it_is_forgotten(open_cache: Any) -> None:
    async with open_cache() as cache:
        value, generation = await cache.get("a")
        assert value is None
        await cache.put("a", b"one\ntwo", generation, kept_s=60)
        await cache.put("b", b"other", (await cache.get("b"))[1], kept_s=60)
        assert (await cache.get("a"))[0] == b"one\ntwo"
        await cache.forget(["a", "never"])
        assert (await cache.get("a"))[0] is None
        assert (await cache.get("b"))[0] == b"other"


async def test_what_was_read_before_a_change_is_not_kept_after_it(open_cache: Any) -> None:
    async with open_cache() as cache:
        _, generation = await cache.get("a")
        await cache.forget(["a"])
        await cache.put("a", b"old", generation, kept_s=60)
        value, generation = await cache.get("a")
        assert value is None
        await cache.put("a", b"new", generation, kept_s=60)
        assert (await cache.get("a"))[0] == b"new"


async def test_it_is_kept_for_so_long(open_cache: Any) -> None:
    async with open_cache() as cache:
        await cache.put("a", b"one", (await cache.get("a"))[1], kept_s=1)
        with trio.fail_after(15):
            while (await cache.get("a"))[0] is not None:  # noqa: ASYNC110 - nobody tells
                await trio.sleep(0.1)


async def test_what_belongs_to_a_user_is_read_once(open_cache: Any) -> None:
    async with open_cache() as cache:
        reads = []

        async def read() -> list[int]:
            reads.append(1)
            return [len(reads)]

        kept: Kept[list[int]] = Kept(cache, "kind", list[int], kept_s=60)
        other: Kept[list[int]] = Kept(cache, "other", list[int], kept_s=60)
        assert [await kept.of(7, read) for _ in range(3)] == [[1], [1], [1]]
        assert await kept.of(8, read) == [2]
        await other.forget([7])
        assert await kept.of(7, read) == [1]
        await kept.forget([7, 9])
        assert await kept.of(7, read) == [3]


class AwayRedis(RedisClient):
    def __init__(self) -> None:
        self.asked = 0

    async def call(self, work: Any, *, within: float = 0.5) -> Any:
        self.asked += 1
        raise RedisUnavailable("Redis: away")


async def test_without_redis_nothing_is_kept_and_nobody_waits(autojump_clock: Any) -> None:
    redis, log = AwayRedis(), NotedLog()
    cache = RedisCache(redis, log=log)
    for _ in range(5):
        assert await cache.get("a") == (None, -1)
        await cache.put("a", b"one", -1, kept_s=60)
    assert (redis.asked, log.events) == (1, ["cache_is_away"])
    await trio.sleep(2)
    await cache.forget(["a"])
    assert redis.asked == 2
    await trio.sleep(2)
    assert await cache.get("a") == (None, -1)
    assert redis.asked == 2, "a change could not be told: nothing is believed for a while"
    await trio.sleep(3_600)
    assert await cache.get("a") == (None, -1)
    assert redis.asked == 3
