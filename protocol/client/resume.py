"""Where the client stands in each room: no event twice, none missed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class MissedEvent(Exception):
    """An event came out of turn: connect again and resume."""


class Positions:
    """The last seq seen of each room, and the rooms' summaries, kept fresh."""

    def __init__(self) -> None:
        self.rooms: dict[str, dict[str, Any]] = {}
        self._seen: dict[str, int] = {}

    def resume(self) -> dict[str, int]:
        """What ``hello`` says to get what was missed."""
        return dict(self._seen)

    def welcome(self, summaries: Sequence[Mapping[str, Any]]) -> None:
        """The rooms as of now. Those seen before are replayed from where they stand."""
        self.rooms = {summary["id"]: dict(summary) for summary in summaries}
        for room, summary in self.rooms.items():
            self._seen.setdefault(room, summary["last_seq"])

    def take(self, frame: Mapping[str, Any]) -> bool:
        """Note *frame*; False when the application has seen it before. Raises MissedEvent."""
        kind = frame["t"]
        if kind == "room":
            self.rooms[frame["id"]] = {key: value for key, value in frame.items() if key != "t"}
            self._seen.setdefault(frame["id"], frame["last_seq"])
        elif kind == "room_gone":
            self.rooms.pop(frame["room"], None)
            self._seen.pop(frame["room"], None)
        elif kind == "gap":
            self._seen[frame["room"]] = frame["to"]
        elif kind == "unread":
            self.rooms.get(frame["room"], {}).update(
                unread=frame["unread"], mentions=frame["mentions"], read_seq=frame["upto"]
            )
        elif "seq" in frame and "room" in frame:
            return self._take_event(frame["room"], frame["seq"])
        return True

    def _take_event(self, room: str, seq: int) -> bool:
        seen = self._seen.get(room, 0)
        if seq <= seen:
            return False
        if seq > seen + 1:
            raise MissedEvent(f"{room}: {seq} after {seen}")
        self._seen[room] = seq
        if room in self.rooms:
            self.rooms[room]["last_seq"] = seq
        return True
