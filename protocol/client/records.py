"""What the application sees: frames with attributes, and errors.

ClientError
├── RequestError      the server refused one request; decide by ``code``
├── ConnectionLost    the connection broke before the answer; the request may or may not have worked
└── ClientClosed      the server does not want this client back; ``code`` says why
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Record:
    """A frame of the server. A field that is absent reads as None.

    >>> event = Record({"t": "message", "seq": 7})
    >>> event.t, event.seq, event.thread
    ('message', 7, None)
    """

    __slots__ = ("fields",)

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self.fields = fields

    def __getattr__(self, name: str) -> Any:
        return self.fields.get(name)

    def __repr__(self) -> str:
        return f"Record({dict(self.fields)!r})"


class ClientError(Exception):
    """Base of what a client raises."""


class RequestError(ClientError):
    """The server refused a request. ``fields`` maps field names to what is wrong."""

    def __init__(self, error: Record) -> None:
        super().__init__(f"{error.code}: {error.message}")
        self.code: str = error.code
        self.fields: Mapping[str, str] = error.fields.get("fields", {})


class ConnectionLost(ClientError):
    """The connection broke before the answer came."""


class ClientClosed(ClientError):
    """The server closed for good, with a code from 4500 on."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code} {reason}".strip())
        self.code, self.reason = code, reason
