"""Sends that are not acknowledged yet."""

from __future__ import annotations

from dataclasses import dataclass

from protocol.client.errors import RequestError

Key = tuple[str, str]
"""A room, and the id that the sender chose."""


@dataclass(slots=True)
class _Entry:
    number: int
    payload: bytes
    written: bool = False


class OutboxFull(Exception):
    """As many sends as it holds are waiting. The caller comes again when one is answered."""


class Outbox:
    """Unanswered sends in the order of their calls; each leaves it exactly once.

    On a new connection all are written again, in order, with the same ids: the server knows the
    ones it has. A server that says 'not now' is believed until the time it names; then sends go
    out one by one, and by one more for each that is acknowledged.
    """

    def __init__(self, *, most: int) -> None:
        self._most = self._window = most
        self._entries: dict[Key, _Entry] = {}
        self._in_flight = 0
        self._held_until = 0.0

    def __len__(self) -> int:
        return len(self._entries)

    def put(self, number: int, key: Key, payload: bytes) -> None:
        """Take in the send of the caller *number*. Raises OutboxFull and RequestError."""
        if key in self._entries:
            raise RequestError("conflict", "a message with this id is being sent")
        if len(self._entries) >= self._most:
            raise OutboxFull
        self._entries[key] = _Entry(number, payload)

    def next_payload(self, now: float) -> bytes | None:
        """The first send that is due, from now on in flight; None where none is."""
        if now < self._held_until or self._in_flight >= self._window:
            return None
        for entry in self._entries.values():
            if not entry.written:
                entry.written = True
                self._in_flight += 1
                return entry.payload
        return None

    def held_until(self, now: float) -> float | None:
        """When the sends may go on that are held back at *now*; None where none are."""
        return self._held_until if self._entries and now < self._held_until else None

    def settle(self, key: Key) -> int | None:
        """The send was answered: whose it is, or None where nobody waits for it."""
        entry = self._remove(key)
        if entry is None:
            return None
        self._window = min(self._window + 1, self._most)
        return entry.number

    def hold(self, key: Key, until: float) -> None:
        """'Not now' came for the send; it keeps its place."""
        entry = self._entries.get(key)
        if entry is not None:
            self._land(entry)
        self._held_until = max(self._held_until, until)
        self._window = 1

    def drop(self, number: int) -> None:
        """The caller waits no more."""
        for key, entry in self._entries.items():
            if entry.number == number:
                self._remove(key)
                return

    def disconnected(self) -> None:
        """What was in flight is to be written again."""
        for entry in self._entries.values():
            self._land(entry)

    def end(self) -> list[int]:
        """Whose sends stay unanswered."""
        numbers = [entry.number for entry in self._entries.values()]
        self._entries.clear()
        return numbers

    def _remove(self, key: Key) -> _Entry | None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._land(entry)
        return entry

    def _land(self, entry: _Entry) -> None:
        self._in_flight -= entry.written
        entry.written = False
