"""What the client makes of answers over HTTP that a server should not give, or gives in pieces."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from itertools import count

import pytest
import trio

from protocol.client import ConnectionLost, Export, Record, RequestError, RequestTimeout
from protocol.client import export as export_module
from protocol.client import http as http_module
from protocol.client.export import open_export
from protocol.client.http import Http

HEAD = b'{"t": "export", "version": 1, "room": "r", "upto": 2, "members": []}\n'
ONE = b'{"t": "message", "seq": 1, "body": "\xed\x95\x98\xeb\x82\x98"}\n'
TWO = b'{"t": "message", "seq": 2, "body": "x"}\n'
END = b'{"t": "end", "events": 2}\n'
STREAM = (
    b"HTTP/1.1 200 \r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n"
)

Reply = Callable[[trio.SocketStream, bytes], Awaitable[None]]


@asynccontextmanager
async def server(reply: Reply) -> AsyncIterator[str]:
    """Answers each connection, whose request is read by then, by *reply*."""

    async def serve(stream: trio.SocketStream) -> None:
        request = b""
        while not request.endswith((b"\r\n\r\n", b"}")):
            request += bytes(await stream.receive_some())
        with suppress(trio.BrokenResourceError):
            await reply(stream, request)

    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            start = partial(trio.serve_tcp, serve, 0, host="127.0.0.1")
            listeners = await nursery.start(start)
            yield f"http://127.0.0.1:{listeners[0].socket.getsockname()[1]}"
            nursery.cancel_scope.cancel()


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def sending(*parts: bytes, then: float = 0) -> Reply:
    async def reply(stream: trio.SocketStream, _: bytes) -> None:
        for part in parts:
            await stream.send_all(part)
        await trio.sleep(then)

    return reply


async def take(url: str, seqs: list[int], *, within: float = 10) -> Export:
    async with open_export(Http(url, "t", within=within), "r") as events:
        async for event in events:
            seqs += [event.seq]
    return events


async def test_lines_that_come_in_any_pieces_are_whole() -> None:
    body = HEAD + ONE + TWO + END
    for size in (1, 7, len(body)):
        chunks = [chunk(body[start : start + size]) for start in range(0, len(body), size)]
        seqs: list[int] = []
        async with server(sending(STREAM, *chunks, chunk(b"")[:-2] + b"\r\n")) as url:
            events = await take(url, seqs)
        assert seqs == [1, 2] and isinstance(events.head, Record)
        assert (events.head.room, events.head.upto) == ("r", 2)


@pytest.mark.parametrize(
    ("body", "is_chunked", "taken", "why"),
    [
        (HEAD + ONE, True, [1], "without its last line"),
        (HEAD + ONE + TWO + END[:-1], True, [1, 2], "without its last line"),
        (HEAD + ONE + TWO[:9], False, [1], "after 1 events"),
        (HEAD + ONE + END, True, [1], "it should have had 2"),
        (HEAD + ONE + b"oops\n", True, [1], "no JSON object"),
        (HEAD + ONE + b"[]\n", True, [1], "no JSON object"),
        (HEAD + ONE + b"\xff\n", True, [1], "no JSON object"),
        (ONE, True, [], "no export came"),
        (b"", True, [], "without its last line"),
        (b"", False, [], "without sending complete"),
    ],
)
async def test_what_is_cut_short_is_never_whole(
    body: bytes, is_chunked: bool, taken: list[int], why: str
) -> None:
    parts = [chunk(body)] if body else []
    seqs: list[int] = []
    async with server(sending(STREAM, *parts, b"0\r\n\r\n" if is_chunked else b"")) as url:
        with pytest.raises(ConnectionLost, match=why):
            await take(url, seqs)
    assert seqs == taken


async def test_who_asks_on_after_the_break_is_told_again() -> None:
    async with (
        server(sending(STREAM, chunk(HEAD + ONE), b"0\r\n\r\n")) as url,
        open_export(Http(url, "t", within=10), "r") as events,
    ):
        assert (await anext(events)).seq == 1
        for _ in range(3):
            with pytest.raises(ConnectionLost):
                await anext(events)


async def test_why_there_is_no_more_is_raised() -> None:
    error = b'{"t": "error", "code": "not_member", "message": "no more"}\n'
    seqs: list[int] = []
    async with server(sending(STREAM, chunk(HEAD + ONE + error), b"0\r\n\r\n")) as url:
        with pytest.raises(RequestError, match="no more") as info:
            await take(url, seqs)
    assert (info.value.code, seqs) == ("not_member", [1])


async def test_a_line_that_does_not_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export_module, "MOST_BYTES", 10_000)
    lines = [chunk(b"x" * 1_000)] * 20
    async with server(sending(STREAM, chunk(HEAD), *lines)) as url:
        with pytest.raises(ConnectionLost, match="does not end"):
            await take(url, [])


async def test_a_server_that_falls_silent_is_told_in_time() -> None:
    for parts in ((), (STREAM,), (STREAM, chunk(HEAD + ONE))):
        async with server(sending(*parts, then=10)) as url:
            with pytest.raises(RequestTimeout):
                await take(url, [], within=0.2)


async def test_no_more_is_read_than_is_taken_and_leaving_closes_the_connection() -> None:
    sent, left = 0, trio.Event()

    async def reply(stream: trio.SocketStream, _: bytes) -> None:
        nonlocal sent
        await stream.send_all(STREAM + chunk(HEAD))
        with suppress(trio.BrokenResourceError):
            while True:
                await stream.send_all(chunk(TWO * 1_000))
                sent += len(TWO) * 1_000
        left.set()

    async with server(reply) as url:
        async with open_export(Http(url, "t", within=10), "r") as events:
            await anext(events)
            before = -1
            while sent > before:
                before = sent
                await trio.sleep(0.2)
        assert before < 32 * 2**20, "what the kernel holds of a connection"
        await left.wait()


def problem(status: int, code: str, **more: object) -> bytes:
    said = json.dumps({"code": code, "detail": "no", **more}).encode()
    head = f"HTTP/1.1 {status} \r\nContent-Length: {len(said)}\r\n\r\n"
    return head.encode() + said


MADE = problem(201, "", id="r")


class Script:
    """Answers one after the other, the last for ever; keeps what the requests had as their key."""

    def __init__(self, *answers: bytes) -> None:
        self.keys: list[bytes] = []
        self._answers = answers
        self._numbers = count()

    async def reply(self, stream: trio.SocketStream, request: bytes) -> None:
        self.keys += [
            line.partition(b" ")[2]
            for line in request.split(b"\r\n")
            if line.lower().startswith(b"idempotency-key: ")
        ]
        await stream.send_all(self._answers[min(next(self._numbers), len(self._answers) - 1)])


async def test_what_is_asked_once_is_asked_on_with_its_key_until_it_is_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http_module, "AGAIN_S", 0.01)
    under_way = problem(409, "conflict", retry_after_ms=10)
    away = problem(503, "unavailable", retry_after_ms=10)
    half = STREAM + chunk(b'{"id"')
    script = Script(under_way, away, half, b"", b"HTTP/1.1 502 \r\n\r\n<html>", MADE)
    async with server(script.reply) as url:
        made = await Http(url, "t", within=15).once({"type": "team"}, key="k")
    assert made.id == "r" and script.keys == [b"k"] * 6


async def test_what_is_refused_is_not_asked_again() -> None:
    for status, code, more in (
        (409, "conflict", {}),
        (400, "invalid", {"fields": {"name": "no"}}),
        (429, "rate_limited", {"retry_after_ms": 10}),
        (503, "unavailable", {}),
    ):
        script = Script(problem(status, code, **more))
        async with server(script.reply) as url:
            with pytest.raises(RequestError) as info:
                await Http(url, "t", within=10).once({}, key="k")
        assert info.value.code == code and len(script.keys) == 1
        assert info.value.retry_after_ms == more.get("retry_after_ms")


async def test_what_stays_unanswered_names_its_key() -> None:
    for reply in (
        sending(then=10),
        sending(),
        Script(problem(503, "unavailable", retry_after_ms=9)).reply,
    ):
        async with server(reply) as url:
            with pytest.raises(RequestTimeout) as info:
                await Http(url, "t", within=0.3).once({}, key="k")
        assert info.value.id == "k"


async def test_a_key_that_no_header_can_have_is_refused_at_once() -> None:
    for key in ("열쇠", "a\r\nb", " k", "\ud800"):
        with pytest.raises(RequestError) as info:
            await Http("http://127.0.0.1:9", "t", within=5).once({}, key=key)
        assert info.value.code == "invalid"


async def test_a_name_the_path_cannot_spell_is_asked_for_all_the_same() -> None:
    asked: list[bytes] = []

    async def reply(stream: trio.SocketStream, request: bytes) -> None:
        asked.append(request.split(b" ")[1])
        await stream.send_all(problem(404, "not_found"))

    async with server(reply) as url:
        for name in ("a/b?c#d", "\ud800", "여우"):
            with pytest.raises(RequestError):
                await Http(url, "t", within=5).ask("PUT", name, query={"q": name})
    assert asked[0].endswith(b"/a%2Fb%3Fc%23d?q=a%2Fb%3Fc%23d")
    assert asked[1].endswith(b"/%ED%A0%80?q=%ED%A0%80")


async def test_what_is_undecided_is_asked_for_again_after_one_request_too_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The first answer is lost, and the room may be there: its key must not be."""
    monkeypatch.setattr(http_module, "AGAIN_S", 0.01)
    script = Script(b"", problem(429, "rate_limited", retry_after_ms=10), MADE)
    async with server(script.reply) as url:
        made = await Http(url, "t", within=5).once({"type": "team"}, key="k")
    assert made.id == "r" and len(script.keys) == 3


async def test_who_is_no_such_server_is_not_asked_again() -> None:
    script = Script(b"HTTP/1.1 404 \r\nContent-Length: 6\r\n\r\n<html>")
    async with server(script.reply) as url:
        with pytest.raises(RequestError, match="HTTP 404"):
            await Http(url, "t", within=5).once({"type": "team"}, key="k")
    assert len(script.keys) == 1
