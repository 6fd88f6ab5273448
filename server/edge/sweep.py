"""What is due on one connection: looked at once a second, instead of timers per connection."""

from __future__ import annotations

import select

from protocol.close import CloseCode
from server.edge.connection import Connection
from server.edge.framing import ping_frame

PING = ping_frame()


def tend(connection: Connection, now: float) -> None:
    """Ping, or cut off, as the limits say."""
    if connection.gone:
        return
    limits = connection.limits
    if connection.closing:
        if now > connection.close_by:
            connection.lost()
        return
    backlog = connection.backlog
    if backlog is not None and now - backlog.moved > limits.write_deadline:
        connection.lost()
        return
    if connection.paused:
        _tend_paused(connection)
        return
    since = connection.inbound.unfinished_since
    if since and now - since > limits.frame_deadline:
        connection.fail(CloseCode.PROTOCOL_ERROR, "a message was left unfinished")
        return
    _tend_traffic(connection, now, limits.ping_ms / 1000)


def _tend_traffic(connection: Connection, now: float, every: float) -> None:
    if now - connection.last_heard > 2 * every:
        connection.dismiss(CloseCode.NO_TRAFFIC, "no traffic")
    elif now >= connection.next_ping:
        connection.next_ping = now + every
        if connection.backlog is None:
            connection.offer(PING)


def _tend_paused(connection: Connection) -> None:
    """Its silence is our doing, and epoll does not tell of its end."""
    poll = select.poll()
    poll.register(connection.sock, 0)
    if poll.poll(0):
        connection.lost()
