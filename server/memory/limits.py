"""Token buckets of this process."""

from __future__ import annotations

from collections import OrderedDict

import trio

from actors.rules.token_bucket import TokenBucket
from server.http.ports import Rate


class LocalLimits:
    """At most *most* buckets; beyond that the one left alone longest starts anew."""

    def __init__(self, *, most: int = 10_000) -> None:
        self._most = most
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()

    async def take(self, key: str, rate: Rate) -> float:
        """Take one; 0.0 when it was there, else seconds until one is."""
        await trio.lowlevel.checkpoint()
        return self.take_nowait(key, rate)

    def take_nowait(self, key: str, rate: Rate) -> float:
        """The same without a turn of the loop."""
        now = trio.current_time()
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = TokenBucket(rate.per_second, rate.burst, now)
            if len(self._buckets) > self._most:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(key)
        return bucket.take(now)

    async def forget(self, key: str) -> None:
        """Start *key* anew, with a full bucket."""
        await trio.lowlevel.checkpoint()
        self._buckets.pop(key, None)
