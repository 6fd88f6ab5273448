"""The port Presences: what memory and Redis both promise."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
import trio_asyncio

from actors.ports import Presences
from protocol.fields import SeenState
from protocol.ids import UserId
from server.memory.presences import MemoryPresences, Shared
from server.redis.client import RedisUnavailable, open_redis
from server.redis.presences import PREFIX, RedisPresences

ANN, BOB, EVE = UserId("ann"), UserId("bob"), UserId("eve")


@pytest.fixture(params=["memory", "redis"])
def open_nodes(request: pytest.FixtureRequest) -> Callable[[], Any]:
    if request.param == "memory":
        return _memory
    url = request.getfixturevalue("redis_url")
    return lambda: _redis(url)


@asynccontextmanager
async def _memory() -> AsyncIterator[tuple[Presences, Presences]]:
    shared: Shared = {}
    yield MemoryPresences(shared, node="one"), MemoryPresences(shared, node="two")


@asynccontextmanager
async def _redis(url: str) -> AsyncIterator[tuple[Presences, Presences]]:
    async with trio_asyncio.open_loop(), open_redis(url, size=2) as redis:
        yield RedisPresences(redis, node="one"), RedisPresences(redis, node="two")


async def put(node: Presences, user: UserId, state: SeenState, *, kept_s: float = 60.0) -> None:
    await node.put({user: state}, kept_s=kept_s)


async def test_what_one_node_says_the_other_knows(open_nodes: Any) -> None:
    async with open_nodes() as (one, two):
        await one.put({ANN: "away", BOB: "dnd", EVE: "offline"}, kept_s=60.0)
        assert await two.elsewhere([ANN, BOB, EVE, UserId("nobody")]) == {ANN: "away", BOB: "dnd"}
        await one.put({ANN: "offline"}, kept_s=60.0)
        assert await two.elsewhere([ANN, BOB]) == {BOB: "dnd"}


async def test_nobody_is_asked_or_told(open_nodes: Any) -> None:
    async with open_nodes() as (one, two):
        await one.put({}, kept_s=60.0)
        assert await two.elsewhere([]) == {}


async def test_a_node_is_not_told_what_it_said_itself(open_nodes: Any) -> None:
    async with open_nodes() as (one, two):
        await put(one, ANN, "away")
        await put(two, ANN, "online")
        assert await one.elsewhere([ANN]) == {ANN: "online"}
        assert await two.elsewhere([ANN]) == {ANN: "away"}
        await put(two, ANN, "offline")
        assert await one.elsewhere([ANN]) == {}


async def test_what_is_not_said_again_ends_each_node_s_for_itself(open_nodes: Any) -> None:
    async with open_nodes() as (one, two):
        await put(one, ANN, "online", kept_s=0.3)
        await put(two, ANN, "away", kept_s=60.0)
        await put(one, BOB, "online", kept_s=0.3)
        assert await two.elsewhere([ANN, BOB]) == {ANN: "online", BOB: "online"}
        await trio.sleep(0.4)
        assert await two.elsewhere([ANN, BOB]) == {}
        assert await one.elsewhere([ANN, BOB]) == {ANN: "away"}


async def test_a_short_word_does_not_end_a_longer_one(open_nodes: Any) -> None:
    async with open_nodes() as (one, two):
        await put(one, ANN, "online", kept_s=60.0)
        await put(two, ANN, "away", kept_s=0.2)
        await trio.sleep(0.3)
        assert await two.elsewhere([ANN]) == {ANN: "online"}


async def test_keys_go_by_themselves_and_odd_fields_are_passed_over(redis_url: str) -> None:
    async with trio_asyncio.open_loop(), open_redis(redis_url, size=2) as redis:
        node, other = (RedisPresences(redis, node=name) for name in ("one", "two"))
        await put(node, ANN, "online", kept_s=0.2)
        await put(node, BOB, "online", kept_s=60.0)
        await redis.call(lambda r: r.hset(PREFIX + BOB, "odd", "rubbish \xff"))  # type: ignore[arg-type]
        assert await other.elsewhere([BOB]) == {BOB: "online"}
        await trio.sleep(0.3)
        left = await redis.call(lambda r: r.exists(PREFIX + ANN, PREFIX + BOB))
        assert left == 1


async def test_without_redis_it_says_so_in_time() -> None:
    async with trio_asyncio.open_loop(), open_redis("redis://127.0.0.1:1/0") as redis:
        node = RedisPresences(redis, node="one")
        with trio.fail_after(2):
            with pytest.raises(RedisUnavailable):
                await put(node, ANN, "online")
            with pytest.raises(RedisUnavailable):
                await node.elsewhere([ANN])
