"""Requests that are answered by their ``rid``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class Request:
    """One request. ``lasting``: it outlives its connection and is written again on the next."""

    fields: dict[str, Any]
    payload: bytes
    lasting: bool
    written: bool = False


class Requests:
    """Unanswered requests by number, in the order of their calls. Their callers bound them."""

    def __init__(self) -> None:
        self._open: dict[int, Request] = {}

    def __len__(self) -> int:
        return len(self._open)

    def put(self, number: int, request: Request) -> None:
        """Take in a request; its *number* is its ``rid``."""
        self._open[number] = request

    def next_payload(self) -> bytes | None:
        """The first request that is not written yet; it is from now on."""
        for request in self._open.values():
            if not request.written:
                request.written = True
                return request.payload
        return None

    def settle(self, number: int) -> Request | None:
        """It is answered, or given up: the request, or None where nobody waits for it."""
        return self._open.pop(number, None)

    def disconnected(self) -> list[int]:
        """The lasting ones are to be written again; the others, named here, are over."""
        for request in self._open.values():
            request.written = False
        return self._take([number for number in self._open if not self._open[number].lasting])

    def end(self) -> list[int]:
        """Whose requests stay unanswered."""
        return self._take(list(self._open))

    def _take(self, numbers: list[int]) -> list[int]:
        for number in numbers:
            del self._open[number]
        return numbers
