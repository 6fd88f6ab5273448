"""How many a campaign goes to before it goes to all (specification 002): 1 %, then 10 %."""

from __future__ import annotations

SHARES = (100, 10)


def ramp_limit(total: int, done: int) -> int | None:
    """How many of *total* may have been begun with while *done* are settled; None for all.

    Each step is at least one, and ends when all of it are settled.

    >>> [ramp_limit(1_000, done) for done in (0, 9, 10, 99, 100)]
    [10, 10, 100, 100, None]
    >>> [ramp_limit(5, done) for done in (0, 1)]
    [1, None]
    """
    for share in SHARES:
        limit = max(1, total // share)
        if done < limit:
            return limit
    return None


def ends_step(total: int, before: int, done: int) -> bool:
    """Whether a step is over with *done* settled that was not with *before*.

    >>> ends_step(1_000, 9, 10), ends_step(1_000, 10, 11), ends_step(1_000, 100, 500)
    (True, False, False)
    """
    return ramp_limit(total, before) != ramp_limit(total, done)
