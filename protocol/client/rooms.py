"""The user's rooms as summaries, kept fresh by what comes."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from protocol.client.record import Record

EVERYBODY: Final = frozenset({"@all", "@here"})
REMEMBERED: Final = 256
SETTINGS: Final = ("name", "description", "visibility", "archived", "post", "metadata")
TOLD: Final = ("body", "mentions", "files", "edited_at")
COUNTED: Final = ("last_seq", "read_seq", "unread", "mentions", "marked", "last_message")


class Rooms(Mapping[str, Record]):
    """Summary by room id. A summary is replaced, never changed, so one that is held is a snapshot.

    ``unread`` and ``mentions`` are as of ``last_seq``: what is replayed up to there counts no more.
    """

    def __init__(self) -> None:
        self._rooms: dict[str, Record] = {}
        self._counted: dict[str, deque[tuple[int, bool, bool]]] = {}

    def __getitem__(self, room: str) -> Record:
        return self._rooms[room]

    def __iter__(self) -> Iterator[str]:
        return iter(self._rooms)

    def __len__(self) -> int:
        return len(self._rooms)

    def total(self) -> Record:
        """``rooms``, ``unread`` and ``mentions`` of all; of muted rooms the mentions alone."""
        unread = {id_: 0 if room["muted"] else room["unread"] for id_, room in self.items()}
        mentions = {id_: room["mentions"] for id_, room in self.items()}
        rooms = sum(bool(unread[id_] or mentions[id_]) for id_ in self)
        return Record(rooms=rooms, unread=sum(unread.values()), mentions=sum(mentions.values()))

    def welcome(self, summaries: Iterable[Record]) -> None:
        """All rooms as they are now."""
        self._rooms = {summary["id"]: summary for summary in summaries}
        self._counted = {}

    def gone(self, room: str) -> None:
        """The user is in *room* no more."""
        self._rooms.pop(room, None)
        self._counted.pop(room, None)

    def summary(self, frame: Record) -> None:
        """``room``: a new room, or news of a known one, which may be older than its counts."""
        fresh = Record(frame)
        fresh.pop("t")
        known = self._rooms.get(fresh["id"])
        if known is not None and known["last_seq"] > fresh["last_seq"]:
            for name in COUNTED:
                fresh.pop(name, None)
            fresh.update({name: known[name] for name in COUNTED if name in known})
        self._rooms[fresh["id"]] = fresh

    def read(self, room: str, seq: int) -> None:
        """The cursor is at *seq*, unless it was further."""
        known = self._rooms.get(room)
        if known is not None and seq > known["read_seq"]:
            self._change(known, read_seq=seq)

    def receipt(self, frame: Record) -> None:
        """Somebody has read."""
        known = self._rooms.get(frame["room"])
        if known is not None:
            self._change(known, **_with_cursor(known, frame["user"], frame["upto"]))
        if known is not None and frame["user"] == known["me"]:
            self.read(frame["room"], frame["upto"])

    def unread(self, frame: Record) -> None:
        """The server's count, to which is added what came after the seq it is of."""
        known = self._rooms.get(frame["room"])
        if known is None or frame["upto"] < known["read_seq"]:
            return
        of = max(frame["last_seq"], frame["upto"])
        later = [entry for entry in self._counted.get(frame["room"], ()) if entry[0] > of]
        self._change(
            _without_mark(known),
            last_seq=max(known["last_seq"], frame["last_seq"]),
            read_seq=frame["upto"],
            unread=frame["unread"] + sum(countable for _, countable, _ in later),
            mentions=frame["mentions"] + sum(mentioned for _, _, mentioned in later),
            **({} if frame.marked is None else {"marked": frame.marked}),
        )

    def event(self, event: Record) -> None:
        """The next event of a room's log."""
        known = self._rooms.get(event["room"])
        if known is None:
            return
        changes: dict[str, object] = {}
        if event["seq"] > known["last_seq"]:
            changes["last_seq"] = event["seq"]
            if event.t == "message":
                known = _without_mark(known) if event["sender"] == known["me"] else known
                changes |= self._count(known, event)
        if event.t == "message":
            changes |= _with_cursor(known, event["sender"], event["seq"])
            last = known.last_message
            if last is None or event["seq"] > last["seq"]:
                changes["last_message"] = event
        else:
            changes |= _with_news(known, event)
        self._change(known, **changes)

    def _count(self, known: Record, message: Record) -> dict[str, object]:
        if message["sender"] == known["me"]:
            return {"read_seq": message["seq"], "unread": 0, "mentions": 0}
        countable = message["kind"] != "system" and message.thread is None
        mentioned = any(who == known["me"] or who in EVERYBODY for who in message.mentions or ())
        counted = self._counted.setdefault(known["id"], deque(maxlen=REMEMBERED))
        counted.append((message["seq"], countable, mentioned))
        return {"unread": known["unread"] + countable, "mentions": known["mentions"] + mentioned}

    def _change(self, known: Record, **changes: object) -> None:
        if changes:
            self._rooms[known["id"]] = Record(known, **changes)


def _without_mark(known: Record) -> Record:
    return Record({name: value for name, value in known.items() if name != "marked"})


def _with_cursor(known: Record, user: str, seq: int) -> dict[str, object]:
    cursors = known.cursors
    if cursors is None or seq <= cursors.get(user, 0):
        return {}
    return {"cursors": Record(cursors, **{user: seq})}


def _with_news(known: Record, event: Record) -> dict[str, object]:
    """What an event that is no message makes of a summary."""
    if event.t == "member":
        return _with_member(known, event)
    if event.t == "room_changed":
        return {name: event[name] for name in SETTINGS if name in event}
    return {} if event.of is None else _with_change(known, event)


def _with_change(known: Record, event: Record) -> dict[str, object]:
    """The last message after a change of it; reactions are not told of it."""
    last = known.last_message
    if last is None or last["seq"] != event["of"]:
        return {}
    match event.t:
        case "message_updated":
            return {"last_message": Record(last, body=event["body"], edited_at=event["at"])}
        case "message_deleted":
            kept = {name: value for name, value in last.items() if name not in TOLD}
            return {"last_message": Record(kept, deleted=True)}
        case "message_restored":
            told = {name: event[name] for name in TOLD if name in event}
            return {"last_message": Record(last, **told, deleted=False)}
        case "pinned":
            kept = {name: value for name, value in last.items() if name != "pinned"}
            return {"last_message": Record(kept, **({"pinned": True} if event["on"] else {}))}
        case _:
            return {}


def _with_member(known: Record, event: Record) -> dict[str, object]:
    cursors, user = known.cursors, event["user"]
    if event["change"] == "role":
        return {"role": event["role"]} if user == known["me"] else {}
    if cursors is None:
        return {}
    if event["change"] == "joined":
        return _with_cursor(known, user, event["seq"])
    if event["change"] in ("left", "kicked"):
        return {"cursors": Record({who: seq for who, seq in cursors.items() if who != user})}
    return {}
