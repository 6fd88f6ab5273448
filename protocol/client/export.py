"""A whole room as it comes, line by line."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from protocol.client.errors import ConnectionLost
from protocol.client.http import (
    GOOD,
    MOST_BYTES,
    ROOMS,
    Answer,
    Http,
    record_of,
    refusal,
    target_of,
    told,
)
from protocol.client.record import Record


class Export:
    """A room to take away: iterate it for its events. Made by `Client.export`.

    ``head`` is the first line: ``room``, ``name``, ``at``, ``upto`` and ``members``. The events are
    those that pages hold, ascending, as of ``upto``. The iteration ends only once all of them came.
    Otherwise it raises: RequestError where the server says why there are no more, ConnectionLost
    where they are cut short, RequestTimeout where no more come in time. As much is read as is
    taken, so that little is held; a program that takes nothing for half a minute is cut off.
    """

    def __init__(self, head: Record, lines: Lines) -> None:
        self.head = head
        self._lines = lines
        self._count = 0
        self._is_whole = False

    def __aiter__(self) -> Export:
        return self

    async def __anext__(self) -> Record:
        if self._is_whole:
            raise StopAsyncIteration
        try:
            record = await self._lines.take()
        except ConnectionLost as error:
            raise self._cut_short(str(error)) from error
        if record.t != "end":
            self._count += 1
            return record
        if record.events != self._count:
            raise self._cut_short(f"it should have had {record.events}")
        self._is_whole = True
        raise StopAsyncIteration

    def _cut_short(self, why: str) -> ConnectionLost:
        return ConnectionLost(f"the export was cut short after {self._count} events: {why}")


class Lines:
    """The lines of an answer, each a JSON object. What is held is one line and one read."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._whole: deque[bytes] = deque()
        self._begun = bytearray()

    async def take(self) -> Record:
        """The next line. Raises ConnectionLost where there is none; RequestError for an error."""
        while not self._whole:
            self._cut(await self._answer.take())
        record = record_of(self._whole.popleft())
        if record is None:
            raise ConnectionLost("a line is no JSON object")
        if record.t == "error":
            raise refusal(record, record.message)
        return record

    def _cut(self, data: bytes) -> None:
        if not data:
            raise ConnectionLost("the answer ended without its last line")
        first, *others = data.split(b"\n")
        self._begun += first
        for other in others:
            self._whole.append(bytes(self._begun))
            self._begun = bytearray(other)
        if len(self._begun) > MOST_BYTES:
            raise ConnectionLost("a line does not end")


@asynccontextmanager
async def open_export(http: Http, room: str) -> AsyncIterator[Export]:
    """The export of *room*; leaving the block ends it, read to its end or not."""
    async with http.answer("GET", target_of(ROOMS, room, "export")) as answer:
        if answer.status not in GOOD:
            told(answer.status, await answer.whole())
        lines = Lines(answer)
        head = await lines.take()
        if head.t != "export":
            raise ConnectionLost("no export came")
        yield Export(head, lines)
