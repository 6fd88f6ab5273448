"""Token buckets that all nodes share, in Redis; each node's own while Redis is away."""

from __future__ import annotations

import hashlib
from typing import Any, Protocol

import trio
from redis.asyncio import Redis

from server.http.ports import Rate
from server.memory.limits import LocalLimits
from server.redis.client import RedisClient, RedisUnavailable

RETRY_S = 1.0
"""While Redis is away it is asked no oftener than this, so that nobody waits for it."""

TAKE = """
local now = redis.call('TIME')
local at = now[1] + now[2] / 1000000
local rate, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local kept = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local rested = math.max(0, at - (tonumber(kept[2]) or at))
local tokens = math.min(burst, (tonumber(kept[1]) or burst) + rested * rate)
local wait = 0
if tokens >= 1 then tokens = tokens - 1 else wait = (1 - tokens) / rate end
redis.call('HSET', KEYS[1], 'tokens', tostring(tokens), 'at', string.format('%.6f', at))
redis.call('EXPIRE', KEYS[1], math.ceil(burst / rate) + 1)
return tostring(wait)
"""


class Log(Protocol):
    """The one thing wanted of a logger."""

    def warning(self, event: str, **fields: object) -> object:
        """Note *event*."""


class RedisLimits:
    """The port Limits. It never fails: without Redis it counts for this process alone."""

    def __init__(self, redis: RedisClient, *, fallback: LocalLimits, log: Log) -> None:
        self._redis = redis
        self._fallback = fallback
        self._log = log
        self._away_until = 0.0

    async def take(self, key: str, rate: Rate) -> float:
        """Take one; 0.0 when it was there, else seconds until one is."""
        answer = await self._ask(lambda redis: _take(redis, key, rate))
        if answer is None:
            return await self._fallback.take(key, rate)
        return float(answer)

    async def forget(self, key: str) -> None:
        """Start *key* anew, with a full bucket."""
        await self._fallback.forget(key)
        await self._ask(lambda redis: redis.delete(_name(key)))

    async def _ask(self, work: Any) -> Any:
        if trio.current_time() < self._away_until:
            return None
        try:
            return await self._redis.call(work)
        except RedisUnavailable as error:
            self._away_until = trio.current_time() + RETRY_S
            self._log.warning("limits_are_local", error=str(error))
            return None


async def _take(redis: Redis, key: str, rate: Rate) -> Any:
    script: Any = redis.eval(TAKE, 1, _name(key), rate.per_second, rate.burst)
    return await script


def _name(key: str) -> str:
    """A key of fixed length, whatever people called themselves."""
    return f"madang:limit:{hashlib.sha256(key.encode()).hexdigest()}"
