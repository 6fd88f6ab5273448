"""The paths that lead to the hub."""

from __future__ import annotations

from collections.abc import Callable

from server.edge.connection import Connection
from server.edge.echo import Echo, echo_limits
from server.edge.handler import Handler
from server.edge.limits import EdgeLimits
from server.edge.opening import Route

CHAT = "/ws"
SEEDS = ("/api/v1/chats/ws", "/api/ws/notifications")  # specification 001's clients speak JSON
ECHO = "/echo"


def routes(
    make_session: Callable[[Connection], Handler], limits: EdgeLimits, *, echo: bool
) -> dict[str, Route]:
    """Chat at its three paths, and the echo if it is wanted."""
    table = {CHAT: Route(make_session, limits)}
    table.update((path, Route(make_session, limits, text=True)) for path in SEEDS)
    if echo:
        table[ECHO] = Route(Echo, echo_limits(limits))
    return table
