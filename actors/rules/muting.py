"""How long a member hears nothing of a room."""

from __future__ import annotations

from msgspec import UNSET, UnsetType

from protocol.fields import FOREVER


def muted_until(until: int, *, now: int) -> int | UnsetType:
    """When a mute that ends will end, milliseconds since the epoch; unset for any other.

    >>> muted_until(2_000, now=1_000)
    2000
    >>> muted_until(2_000, now=3_000)
    UNSET
    """
    return until if now < until < FOREVER else UNSET
