from __future__ import annotations

import json
from typing import Any

import msgpack
import pytest
from make_vectors import VECTORS, documents

from protocol.codec import JSON, MSGPACK, FrameError

FILES = sorted(VECTORS.glob("*_*.json"))
BAD = json.loads((VECTORS / "invalid.json").read_text(encoding="utf-8"))


def vectors(side: str) -> list[Any]:
    return [
        pytest.param(vector, id=f"{path.stem} {vector['name']}")
        for path in FILES
        if path.name.startswith(side)
        for vector in json.loads(path.read_text(encoding="utf-8"))
    ]


def test_the_files_are_those_that_the_frames_make() -> None:
    files = set(VECTORS.glob("*.json")) - {VECTORS / "markup.json"}  # that is written by hand
    there = {path.name: path.read_text(encoding="utf-8") for path in files}
    assert there == documents()


@pytest.mark.parametrize("vector", vectors("client"))
def test_a_client_frame_written_by_others_is_read(vector: dict[str, Any]) -> None:
    frame = MSGPACK.decode(bytes.fromhex(vector["msgpack_hex"]))
    assert frame == JSON.decode(vector["json"].encode())
    for name, value in vector["frame"].items():
        assert name == "t" or getattr(frame, name) == value


@pytest.mark.parametrize("vector", vectors("server"))
def test_a_server_frame_is_read_by_others_as_it_was_meant(vector: dict[str, Any]) -> None:
    frame = MSGPACK.decode_server(bytes.fromhex(vector["msgpack_hex"]))
    assert frame == JSON.decode_server(vector["json"].encode())
    assert msgpack.unpackb(MSGPACK.encode(frame)) == vector["frame"]
    assert json.loads(JSON.encode(frame)) == vector["frame"]


@pytest.mark.parametrize("bad", BAD, ids=[bad["name"] for bad in BAD])
@pytest.mark.parametrize("codec", [JSON, MSGPACK], ids=["json", "msgpack"])
def test_bad_input_gets_the_code_it_should(bad: dict[str, Any], codec: Any) -> None:
    data = bad["json"].encode() if codec is JSON else bytes.fromhex(bad["msgpack_hex"])
    with pytest.raises(FrameError) as info:
        codec.decode(data)
    assert info.value.code.value == bad["code"]
    assert bad["field"] is None or list(info.value.fields or {}) == [bad["field"]]
