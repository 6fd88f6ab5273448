"""From the bytes of one socket to whole messages."""

from __future__ import annotations

from typing import Protocol

from protocol.close import CloseCode
from server.edge.framing import ODD, TEXT, cut_frame
from server.edge.odd_frames import Heard, OddFrames, Violation, Whole

FRAMES_A_TURN = 64  # of one socket, before the others have theirs


class Listener(Protocol):
    """Who is told what came."""

    paused: bool
    deaf: bool

    def deliver(self, payload: bytes, text: bool) -> None:  # noqa: FBT001
        """A whole message."""

    def hear(self, heard: Heard) -> None:
        """A control frame."""

    def fail(self, code: CloseCode, reason: str) -> None:
        """The peer broke the protocol: turns the listener deaf."""


class Inbound:
    """Holds what is not a whole message yet: nothing, most of the time.

    ``unread`` are bytes to be cut later, because the turn had no time or the listener is paused;
    at most one read. Parts of a frame are joined once, when it is whole.
    """

    __slots__ = ("_have", "_limit", "_need", "_odd", "_parts", "unfinished_since", "unread")

    def __init__(self, limit: int, unread: bytes) -> None:
        self._limit = limit
        self.unread = unread
        self._parts: list[bytes] | None = None
        self._have = self._need = 0
        self._odd: OddFrames | None = None
        self.unfinished_since = 0.0  # when the message at hand began; 0: there is none

    def feed(self, data: bytes, listener: Listener, now: float) -> int:
        """Take *data* and tell *listener* what became whole; how many frames that were."""
        if self._parts is not None:
            self._parts.append(data)
            self._have += len(data)
            if self._have < self._need:
                return 0
            data, self._parts = b"".join(self._parts), None
        return self._cut(data, listener, now)

    def _cut(self, data: bytes, listener: Listener, now: float) -> int:  # noqa: C901 - one hot loop
        limit = self._limit
        start, size, left = 0, len(data), FRAMES_A_TURN
        ended = 0  # where the last whole message ended
        while start < size and not listener.deaf:
            if listener.paused or not left:
                self.unread = data[start:]
                break
            if self._odd is None:
                payload, end = cut_frame(data, start, limit)
                if payload is not None:
                    text = data[start] == TEXT
                    start = ended = end
                    left -= 1
                    listener.deliver(payload, text)
                    continue
                if end != ODD:
                    self._keep(data, start, end)
                    break
            heard, end = self._step(data, start, listener)
            if end == start:
                break
            start = end
            left -= 1
            if heard is not None:
                ended = end if type(heard) is Whole else ended
                listener.hear(heard)
        if self._parts is None and self._odd is None:
            self.unfinished_since = 0.0
        elif ended or not self.unfinished_since:
            self.unfinished_since = now
        return FRAMES_A_TURN - left

    def _step(self, data: bytes, start: int, listener: Listener) -> tuple[Heard | None, int]:
        """One frame of the slow lane. No progress: a violation, or a header that is not whole."""
        odd = self._odd or OddFrames(self._limit)
        try:
            heard, end = odd.step(data, start)
        except Violation as exc:
            self._odd = None
            listener.fail(exc.code, exc.reason)
            return None, start
        self._odd = odd if odd.open else None
        if end == start:
            self._keep(data, start, len(data) + 1)
        return heard, end

    def _keep(self, data: bytes, start: int, end: int) -> None:
        """Hold the frame at *start* until *data* would reach *end*."""
        self._parts = [data[start:]]
        self._have = len(data) - start
        self._need = end - start
