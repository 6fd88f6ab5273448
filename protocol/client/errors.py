"""What can go wrong for a program that uses the client.

ClientError
├── RequestError     the server refused this request: decide by ``code``
├── RequestTimeout   no answer in time; a send may have been stored all the same
├── ConnectionLost   the connection went, and the request does not outlive it
└── ClientClosed     the client is over and does not come back by itself
"""

from __future__ import annotations

from collections.abc import Mapping


class ClientError(Exception):
    """Base of what the client raises."""


class RequestError(ClientError):
    """A request refused. ``code`` is one of the protocol's; ``fields`` says what is wrong."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        fields: Mapping[str, str] | None = None,
        retry_after_ms: int | None = None,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.fields = fields or {}
        self.retry_after_ms = retry_after_ms


class RequestTimeout(ClientError):
    """No answer came in time. ``id`` is that of a send or a new room: again with it is safe."""

    def __init__(self, message: str, *, id: str | None = None) -> None:  # noqa: A002 - the wire's name
        super().__init__(message)
        self.id = id


class ConnectionLost(ClientError):
    """There is no connection (any more). The client goes on trying for as long as it is open."""


class ClientClosed(ClientError):
    """Over for good: the server said not to come back, or the program left.

    ``code`` is a close code, or the HTTP status with which the opening was refused.
    """

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code} {reason}".rstrip())
        self.code = code
        self.reason = reason


class BrokenStream(Exception):
    """What came is not the protocol, or has a hole: only a new connection mends it."""
