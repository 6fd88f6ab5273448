"""Frames written and cut, against wsproto and websockets as references."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame as TheirFrame
from websockets.frames import Opcode as TheirOpcode
from wsproto.frame_protocol import FrameProtocol, Opcode

from server.edge.framing import (
    BINARY,
    ODD,
    TEXT,
    close_frame,
    cut_frame,
    measure,
    ping_frame,
    pong_frame,
    ws_frame,
)

LIMIT = 64 * 1024
EDGES = [0, 1, 2, 3, 4, 5, 125, 126, 127, 128, 65535, 65536]
payloads = st.binary(max_size=300) | st.sampled_from([bytes(n) for n in EDGES])


def their_frame(opcode: TheirOpcode, payload: bytes, *, fin: bool = True) -> bytes:
    """What the websockets library sends as a client."""
    return TheirFrame(opcode, payload, fin=fin).serialize(mask=True)


@given(payloads, st.booleans())
def test_wsproto_reads_what_the_server_frames(payload: bytes, text: bool) -> None:
    client = FrameProtocol(client=True, extensions=[])
    content = b"." * len(payload) if text else payload
    client.receive_bytes(ws_frame(content, text=text))
    [frame] = list(client.received_frames())
    assert frame.opcode is (Opcode.TEXT if text else Opcode.BINARY)
    assert frame.message_finished
    assert frame.payload == (content.decode() if text else content)


@given(payloads, st.booleans())
def test_the_fast_lane_reads_what_websockets_sends(payload: bytes, text: bool) -> None:
    opcode = TheirOpcode.TEXT if text else TheirOpcode.BINARY
    data = b"before" + their_frame(opcode, payload)
    assert cut_frame(data + b"after", 6, LIMIT) == (payload, len(data))


@given(payloads, st.data())
def test_a_binary_frame_that_is_not_whole_is_waited_for(
    payload: bytes, data: st.DataObject
) -> None:
    whole = their_frame(TheirOpcode.BINARY, payload)
    have = data.draw(st.integers(1, len(whole) - 1))
    found, needed = cut_frame(whole[:have], 0, LIMIT)
    assert found is None
    assert have < needed <= len(whole)


@given(payloads.filter(bool), st.data())
def test_text_that_is_not_whole_goes_the_slow_lane(payload: bytes, data: st.DataObject) -> None:
    whole = their_frame(TheirOpcode.TEXT, payload)
    header = len(whole) - len(payload)
    have = data.draw(st.integers(header, len(whole) - 1))
    assert cut_frame(whole[:have], 0, LIMIT) == (None, ODD)


@pytest.mark.parametrize("first", sorted(set(range(256)) - {TEXT, BINARY}))
def test_whatever_is_no_final_data_frame_is_odd(first: int) -> None:
    assert cut_frame(bytes((first, 0x81)) + b"masky", 0, LIMIT) == (None, ODD)


def test_an_unmasked_frame_is_odd_from_its_second_byte_on() -> None:
    whole = ws_frame(b"hello", text=False)
    assert cut_frame(whole[:1], 0, LIMIT)[1] > 1
    assert all(cut_frame(whole[:n], 0, LIMIT) == (None, ODD) for n in range(2, len(whole) + 1))


@pytest.mark.parametrize(
    "lengths",
    [
        b"\xfe" + struct.pack("!H", 125),
        b"\xff" + struct.pack("!Q", 65535),
        b"\xff" + struct.pack("!Q", 1 << 63),
        b"\xff" + struct.pack("!Q", 1 << 62),
        b"\xff" + struct.pack("!Q", LIMIT + 1),
    ],
)
def test_a_length_that_is_badly_written_or_too_large_is_odd(lengths: bytes) -> None:
    assert cut_frame(bytes((BINARY,)) + lengths + bytes(200), 0, LIMIT) == (None, ODD)


@given(st.sampled_from(list(TheirOpcode)), payloads.filter(lambda p: len(p) < 126), st.booleans())
def test_measure_says_where_any_frame_ends(opcode: TheirOpcode, payload: bytes, mask: bool) -> None:
    data = TheirFrame(opcode, payload).serialize(mask=mask)
    lengths = measure(b"xx" + data, 2)
    assert lengths is not None
    assert sum(lengths) == len(data)
    assert lengths[1] == len(payload)


@pytest.mark.parametrize("size", EDGES)
def test_measure_waits_for_the_whole_header(size: int) -> None:
    data = their_frame(TheirOpcode.BINARY, bytes(size))
    header = len(data) - size
    assert all(measure(data[:n], 0) is None for n in range(header))
    assert measure(data[:header], 0) == (header, size)


def test_a_long_reason_is_cut_at_a_character() -> None:
    frame = close_frame(4008, "가" * 60)
    assert len(frame) <= 127
    assert frame[2:4] == (4008).to_bytes(2, "big")
    assert frame[4:].decode() == "가" * 41


@given(st.binary(max_size=125))
def test_wsproto_reads_pings_and_pongs(payload: bytes) -> None:
    client = FrameProtocol(client=True, extensions=[])
    client.receive_bytes(ping_frame(payload) + pong_frame(payload))
    frames = list(client.received_frames())
    assert [(f.opcode, bytes(f.payload)) for f in frames] == [
        (Opcode.PING, payload),
        (Opcode.PONG, payload),
    ]
