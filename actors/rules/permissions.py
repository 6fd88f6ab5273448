"""Who may do what in a room: the permission table that `protocol/README.md` writes down.

In a team room by role; to act on somebody one's own role must be above that person's, but for
owners, who may act on everybody. A direct room belongs to both.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

from protocol.fields import Role, RoomType

RANK: Final[dict[Role, int]] = {"guest": 0, "member": 1, "admin": 2, "owner": 3}


class Action(Enum):
    """What somebody may want to do, with the least role in a team room that may."""

    SEND = "send"
    REACT = "react"
    PIN = "pin"
    MENTION_ALL = "mention all"
    DELETE_OTHERS = "delete others"
    RESTORE = "restore"
    ADD = "add"
    REMOVE = "remove"
    CHANGE_ROLE = "change role"
    DESCRIBE = "describe"
    SHOW = "show"
    ARCHIVE = "archive"
    EXPORT = "export"


_LEAST: Final[dict[Action, Role]] = {
    Action.SEND: "guest",
    Action.REACT: "guest",
    Action.PIN: "member",
    Action.SHOW: "owner",
    Action.ARCHIVE: "owner",
    Action.EXPORT: "owner",
}
_IN_DIRECT: Final = (Action.SEND, Action.REACT, Action.PIN, Action.EXPORT)


def may(action: Action, *, room_type: RoomType, role: Role) -> bool:
    """Whether somebody with *role* may.

    >>> may(Action.PIN, room_type="team", role="guest")
    False
    """
    if room_type != "team":
        return action in _IN_DIRECT
    return RANK[role] >= RANK[_LEAST.get(action, "admin")]


def outranks(role: Role, other: Role) -> bool:
    """Whether somebody with *role* may act on one with *other*.

    >>> outranks("owner", "owner"), outranks("admin", "admin"), outranks("admin", "member")
    (True, False, True)
    """
    return role == "owner" or RANK[role] > RANK[other]
