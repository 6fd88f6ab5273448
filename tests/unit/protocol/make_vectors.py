"""Write ``protocol/vectors``: a minimal and a full example of every frame, in both codecs."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import msgpack
from frame_tables import CLIENT, SERVER, fields_of

import protocol

VECTORS = Path(protocol.__file__).parent / "vectors"
ROOM, USER, PEER = "2k2jjpyzt6g6d8ff", "d2d4xrw447cdd8m1", "8rsb6r6rcy7bp09d"
AT = 1_795_230_584_839
MESSAGE = {
    "t": "message",
    "room": ROOM,
    "seq": 7,
    "at": AT,
    "sender": USER,
    "kind": "text",
    "body": "안녕 👋",
}
SUMMARY = {
    "id": ROOM,
    "type": "team",
    "name": "마당",
    "mode": "open",
    "visibility": "private",
    "archived": False,
    "crowded": False,
    "post": "guest",
    "metadata": {},
    "role": "owner",
    "me": USER,
    "last_seq": 7,
    "read_seq": 5,
    "unread": 2,
    "mentions": 0,
    "muted": False,
}
BY_FIELD: dict[str, Any] = {
    "room": ROOM, "id": "c-1", "body": "안녕 👋", "token": "eyJhbGciOiJIUzI1NiJ9.e30.c2ln",
    "device": "kitchen-tablet", "resume": {ROOM: 5}, "features": ["x"], "rid": 9, "kind": "text",
    "reply_to": 3, "thread": 2, "files": [], "mentions": [PEER, "@all"], "seq": 7, "on": True,
    "after": 3, "before": 8, "around": 5, "limit": 50, "watch": [PEER], "unwatch": [USER],
    "state": "away", "at": AT, "sender": USER, "name": "미나", "user": PEER, "change": "joined",
    "role": "member", "by": USER, "upto": 7, "unread": 2, "last_seq": 7, "last_seen": AT,
    "session": "s1", "time": AT, "ping_ms": 25_000, "max_frame": 65_536,
    "rooms": [SUMMARY], "dup": False,
    "events": [MESSAGE], "more": True, "from": 1, "to": 6, "reason": "kicked", "skipped": 12,
    "code": "rate_limited", "message": "slower", "retry_after_ms": 250, "fields": {"seq": "no"},
    "reconnect_after_ms": 1_200, "deleted": False, "of": 4, "emoji": "👍", "pinned": True,
    "visibility": "public", "archived": True, "crowded": True, "description": "뜰", "post": "admin",
    "metadata": {"topic": "spring"}, "marked": 4,
    "ids": ["n7f2q0d4c8h1k3m5"], "data": {"broadcast": "b4xw0k2m6q8r1t3v"}, "priority": 2,
    "job": "j4xw0k2m6q8r1t3v", "status": "SENDING_MESSAGES", "total": 15_420, "done": 9_000,
    "failed": 40, "loud": True,
    "edited_at": AT, "reactions": {"👍": {"count": 2, "me": True}},
}  # fmt: skip
FILE = {"id": "5k2jjpyzt6g6d8fa", "name": "뜰.jpg", "type": "image/jpeg", "size": 48_213,
    "kind": "image", "width": 1200, "height": 800, "thumbnail": True}  # fmt: skip
CANDIDATE = {"time": "o7f2q0d4c8h1k3m5", "place": "o8f2q0d4c8h1k3m5", "yes": 2, "maybe": 0,
    "no": 0, "unanswered": 0, "score": 2}  # fmt: skip
MEETING = {
    "id": "m4xw0k2m6q8r1t3v", "rev": 7, "title": "금요일 저녁", "status": "confirmed",
    "initiator": USER, "zone": "Asia/Seoul", "duration_ms": 3_600_000, "open_to_proposals": True,
    "people": [{"user": USER, "name": "민지", "standing": "accepted"}],
    "times": [{"id": "o7f2q0d4c8h1k3m5", "by": USER, "votes": {USER: "yes", PEER: "maybe"},
        "at": AT, "zone": "Asia/Seoul"}],
    "places": [{"id": "o8f2q0d4c8h1k3m5", "by": PEER, "votes": {}, "name": "뜰",
        "coordinates": {"lat": 37.561, "lng": 126.994}, "withdrawn": True}],
    "rule": {"kind": "quorum", "tie": "earliest", "early": True, "when_all_answered": True,
        "quorum": 2, "required": [USER]},
    "standing": [CANDIDATE, CANDIDATE | {"yes": 0, "no": 2, "score": 0, "fault": "nobody"}],
    "created_at": AT, "updated_at": AT, "deadline": AT,
    "decision": {"because": "all_answered", "at": AT, "considered": [CANDIDATE], "tied": 0,
        "time": "o7f2q0d4c8h1k3m5", "starts_at": AT, "ends_at": AT + 3_600_000},
}  # fmt: skip
BY_FRAME: dict[str, dict[str, Any]] = {
    "message": {"files": [FILE]},
    "message_restored": {"files": [FILE]},
    "goodbye": {"code": 1001, "reason": "the server is going away"},
    "unread": {"mentions": 1},
    "broadcast": {
        "id": "b4xw0k2m6q8r1t3v",
        "change": "received",
        "file": FILE["id"],
        "duration_ms": 4_200,
        "waveform": [0, 128, 255],
        "counts": {"delivered": 2, "read": 1, "replied": 1},
    },
    "notification": {
        "id": "n7f2q0d4c8h1k3m5",
        "type": "meeting.invitation",
        "title": "미나",
        "body": "금요일 저녁?",
        "data": {"meeting": "m4xw0k2m6q8r1t3v", "at": AT, "places": [{"name": "뜰", "votes": 2}]},
    },
    "vote": {"meeting": "m4xw0k2m6q8r1t3v", "option": "o7f2q0d4c8h1k3m5", "vote": "maybe"},
    "meeting": MEETING,
    "room": SUMMARY
    | {
        "description": "뜰",
        "peer": PEER,
        "broadcast": "b4xw0k2m6q8r1t3v",
        "muted": True,
        "muted_until": AT,
        "mentions": 1,
        "marked": 4,
        "last_message": MESSAGE,
        "cursors": {USER: 7, PEER: 5},
    },
}
BAD = [
    ("no map", "[1]", "93010203", "bad_frame", None),
    ("no t", '{"rid":1}', "81a372696401", "bad_frame", None),
    ("t is no string", '{"t":7}', "81a17407", "bad_frame", None),
    ("trailing bytes", '{"t":"ping"}x', "81a174a470696e6701", "bad_frame", None),
    ("cut off", '{"t":"pi', "81a174a47069", "bad_frame", None),
    ("unknown type", '{"t":"zz","rid":4}', "82a174a27a7aa372696404", "unknown_type", None),
    ("missing field", '{"t":"read","seq":1}', "82a174a472656164a373657101", "invalid", "room"),
    ("null for a required field", '{"t":"read","room":null,"seq":1}',
     "83a174a472656164a4726f6f6dc0a373657101", "invalid", "room"),
    ("bool for int", '{"t":"read","room":"r","seq":true}',
     "83a174a472656164a4726f6f6da172a3736571c3", "invalid", "seq"),
    ("beyond 2^53", '{"t":"read","room":"r","seq":9007199254740992}',
     "83a174a472656164a4726f6f6da172a3736571cf0020000000000000", "invalid", "seq"),
    ("NUL", '{"t":"typing","room":"a\\u0000","on":true}',
     "83a174a6747970696e67a4726f6f6da26100a26f6ec3", "invalid", "room"),
    ("lone surrogate", '{"t":"typing","room":"\\ud800","on":true}',
     "83a174a6747970696e67a4726f6f6da3eda080a26f6ec3", "invalid", "room"),
]  # fmt: skip


def example(t: str, fields: dict[str, str], *, full: bool) -> dict[str, Any]:
    values = BY_FIELD | BY_FRAME.get(t, {})
    names = [name.rstrip("?") for name in fields if full or not name.endswith("?")]
    return {"t": t} | {name: values[name] for name in names}


def documents() -> dict[str, str]:
    """The text of each file by its name."""
    found = {}
    for side, frames in (("client", CLIENT), ("server", SERVER)):
        for t, kind in frames.items():
            minimal = example(t, fields_of(kind), full=False)
            full = example(t, fields_of(kind), full=True)
            both = [vector("minimal", minimal), vector("full", full)]
            found[f"{side}_{t}.json"] = spell(both)
    names = ("name", "json", "msgpack_hex", "code", "field")
    found["invalid.json"] = spell([dict(zip(names, row, strict=True)) for row in BAD])
    return found


def vector(name: str, frame: dict[str, Any]) -> dict[str, Any]:
    text = json.dumps(frame, ensure_ascii=False, separators=(",", ":"))
    return {"name": name, "frame": frame, "json": text, "msgpack_hex": msgpack.packb(frame).hex()}


def spell(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    VECTORS.mkdir(exist_ok=True)
    for file_name, text in documents().items():
        (VECTORS / file_name).write_text(text, encoding="utf-8")
    sys.exit(0)
