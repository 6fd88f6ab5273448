"""The port Limits: what one process and all nodes together promise."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
import trio_asyncio

from server.http.ports import Limits, Rate
from server.memory.limits import LocalLimits
from server.redis.client import RedisClient, RedisUnavailable, open_redis
from server.redis.limits import RedisLimits

SLOW = Rate(per_second=0.01, burst=3)
QUICK = Rate(per_second=3.0, burst=1)


class NotedLog:
    def __init__(self) -> None:
        self.events: list[str] = []

    def warning(self, event: str, **fields: object) -> None:
        self.events.append(event)


@pytest.fixture(params=["local", "redis"])
def open_limits(request: pytest.FixtureRequest) -> Callable[[], Any]:
    if request.param == "local":
        return _local
    url = request.getfixturevalue("redis_url")
    return lambda: _redis(url, NotedLog())


@asynccontextmanager
async def _local() -> AsyncIterator[Limits]:
    yield LocalLimits()


@asynccontextmanager
async def _redis(url: str, log: NotedLog) -> AsyncIterator[RedisLimits]:
    async with trio_asyncio.open_loop(), open_redis(url, size=2) as redis:
        yield RedisLimits(redis, fallback=LocalLimits(), log=log)


async def test_a_burst_is_let_through_and_then_no_more(open_limits: Any) -> None:
    async with open_limits() as limits:
        waits = [await limits.take("key", SLOW) for _ in range(5)]
        assert waits[:3] == [0.0, 0.0, 0.0]
        assert all(90 < wait <= 100 for wait in waits[3:])


async def test_keys_do_not_touch_each_other(open_limits: Any) -> None:
    async with open_limits() as limits:
        for _ in range(4):
            await limits.take("one", SLOW)
        assert await limits.take("one", SLOW) > 0
        assert await limits.take("other\nkey 가" * 100, SLOW) == 0.0


async def test_what_was_waited_for_is_there(open_limits: Any) -> None:
    async with open_limits() as limits:
        assert await limits.take("key", QUICK) == 0.0
        wait = await limits.take("key", QUICK)
        assert 0 < wait <= 0.34
        await trio.sleep(wait + 0.02)
        assert await limits.take("key", QUICK) == 0.0


async def test_a_forgotten_key_starts_anew(open_limits: Any) -> None:
    async with open_limits() as limits:
        for _ in range(4):
            await limits.take("key", SLOW)
        await limits.forget("key")
        await limits.forget("never seen")
        assert await limits.take("key", SLOW) == 0.0


async def test_nodes_count_together(redis_url: str) -> None:
    async with _redis(redis_url, NotedLog()) as one, _redis(redis_url, NotedLog()) as other:
        waits = [await limits.take("key", SLOW) for limits in (one, other, one, other)]
        assert waits[:3] == [0.0, 0.0, 0.0]
        assert waits[3] > 0


async def test_buckets_leave_redis_once_they_are_full_again(redis_url: str) -> None:
    async with trio_asyncio.open_loop(), open_redis(redis_url) as redis:
        limits = RedisLimits(redis, fallback=LocalLimits(), log=NotedLog())
        await limits.take("key", SLOW)
        (key,) = await redis.call(lambda each: each.keys("*"))
        assert 0 < await redis.call(lambda each: each.ttl(key)) <= 301


async def test_without_redis_this_process_counts_alone_and_says_so_once(tmp_path: Any) -> None:
    log = NotedLog()
    async with _redis(f"unix://{tmp_path}/nothing.sock", log) as limits:
        started = trio.current_time()
        waits = [await limits.take("key", SLOW) for _ in range(20)]
        await limits.forget("other")
        assert trio.current_time() - started < 1.0
        assert [wait == 0.0 for wait in waits] == [True] * 3 + [False] * 17
        assert log.events == ["limits_are_local"]


async def test_a_redis_that_does_not_answer_is_unavailable_within_its_deadline(
    tmp_path: Any,
) -> None:
    listener = trio.socket.socket(trio.socket.AF_UNIX)
    with listener:
        await listener.bind(str(tmp_path / "silent.sock"))
        listener.listen()
        async with (
            trio_asyncio.open_loop(),
            open_redis(f"unix://{tmp_path}/silent.sock", size=1) as redis,
        ):
            await _assert_unavailable(redis)
            await _assert_unavailable(redis)  # and the one connection was given back


async def _assert_unavailable(redis: RedisClient) -> None:
    started = trio.current_time()
    with pytest.raises(RedisUnavailable, match="Redis"):
        await redis.call(lambda each: each.ping(), within=0.2)
    assert trio.current_time() - started < 1.0


async def test_local_buckets_are_bounded() -> None:
    limits = LocalLimits(most=2)
    for _ in range(3):
        await limits.take("old", SLOW)
    await limits.take("new", SLOW)
    assert await limits.take("old", SLOW) > 0
    await limits.take("newer", SLOW)
    await limits.take("newest", SLOW)
    assert await limits.take("old", SLOW) == 0.0
