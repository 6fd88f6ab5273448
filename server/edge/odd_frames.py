"""The slow lane: control frames, fragments, unfinished text and violations, by wsproto."""

from __future__ import annotations

from typing import NamedTuple

from wsproto.frame_protocol import Frame, FrameProtocol, Opcode, ParseFailed

from protocol.close import CloseCode
from server.edge.framing import measure

CONTROL = 0x08


class Whole(NamedTuple):
    """A message, its last fragment come. Text is valid UTF-8."""

    payload: bytes
    text: bool


class PingHeard(NamedTuple):
    """The peer pings."""

    payload: bytes


class PongHeard(NamedTuple):
    """The peer answers a ping, or says so."""


class CloseHeard(NamedTuple):
    """The peer closes, or answers our close. 1005: it gave no code."""

    code: int
    reason: str


class Violation(Exception):
    """The peer broke the protocol; the connection is to be closed with ``code``."""

    def __init__(self, code: CloseCode, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


Heard = Whole | PingHeard | PongHeard | CloseHeard


class OddFrames:
    """Reads frames of every kind, one a step.

    No byte beyond the frame at hand is ever taken, so that the fast lane can go on where it ends.
    """

    __slots__ = ("_left", "_limit", "_parts", "_protocol", "_size")

    def __init__(self, limit: int) -> None:
        self._protocol = FrameProtocol(client=False, extensions=[])
        self._limit = limit
        self._left = 0  # bytes of the frame at hand still to come
        self._size = 0  # bytes of the message at hand, as its headers say
        self._parts: list[bytes | str] | None = None

    @property
    def open(self) -> bool:
        """Whether a frame or a fragmented message is unfinished."""
        return self._left > 0 or self._parts is not None

    def step(self, data: bytes, start: int) -> tuple[Heard | None, int]:
        """What the frame at *start* completes, and where the next one is to be looked for.

        That is *start* itself while the header is not whole. Raises Violation.
        """
        if not self._left:
            lengths = measure(data, start)
            if lengths is None:
                return None, start
            header, self._left = lengths
            opcode, start = data[start], start + header
            heard = self._feed(data[start - header : start])
            self._count(opcode)
            if heard is not None or not self._left:
                return heard, start
        end = min(start + self._left, len(data))
        self._left -= end - start
        return self._feed(data[start:end]), end

    def _count(self, opcode: int) -> None:
        """Refuse a message by its headers, before its bytes come."""
        if not opcode & CONTROL:
            self._size += self._left
        if self._size > self._limit:
            raise Violation(CloseCode.TOO_LARGE, f"a message has at most {self._limit} bytes")

    def _feed(self, data: bytes) -> Heard | None:
        """Let wsproto judge part of a frame; what that completes."""
        heard = None
        try:
            self._protocol.receive_bytes(data)
            for frame in self._protocol.received_frames():
                heard = self._take(frame)
        except ParseFailed as exc:
            raise Violation(CloseCode(exc.code), str(exc)) from None
        return heard

    def _take(self, frame: Frame) -> Heard | None:
        if frame.opcode is Opcode.PING:
            return PingHeard(bytes(frame.payload))  # type: ignore[arg-type]
        if frame.opcode is Opcode.PONG:
            return PongHeard()
        if frame.opcode is Opcode.CLOSE:
            return CloseHeard(int(frame.payload[0]), str(frame.payload[1]))
        if self._parts is None:
            self._parts = []
        self._parts.append(frame.payload)  # type: ignore[arg-type]
        if not frame.message_finished:
            return None
        parts, self._parts, self._size = self._parts, None, 0
        if frame.opcode is Opcode.TEXT:
            return Whole("".join(parts).encode(), text=True)  # type: ignore[arg-type]
        return Whole(b"".join(parts), text=False)  # type: ignore[arg-type]
