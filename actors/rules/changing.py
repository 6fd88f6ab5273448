"""Who may change a message (the written permission table).

| what    | its author | owner, admin | member | guest | in a direct room |
|---------|------------|--------------|--------|-------|------------------|
| edit    | yes        | no           | no     | no    | its author       |
| delete  | yes        | yes          | no     | no    | its author       |
| restore | no         | yes          | no     | no    | its author       |
| react   | yes        | yes          | yes    | yes   | either           |
| pin     | yes        | yes          | yes    | no    | either           |

An author who is a guest may pin nothing.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from actors.rules.sending import invalid
from protocol.errors import ErrorCode, ProtocolError
from protocol.fields import Role, RoomType
from protocol.frames import Delete, Edit, Pin, React

MODERATORS: Final = ("owner", "admin")
_NO_EMOJI: Final = re.compile(r"[\s\x00-\x1f\x7f]")


class Restore(msgspec.Struct):
    """Bring a deleted message back. Over HTTP alone."""

    room: str
    seq: int
    rid: int | None = None


ChangeFrame = Edit | Delete | React | Pin | Restore


def refusal(
    frame: ChangeFrame, *, room_type: RoomType, role: Role, mine: bool, deleted: bool
) -> ProtocolError | None:
    """Why a member with *role* may not do what *frame* says to a message, or None.

    >>> frame = Edit(room="r", seq=1, body="x")
    >>> refusal(frame, room_type="team", role="owner", mine=False, deleted=False).code.value
    'forbidden'
    """
    if not _may(frame, room_type=room_type, role=role, mine=mine):
        return ProtocolError(ErrorCode.FORBIDDEN, _WHY[type(frame)])
    if deleted and not isinstance(frame, Restore | Delete):
        return ProtocolError(ErrorCode.GONE, "the message was deleted")
    match frame:
        case Edit(body=body) if not body.strip():
            return invalid("body", "must not be empty")
        case React(emoji=emoji) if _NO_EMOJI.search(emoji):
            return invalid("emoji", "must not hold white space or control characters")
        case _:
            return None


def _may(frame: ChangeFrame, *, room_type: RoomType, role: Role, mine: bool) -> bool:
    moderates = room_type != "direct" and role in MODERATORS
    match frame:
        case Edit():
            return mine
        case Delete():
            return mine or moderates
        case Restore():
            return mine if room_type == "direct" else moderates
        case Pin():
            return role != "guest"
        case React():
            return True


_WHY: Final = {
    Edit: "only its author may edit a message",
    Delete: "only its author and moderators may delete a message",
    Restore: "only moderators may restore a message",
    Pin: "guests may not pin",
    React: "",
}
