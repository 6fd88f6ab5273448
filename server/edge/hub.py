"""One task for all WebSockets: an epoll inside trio's."""

from __future__ import annotations

import os
import select
import socket
import time
from collections import deque
from collections.abc import Callable, Iterable
from random import Random
from typing import NamedTuple

import structlog
import trio

from server.edge.connection import Connection
from server.edge.handler import Arrival, Handler
from server.edge.limits import EdgeLimits
from server.edge.sweep import tend

READ = select.EPOLLIN
WRITE = select.EPOLLOUT
ENDED = select.EPOLLHUP | select.EPOLLERR
EVENTS_A_POLL = 512
READ_SIZE = 64 * 1024
READING_BUDGET = 0.002
SWEEP_EVERY = 1.0
SWEPT_AT_ONCE = 1_000


class HubStatistics(NamedTuple):
    """Counts since the start, but for the first three, which are of now."""

    connections: int
    backlog_bytes: int
    carried: int
    opened: int
    frames_in: int
    bytes_in: int
    bytes_out: int
    dirty_peak: int
    turns: int


class Hub:
    """Reads every socket, lets handlers work, writes every outbox: once per turn.

    A socket's number is free for others only after the turn in which the socket was buried. What
    handlers do within a turn is written at its end; who offers from elsewhere calls ``flush``.
    """

    def __init__(
        self,
        limits: EdgeLimits,
        *,
        random: Random,
        log: structlog.typing.FilteringBoundLogger,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.log = log
        self.now = trio.current_time()
        self._dirty: list[Connection] = []
        self.mark_dirty = self._dirty.append  # for a connection whose outbox is no longer empty
        self.strangers = 0  # sockets whose user is not known yet
        self.frames_in = self.bytes_in = self.bytes_out = 0
        self._limits = limits
        self._random = random
        self._clock = clock
        self._by_number: dict[int, Connection] = {}
        self._line: deque[Connection] = deque()  # those to be read
        self._parting: list[Handler] = []
        self._buried: list[Connection] = []
        self._backlog = 0
        self._opened = self._turns = self._dirty_peak = 0
        self._stopped_with: int | None = None
        self._empty = trio.Event()
        self._sleeping = True  # between two turns
        self._awake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._epoll = select.epoll()
        self._epoll.register(self._awake, READ)

    # For the application.

    def adopt(
        self,
        sock: socket.socket,
        rest: bytes,
        arrival: Arrival,
        make_handler: Callable[[Connection], Handler],
        greeting: bytes = b"",
        *,
        limits: EdgeLimits | None = None,
    ) -> Connection:
        """Own *sock* from here on; *rest* is what came after the opening handshake.

        *greeting* goes before everything: the answer to that handshake.
        """
        limits = limits or self._limits
        sock.setblocking(False)  # noqa: FBT003
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, limits.send_buffer)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, limits.send_buffer)
        connection = Connection(self, sock, arrival, limits=limits, rest=rest)
        connection.since = connection.last_heard = trio.current_time()
        connection.next_ping = connection.since + self._random.random() * limits.ping_ms / 1000
        self._by_number[sock.fileno()] = connection
        self._opened += 1
        self.strangers += 1
        self.watch(connection)
        if greeting:
            connection.offer(greeting)
        connection.start(make_handler)
        if self._stopped_with is not None:
            connection.dismiss(self._stopped_with)
        if rest:
            self.carry(connection)
        if greeting:
            self.write(connection)
        return connection

    def flush(self) -> None:
        """Write every dirty outbox."""
        dirty = self._dirty
        self._dirty_peak = max(self._dirty_peak, len(dirty))
        self._write(dirty)
        dirty.clear()

    async def run(self) -> None:
        """Serve until cancelled."""
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._sweep)
                await self._take_turns()
        finally:
            self._abandon()

    async def stop(
        self,
        code: int = 1001,
        goodbye: Callable[[Connection], bytes | None] = lambda _: None,
        *,
        within: float | None = None,
    ) -> None:
        """Say *goodbye* to all, close them with *code*, and cut off who is left at the deadline."""
        self._stopped_with = code
        for connection in list(self._by_number.values()):
            if connection.closing:
                continue
            last = goodbye(connection)
            if last is not None:
                connection.offer(last)
            connection.close(code)
        with trio.move_on_after(self._limits.stop_deadline if within is None else within):
            await self._emptied()
        for connection in list(self._by_number.values()):
            connection.lost()
        self._finish()

    async def _emptied(self) -> None:
        self._empty = trio.Event()
        if self._by_number:
            await self._empty.wait()

    @property
    def full(self) -> bool:
        """Whether no more sockets may come, or no more whose user is not known yet."""
        most = self._limits
        return self.strangers >= most.max_strangers or len(self._by_number) >= most.max_connections

    def statistics(self) -> HubStatistics:
        """Counts for the metrics."""
        return HubStatistics(
            connections=len(self._by_number),
            backlog_bytes=self._backlog,
            carried=len(self._line),
            opened=self._opened,
            frames_in=self.frames_in,
            bytes_in=self.bytes_in,
            bytes_out=self.bytes_out,
            dirty_peak=self._dirty_peak,
            turns=self._turns,
        )

    # For connections.

    def write(self, connection: Connection) -> None:
        """Write its outbox now."""
        self._write((connection,))

    def watch(self, connection: Connection) -> None:
        """Make what epoll reports fit what the connection wants to do.

        Nothing wanted: unregistered, for a mask of zero still reports a hang-up, again and again.
        """
        wanted = 0 if connection.paused else READ
        if connection.backlog is not None:
            wanted |= WRITE
        had = connection.mask
        if wanted == had or connection.gone:
            return
        connection.mask = wanted
        if not had:
            self._epoll.register(connection.sock, wanted)
        elif wanted:
            self._epoll.modify(connection.sock, wanted)
        else:
            self._epoll.unregister(connection.sock)

    def carry(self, connection: Connection) -> None:
        """Put it in the line of those to be read."""
        if not connection.carried:
            connection.carried = True
            self._line.append(connection)
            self._wake()

    def part(self, handler: Handler) -> None:
        """Tell *handler* at the end of the turn that its connection is closed."""
        self._parting.append(handler)
        self._wake()

    def bury(self, connection: Connection) -> None:
        """Stop watching now, close the socket at the end of the turn."""
        if connection.mask:
            connection.mask = 0
            self._epoll.unregister(connection.sock)
        self._buried.append(connection)
        self._wake()

    def grew(self, count: int) -> bool:
        """Count bytes of backlog; whether all of them together may grow on."""
        self._backlog += count
        return self._backlog <= self._limits.backlog_cap

    # The turn.

    async def _take_turns(self) -> None:
        number = self._epoll.fileno()
        while True:
            if self._line:
                await trio.lowlevel.checkpoint()
            else:
                await trio.lowlevel.wait_readable(number)
            self._turn()

    def _turn(self) -> None:
        self.now = trio.current_time()
        self._sleeping = False
        self._poll()
        self._read(self._clock() + READING_BUDGET)
        self.flush()
        self._finish()
        self._sleeping = True
        self._turns += 1

    def _poll(self) -> None:
        line, by_number = self._line, self._by_number
        for number, events in self._epoll.poll(0, EVENTS_A_POLL):
            connection = by_number.get(number)
            if connection is None:
                os.eventfd_read(self._awake)
                continue
            if events & WRITE:
                connection.write_backlog()
            if events & READ:
                if not connection.carried:
                    connection.carried = True
                    line.append(connection)
            elif events & ENDED:
                connection.lost()

    def _read(self, until: float) -> None:
        """Read those in the line until the time is up; the others come first in the next turn."""
        line, clock = self._line, self._clock
        for _ in range(len(line)):
            connection = line.popleft()
            connection.carried = False
            if connection.gone:
                continue
            self.bytes_in += connection.read(READ_SIZE)
            if clock() > until:
                break

    def _write(self, connections: Iterable[Connection]) -> None:
        """One ``send`` each; what a socket refuses becomes its backlog.

        Members of one room often wait for the very same frames: those are joined once.
        """
        written = 0
        joined, frames = b"", None
        for connection in connections:
            out = connection.out
            if type(out) is not list or not out:
                continue  # blocked, closed or written since it became dirty
            if len(out) == 1:
                data = out[0]
            elif out == frames:
                data = joined
            else:
                data = joined = b"".join(out)
                frames = out
            try:
                sent = connection.sock.send(data)
            except BlockingIOError:
                sent = 0
            except OSError:
                connection.lost()
                continue
            written += sent
            if sent == len(data):
                connection.out = []
            else:
                connection.block(out, sent)
        self.bytes_out += written

    def _finish(self) -> None:
        while self._parting:
            handler = self._parting.pop()
            try:
                handler.closed()
            except Exception:  # the hub's edge: one handler's fault must not end all
                self.log.exception("handler failed", doing="closed")
        while self._buried:
            connection = self._buried.pop()
            del self._by_number[connection.sock.fileno()]
            connection.sock.close()
            connection.admit()
        if not self._by_number:
            self._empty.set()

    def _wake(self) -> None:
        if self._sleeping:
            os.eventfd_write(self._awake, 1)

    # The sweep.

    async def _sweep(self) -> None:
        while True:
            await trio.sleep(SWEEP_EVERY)
            connections = list(self._by_number.values())
            for start in range(0, len(connections), SWEPT_AT_ONCE):
                now = trio.current_time()
                for connection in connections[start : start + SWEPT_AT_ONCE]:
                    tend(connection, now)
                self.flush()
                await trio.lowlevel.checkpoint()

    def _abandon(self) -> None:
        for connection in list(self._by_number.values()):
            connection.lost()
        self._finish()
        self._sleeping = False
        self._epoll.close()
        os.close(self._awake)
