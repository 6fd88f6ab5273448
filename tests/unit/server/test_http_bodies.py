"""Decoding what strangers send: a struct or a ProtocolError, never anything else."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Annotated, Literal

import msgspec
import pytest
import trio
import trio.testing
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta
from werkzeug.exceptions import RequestTimeout

from protocol.errors import ErrorCode, ProtocolError
from server.http.bodies import MOST_HELD, PacedBody, TimedBody, check_path, decode, read_query


class Inner(msgspec.Struct):
    text: str = ""


class Strict(msgspec.Struct, forbid_unknown_fields=True):
    kind: Literal["one", "other"]


class Body(msgspec.Struct):
    name: str
    items: list[str] = []
    inner: Inner | None = None
    strict: Strict | None = None
    number: Annotated[int, Meta(ge=0, le=2**53 - 1)] = 0


def refusal(data: bytes) -> tuple[ErrorCode, list[str]]:
    with pytest.raises(ProtocolError) as caught:
        decode(data, Body)
    return caught.value.code, list(caught.value.fields or ())


def test_escapes_of_whole_characters_are_kept() -> None:
    assert decode(rb'{"name": "\ud83d\ude00 \uac00 \\ud800"}', Body).name == "\U0001f600 가 \\ud800"


@pytest.mark.parametrize(
    ("data", "field"),
    [
        (rb'{"name": "\u0000"}', "name"),
        (rb'{"name": "\ud800"}', "name"),
        (rb'{"name": "\udc00\ud800"}', "name"),
        (rb'{"name": "a", "items": ["b", "\ud800 c"]}', "items"),
        (rb'{"name": "a", "inner": {"text": "\u0000"}}', "inner.text"),
        (rb'{"name": "a", "inner": {"more": {"\ud800": 1}}}', "inner"),
        (rb'{"name": "a", "more.text": {"[": "\u0000"}}', "more.text"),
        (rb'{"name": "a", "[": ["\u0000"]}', "["),
        (b'{"name": 1}', "name"),
        (b"{}", "name"),
        (b'{"name": "a", "items": [1]}', "items"),
        (b'{"name": "a", "inner": {"text": 1}}', "inner.text"),
        (b'{"name": "a", "inner": 1}', "inner"),
        (b'{"name": "a", "strict": {}}', "strict.kind"),
        (b'{"name": "a", "strict": {"kind": "two"}}', "strict.kind"),
        (b'{"name": "a", "strict": {"kind": "`$.no"}}', "strict.kind"),
        (b'{"name": "a", "strict": {"kind": "field `$.no` of it"}}', "strict.kind"),
        (b'{"name": "a", "strict": {"typo": 1}}', "strict.typo"),
        (b'{"name": "a", "strict": {"`$.no": 1}}', "strict.`$.no"),
        (b'{"name": "a", "number": -1}', "number"),
        (b'{"name": "a", "number": 9007199254740992}', "number"),
        (b'{"name": "a", "number": 99999999999999999999999}', "number"),
        (b'{"name": "a", "number": 1e400}', "number"),
    ],
)
def test_the_wrong_field_is_named(data: bytes, field: str) -> None:
    assert refusal(data) == (ErrorCode.INVALID, [field])


def test_a_key_that_there_is_not_is_told_with_those_that_there_are() -> None:
    with pytest.raises(ProtocolError) as caught:
        decode(b'{"' + b"k" * 500 + b'": 1}', Strict)
    assert caught.value.fields == {"k" * 64: "is no field; these are: kind"}
    assert decode(b'{"name": "a", "more": 1}', Body).name == "a"


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_else(data: bytes) -> None:
    with suppress(ProtocolError):
        decode(data, Body)


@given(st.text())
def test_no_key_and_no_value_raises_anything_else(text: str) -> None:
    for body in ({"name": "a", "strict": {text: 1}}, {"name": "a", "strict": {"kind": text}}):
        with pytest.raises(ProtocolError):
            decode(json.dumps(body).encode(), Body)


@given(st.text(alphabet='{}[]":,\\ud8000name1', max_size=60))
def test_no_near_miss_raises_anything_else(text: str) -> None:
    with suppress(ProtocolError):
        decode(text.encode(), Body)


@pytest.mark.parametrize("depth", [900, 1100, 100_000])
def test_nesting_is_refused_at_every_depth(depth: int) -> None:
    escaped = b'{"name": "\\u0041", "more": ' + b"[" * depth + b"]" * depth + b"}"
    with pytest.raises(ProtocolError) as caught:
        decode(escaped + b"x", Body)
    assert caught.value.code is ErrorCode.BAD_FRAME


@pytest.mark.parametrize("data", [b"[" * 50_000, b'{"name": 1', b'{"name": 1} x', b"[}"])
def test_what_is_no_json_text_blames_no_field(data: bytes) -> None:
    assert refusal(data) == (ErrorCode.BAD_FRAME, [])


async def parts(*waits: tuple[float, int]) -> AsyncIterator[bytes]:
    for seconds, size in waits:
        await trio.sleep(seconds)
        yield bytes(size)


async def heard(body: TimedBody) -> int:
    return sum([len(part) async for part in body])


async def test_a_body_goes_on_as_long_as_enough_comes(autojump_clock: object) -> None:
    steady = [(5.0, 5 * TimedBody.LEAST)] * 100
    assert await heard(TimedBody(parts(*steady))) == 500 * TimedBody.LEAST
    # What came fast earns no more than the patience there is for a pause.
    assert await heard(TimedBody(parts((0, 10**7), (9.0, 1), (9.0, 1), (9.0, 1)))) == 10**7 + 3


@pytest.mark.parametrize(
    "waits",
    [
        [(TimedBody.SILENCE + 0.1, 9)],
        [(1.0, 1)] * 31,
        [(5.0, 4 * TimedBody.LEAST)] * 31,
        [(0, 10**7)] + [(9.0, 1)] * 4,
    ],
)
async def test_a_body_that_is_too_slow_is_not_waited_for(
    autojump_clock: object, waits: list[tuple[float, int]]
) -> None:
    with pytest.raises(RequestTimeout):
        await heard(TimedBody(parts(*waits)))


async def test_little_is_held_of_what_nobody_takes() -> None:
    body = PacedBody(None, None)
    body.append(bytes(MOST_HELD))
    taken: list[bytes] = []

    async def take() -> None:
        await trio.testing.wait_all_tasks_blocked()
        taken.append(await anext(body))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(take)
        await body.has_room()
        assert len(taken) == 1


class Query(msgspec.Struct):
    q: str
    limit: int = 5


def test_a_query_is_converted_and_checked() -> None:
    assert read_query({"q": "1", "limit": "7", "other": "x"}, Query) == Query("1", 7)
    for wrong in ({"q": "a", "limit": "1.5"}, {"q": "a", "limit": ""}, {}, {"q": "\x00"}):
        with pytest.raises(ProtocolError) as caught:
            read_query(wrong, Query)
        assert caught.value.code is ErrorCode.INVALID


def test_only_what_can_be_an_id_is_one() -> None:
    check_path({"room": "x" * 64})
    for part in ("", "x" * 65, "a b", "a\x00", "a\n"):
        with pytest.raises(ProtocolError) as caught:
            check_path({"room": part})
        assert caught.value.code is ErrorCode.NOT_FOUND
