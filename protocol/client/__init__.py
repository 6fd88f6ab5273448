"""The Python client: a pure core, and a thin shell around it on trio and trio-websocket."""

from protocol.client.errors import (
    ClientClosed,
    ClientError,
    ConnectionLost,
    RequestError,
    RequestTimeout,
)
from protocol.client.export import Export
from protocol.client.files import Download
from protocol.client.record import Record
from protocol.client.shell import Client, open_client

__all__ = [
    "Client",
    "ClientClosed",
    "ClientError",
    "ConnectionLost",
    "Download",
    "Export",
    "Record",
    "RequestError",
    "RequestTimeout",
    "open_client",
]
