"""What a connection asks of its hub."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

import structlog

from server.edge.handler import Handler

if TYPE_CHECKING:
    from server.edge.connection import Connection


class Reactor(Protocol):
    """The hub, as its connections know it. ``now`` is the time of the turn."""

    now: float
    mark_dirty: Callable[[Connection], None]  # its outbox is no longer empty
    frames_in: int
    strangers: int
    bytes_out: int
    log: structlog.typing.FilteringBoundLogger

    def write(self, connection: Connection) -> None:
        """Write its outbox now."""

    def watch(self, connection: Connection) -> None:
        """Make what epoll reports fit what the connection wants to do."""

    def carry(self, connection: Connection) -> None:
        """Give it a share of the next turn, although its socket may have nothing new."""

    def part(self, handler: Handler) -> None:
        """Tell *handler* at the end of the turn that its connection is closed."""

    def bury(self, connection: Connection) -> None:
        """Stop watching now, close the socket at the end of the turn."""

    def grew(self, count: int) -> bool:
        """Count bytes of backlog; whether all of them together may grow on."""
