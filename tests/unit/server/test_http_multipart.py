"""Forms that somebody has spoilt: the file is found, or the form refused, and nothing else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import trio
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import ProtocolError
from server.http.multipart import MOST_HEAD, only_file

WHOLE = (
    b'--xx\r\nContent-Disposition: form-data; name="a"\r\n\r\nhi\r\n'
    b"--xx\r\nContent-Disposition: form-data; name=f; filename*=UTF-8''%EB%9C%B0.txt\r\n"
    b"Content-Type: text/plain\r\n\r\ncontent\r\n--xx--\r\n"
)
FIELD = b'--xx\r\nContent-Disposition: form-data; name="b"\r\n\r\n%b\r\n--xx--'
SPOILT = [b"", b"\r\n", b"\r\n\r\n", b"--xx", b"--xx--", b"\x00", b"\xff", b'"', b";", b":", b"="]


async def taken(data: bytes, size: int, content_type: str) -> tuple[str, bytes]:
    async def parts() -> AsyncIterator[bytes]:
        for start in range(0, len(data), size):
            yield data[start : start + size]

    new, content = await only_file(content_type, parts())
    return new.name, b"".join([part async for part in content])


def outcome(data: bytes, size: int, content_type: str) -> tuple[str, bytes]:
    return trio.run(taken, data, size, content_type)


def test_a_form_is_the_same_in_whatever_parts_it_comes() -> None:
    for content in (b"content", b"\r\n--x\r", b"-xx", b"a\r\n--xxy\r\n--", b"", b"\n--xx-y"):
        data = WHOLE.replace(b"content\r\n--", content + b"\r\n--")
        for size in range(1, len(data) + 1):
            found = outcome(data, size, "multipart/form-data; boundary=xx")
            assert found == ("뜰.txt", content), size


def test_a_field_without_a_name_is_passed_over() -> None:
    nameless = b"--xx\r\nContent-Disposition: form-data\r\n\r\nhi\r\n"
    found = outcome(nameless + WHOLE, 7, "multipart/form-data; boundary=xx")
    assert found == ("뜰.txt", b"content")


@given(st.data())
def test_a_spoilt_form_is_refused_or_read(choice: Any) -> None:
    data = WHOLE
    for _ in range(choice.draw(st.integers(1, 4))):
        start = choice.draw(st.integers(0, len(data)))
        more = choice.draw(st.sampled_from(SPOILT) | st.binary(max_size=4))
        data = data[:start] + more + data[start + choice.draw(st.integers(0, 20)) :]
    kind = choice.draw(
        st.sampled_from(["boundary=xx", 'boundary="xx"', "boundary=", "boundary*=x"])
    )
    with suppress(ProtocolError):
        outcome(data, choice.draw(st.integers(1, 40)), f"multipart/form-data; {kind}")


def test_a_form_with_fields_may_be_large_in_whatever_parts_it_comes() -> None:
    content, field = b"content" * 14_000, b"hi" * 10_000
    for data in (WHOLE.replace(b"content", content), WHOLE.replace(b"--xx--", FIELD % field)):
        for size in (1_000, 16 * 1024, 64 * 1024):
            found = outcome(data, size, "multipart/form-data; boundary=xx")
            assert found == ("뜰.txt", content if content in data else b"content"), size


@given(st.integers(MOST_HEAD - 200, MOST_HEAD + 200), st.sampled_from([1000, 64 * 1024]))
def test_how_long_a_head_may_be_does_not_depend_on_how_it_comes(length: int, size: int) -> None:
    head = b"--xx\r\nContent-Disposition: form-data; name=f; filename=a\r\nX: "
    told = head + b"y" * (length - len(head) + len(b"--xx\r\n"))
    data = told + b"\r\n\r\ncontent\r\n--xx--\r\n"
    if length + len(b"\r\n\r\n") <= MOST_HEAD:
        assert outcome(data, size, "multipart/form-data; boundary=xx") == ("a", b"content")
    else:
        with suppress(ProtocolError):
            outcome(data, size, "multipart/form-data; boundary=xx")
            raise AssertionError(length)
