"""The slow lane, and how the two lanes share one stream of bytes."""

from __future__ import annotations

import struct
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode

from protocol.close import CloseCode
from server.edge.framing import ws_frame
from server.edge.inbound import FRAMES_A_TURN, Inbound
from server.edge.odd_frames import (
    CloseHeard,
    Heard,
    OddFrames,
    PingHeard,
    PongHeard,
    Violation,
    Whole,
)

LIMIT = 1000


def frame(opcode: Opcode, payload: bytes = b"", *, fin: bool = True, rsv1: bool = False) -> bytes:
    """A client's frame, by the websockets library; its first byte is ours, good or bad."""
    sound = Frame(Opcode.BINARY, payload).serialize(mask=True)
    return bytes((fin << 7 | rsv1 << 6 | opcode,)) + sound[1:]


class Listened:
    """A listener that writes down what it is told."""

    def __init__(self) -> None:
        self.paused = self.deaf = False
        self.told: list[object] = []

    def deliver(self, payload: bytes, text: bool) -> None:
        self.told.append((payload, text))

    def hear(self, heard: Heard) -> None:
        self.told.append((heard.payload, heard.text) if isinstance(heard, Whole) else heard)

    def fail(self, code: CloseCode, reason: str) -> None:
        self.deaf = True
        self.told.append(code)


def told_of(*pieces: bytes) -> list[object]:
    """What a listener is told of *pieces*, each as one read."""
    inbound, listener = Inbound(LIMIT, b""), Listened()
    for piece in pieces:
        inbound.feed(piece, listener, 1.0)
        while inbound.unread and not listener.deaf:
            data, inbound.unread = inbound.unread, b""
            inbound.feed(data, listener, 1.0)
    return listener.told


FRAGMENTS = (
    frame(Opcode.TEXT, "안".encode()[:2], fin=False)
    + frame(Opcode.PING, b"now")
    + frame(Opcode.CONT, "안".encode()[2:] + b"x", fin=False)
    + frame(Opcode.CONT)
)
STREAM = (
    frame(Opcode.BINARY, b"one")
    + FRAGMENTS
    + frame(Opcode.TEXT, "두울".encode())
    + frame(Opcode.BINARY, bytes(300))
    + frame(Opcode.PONG)
    + frame(Opcode.BINARY)
    + frame(Opcode.CLOSE, struct.pack("!H", 1000) + b"bye")
)
TOLD: list[object] = [
    (b"one", False),
    PingHeard(b"now"),
    ("안x".encode(), True),
    ("두울".encode(), True),
    (bytes(300), False),
    PongHeard(),
    (b"", False),
    CloseHeard(1000, "bye"),
]


@pytest.mark.parametrize("at", range(len(STREAM) + 1))
def test_a_stream_means_the_same_wherever_it_is_split(at: int) -> None:
    assert told_of(STREAM[:at], STREAM[at:]) == TOLD


def test_a_stream_means_the_same_byte_by_byte() -> None:
    assert told_of(*(STREAM[at : at + 1] for at in range(len(STREAM)))) == TOLD


@given(st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_a_stream_means_the_same_in_any_pieces(cuts: list[int]) -> None:
    ends = [0, *sorted(cuts), len(STREAM)]
    pieces = [STREAM[a:b] for a, b in pairwise(ends)]
    assert told_of(*(piece for piece in pieces if piece)) == TOLD


VIOLATIONS = {
    "unmasked": (ws_frame(b"x", text=False), 1002),
    "unmasked and empty": (ws_frame(b"", text=False), 1002),
    "reserved bit": (frame(Opcode.BINARY, b"x", rsv1=True), 1002),
    "reserved data opcode": (b"\x83\x80mask", 1002),
    "reserved control opcode": (b"\x8b\x80mask", 1002),
    "fragmented ping": (frame(Opcode.PING, fin=False), 1002),
    "long ping": (b"\x89\xfe\x00\x7emask", 1002),
    "length of two bytes for one": (b"\x82\xfe\x00\x05mask", 1002),
    "length of eight bytes for two": (b"\x82\xff" + struct.pack("!Q", 1000) + b"mask", 1002),
    "negative length": (b"\x82\xff" + struct.pack("!Q", 1 << 63) + b"mask", 1002),
    "continuation of nothing": (frame(Opcode.CONT, b"x"), 1002),
    "data within fragments": (frame(Opcode.TEXT, fin=False) + frame(Opcode.BINARY), 1002),
    "close with one byte": (frame(Opcode.CLOSE, b"\x03"), 1002),
    "close with 999": (frame(Opcode.CLOSE, struct.pack("!H", 999)), 1002),
    "close with 1005": (frame(Opcode.CLOSE, struct.pack("!H", 1005)), 1002),
    "close with 5000": (frame(Opcode.CLOSE, struct.pack("!H", 5000)), 1002),
    "close with bad text": (frame(Opcode.CLOSE, struct.pack("!H", 1000) + b"\xff"), 1007),
    "2^62 bytes": (b"\x82\xff" + struct.pack("!Q", 1 << 62) + b"mask", 1009),
    "2^62 bytes of text": (b"\x81\xff" + struct.pack("!Q", 1 << 62) + b"mask", 1009),
    "a byte too many": (frame(Opcode.BINARY, bytes(LIMIT + 1)), 1009),
    "a byte too many in fragments": (
        frame(Opcode.BINARY, bytes(LIMIT), fin=False) + frame(Opcode.CONT, b"x"),
        1009,
    ),
    "bytes, not characters": (frame(Opcode.TEXT, "가".encode() * 334), 1009),
    "characters in fragments": (
        frame(Opcode.TEXT, "가".encode() * 300, fin=False)
        + frame(Opcode.CONT, "가".encode() * 34, fin=False),
        1009,
    ),
    "text cut short": (
        frame(Opcode.TEXT, b"\xec", fin=False) + frame(Opcode.CONT, b"\x95"),
        1007,
    ),
    "a surrogate in fragments": (frame(Opcode.TEXT, b"\xed\xa0\x80", fin=False), 1007),
}


@pytest.mark.parametrize(("data", "code"), VIOLATIONS.values(), ids=VIOLATIONS)
def test_a_violation_is_told_with_its_code(data: bytes, code: int) -> None:
    assert told_of(data)[-1] == code


@pytest.mark.parametrize(("data", "code"), VIOLATIONS.values(), ids=VIOLATIONS)
def test_a_violation_is_told_byte_by_byte_and_behind_a_sound_frame(data: bytes, code: int) -> None:
    sound = frame(Opcode.BINARY, b"sound")
    pieces = (data[at : at + 1] for at in range(len(data)))
    told = told_of(sound, *pieces, sound)
    assert told == [(b"sound", False), code]


def test_bad_text_is_told_before_its_frame_is_whole() -> None:
    begun = frame(Opcode.TEXT, b"ab\xff" + bytes(500))[:12]
    assert told_of(begun) == [CloseCode.BAD_DATA]


def test_a_whole_text_frame_of_the_fast_lane_is_not_judged_here() -> None:
    assert told_of(frame(Opcode.TEXT, b"\xff")) == [(b"\xff", True)]


def test_the_slow_lane_takes_no_byte_beyond_its_frame() -> None:
    data = frame(Opcode.PING, b"p")
    odd = OddFrames(LIMIT)
    assert odd.step(data + b"\x82\x80", 0) == (PingHeard(b"p"), len(data))
    assert not odd.open


def test_a_violation_has_a_reason() -> None:
    with pytest.raises(Violation, match="unmasked"):
        OddFrames(LIMIT).step(ws_frame(b"", text=True), 0)


def test_a_socket_has_a_share_of_frames_in_a_turn() -> None:
    inbound, listener = Inbound(LIMIT, b""), Listened()
    data = frame(Opcode.BINARY, b"x") * (FRAMES_A_TURN + 3)
    assert inbound.feed(data, listener, 1.0) == FRAMES_A_TURN
    assert len(listener.told) == FRAMES_A_TURN
    rest, inbound.unread = inbound.unread, b""
    assert inbound.feed(rest, listener, 1.0) == 3


def test_empty_fragments_use_up_the_share_too() -> None:
    inbound, listener = Inbound(LIMIT, b""), Listened()
    data = frame(Opcode.TEXT, fin=False) + frame(Opcode.CONT, fin=False) * 1000
    assert inbound.feed(data, listener, 1.0) == FRAMES_A_TURN
    assert inbound.unread


def test_nothing_is_told_to_a_paused_listener_and_nothing_is_lost() -> None:
    class Pausing(Listened):
        def deliver(self, payload: bytes, text: bool) -> None:
            super().deliver(payload, text)
            self.paused = True

    inbound, listener = Inbound(LIMIT, b""), Pausing()
    inbound.feed(frame(Opcode.BINARY, b"1") + frame(Opcode.BINARY, b"2"), listener, 1.0)
    assert listener.told == [(b"1", False)]
    listener.paused = False
    rest, inbound.unread = inbound.unread, b""
    inbound.feed(rest, listener, 1.0)
    assert listener.told == [(b"1", False), (b"2", False)]


def test_an_unfinished_message_is_as_old_as_its_first_byte() -> None:
    inbound, listener = Inbound(LIMIT, b""), Listened()
    data = frame(Opcode.BINARY, bytes(300))
    for at, byte in enumerate(data[:20]):
        inbound.feed(bytes((byte,)), listener, 10.0 + at)
    assert inbound.unfinished_since == 10.0
    inbound.feed(data[20:] + data[:5], listener, 50.0)
    assert inbound.unfinished_since == 50.0
    inbound.feed(data[5:], listener, 60.0)
    assert inbound.unfinished_since == 0.0


def test_an_open_fragment_is_as_old_as_its_first_byte() -> None:
    inbound, listener = Inbound(LIMIT, b""), Listened()
    inbound.feed(frame(Opcode.TEXT, b"a", fin=False), listener, 10.0)
    inbound.feed(frame(Opcode.CONT, b"b", fin=False), listener, 20.0)
    assert inbound.unfinished_since == 10.0
    inbound.feed(frame(Opcode.CONT, b"c"), listener, 30.0)
    assert inbound.unfinished_since == 0.0
