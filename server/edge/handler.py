"""What drives a connection: a chat session, or the echo."""

from __future__ import annotations

from typing import NamedTuple, Protocol, runtime_checkable


class Handler(Protocol):
    """What a connection drives. Nothing here waits; what it raises costs this connection alone."""

    def message(self, data: bytes, text: bool) -> None:  # noqa: FBT001
        """Take one whole message. Text is valid UTF-8."""

    def drained(self, skipped: int) -> None:
        """Go on: the outbox fell under its low-water mark, and *skipped* state frames."""

    def closed(self) -> None:
        """Forget the connection: nothing comes or goes any more. Called exactly once."""


@runtime_checkable
class Parting(Protocol):
    """A handler that has a last word when the edge closes its connection."""

    def farewell(self, code: int, reason: str) -> bytes | None:
        """What goes out before the close frame, framed; None for nothing. It offers nothing."""


class Nobody:
    """The handler of a connection that is closing."""

    __slots__ = ()

    def message(self, data: bytes, text: bool) -> None:  # noqa: FBT001
        """Drop it."""

    def drained(self, skipped: int) -> None:
        """Do nothing."""

    def closed(self) -> None:
        """Do nothing."""


NOBODY = Nobody()


class Arrival(NamedTuple):
    """What the opening handshake said."""

    path: str
    text: bool  # the codec is JSON
    peer: str
    query_token: str | None = None
    header_token: str | None = None
    is_clear: bool = False  # nobody else than the peer can be the client
