"""A form with one file in it, taken apart as it comes."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.http import parse_options_header
from werkzeug.sansio.multipart import (
    BLANK_LINE_RE,
    NEED_DATA,
    Data,
    Epilogue,
    Event,
    File,
    MultipartDecoder,
    NeedData,
    State,
)

from protocol.errors import ErrorCode, ProtocolError
from server.files.intake import NewUpload

MOST_BUFFERED = 256 * 1024
MOST_HEAD = 8 * 1024
"""Bytes of what a part says of itself, which are read in one go."""
MOST_PARTS = 20
MOST_BESIDE = 64 * 1024
"""Bytes of fields that are no file."""

IN_CONTENT = (State.DATA_START, State.DATA)
BROKEN_OFF = re.compile(rb"-|[^\S\r\n]*")


async def only_file(
    content_type: str, parts: AsyncIterator[bytes]
) -> tuple[NewUpload, AsyncIterator[bytes]]:
    """The only file of the form in *parts*: what is said of it, and its bytes as they come.

    Fields before and after it are passed over. Raises ProtocolError.
    """
    _, options = parse_options_header(content_type)
    form = Form(options.get("boundary", ""), parts)
    file = await form.file()
    said = file.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return NewUpload(file.filename, said, None), form


class Form:
    """The bytes of the file of a form, once ``file`` has found it."""

    def __init__(self, boundary: str, parts: AsyncIterator[bytes]) -> None:
        if not boundary:
            raise _broken()
        self._mark = b"--" + boundary.encode()
        self._decoder = MultipartDecoder(boundary.encode(), MOST_BUFFERED, max_parts=MOST_PARTS)
        self._parts = parts
        self._beside = 0
        self._whole = False

    async def file(self) -> File:
        """What is said of the first file."""
        while not isinstance(event := await self._event(), File):
            self._pass_over(event)
        return event

    def __aiter__(self) -> Form:
        return self

    async def __anext__(self) -> bytes:
        while not self._whole:
            event = await self._event()
            if isinstance(event, Data):
                self._whole = not event.more_data
                if event.data:
                    return event.data
        while not isinstance(event := await self._event(), Epilogue):
            if isinstance(event, File):
                raise ProtocolError(ErrorCode.INVALID, "one file at a time")
            self._pass_over(event)
        raise StopAsyncIteration

    def _pass_over(self, event: Event) -> None:
        if isinstance(event, Epilogue):
            raise ProtocolError(ErrorCode.INVALID, "there is no file in the form")
        if isinstance(event, Data):
            self._beside += len(event.data)
        if self._beside > MOST_BESIDE:
            raise ProtocolError(ErrorCode.TOO_LARGE, "too much beside the file")

    async def _event(self) -> Event:
        try:
            while isinstance(event := self._next_event(), NeedData):
                self._decoder.receive_data(await anext(self._parts, None))
        except (ValueError, AttributeError, RequestEntityTooLarge) as error:
            raise _broken() from error
        return event

    def _next_event(self) -> Event:
        state, held = self._decoder.state, self._decoder.buffer
        if state is State.PART and len(held) > MOST_HEAD:
            if BLANK_LINE_RE.search(held, 0, MOST_HEAD) is None:
                raise _broken()
        elif state in IN_CONTENT and not self._decoder.complete:
            # Of a boundary that breaks off in its end the decoder takes the first byte for content.
            at = held.rfind(self._mark)
            if at >= 0 and BROKEN_OFF.fullmatch(held, at + len(self._mark)):
                if len(held) - at > MOST_HEAD:
                    raise _broken()
                return NEED_DATA
        return self._decoder.next_event()


def _broken() -> ProtocolError:
    return ProtocolError(ErrorCode.INVALID, "the form cannot be read")
