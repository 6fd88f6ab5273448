"""Requests to an endpoint, with bounds on everything, and an exact word on how far each came."""

from __future__ import annotations

import ssl
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import httpcore2
import trio

from server.providers.addresses import AddressRefused, GuardedBackend
from server.providers.endpoints import Endpoint

LONGEST_ANSWER = 64 * 1024
KEPT_ALIVE_S = 4.0
"""Less than the 5 s after which many servers close: a request must not meet their goodbye."""

Method = Literal["POST", "DELETE"]

_LEAVES = "http11.send_request_headers.started"
_FAULTS = (httpcore2.NetworkError, httpcore2.TimeoutException, httpcore2.ProtocolError)


class Deadlines(NamedTuple):
    """Seconds; both together are the longest that a request can take."""

    leaving: float = 5.0
    """For a free connection, or the name, the connection and TLS."""
    answer: float = 5.0
    """From the first byte that leaves to the last of the answer."""


@dataclass(slots=True)
class Posted:
    """How far a request came."""

    left: bool = False
    """Whether any of it may have left. Before that nobody can have acted on it."""
    address_refused: bool = False
    status: int | None = None
    """None: no answer, or one that is none."""
    headers: Mapping[bytes, bytes] = field(default_factory=dict)
    """By names in lower case."""
    body: bytes | None = None
    """None: cut off, late, or too long."""


class Poster:
    """So many *connections* to endpoints, kept alive: to wait for one takes of the time to leave.
    Redirects are not followed, nothing is tried twice.
    """

    def __init__(
        self,
        backend: GuardedBackend,
        *,
        tls: ssl.SSLContext,
        connections: int,
        deadlines: Deadlines = Deadlines(),  # noqa: B008 - does not change
    ) -> None:
        self._deadlines = deadlines
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=tls,
            max_connections=connections,
            keepalive_expiry=KEPT_ALIVE_S,
            network_backend=backend,
        )

    async def post(self, endpoint: Endpoint, headers: Mapping[str, str], content: bytes) -> Posted:
        """Send *content*: JSON, unless *headers* have another ``Content-Type``."""
        return await self.request("POST", endpoint, headers, content)

    async def request(
        self,
        method: Method,
        endpoint: Endpoint,
        headers: Mapping[str, str],
        content: bytes | None = None,
    ) -> Posted:
        """Send it. Every fault of network and peer is in what is returned.

        Cancelled from outside, one that had left may have been acted on.
        """
        posted = Posted()
        with trio.move_on_after(self._deadlines.leaving) as scope:

            async def noted(event: str, _info: object) -> None:
                if event == _LEAVES:
                    posted.left = True
                    scope.deadline = trio.current_time() + self._deadlines.answer

            try:
                async with self._pool.stream(
                    method,
                    _url(endpoint),
                    headers=_all_headers(endpoint, headers, content),
                    content=content,
                    extensions={"trace": noted},
                ) as response:
                    await _read(response, posted)
            except _FAULTS as error:
                posted.address_refused = isinstance(error, AddressRefused)
        return posted

    async def aclose(self) -> None:
        """Close every connection."""
        await self._pool.aclose()


async def _read(response: httpcore2.Response, posted: Posted) -> None:
    posted.status = response.status
    posted.headers = {name.lower(): value for name, value in response.headers}
    body = bytearray()
    async with aclosing(response.aiter_stream()) as parts:
        async for part in parts:
            body += part
            if len(body) > LONGEST_ANSWER:
                return
    posted.body = bytes(body)


def _url(endpoint: Endpoint) -> httpcore2.URL:
    scheme, host, port, target = endpoint
    return httpcore2.URL(scheme=scheme, host=host, port=port, target=target)


def _all_headers(
    endpoint: Endpoint, headers: Mapping[str, str], content: bytes | None
) -> Sequence[tuple[bytes | str, bytes | str]]:
    kind = {} if content is None else {"Content-Type": "application/json"}
    return [
        ("Host", endpoint.authority()),
        ("Accept", "application/json"),
        ("Accept-Encoding", "identity"),
        *(kind | {**headers}).items(),
    ]
