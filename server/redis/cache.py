"""A cache that all nodes share, in Redis; none while Redis is away."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, Protocol

import trio

from server.redis.client import RedisClient, RedisUnavailable

RETRY_S: Final = 1.0
"""While Redis is away it is asked no oftener than this, so that nobody waits for it."""
GENERATION_S: Final = 86_400
"""How long a generation is remembered: longer than anything is kept."""
AT_ONCE: Final = 500
"""Names that are forgotten in one trip: many more would hold the loop."""
WITHIN_DOUBT_S: Final = 3_600.0
"""As long as anything is kept: after a change that could not be told, nothing is believed."""


class Log(Protocol):
    """The one thing wanted of a logger."""

    def warning(self, event: str, **fields: object) -> object:
        """Note *event*."""


class RedisCache:
    """The port Cache. A value is kept with its generation before it; both are read at once."""

    def __init__(self, redis: RedisClient, *, log: Log) -> None:
        self._redis, self._log = redis, log
        self._away_until = self._doubtful_until = 0.0

    async def get(self, name: str) -> tuple[bytes | None, int]:
        """What is kept now, if anything, and the generation to put something else in."""
        if trio.current_time() < self._doubtful_until:
            return None, -1
        found = await self._ask(lambda redis: redis.mget(_value(name), _generation(name)))
        if found is None:
            return None, -1
        value, generation = found[0], int(found[1] or 0)
        head, _, rest = (value or b"").partition(b"\n")
        return (rest if value is not None and head == b"%d" % generation else None), generation

    async def put(self, name: str, value: bytes, generation: int, *, kept_s: int) -> None:
        """Keep *value* for so long; what is of another generation than the present is not found."""
        if generation >= 0:
            kept = b"%d\n%b" % (generation, value)
            await self._ask(lambda redis: redis.set(_value(name), kept, ex=kept_s))

    async def forget(self, names: Sequence[str]) -> None:
        """Begin a new generation."""
        for start in range(0, len(names), AT_ONCE):
            if not await self._ask(partial(_end, names[start : start + AT_ONCE])):
                self._doubtful_until = trio.current_time() + WITHIN_DOUBT_S
                return

    async def _ask(self, work: Callable[[Any], Any]) -> Any:
        if trio.current_time() < self._away_until:
            return None
        try:
            return await self._redis.call(work)
        except RedisUnavailable as error:
            self._away_until = trio.current_time() + RETRY_S
            self._log.warning("cache_is_away", error=str(error))
            return None


async def _end(names: Sequence[str], redis: Any) -> bool:
    pipe = redis.pipeline(transaction=False)
    for name in names:
        pipe.incr(_generation(name))
        pipe.expire(_generation(name), GENERATION_S)
    await pipe.execute()
    return True


def _value(name: str) -> str:
    return f"madang:kept:{name}"


def _generation(name: str) -> str:
    return f"madang:generation:{name}"
