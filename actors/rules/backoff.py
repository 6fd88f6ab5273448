"""How long to wait before the next attempt: exponential, with full jitter."""

from __future__ import annotations


def wait_ms(
    attempt: int,
    chance: float,
    *,
    base_ms: int = 500,
    most_ms: int = 60_000,
    at_least_ms: int = 0,
) -> int:
    """Milliseconds to wait after *attempt* (1: the first) has failed.

    *chance* is random, from 0 to 1: of up to *base_ms*, doubled with each further attempt and
    *most_ms* at most, that part is waited. It comes on top of *at_least_ms*, which is what the
    other side asked for (``Retry-After``): else all who were told the same would come back at once.

    >>> [wait_ms(attempt, 1.0) for attempt in (1, 2, 3, 8, 9)]
    [500, 1000, 2000, 60000, 60000]
    >>> wait_ms(1, 0.5, at_least_ms=3_000)
    3250
    """
    if attempt < 1:
        raise ValueError(f"attempt {attempt}")
    most = min(most_ms, base_ms << min(attempt - 1, 40))
    return at_least_ms + round(most * chance)
