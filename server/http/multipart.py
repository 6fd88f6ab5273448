"""A form with one file in it, and perhaps fields, taken apart as it comes."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Collection, Mapping
from typing import NamedTuple

from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.http import parse_options_header
from werkzeug.sansio.multipart import (
    BLANK_LINE_RE,
    NEED_DATA,
    Data,
    Epilogue,
    Event,
    Field,
    File,
    MultipartDecoder,
    NeedData,
    State,
)

from protocol.errors import ErrorCode, ProtocolError
from server.files.intake import NewUpload
from server.http.bodies import invalid

MOST_BUFFERED = 256 * 1024
MOST_HEAD = 8 * 1024
"""Bytes of what a part says of itself, which are read in one go."""
MOST_PARTS = 20
MOST_BESIDE = 64 * 1024
"""Bytes of fields that are no file."""
MOST_FIELD = 1024
"""Bytes of one that is wanted."""

IN_CONTENT = (State.DATA_START, State.DATA)
BROKEN_OFF = re.compile(rb"-|[^\S\r\n]*")


class FormWithFile(NamedTuple):
    """What is said of the file of a form, its bytes as they come, and the fields beside it: all of
    them are there when the content has been read to its end.
    """

    new: NewUpload
    content: AsyncIterator[bytes]
    fields: Mapping[str, str]


async def only_file(
    content_type: str, parts: AsyncIterator[bytes]
) -> tuple[NewUpload, AsyncIterator[bytes]]:
    """The only file of the form in *parts*: what is said of it, and its bytes as they come.

    Fields before and after it are passed over. Raises ProtocolError.
    """
    return (await _begun(Form(content_type, parts)))[:2]


async def form_with_file(
    content_type: str,
    parts: AsyncIterator[bytes],
    *,
    file: str,
    fields: Collection[str],
) -> FormWithFile:
    """The form in *parts*, whose only file is called *file*, and what it says of *fields*.

    Each is a text of at most MOST_FIELD bytes, wherever it comes; others are refused. Raises
    ProtocolError, also while the content is read: it blames the field, or *file* where none is at
    fault.
    """
    return await _begun(Form(content_type, parts, file=file, fields=fields))


async def _begun(form: Form) -> FormWithFile:
    file = await form.file()
    said = file.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return FormWithFile(NewUpload(file.filename, said, None), form, form.fields.found)


class Form:
    """The bytes of the file of a form, once ``file`` has found it. Without a name it may have any.

    The ``fields`` are those that have come so far; without names to look for all are passed over.
    """

    def __init__(
        self,
        content_type: str,
        parts: AsyncIterator[bytes],
        *,
        file: str | None = None,
        fields: Collection[str] | None = None,
    ) -> None:
        self._name, self.fields = file, Fields(fields)
        _, options = parse_options_header(content_type)
        boundary = options.get("boundary", "").encode()
        if not boundary:
            raise self._broken()
        self._mark = b"--" + boundary
        self._decoder = MultipartDecoder(boundary, MOST_BUFFERED, max_parts=MOST_PARTS)
        self._parts = parts
        self._beside = 0
        self._whole = False

    async def file(self) -> File:
        """What is said of the file."""
        while not isinstance(event := await self._event(), File):
            self._pass_over(event)
        if self._name not in (None, event.name):
            raise self._refused("must be what the file is called")
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
                raise self._refused("one file at a time")
            self._pass_over(event)
        raise StopAsyncIteration

    def _pass_over(self, event: Event) -> None:
        if isinstance(event, Epilogue):
            raise self._refused("there is no file in the form")
        if isinstance(event, Field):
            if event.name and event.name == self._name:
                raise self._refused("must be a file")
            self.fields.begin(event.name)
        if isinstance(event, Data):
            self.fields.add(event)
            self._beside += len(event.data)
        if self._beside > MOST_BESIDE:
            raise ProtocolError(ErrorCode.TOO_LARGE, "too much beside the file")

    async def _event(self) -> Event:
        try:
            while isinstance(event := self._next_event(), NeedData):
                self._decoder.receive_data(await anext(self._parts, None))
        except (ValueError, AttributeError, RequestEntityTooLarge) as error:
            raise self._broken() from error
        return event

    def _next_event(self) -> Event:
        state, held = self._decoder.state, self._decoder.buffer
        if state is State.PART and len(held) > MOST_HEAD:
            if BLANK_LINE_RE.search(held, 0, MOST_HEAD) is None:
                raise self._broken()
        elif state in IN_CONTENT and not self._decoder.complete:
            # Of a boundary that breaks off in its end the decoder takes the first byte for content.
            at = held.rfind(self._mark)
            if at >= 0 and BROKEN_OFF.fullmatch(held, at + len(self._mark)):
                if len(held) - at > MOST_HEAD:
                    raise self._broken()
                return NEED_DATA
        return self._decoder.next_event()

    def _broken(self) -> ProtocolError:
        return self._refused("the form cannot be read")

    def _refused(self, why: str) -> ProtocolError:
        return invalid(self._name or "file", why)


class Fields:
    """The texts of a form that are *wanted*, as they come: those that are ``found`` are whole.

    None wants none, and takes what comes; else a name that is not wanted is a slip of who sent it.
    """

    def __init__(self, wanted: Collection[str] | None) -> None:
        self._wanted = wanted
        self.found: dict[str, str] = {}
        self._name, self._text = "", bytearray()

    def begin(self, name: str) -> None:
        """Another field. Raises ProtocolError where it was there, or is none of these."""
        if name in self.found:
            raise invalid(name, "must be given once")
        if name and self._wanted is not None and name not in self._wanted:
            raise invalid(name, f"is no field; these are: {', '.join(sorted(self._wanted))}")
        self._name = name if self._wanted is not None else ""
        self._text.clear()

    def add(self, data: Data) -> None:
        """More of the field that began. Raises ProtocolError."""
        if not self._name:
            return
        self._text += data.data
        if len(self._text) > MOST_FIELD:
            raise invalid(self._name, f"must have at most {MOST_FIELD} bytes")
        if not data.more_data:
            self.found[self._name] = self._decoded()

    def _decoded(self) -> str:
        try:
            text = self._text.decode()
        except UnicodeDecodeError:
            raise invalid(self._name, "must be UTF-8") from None
        if "\0" in text:
            raise invalid(self._name, "must have no NUL in it")
        return text
