"""Whether a message may be changed as somebody asks."""

from __future__ import annotations

import re
from typing import Final
from unicodedata import category

import msgspec

from actors.rules import permissions
from actors.rules.permissions import Action
from actors.rules.sending import invalid
from protocol.errors import ErrorCode, ProtocolError
from protocol.fields import Role, RoomType
from protocol.frames import Delete, Edit, Pin, React

_JOINERS: Final = re.compile("[\u200d\U000e0020-\U000e007f]")
"""What is invisible, but holds an emoji together: families have them, and flags."""

_BLANK: Final = frozenset("\u115f\u1160\u2800\u3164\uffa0")
"""Letters and symbols that show nothing."""


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
        case React(emoji=emoji, on=True) if not _can_be_seen(emoji):
            return invalid(
                "emoji", "must show something, without white space and what is invisible"
            )
        case _:
            return None


def _can_be_seen(emoji: str) -> bool:
    """Whether there is something to see, and nothing beside it that is not seen.

    >>> [_can_be_seen(text) for text in ("👩\u200d💻", "❤\ufe0f", "a b", "\u200b", "\u202ex")]
    [True, True, False, False, False]
    """
    kinds = [category(char) for char in _JOINERS.sub("", emoji)]
    if any(kind[0] == "Z" or kind in ("Cc", "Cf", "Cs") for kind in kinds):
        return False
    return any(kind[0] != "M" for kind in kinds) and not _BLANK.issuperset(emoji)


def parted_refusal(frame: ChangeFrame, *, room_type: RoomType, apart: bool) -> ProtocolError | None:
    """Why, in a room with blocks, *frame* does not reach its message; *apart* from its author.

    What one said oneself, and the reactions one put, can always be taken back.

    >>> parted_refusal(Edit(room="r", seq=1, body="x"), room_type="direct", apart=False).code.value
    'blocked'
    """
    if isinstance(frame, Delete) or (isinstance(frame, React) and not frame.on):
        return None
    if room_type == "direct" or (isinstance(frame, React) and apart):
        return ProtocolError(ErrorCode.BLOCKED)
    return None


def _may(frame: ChangeFrame, *, room_type: RoomType, role: Role, mine: bool) -> bool:
    action = _ACTION.get(type(frame))
    if action is not None and permissions.may(action, room_type=room_type, role=role):
        return True
    if isinstance(frame, Restore):
        return mine and room_type != "team"
    return mine and isinstance(frame, Edit | Delete)


_ACTION: Final = {
    Delete: Action.DELETE_OTHERS,
    Restore: Action.RESTORE,
    Pin: Action.PIN,
    React: Action.REACT,
}
_WHY: Final = {
    Edit: "only its author may edit a message",
    Delete: "only its author and moderators may delete a message",
    Restore: "only moderators may restore a message",
    Pin: "guests may not pin",
    React: "",
}
