"""Files: bytes up while an answer may come already, and bytes down as fast as they are taken."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import trio

from protocol.client.http import ANY_TEXT, CHATS, GOOD, Answer, Http, target_of, told
from protocol.client.record import Record

PART: Final = 64 * 1024


class Download:
    """A file to iterate, part by part. Made by `Client.download`.

    ``size`` is how many bytes it has. The iteration raises ConnectionLost where they break off, and
    RequestTimeout where none come in time.
    """

    def __init__(self, answer: Answer, size: int) -> None:
        self._answer, self.size = answer, size

    def __aiter__(self) -> Download:
        return self

    async def __anext__(self) -> bytes:
        part = await self._answer.take()
        if not part:
            raise StopAsyncIteration
        return part


async def upload(
    http: Http, source: bytes | str | Path | AsyncIterable[bytes], name: str
) -> Record:
    """Keep what *source* has as a file called *name*.

    RequestError, too, for a file that is not as long in the end as it was in the beginning.
    """
    shown = name or (Path(source).name if isinstance(source, str | Path) else "")
    called = quote(shown, safe="", errors=ANY_TEXT)
    headers = {
        "Content-Type": "application/octet-stream",
        "Content-Disposition": f"attachment; filename*=UTF-8''{called}",
    }
    async with _opened(source) as (parts, length):
        framing = {"Transfer-Encoding": "chunked"} if length is None else {}
        framing |= {} if length is None else {"Content-Length": str(length)}
        async with http.bringing(target_of(CHATS, "files"), headers | framing, parts) as answer:
            return told(answer.status, await answer.whole())


@asynccontextmanager
async def open_download(
    http: Http, file: str, *, thumbnail: bool = False
) -> AsyncIterator[Download]:
    """The bytes of *file*; leaving the block ends it, wherever one is in it."""
    parts = (file, "thumbnail") if thumbnail else (file,)
    async with http.answer("GET", target_of(f"{CHATS}/files", *parts)) as answer:
        if answer.status not in GOOD:
            told(answer.status, await answer.whole())
        yield Download(answer, answer.length)


@asynccontextmanager
async def _opened(
    source: bytes | str | Path | AsyncIterable[bytes],
) -> AsyncIterator[tuple[AsyncIterator[bytes], int | None]]:
    """The parts of *source*, and how long they are together, where that is known."""
    if isinstance(source, bytes):
        yield _slices(source), len(source)
    elif isinstance(source, str | Path):
        async with await trio.open_file(source, "rb") as file:
            yield _pieces(file), (await trio.Path(source).stat()).st_size
    else:
        yield aiter(source), None


async def _slices(data: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(data), PART):
        yield data[start : start + PART]


async def _pieces(file: Any) -> AsyncIterator[bytes]:
    while part := await file.read(PART):
        yield part
