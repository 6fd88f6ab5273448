"""The types of fields, and what all frames have in common."""

from __future__ import annotations

import re
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from protocol.limits import EMOJI_MOST, METADATA_MOST

MAX_INT = 2**53 - 1
FOREVER = MAX_INT  # a mute without an end

Rid = Annotated[int, Meta(ge=-MAX_INT, le=MAX_INT)]
SeqField = Annotated[int, Meta(ge=0, le=MAX_INT)]
EventSeq = Annotated[int, Meta(ge=1, le=MAX_INT)]
IdField = Annotated[str, Meta(min_length=1, max_length=64)]
EmojiField = Annotated[str, Meta(min_length=1, max_length=EMOJI_MOST)]
Kind = Literal["text", "image", "file", "audio"]
FileKind = Literal["image", "audio", "file"]
PresenceState = Literal["online", "away", "dnd", "invisible"]
SeenState = Literal["online", "away", "dnd", "offline"]
RoomType = Literal["direct", "team", "matching"]
RoomMode = Literal["open", "blind"]
Metadata = Annotated[
    dict[Annotated[str, Meta(min_length=1, max_length=32)], Annotated[str, Meta(max_length=200)]],
    Meta(max_length=METADATA_MOST),
]
Visibility = Literal["public", "private"]
Role = Literal["owner", "admin", "member", "guest"]
MemberChange = Literal["joined", "left", "kicked", "role", "revealed"]


def frame_name(class_name: str) -> str:
    """The ``t`` of a frame class.

    >>> frame_name("RoomGone"), frame_name("SetTyping"), frame_name("TypingState")
    ('room_gone', 'typing', 'typing')
    """
    bare = re.sub(r"^Set|^Watch(?=Presence)|State$", "", class_name)
    return re.sub(r"(?<!^)(?=[A-Z])", "_", bare).lower()


class Frame(msgspec.Struct, tag_field="t", tag=frame_name, kw_only=True, gc=False):
    """Base of all frames. Compared and copied by value; treated as immutable."""
