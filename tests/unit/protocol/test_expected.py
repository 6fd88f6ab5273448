"""What refusals say of a field: words for those who write clients, never this program's types."""

from __future__ import annotations

import json
from typing import get_args

import msgpack
import msgspec
import pytest
from msgspec import structs

from protocol.codec import JSON, MSGPACK, Codec, FrameError
from protocol.errors import ErrorCode
from protocol.expected import must_be
from protocol.frames import ClientFrame
from server.http import room_schemas, schemas

BODIES = [
    schemas.SignUp,
    schemas.SignIn,
    schemas.NewPassword,
    schemas.ProfileChange,
    schemas.AccountChange,
    room_schemas.NewRoom,
    room_schemas.NewMember,
    schemas.NewMessage,
    schemas.PeopleQuery,
    room_schemas.RoomsQuery,
    schemas.MessagesQuery,
]
SEND = {"t": "send", "room": "r", "id": "i", "body": "b"}
WRONG = [
    (SEND | {"mentions": "x"}, "mentions", "a list; each item a string of 1 to 64 characters"),
    (SEND | {"mentions": [1]}, "mentions", "a list; each item a string of 1 to 64 characters"),
    (SEND | {"kind": "x" * 60_000}, "kind", "one of: audio, file, image, text"),
    (SEND | {"kind": "`$.no` field"}, "kind", "one of: audio, file, image, text"),
    (SEND | {"id": ""}, "id", "a string of 1 to 64 characters"),
    (SEND | {"body": 5}, "body", "a string"),
    (SEND | {"reply_to": 0}, "reply_to", "an integer from 1 to 9007199254740991"),
    ({"t": "typing", "room": "r", "on": 1}, "on", "true or false"),
    (
        {"t": "hello", "resume": {"r": "5"}},
        "resume",
        "a map; each value an integer from 0 to 9007199254740991",
    ),
    ({"t": "hello", "device": "x" * 129}, "device", "a string of at most 128 characters"),
    ({"t": "hello", "features": {}}, "features", "a list; each item a string"),
]


@pytest.mark.parametrize(("frame", "field", "what"), WRONG, ids=[row[1] for row in WRONG])
def test_both_codecs_say_in_words_what_a_field_must_be(
    frame: dict[str, object], field: str, what: str
) -> None:
    for codec, data in ((MSGPACK, msgpack.packb(frame)), (JSON, json.dumps(frame).encode())):
        assert refusal(codec, data).fields == {field: f"must be {what}"}


def test_keys_that_are_no_strings_are_blamed_on_their_map() -> None:
    error = refusal(MSGPACK, msgpack.packb({"t": "hello", "resume": {5: 1}}))
    assert list(error.fields or ()) == ["resume"]


@pytest.mark.parametrize("data", [b"[1]", b'"t"', b"7"])
def test_what_is_no_map_is_told_so(data: bytes) -> None:
    error = refusal(JSON, data)
    assert (error.code, error.message) == (
        ErrorCode.BAD_FRAME,
        "a frame is a map with string keys",
    )


def refusal(codec: Codec, data: bytes) -> FrameError:
    with pytest.raises(FrameError) as caught:
        codec.decode(data)
    return caught.value


@pytest.mark.parametrize("kind", [*get_args(ClientFrame), *BODIES])
def test_every_field_that_clients_send_has_words(kind: type[msgspec.Struct]) -> None:
    for field in structs.fields(kind):
        words = must_be(field.type)
        assert words.startswith("must be ") and words != "must be a map"
        assert not set("`$^|\\") & set(words)
