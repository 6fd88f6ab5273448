"""A client in Python: pure parts (outbox, resume, backoff) and a thin shell on trio-websocket."""

from protocol.client.records import (
    ClientClosed,
    ClientError,
    ConnectionLost,
    Record,
    RequestError,
)
from protocol.client.shell import Client, open_client

__all__ = [
    "Client",
    "ClientClosed",
    "ClientError",
    "ConnectionLost",
    "Record",
    "RequestError",
    "open_client",
]
