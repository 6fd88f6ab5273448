"""The numbers of campaigns: those of specification 002, and what it leaves open."""

from __future__ import annotations

import msgspec


class CampaignNumbers(msgspec.Struct, frozen=True, kw_only=True):
    """What is set for all campaigns of a node. Times are in seconds."""

    page: int = 1_000
    """People read into the ledger at once."""
    batch: int = 100
    """Of these, so many are handed to a worker."""
    workers: int = 10
    """Of each channel; these do not end."""
    workers_most: int = 50
    keep_alive_s: float = 60.0
    """How long a worker beyond those may be idle."""
    queue: int = 1_000
    """Recipients that wait for a worker; with more the reader runs a batch itself."""
    drain_s: float = 30.0
    """For what was begun with, when the node stops."""

    statement_s: float = 30.0
    """For one answer of the store."""
    slow_s: float = 2.0
    """A call that takes longer, or fails (the store may be short of memory), is followed by one of
    half the size.
    """

    calls: int = 2
    """Calls of the store at once that deliver in the app."""
    joined: int = 1_000
    """Recipients of such a call."""
    linger_s: float = 0.005
    """How long fewer than that are waited with."""
    beside: int = 25
    """Recipients of a call after one during which the chat of this node stored something."""
    rest: float = 30.0
    """How many times as long as such a call took it is rested after it."""

    chunk: int = 10
    """Recipients that are begun with at once for the provider."""
    connections: int = 60
    """To the provider; so many are begun with at most: 50 are busy while a chunk is begun with."""
    line: int = 5
    """Chunks for which a token was taken, and which are being begun with."""
    attempts: int = 5
    send_s: float = 30.0
    """For one answer of the provider."""
    leased_s: float = 120.0
    """From beginning with a recipient to the result."""

    failure_limit: float = 0.5
    window: int = 200
    """Results that are judged by it, from ``enough`` on."""
    enough: int = 50
    stall_s: float = 60.0
    """Without progress, though something is due, or in the queue: then an alert is raised."""
