"""What the HTTP floor needs of a rate limiter and a log, and nothing about how it is done."""

from __future__ import annotations

from typing import NamedTuple, Protocol


class Rate(NamedTuple):
    """So many a second in the long run, and so many at once."""

    per_second: float
    burst: int


class Limits(Protocol):
    """Token buckets by key."""

    async def take(self, key: str, rate: Rate) -> float:
        """Take one; 0.0 when it was there, else seconds until one is."""

    async def forget(self, key: str) -> None:
        """Start *key* anew, with a full bucket."""


class Log(Protocol):
    """The one thing wanted of a logger."""

    def error(self, event: str, **fields: object) -> object:
        """Note a failure of ours."""
