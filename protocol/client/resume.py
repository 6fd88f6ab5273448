"""How far each room has been seen: no event twice, none missed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from protocol.client.errors import BrokenStream
from protocol.client.record import Record

HELLO_BYTES: Final = 48 * 1024
"""What the rooms may take of ``hello``, which must stay below the longest client message."""
SEQ_BYTES: Final = 12


class Resume:
    """The last seq seen of every room.

    It moves only by `saw`, `join`, `jump` and `gone`, called once the program surely gets the
    event: what was not taken in is asked for again on the next connection.
    """

    def __init__(self) -> None:
        self._seen: dict[str, int] = {}

    def positions(self) -> dict[str, int]:
        """What ``hello`` resumes: as many rooms as fit."""
        chosen, size = {}, 0
        for room, seq in self._seen.items():
            size += len(room.encode()) + SEQ_BYTES
            if size > HELLO_BYTES:
                break
            chosen[room] = seq
        return chosen

    def is_new(self, room: str, seq: int) -> bool:
        """Whether the event is new. Raises BrokenStream when some before it are missing."""
        seen = self._seen.get(room, seq - 1)
        if seq > seen + 1:
            raise BrokenStream(f"in room {room} {seq} came after {seen}")
        return seq == seen + 1

    def saw(self, room: str, seq: int) -> None:
        """The event was taken in. A room without summary is followed from its first one on."""
        self._seen[room] = seq

    def join(self, room: str, last_seq: int) -> None:
        """Follow *room* from here on, unless it is followed already."""
        self._seen.setdefault(room, last_seq)

    def jump(self, room: str, to: int) -> None:
        """Go on after *to*, which lies below what was seen where the room's log is another now."""
        self._seen[room] = to

    def gone(self, room: str) -> None:
        """Follow *room* no more."""
        self._seen.pop(room, None)

    def left_out(self, resumed: Mapping[str, int], rooms: Iterable[Record]) -> list[Record]:
        """What the server would have said of the rooms that did not fit into ``hello``."""
        last_seqs = {room["id"]: room["last_seq"] for room in rooms}
        frames = []
        for room, seen in self._seen.items():
            last = last_seqs.get(room)
            if room in resumed or last == seen:
                continue
            if last is None:
                frames.append(Record(t="room_gone", room=room, reason="not_member"))
            else:
                first = seen + 1 if seen < last else 1
                frames.append(Record({"t": "gap", "room": room, "from": first, "to": last}))
        return frames
