"""One WebSocket of the hub: an object, not a task."""

from __future__ import annotations

import socket
from collections.abc import Callable, Hashable
from contextlib import suppress

import trio

from protocol.close import CloseCode
from server.edge.framing import EMPTY_CLOSE, close_frame, pong_frame
from server.edge.handler import NOBODY, Arrival, Handler, Parting
from server.edge.inbound import Inbound
from server.edge.limits import EdgeLimits
from server.edge.odd_frames import CloseHeard, Heard, PingHeard, PongHeard, Whole
from server.edge.outbox import SINK, Backlog, Sink
from server.edge.reactor import Reactor

WRITES_A_TURN = 4
NO_CODE = 1005  # stands for a close frame without a code


class Connection:
    """Between the opening handshake and the end of TCP.

    ``out`` is a plain list while the socket takes everything, a ``Backlog`` while it does not, and
    the ``SINK`` from the close on. A list that is not empty is always marked dirty in the hub.
    """

    __slots__ = (
        "_fresh",
        "_hub",
        "_low_water",
        "_pings",
        "_pings_since",
        "admitted",
        "answered",
        "backlog",
        "carried",
        "close_by",
        "closing",
        "deaf",
        "gone",
        "handler",
        "header_token",
        "inbound",
        "is_clear",
        "last_heard",
        "limits",
        "mask",
        "next_ping",
        "out",
        "path",
        "paused",
        "peer",
        "query_token",
        "since",
        "sock",
        "text",
    )

    def __init__(
        self,
        hub: Reactor,
        sock: socket.socket,
        arrival: Arrival,
        *,
        limits: EdgeLimits,
        rest: bytes,
    ) -> None:
        self._hub = hub
        self.sock = sock
        self.limits = limits
        self.path, self.text, self.peer, self.query_token, self.header_token, self.is_clear = (
            arrival
        )
        self.handler: Handler = NOBODY
        self.out: list[bytes] | Backlog | Sink = []
        self.backlog: Backlog | None = None
        self._low_water = limits.low_water
        self._fresh = 0  # bytes offered since the last write
        self._pings = 0  # and pongs, in the second that began at _pings_since
        self._pings_since = hub.now
        self.inbound = Inbound(limits.max_frame, rest)
        self.since = self.last_heard = hub.now
        self.next_ping = 0.0
        self.close_by = 0.0
        self.mask = 0
        self.admitted = False
        self.carried = False  # it waits in the hub's line of those to be read
        self.paused = False
        self.closing = False  # our close frame is sent or queued
        self.answered = False  # the peer's close frame has come
        self.deaf = False  # nothing the peer sends matters any more
        self.gone = False

    # What a handler calls.

    def admit(self) -> None:
        """The user is known now: count this socket no more among the strangers, who are few."""
        if not self.admitted:
            self.admitted = True
            self._hub.strangers -= 1

    @property
    def congested(self) -> bool:
        """Whether more than the low-water mark waits; ``drained`` tells when it no longer does."""
        return self.backlog is not None and self.backlog.size > self._low_water

    def offer(self, wire: bytes) -> None:
        """Queue a whole framed message. Over the cap the connection is closed with 4008."""
        out = self.out
        if not out:
            self._hub.mark_dirty(self)
            self._fresh = 0
        out.append(wire)
        self._fresh += len(wire)
        if self._fresh > self._low_water:
            self._fresh = 0
            self._hub.write(self)

    def offer_state(self, key: Hashable, wire: bytes) -> None:
        """Queue a state frame; while congested only the newest of *key* is kept."""
        if self.backlog is not None and self.out is self.backlog and self.congested:
            self.backlog.keep(key, wire)
        else:
            self.offer(wire)

    def close(self, code: int, reason: str = "") -> None:
        """Send what is queued and a close frame, wait a little for the peer's, then close TCP."""
        self._end(close_frame(code, reason))

    def dismiss(self, code: int, reason: str = "") -> None:
        """Close for a reason of the edge's own: the handler's farewell comes before the close."""
        if not self.closing:
            self._end(self._farewell(code, reason) + close_frame(code, reason))

    def pause(self) -> None:
        """Read no more; frames read already are kept."""
        self.paused = True

    def resume(self) -> None:
        """Read on."""
        if not self.paused or self.gone:
            return
        self.paused = False
        self.last_heard = trio.current_time()
        self._hub.watch(self)
        if self.inbound.unread:
            self._hub.carry(self)

    # What the hub calls.

    def start(self, make_handler: Callable[[Connection], Handler]) -> None:
        """Be driven by the handler that *make_handler* makes."""
        try:
            handler = make_handler(self)
        except Exception:  # noqa: BLE001 - the hub's edge: one connection's fault must not end all
            self._broken("start")
            return
        if self.closing:
            self._hub.part(handler)
        else:
            self.handler = handler

    def read(self, size: int) -> int:
        """Cut what was left over, or else what the socket has; how many bytes were new."""
        inbound = self.inbound
        if self.paused:
            self._hub.watch(self)
            return 0
        hub = self._hub
        new = 0
        if inbound.unread:
            data, inbound.unread = inbound.unread, b""
        else:
            try:
                data = self.sock.recv(size)
            except BlockingIOError:
                return 0
            except OSError:
                data = b""
            if not data:
                self.lost()
                return 0
            new = len(data)
            self.last_heard = hub.now
        if not self.deaf:
            hub.frames_in += inbound.feed(data, self, hub.now)
            if inbound.unread and not self.paused:
                hub.carry(self)
        return new

    def write_backlog(self) -> None:
        """The socket is writable: go on with the backlog."""
        backlog = self.backlog
        if backlog is None:
            return
        over = self.congested
        try:
            self._push(backlog)
        except BlockingIOError:
            pass
        except OSError:
            self.lost()
            return
        if not self.congested or backlog.empty:
            backlog.release()
        if backlog.empty:
            self._unblock()
        if over and not self.congested:
            self._drained(backlog.take_skipped())

    def _push(self, backlog: Backlog) -> None:
        for _ in range(WRITES_A_TURN):
            if backlog.empty:
                return
            sent = self.sock.sendmsg(backlog.pieces())
            backlog.took(sent, self._hub.now)
            self._hub.bytes_out += sent

    def block(self, frames: list[bytes], sent: int) -> None:
        """The socket took *sent* bytes of *frames*: the rest waits until it is writable."""
        self.backlog = self.out = Backlog(
            cap=self.limits.outbox_cap,
            grew=self._hub.grew,
            too_slow=self._too_slow,
            now=trio.current_time(),
        )
        self._hub.watch(self)
        self.backlog.take_over(frames, sent)

    def _unblock(self) -> None:
        self.backlog = None
        if not self.closing:
            self.out = []
        self._hub.watch(self)
        if self.closing:
            self._all_sent()

    def _too_slow(self) -> None:
        self.dismiss(CloseCode.TOO_SLOW, "reads too slowly")

    def lost(self) -> None:
        """TCP is over: forget everything."""
        if self.gone:
            return
        self.gone = self.deaf = True
        self._part()
        if self.backlog is not None:
            self.backlog.forget()
            self.backlog = None
        self._hub.bury(self)

    # What was heard.

    def deliver(self, payload: bytes, text: bool) -> None:  # noqa: FBT001
        """Hand a whole message to the handler, if it is what it claims to be."""
        if text and not payload.isascii():
            try:
                payload.decode()
            except UnicodeDecodeError:
                self.fail(CloseCode.BAD_DATA, "text that is not UTF-8")
                return
        try:
            self.handler.message(payload, text)
        except Exception:  # noqa: BLE001 - the hub's edge: one connection's fault must not end all
            self._broken("message")

    def hear(self, heard: Heard) -> None:
        """Answer a control frame, or deliver a message that came in fragments."""
        match heard:
            case PingHeard(payload):
                if self._count_ping() <= self.limits.pings:
                    self.offer(pong_frame(payload))
            case PongHeard():
                self._count_ping()
            case Whole(payload, text):
                self.deliver(payload, text)
            case CloseHeard(code):
                self._closed_by_peer(code)

    def _count_ping(self) -> int:
        """How many there were within a second, this one included; far too many close."""
        now = self._hub.now
        if now - self._pings_since >= 1:
            self._pings, self._pings_since = 0, now
        self._pings += 1
        if self._pings > self.limits.most_pings:
            self.fail(CloseCode.TOO_MANY_REQUESTS, "too many pings")
        return self._pings

    def fail(self, code: CloseCode, reason: str) -> None:
        """Close for a violation: nothing the peer says from here on can be understood."""
        self.deaf = True
        self.dismiss(code, reason)

    def _closed_by_peer(self, code: int) -> None:
        self.deaf = True
        self.answered = True
        if self.closing:
            self._all_sent()
        else:
            self._end(close_frame(code) if code != NO_CODE else EMPTY_CLOSE)

    # How it ends.

    def _farewell(self, code: int, reason: str) -> bytes:
        if not isinstance(self.handler, Parting):
            return b""
        try:
            return self.handler.farewell(code, reason) or b""
        except Exception:  # the hub's edge: whatever ails the handler, its connection is closed
            self._hub.log.exception("handler failed", doing="farewell", path=self.path)
            return b""

    def _end(self, last: bytes) -> None:
        if self.closing:
            return
        self.closing = True
        self.close_by = trio.current_time() + self.limits.close_deadline
        if self.backlog is not None:
            self.backlog.end(last)
        elif type(self.out) is list:
            self.out.append(last)
            self._hub.write(self)
        self._part()
        self.resume()
        self._all_sent()

    def _part(self) -> None:
        """From here on nothing is handed to the handler and nothing taken from it."""
        self.out = SINK
        if self.handler is not NOBODY:
            self._hub.part(self.handler)
            self.handler = NOBODY

    def _all_sent(self) -> None:
        """Once the close frame is out TCP ends: now, or our half of it, or with the answer."""
        if self.backlog is not None or self.gone:
            return
        if self.answered:
            self.lost()
        elif self.deaf:
            with suppress(OSError):
                self.sock.shutdown(socket.SHUT_WR)

    def _drained(self, skipped: int) -> None:
        try:
            self.handler.drained(skipped)
        except Exception:  # noqa: BLE001 - the hub's edge: one connection's fault must not end all
            self._broken("drained")

    def _broken(self, doing: str) -> None:
        log = self._hub.log
        log.exception("handler failed", doing=doing, path=self.path, peer=self.peer)  # noqa: LOG004
        self.dismiss(CloseCode.INTERNAL, "the server failed")
