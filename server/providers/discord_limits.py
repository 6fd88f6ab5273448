"""How fast Discord may be asked: what its answers say, and nothing that is known beforehand.

A route belongs to a bucket that Discord names (``X-RateLimit-Bucket``), and has one for each
channel or webhook. Until a bucket's numbers are known one request at a time may be under way.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import msgspec
import trio

from server.providers.posting import Posted

TOO_MANY: Final = 429
MOST_BUCKETS: Final = 10_000
PATIENCE_S: Final = 2.0
"""So long a request waits for another's answer; else it is told to come again."""
UNSAID_S: Final = 5.0
"""To wait after a 429 that does not say how long."""
LONGEST_S: Final = 24 * 3600.0


class Route(NamedTuple):
    """What is asked: a ``name`` for method and path, and the channel or webhook in it."""

    name: str
    of: str = ""


class Limited(NamedTuple):
    """A request has to wait: so many seconds, and whether all do."""

    wait_s: float
    of_all: bool


class _Said(msgspec.Struct):
    """The body of a 429."""

    retry_after: float = 0.0
    is_global: bool = msgspec.field(default=False, name="global")


@dataclass(slots=True)
class _Bucket:
    limit: int = 1
    remaining: int = 1
    reset_at: float = -math.inf
    window_s: float = 0.0
    under_way: int = 0
    told: int = 0  # so many were told to come again since it was reset
    changed: trio.Event = field(default_factory=trio.Event)

    def has_place(self, now: float) -> bool:
        if self.reset_at <= now:
            self.remaining, self.told = self.limit, 0
        return self.remaining > self.under_way

    def wait_s(self, now: float) -> float:
        """Until those that were told before have had their turns."""
        rounds, self.told = self.told // self.limit, self.told + 1
        return max(self.reset_at - now, 0.0) + rounds * self.window_s

    def learn(self, limit: int, remaining: int, after_s: float, now: float) -> None:
        # Answers may overtake each other: of one window the fewest that were left are.
        self.remaining = min(self.remaining, remaining) if now < self.reset_at else remaining
        self.limit, self.reset_at = max(limit, 1), now + after_s
        self.window_s = max(self.window_s, after_s)

    def wake(self) -> None:
        self.changed.set()
        self.changed = trio.Event()


class DiscordLimits:
    """What is known of Discord's limits.

    A request waits for its place for *patience_s* at most. Of buckets there are *most*: those that
    were not asked for longest are forgotten, and learned anew.
    """

    def __init__(self, *, patience_s: float = PATIENCE_S, most: int = MOST_BUCKETS) -> None:
        self._patience_s, self._most = patience_s, most
        self._names: dict[str, str] = {}
        self._buckets: dict[Route, _Bucket] = {}
        self._all_from = -math.inf

    async def take(self, route: Route) -> Limited | None:
        """Take a place for a request now, to be given back by ``answered``; or say when."""
        patient_until = trio.current_time() + self._patience_s
        while True:
            now, bucket = trio.current_time(), self._bucket(route)
            if self._all_from > now:
                return Limited(self._all_from - now, of_all=True)
            if bucket.has_place(now):
                bucket.under_way += 1
                return None
            # Either it is reset, or somebody's answer tells more.
            until = bucket.reset_at if bucket.remaining == 0 else patient_until
            if now >= patient_until or until > patient_until:
                return Limited(bucket.wait_s(now) or self._patience_s, of_all=False)
            with trio.move_on_at(until):
                await bucket.changed.wait()

    def answered(self, route: Route, posted: Posted) -> Limited | None:
        """Learn from an answer; how long to wait where it says that there were too many requests.

        To be told of every request that took a place, also of one that was not answered.
        """
        bucket, now = self._bucket(route), trio.current_time()
        bucket.under_way = max(bucket.under_way - 1, 0)
        bucket.remaining = max(bucket.remaining - 1, 0)
        bucket = self._learn(route, bucket, posted, now)
        limited = _limited(posted) if posted.status == TOO_MANY else None
        if limited is not None and limited.of_all:
            self._all_from = max(self._all_from, now + limited.wait_s)
        elif limited is not None:
            bucket.remaining, bucket.reset_at = 0, now + limited.wait_s
        bucket.wake()
        return limited

    def _learn(self, route: Route, bucket: _Bucket, posted: Posted, now: float) -> _Bucket:
        name = posted.headers.get(b"x-ratelimit-bucket", b"").decode("latin-1")
        if name and self._names.get(route.name) != name:
            self._rename(route.name, name)
            bucket = self._bucket(route)
        limit, remaining, after_s = (
            _number(posted, b"x-ratelimit-" + each)
            for each in (b"limit", b"remaining", b"reset-after")
        )
        if limit is not None and remaining is not None and after_s is not None:
            bucket.learn(int(limit), int(remaining), after_s, now)
        return bucket

    def _rename(self, route_name: str, name: str) -> None:
        """The route's buckets are those of *name*, which other routes may have, too."""
        before = self._names.get(route_name, route_name)
        self._names[route_name] = name
        for key in [key for key in self._buckets if key.name == before]:
            old = self._buckets.pop(key)
            kept = self._buckets.setdefault(Route(name, key.of), old)
            if kept is not old:
                kept.under_way += old.under_way
                old.wake()

    def _bucket(self, route: Route) -> _Bucket:
        key = Route(self._names.get(route.name, route.name), route.of)
        bucket = self._buckets.pop(key, None) or _Bucket()
        if len(self._buckets) >= self._most:
            del self._buckets[next(iter(self._buckets))]
        self._buckets[key] = bucket
        return bucket


def _limited(posted: Posted) -> Limited:
    try:
        said = msgspec.json.decode(posted.body or b"{}", type=_Said)
    except ValueError:  # what stands before Discord speaks otherwise
        said = _Said()
    asked = max(_number(posted, b"retry-after") or 0.0, min(max(said.retry_after, 0.0), LONGEST_S))
    headers = posted.headers
    scope = headers.get(b"x-ratelimit-scope", b"")
    is_global = said.is_global or scope == b"global" or b"x-ratelimit-global" in headers
    # Without any word on buckets it is not Discord's API that says so, but what guards it.
    is_banned = not scope and b"x-ratelimit-limit" not in headers
    return Limited(asked or UNSAID_S, of_all=is_global or is_banned)


def _number(posted: Posted, name: bytes) -> float | None:
    """A header's number, if it is one that can be waited for."""
    try:
        number = float(posted.headers[name])
    except (KeyError, ValueError):
        return None
    return min(max(number, 0.0), LONGEST_S) if math.isfinite(number) else None
