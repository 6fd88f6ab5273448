"""Sends that are not acknowledged yet, in order; each keeps its ``id`` until it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

AGAIN: Final = frozenset({"rate_limited", "unavailable"})


class Outbox:
    """Answers of the server in, frames to send again out.

    An id is settled once: by its ``ack``, or by an error that trying again would not mend.
    """

    def __init__(self) -> None:
        self._waiting: dict[tuple[str, str], Mapping[str, Any]] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, frame: Mapping[str, Any]) -> tuple[str, str]:
        """Remember a ``send``; its key. ValueError for an id that waits already."""
        key = (frame["room"], frame["id"])
        if key in self._waiting:
            raise ValueError(f"a send with the id {key[1]!r} waits already")
        self._waiting[key] = frame
        return key

    def drop(self, key: tuple[str, str]) -> None:
        """The application gave it up."""
        self._waiting.pop(key, None)

    def pending(self) -> list[Mapping[str, Any]]:
        """What to send after (re)connecting, oldest first."""
        return list(self._waiting.values())

    def answered(self, frame: Mapping[str, Any]) -> tuple[str, str] | None:
        """The key that an ``ack`` or ``error`` settles; None when it settles none."""
        key = (frame.get("room", ""), frame.get("id", ""))
        if key not in self._waiting or wants_retry(frame):
            return None
        del self._waiting[key]
        return key


def wants_retry(frame: Mapping[str, Any]) -> bool:
    """Whether the same send may work later."""
    return frame["t"] == "error" and frame["code"] in AGAIN
