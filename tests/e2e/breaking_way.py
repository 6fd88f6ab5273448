"""A way to a server that breaks in the middle of some answers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial

import trio
from running_server import RunningServer


class BreakingWay:
    """Passes connections on, and breaks those that begin with ``request``, ``times`` times.

    Such a one ends once the server has answered, ``after`` so many bytes of the answer.
    """

    def __init__(self, server: RunningServer, request: bytes, *, after: int, times: int) -> None:
        self.url = ""
        self.broken = 0
        self._port, self._request = server.port, request
        self._after, self._times = after, times

    async def join(self, near: trio.SocketStream) -> None:
        far = await trio.open_tcp_stream("127.0.0.1", self._port)
        async with near, far, trio.open_nursery() as nursery:
            first = bytes(await near.receive_some())
            breaks = first.startswith(self._request) and self.broken < self._times
            await far.send_all(first)
            nursery.start_soon(_carry, near, far)
            with suppress(trio.BrokenResourceError):
                await (self._break(far, near) if breaks else _carry(far, near))
            nursery.cancel_scope.cancel()

    async def _break(self, far: trio.SocketStream, near: trio.SocketStream) -> None:
        left = self._after
        async for data in far:
            await near.send_all(bytes(data[:left]))
            left -= len(data)
            if left <= 0:
                break
        self.broken += 1


@asynccontextmanager
async def breaking_way(
    server: RunningServer, request: bytes, *, after: int = 0, times: int = 1
) -> AsyncIterator[BreakingWay]:
    way = BreakingWay(server, request, after=after, times=times)
    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(partial(trio.serve_tcp, way.join, 0, host="127.0.0.1"))
        way.url = f"http://127.0.0.1:{listeners[0].socket.getsockname()[1]}"
        yield way
        nursery.cancel_scope.cancel()


async def _carry(one: trio.SocketStream, other: trio.SocketStream) -> None:
    with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
        async for data in one:
            await other.send_all(data)
