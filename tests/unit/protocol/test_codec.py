from __future__ import annotations

import json
import time
import tracemalloc

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.codec import JSON, MSGPACK, Codec, FrameError
from protocol.errors import ErrorCode
from protocol.frames import Ping, Read, Send, Status
from protocol.limits import MAX_FRAME

HEAD = b"\x82\xa1t\xa4ping\xa1x"
JSON_HEAD = b'{"t":"ping","x":'
BOMBS = {
    "json nesting": (JSON, JSON_HEAD + b"[" * 32000),
    "json objects": (JSON, b"[" + b"{}," * 21000 + b"{}]"),
    "json digits": (JSON, JSON_HEAD + b"9" * 65000 + b"}"),
    "json escapes": (JSON, JSON_HEAD + b'"' + rb"\ud800" * 10000 + b'"}'),
    "json keys": (JSON, b"{" + b",".join(b'"%d":0' % n for n in range(7000)) + b"}"),
    "msgpack nesting": (MSGPACK, HEAD + b"\x91" * 65000),
    "msgpack array headers": (MSGPACK, HEAD + b"\xdd\xff\xff\xff\xff" * 13000),
    "msgpack map headers": (MSGPACK, b"\xdf\xff\xff\xff\xff" * 13000),
    "msgpack empty arrays": (MSGPACK, HEAD + b"\xdc\xfd\xe8" + b"\x90" * 65000),
    "msgpack long string": (MSGPACK, HEAD + b"\xdb\xff\xff\xff\xff" + b"a" * 65000),
    "msgpack binary": (MSGPACK, HEAD + b"\xc6\x7f\xff\xff\xff"),
    "msgpack extension": (MSGPACK, b"\xc9\x00\x00\xfd\xe8\x05" + b"a" * 65000),
    "many resumed rooms": (
        JSON,
        b'{"t":"hello","resume":{' + b",".join(b'"%d":-1' % n for n in range(6500)) + b"}}",
    ),
}


@pytest.mark.parametrize("name", BOMBS)
def test_no_frame_costs_much(name: str) -> None:
    codec, data = BOMBS[name]
    began = time.process_time()
    refused(codec, data)
    assert time.process_time() - began < 0.05
    tracemalloc.start()
    refused(codec, data)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**20


def refused(codec: Codec, data: bytes) -> FrameError | None:
    assert len(data) <= MAX_FRAME
    try:
        codec.decode(data)
    except FrameError as error:
        return error
    return None


@given(st.binary(max_size=300))
def test_no_bytes_raise_anything_but_a_frame_error(data: bytes) -> None:
    refused(JSON, data)
    refused(MSGPACK, data)


LEAVES = st.sampled_from([None, True, 0, -1, 7, 2**53, 2**63, 0.5, 1.0, "", "r", "안녕", "a\0b"])
VALUES = LEAVES | st.lists(LEAVES, max_size=3) | st.dictionaries(st.sampled_from("ab"), LEAVES)
NAMES = st.sampled_from(["room", "id", "body", "seq", "rid", "on", "watch", "resume", "state"])
TYPES = st.sampled_from(["hello", "send", "read", "typing", "history", "status", "ping"])


@given(st.dictionaries(NAMES, VALUES), TYPES)
def test_whatever_a_known_frame_holds_both_codecs_judge_alike(
    fields: dict[str, object], t: str
) -> None:
    frame = {**fields, "t": t}
    by_msgpack = judged(MSGPACK, msgpack.packb(frame))
    assert judged(JSON, json.dumps(frame).encode()) == by_msgpack


def judged(codec: Codec, data: bytes) -> object:
    try:
        return codec.decode(data)
    except FrameError as error:
        return error.code, error.rid, error.room, error.id


@given(
    room=st.text(min_size=1, max_size=64), body=st.text(max_size=50), rid=st.integers(0, 2**53 - 1)
)
def test_what_others_write_is_read_unless_it_holds_nul(room: str, body: str, rid: int) -> None:
    frame = {"t": "send", "room": room, "id": "1", "body": body, "rid": rid}
    for codec, data in ((MSGPACK, msgpack.packb(frame)), (JSON, json.dumps(frame).encode())):
        if "\0" in room + body:
            error = refused(codec, data)
            assert error is not None and error.code is ErrorCode.INVALID and error.rid == rid
        else:
            assert codec.decode(data) == Send(room=room, id="1", body=body, rid=rid)


def test_null_is_absent_and_unknown_keys_are_ignored() -> None:
    assert JSON.decode(b'{"t":"ping","rid":null,"x":{"y":[1,null]}}') == Ping()
    assert MSGPACK.decode(msgpack.packb({"t": "ping", "x": msgpack.ExtType(5, b"a")})) == Ping()


def test_of_a_key_given_twice_the_last_counts() -> None:
    assert JSON.decode(b'{"t":"read","room":"a","room":"b","seq":1}') == Read(room="b", seq=1)
    assert JSON.decode(b'{"t":"ping","state":"away","t":"status"}') == Status(state="away")


def test_what_can_be_read_is_echoed() -> None:
    error = refused(JSON, b'{"t":"send","rid":7,"room":"r","id":"i"}')
    assert error is not None and error.fields == {"body": "missing"}
    assert (error.rid, error.room, error.id) == (7, "r", "i")
    error = refused(JSON, b'{"t":"send","rid":"7","room":"r","id":5,"body":""}')
    assert error is not None and (error.rid, error.room, error.id) == (None, "r", None)


def test_what_is_too_long_for_an_id_is_not_echoed() -> None:
    for length, echoed in ((64, True), (65, False), (60_000, False)):
        for name in ("room", "id"):
            frame = {"t": "send", "room": "r", "id": "i", "rid": 7} | {name: "a" * length}
            for codec, data in (
                (MSGPACK, msgpack.packb(frame)),
                (JSON, json.dumps(frame).encode()),
            ):
                error = refused(codec, data)
                assert error is not None and error.rid == 7
                assert (getattr(error, name) is not None) is echoed


def test_a_lone_surrogate_is_told_from_a_pair_and_from_an_escaped_backslash() -> None:
    for body, good in ((rb"\ud83d\ude00", True), (rb"\\ud800", True), (rb"\ud83d", False)):
        data = b'{"t":"send","room":"r","id":"i","body":"' + body + b'"}'
        assert (refused(JSON, data) is None) is good
