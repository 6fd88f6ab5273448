"""One port: each request of each connection goes to the hub or to HTTP."""

from __future__ import annotations

import errno
from collections.abc import Mapping, Sequence
from http import HTTPStatus

import structlog
import trio

from server.edge.heads import Head, Refused, read_head, refuse
from server.edge.http_lane import HttpLane
from server.edge.hub import Hub
from server.edge.limits import EdgeLimits
from server.edge.opening import (
    Route,
    Unacceptable,
    acceptance,
    arrival,
    check_handshake,
    check_origin,
    choose_subprotocol,
    detach,
)
from server.edge.proxies import Trust

NO_DESCRIPTORS = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
PAUSE = 0.1
LAST_CALL = 0.1  # for what the kernel has accepted already, and heads on their way, at the stop


class Door:
    """Accepts, reads heads, and lets in.

    At most ``max_door`` sockets are in its hands; more wait in the kernel's line. Its log never
    sees a query, where a token may be.
    """

    def __init__(
        self,
        *,
        hub: Hub,
        http: HttpLane,
        routes: Mapping[str, Route],
        limits: EdgeLimits,
        trust: Trust,
        log: structlog.typing.FilteringBoundLogger,
    ) -> None:
        self._hub = hub
        self._http = http
        self._routes = routes
        self._limits = limits
        self._trust = trust
        self._log = log
        self._room = trio.Semaphore(limits.max_door)
        self._accepting = trio.CancelScope()
        self._silent: set[trio.CancelScope] = set()
        self._stopping = False
        self._finished = trio.Event()

    async def serve(
        self,
        listeners: Sequence[trio.SocketListener],
        *,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Let in until ``stop``; then return when requests at hand are answered, or not in time."""
        try:
            async with self._http.open(), trio.open_nursery() as guests:
                try:
                    with self._accepting:
                        async with trio.open_nursery() as nursery:
                            for listener in listeners:
                                nursery.start_soon(self._accept, listener, guests)
                            task_status.started()
                finally:
                    for listener in listeners:
                        listener.socket.close()
                await self._http.terminate()
                now = trio.current_time()
                for scope in self._silent:
                    scope.deadline = min(scope.deadline, now + LAST_CALL)
                guests.cancel_scope.deadline = now + self._limits.finish_deadline
        finally:
            self._finished.set()

    def stop(self) -> None:
        """Accept no more than those who knock already, and let ``serve`` come to its end."""
        self._stopping = True
        self._accepting.deadline = trio.current_time() + LAST_CALL

    async def finished(self) -> None:
        """Wait until ``serve`` has come to its end."""
        await self._finished.wait()

    async def _accept(self, listener: trio.SocketListener, guests: trio.Nursery) -> None:
        while True:
            await self._room.acquire()
            try:
                stream = await listener.accept()
            except OSError as exc:
                self._room.release()
                if exc.errno not in NO_DESCRIPTORS:
                    raise
                self._log.error("cannot accept", reason=exc.strerror)
                await trio.sleep(PAUSE)
            else:
                guests.start_soon(self._receive, stream)

    async def _receive(self, stream: trio.SocketStream) -> None:
        try:
            await self._converse(stream)
        except* (OSError, trio.BrokenResourceError, trio.ClosedResourceError):
            pass  # the peer left
        except* Exception:  # noqa: BLE001 - the process's edge: one connection's fault must not close the door
            self._log.exception("connection failed")
        finally:
            self._room.release()
            if stream.socket.fileno() >= 0:  # not the hub's
                await stream.aclose()

    async def _converse(self, stream: trio.SocketStream) -> None:
        peer = stream.socket.getpeername()[0]
        head = await self._first_head(stream)
        while isinstance(head, Head):
            if self._is_for_the_hub(head):
                head = self._open(stream, head, peer)
            else:
                head = await self._http.serve(stream, head, until=self._is_for_the_hub)
        if head is not None:
            await refuse(stream, *head)

    async def _first_head(self, stream: trio.SocketStream) -> Head | Refused | None:
        within = LAST_CALL if self._stopping else self._limits.opening_deadline
        with trio.move_on_after(within) as scope:
            self._silent.add(scope)
            try:
                return await read_head(stream, b"", self._limits.max_head)
            finally:
                self._silent.remove(scope)
        return None if self._stopping else Refused(HTTPStatus.REQUEST_TIMEOUT)

    def _open(self, stream: trio.SocketStream, head: Head, peer: str) -> Refused | None:
        """Hand the socket to the hub, or say why not."""
        try:
            route = self._route(head)
            check_handshake(head)
            check_origin(head, self._trust.origins)
            subprotocol = choose_subprotocol(head)
        except Unacceptable as exc:
            return Refused(exc.status, exc.detail)
        told = arrival(head, route, subprotocol, peer, self._trust.proxies)
        greeting = acceptance(head, subprotocol)
        self._hub.adopt(
            detach(stream), head.rest, told, route.make_handler, greeting, limits=route.limits
        )
        return None

    def _is_for_the_hub(self, head: Head) -> bool:
        """Whether it wants a WebSocket, or forgot to say so: HTTP has nothing at those paths."""
        return head.upgrades or (head.request.method == b"GET" and head.path in self._routes)

    def _route(self, head: Head) -> Route:
        route = self._routes.get(head.path)
        if route is None:
            raise Unacceptable(HTTPStatus.NOT_FOUND)
        if self._hub.full:
            raise Unacceptable(HTTPStatus.SERVICE_UNAVAILABLE)
        return route
