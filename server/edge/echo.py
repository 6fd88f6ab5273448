"""The route ``/echo``: every line of the hub under test, and no chat."""

from __future__ import annotations

from dataclasses import replace

from server.edge.connection import Connection
from server.edge.framing import ws_frame
from server.edge.limits import MIB, EdgeLimits

ECHO_FRAME = 32 * MIB


class Echo:
    """Sends back each message as it came."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        connection.admit()

    def message(self, data: bytes, text: bool) -> None:  # noqa: FBT001
        """Echo it."""
        self._connection.offer(ws_frame(data, text=text))

    def drained(self, skipped: int) -> None:
        """Nothing to catch up with."""

    def closed(self) -> None:
        """Nothing to clean up."""


def echo_limits(limits: EdgeLimits) -> EdgeLimits:
    """The edge's limits with room for the echo's large messages."""
    return replace(limits, max_frame=ECHO_FRAME, outbox_cap=2 * ECHO_FRAME)
