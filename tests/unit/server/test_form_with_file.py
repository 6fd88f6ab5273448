"""Forms with a file and fields: all of it is there at the end, or the form is refused."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import ErrorCode, ProtocolError
from server.http.multipart import MOST_BESIDE, MOST_FIELD, form_with_file

WANTED = ("recipient_count", "audience")
KIND = "multipart/form-data; boundary=xx"
SPOILT = [b"", b"\r\n", b"\r\n\r\n", b"--xx", b"--xx--", b"\x00", b"\xff", b'"', b"name=", b"="]


def field(name: str, value: bytes, **more: str) -> bytes:
    told = "".join(f'; {key}="{text}"' for key, text in {"name": name, **more}.items())
    return f"--xx\r\nContent-Disposition: form-data{told}\r\n\r\n".encode() + value + b"\r\n"


def form(*parts: bytes) -> bytes:
    return b"".join(parts) + b"--xx--\r\n"


SOUND = bytes(range(256)) + b"\r\n--x\r\n--xxy\r\n-"
AUDIO = field("audio", SOUND, filename="voice.webm")
COUNT = field("recipient_count", b"30")
AUDIENCE = field("audience", '{"region": "서울"}'.encode())
NAMELESS = b"--xx\r\nContent-Disposition: form-data\r\n\r\n%b\r\n"
WHOLE = form(COUNT, NAMELESS % b"passed over", AUDIO, AUDIENCE)


async def taken(data: bytes, cuts: list[int]) -> tuple[str, bytes, dict[str, str]]:
    async def parts() -> AsyncIterator[bytes]:
        for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True):
            yield data[start:end]

    told = await form_with_file(KIND, parts(), file="audio", fields=WANTED)
    content = b"".join([part async for part in told.content])
    return told.new.name, content, dict(told.fields)


def outcome(data: bytes, cuts: list[int] | None = None) -> tuple[str, bytes, dict[str, str]]:
    return trio.run(taken, data, cuts or [])


def refused(data: bytes, cuts: list[int] | None = None) -> dict[str, str]:
    with pytest.raises(ProtocolError) as caught:
        outcome(data, cuts)
    assert caught.value.code is ErrorCode.INVALID
    return dict(caught.value.fields or {})


def some_cuts(choice: Any, data: bytes) -> list[int]:
    return sorted(choice.draw(st.lists(st.integers(0, len(data)), max_size=12)))


@given(st.permutations([AUDIO, COUNT, AUDIENCE, NAMELESS % (b"x" * 2000)]), st.data())
def test_the_order_and_the_cuts_change_nothing(parts: list[bytes], choice: Any) -> None:
    data = form(*parts)
    name, content, fields = outcome(data, some_cuts(choice, data))
    assert (name, content) == ("voice.webm", SOUND)
    assert fields == {"recipient_count": "30", "audience": '{"region": "서울"}'}


def test_it_may_come_byte_by_byte() -> None:
    assert outcome(WHOLE, list(range(len(WHOLE)))) == outcome(WHOLE)


@pytest.mark.parametrize(
    ("data", "blamed"),
    [
        (form(COUNT, AUDIO, COUNT), "recipient_count"),
        (form(COUNT, COUNT, AUDIO), "recipient_count"),
        (form(field("recipient_cuont", b"30"), AUDIO), "recipient_cuont"),
        (form(AUDIO, field("other", b"x" * 2000)), "other"),
        (form(AUDIO, field("other", b"")), "other"),
        (form(field("audience", b"a\0b"), AUDIO), "audience"),
        (form(AUDIO, field("audience", b"\xff\xfe")), "audience"),
        (form(AUDIO, field("audience", b"x" * (MOST_FIELD + 1))), "audience"),
        (form(COUNT), "audio"),
        (form(), "audio"),
        (form(field("audio", b"no file")), "audio"),
        (form(AUDIO, field("audio", b"no file")), "audio"),
        (form(AUDIO, AUDIO), "audio"),
        (form(AUDIO, field("audience", b"1", filename="a")), "audio"),
        (form(field("recipient_count", b"1", filename="a"), AUDIO), "audio"),
        (form(field("photo", b"1", filename="a")), "audio"),
        (b"--xx\r\nContent-Disposition: form-data; filename=a\r\n\r\n1\r\n--xx--", "audio"),
        (COUNT + AUDIO, "audio"),
        (COUNT, "audio"),
        (b"", "audio"),
        (b"nonsense", "audio"),
    ],
)
def test_what_is_refused_blames_a_field_however_it_comes(data: bytes, blamed: str) -> None:
    for cuts in ([], list(range(len(data))), [len(data) // 2]):
        assert list(refused(data, cuts)) == [blamed]


def test_a_field_may_be_empty_or_as_long_as_it_may_be() -> None:
    for value in (b"", b"x" * MOST_FIELD, b"\r\n--x", "여".encode()):
        found = outcome(form(AUDIO, field("audience", value)))[2]
        assert found == {"audience": value.decode()}


def test_a_field_without_a_name_is_passed_over() -> None:
    assert outcome(form(NAMELESS % b"1", AUDIO, NAMELESS % b"1"))[2] == {}


def test_a_form_without_a_boundary_is_none() -> None:
    async def none() -> AsyncIterator[bytes]:
        yield WHOLE

    for kind in ("multipart/form-data", "multipart/form-data; boundary="):
        with pytest.raises(ProtocolError) as caught:
            trio.run(lambda: form_with_file(kind, none(), file="audio", fields=WANTED))  # noqa: B023
        assert list(caught.value.fields or {}) == ["audio"]


def test_there_is_only_so_much_beside_the_file() -> None:
    much = [NAMELESS % (b"x" * (MOST_BESIDE // 4))] * 5
    for parts in ([AUDIO, *much], [*much, AUDIO]):
        with pytest.raises(ProtocolError) as caught:
            outcome(form(*parts))
        assert caught.value.code is ErrorCode.TOO_LARGE


@given(st.data())
def test_a_spoilt_form_is_refused_or_read(choice: Any) -> None:
    data = WHOLE
    for _ in range(choice.draw(st.integers(1, 4))):
        start = choice.draw(st.integers(0, len(data)))
        more = choice.draw(st.sampled_from(SPOILT) | st.binary(max_size=4))
        data = data[:start] + more + data[start + choice.draw(st.integers(0, 20)) :]
    with suppress(ProtocolError):
        _, _, fields = outcome(data, some_cuts(choice, data))
        assert fields.keys() <= set(WANTED)
